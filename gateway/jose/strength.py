"""How strong a key must be, ours or a client's."""

RSA_BITS = 3072
"""Smallest RSA modulus (oidc.md §15; TR-02102-1)."""

_LENIENT = 2048


def client_rsa_bits(*, anybody_may_register: bool) -> int:
    """Smallest RSA modulus of clients' keys.

    Where anybody may register, which is never in production, what FAPI 2.0 allows (SP §5.4.1) and
    certification tools generate.
    """
    return _LENIENT if anybody_may_register else RSA_BITS
