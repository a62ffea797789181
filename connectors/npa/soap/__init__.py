"""Way (a) to an eID service: the SOAP eID-Interface (TR-03130-1 §3)."""
