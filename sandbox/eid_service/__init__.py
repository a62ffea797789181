"""A certified eID service as an operator buys it: SOAP eID-Interface, SAML profile, eSAML (TR-03130-1).

The card itself is talked to by ``eid_server``; this room is everything in front of it. It checks and
signs with signxml, where the product has a verifier of its own.
"""
