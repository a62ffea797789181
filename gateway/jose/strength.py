"""How strong a key must be, ours or a client's."""

RSA_BITS = 3072
"""Smallest RSA modulus (oidc.md §15; TR-02102-1)."""
