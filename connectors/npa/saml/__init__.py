"""Way (b) to an eID service: the SAML profile (TR-03130-1 §4)."""
