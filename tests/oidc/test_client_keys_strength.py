"""How strong clients' keys must be (oidc.md §15, FAPI 2.0 SP §5.4.1)."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.jose import PublicKeySet
from gateway.jose.strength import client_rsa_bits
from tests.oidc.tokens import jwk


@pytest.mark.parametrize(
    ("bits", "anybody_may_register", "usable"),
    [(2048, False, False), (2048, True, True), (3072, False, True), (1024, True, False)],
)
def test_rsa_keys_below_3072_bits_are_for_trying_out_only(bits, anybody_may_register, usable):
    """Certification tools generate 2048 bits; a production installation, where nobody may register, wants 3072."""
    document = json.dumps({"keys": [jwk(rsa.generate_private_key(65537, bits), kid="r")]}).encode()
    floor = client_rsa_bits(anybody_may_register=anybody_may_register)
    assert bool(PublicKeySet.parse(document, rsa_bits=floor).keys) is usable
