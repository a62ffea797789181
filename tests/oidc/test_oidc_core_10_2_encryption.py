"""Encrypted ID tokens and UserInfo (Core §10.2, §5.3.2, §16.14; Registration §2; oidc.md §15)."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.jose import InvalidKeySet, PublicKeySet
from tests.oidc.harness import client
from tests.oidc.tokens import b64, jwk, key_set

P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 3072)
X25519 = x25519.X25519PrivateKey.generate()
SIGNS = ec.generate_private_key(ec.SECP256R1())

ALGORITHMS = [
    (alg, enc)
    for alg in ("ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256")
    for enc in ("A128CBC-HS256", "A128GCM", "A256GCM")
]


def published(*keys):
    return key_set(jwk(SIGNS, kid="s"), *keys)


def encryption_keys():
    return published(jwk(P256, kid="e", use="enc"), jwk(RSA, kid="r", use="enc"))


def opened(token, alg, enc="A128CBC-HS256"):
    """Header and plaintext, by joserfc with the client's private key."""
    key = RSAKey.import_key(RSA) if alg == "RSA-OAEP-256" else ECKey.import_key(P256)
    found = jwe.decrypt_compact(token, key, algorithms=[alg, enc])
    return found.protected, found.plaintext.decode()


def registered(bench, **changes):
    bench.fetch = lambda url: encryption_keys()
    bench.register(client("sealed", jwks_uri="https://portal.example/jwks", **changes))


def userinfo(bench):
    tokens = bench.tokens("sealed")
    return bench.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})


@pytest.mark.parametrize(("alg", "enc"), ALGORITHMS)
def test_id_token_is_signed_then_encrypted_to_the_clients_key(bench, alg, enc):
    """Core §16.14: a nested JWT, ``cty`` JWT, the key named by ``kid``."""
    registered(bench, id_token_encrypted_response_alg=alg, id_token_encrypted_response_enc=enc)
    header, inside = opened(bench.tokens("sealed")["id_token"], alg, enc)
    assert (header["alg"], header["enc"], header["cty"]) == (alg, enc, "JWT")
    assert header["kid"] == ("r" if alg == "RSA-OAEP-256" else "e")
    assert bench.read(inside).claims["nonce"] == "no"


def test_content_encryption_defaults_as_registration_says(bench):
    """Reg §2: A128CBC-HS256."""
    registered(bench, id_token_encrypted_response_alg="ECDH-ES")
    header, _ = opened(bench.tokens("sealed")["id_token"], "ECDH-ES")
    assert header["enc"] == "A128CBC-HS256"


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"])
def test_userinfo_is_encrypted_as_one_jwt_of_claims(bench, alg):
    """Core §5.3.2: encrypted and not signed; media type application/jwt."""
    registered(bench, userinfo_encrypted_response_alg=alg)
    response = userinfo(bench)
    assert response.headers["content-type"] == "application/jwt"
    assert response.headers["cache-control"] == "no-store"
    header, inside = opened(response.text, alg)
    assert "cty" not in header
    assert json.loads(inside)["family_name"] == "Jansen"
    assert "Jansen" not in response.text


def test_userinfo_is_signed_and_then_encrypted(bench):
    """Core §5.3.2: both registered make a nested JWT with ``iss`` and ``aud``."""
    registered(bench, userinfo_encrypted_response_alg="ECDH-ES", userinfo_signed_response_alg="ES256")
    header, inside = opened(userinfo(bench).text, "ECDH-ES")
    claims = bench.read(inside).claims
    assert header["cty"] == "JWT"
    assert (claims["aud"], claims["family_name"]) == ("sealed", "Jansen")


def test_encryption_of_one_answer_does_not_touch_the_other(bench):
    registered(bench, id_token_encrypted_response_alg="ECDH-ES")
    assert userinfo(bench).json()["family_name"] == "Jansen"


def test_encrypted_id_token_comes_back_decrypted_as_a_hint(bench):
    """Core §3.1.2.1: the client sends the signed token that was inside."""
    registered(bench, id_token_encrypted_response_alg="ECDH-ES")
    _, inside = opened(bench.tokens("sealed")["id_token"], "ECDH-ES")
    assert "code" in bench.answer(client_id="sealed", id_token_hint=inside)


@pytest.mark.parametrize(
    "keys",
    [
        published(),
        published(jwk(P256, kid="e")),
        published(jwk(P256, kid="e", use="sig")),
        published(jwk(P256, kid="e", use="enc", alg="ECDH-ES+A256KW")),
        published(jwk(RSA, kid="r", use="enc")),
        published(jwk(ec.generate_private_key(ec.SECP256K1()), use="enc")),
    ],
    ids=["none", "no use", "signature key", "other algorithm", "rsa", "secp256k1"],
)
def test_without_a_fitting_key_nothing_is_sent_and_the_code_survives(bench, keys):
    """oidc.md §15: the ``use: enc`` key alone; never in the clear what was registered to be encrypted."""
    registered(bench, id_token_encrypted_response_alg="ECDH-ES")
    bench.fetch = lambda url: keys
    code = bench.code(client_id="sealed")
    refused = bench.token(code, client_id="sealed")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.json()["error_uri"].endswith("client.encryption_key_missing")
    bench.fetch = lambda url: encryption_keys()
    bench.advance(61)
    fresh = bench.code(client_id="sealed")
    assert bench.token(fresh, client_id="sealed").status_code == 200


def test_code_survives_a_key_set_that_cannot_be_loaded(bench):
    registered(bench, id_token_encrypted_response_alg="ECDH-ES")
    bench.fetch = lambda url: b"{}"
    code = bench.code(client_id="sealed")
    assert bench.token(code, client_id="sealed").json()["error_uri"].endswith("client.keys_unavailable")
    bench.provider.clients["sealed"] = client("sealed")
    assert bench.token(code, client_id="sealed").status_code == 200


def test_new_encryption_key_of_the_client_is_fetched(bench):
    """Core §10.2.1: the set is asked again when it holds no fitting key, at most once a minute."""
    registered(bench, id_token_encrypted_response_alg="ECDH-ES")
    bench.fetch = lambda url: published()
    assert bench.token(bench.code(client_id="sealed"), client_id="sealed").status_code == 401
    bench.fetch = lambda url: encryption_keys()
    assert bench.token(bench.code(client_id="sealed"), client_id="sealed").status_code == 401
    assert len(bench.fetched) == 1
    bench.advance(60)
    assert bench.token(bench.code(client_id="sealed"), client_id="sealed").status_code == 200


# ---------------------------------------------------------------------------------------------- key sets


def test_weak_rsa_key_is_no_recipient():
    """oidc.md §15: RSA from 3072 bits."""
    weak = jwk(rsa.generate_private_key(65537, 2048), use="enc")
    assert PublicKeySet.parse(key_set(weak)).recipient("RSA-OAEP-256") is None


@pytest.mark.parametrize("curve", ["P-384", "X25519"])
def test_other_curves_are_recipients_too(curve):
    """RFC 7518 §4.6, RFC 8037 §3.2."""
    if curve == "P-384":
        public, private = jwk(P384, use="enc"), ECKey.import_key(P384)
    else:
        x = b64(X25519.public_key().public_bytes_raw())
        public, private = {"kty": "OKP", "crv": "X25519", "x": x, "use": "enc"}, OKPKey.import_key(X25519)
    key = PublicKeySet.parse(key_set(public)).recipient("ECDH-ES")
    token = key.encrypt("text", alg="ECDH-ES", enc="A256GCM", nested=False)
    assert jwe.decrypt_compact(token, private, algorithms=["ECDH-ES", "A256GCM"]).plaintext == b"text"


def test_owners_algorithm_binds_and_its_order_decides():
    """RFC 7517 §4.4; a client that rotates puts the new key first."""
    first = jwk(P384, kid="1", use="enc", alg="ECDH-ES+A256KW")
    keys = PublicKeySet.parse(key_set(first, jwk(P256, kid="2", use="enc"), jwk(P384, kid="3", use="enc")))
    assert keys.recipient("ECDH-ES").kid == "2"
    assert keys.recipient("ECDH-ES+A256KW").kid == "1"
    with pytest.raises(ValueError, match="does not fit"):
        keys.recipient("ECDH-ES").encrypt("x", alg="RSA-OAEP-256", enc="A256GCM", nested=False)
    with pytest.raises(ValueError, match="does not fit"):
        keys.recipient("ECDH-ES").encrypt("x", alg="ECDH-ES", enc="A192GCM", nested=False)


def test_each_encryption_is_another():
    """RFC 7518 §4.6: an ephemeral key for each."""
    key = PublicKeySet.parse(key_set(jwk(P256, use="enc"))).recipient("ECDH-ES")
    made = {key.encrypt("x", alg="ECDH-ES", enc="A256GCM", nested=False) for _ in range(3)}
    assert len(made) == 3


# Names of their own: the key is a new one in each process, and parallel runs compare the names.
@pytest.mark.parametrize(
    "change",
    [{"y": jwk(P256)["x"]}, {"x": 5}, {"x": "!"}, {"d": "AA"}],
    ids=["off the curve", "number", "not base64url", "private"],
)
def test_set_with_a_broken_or_private_encryption_key_is_refused(change):
    """A point off the curve would give our ephemeral secret away (RFC 8725 §3.4)."""
    with pytest.raises(InvalidKeySet):
        PublicKeySet.parse(key_set({**jwk(P256, use="enc"), **change}))


def test_encryption_key_verifies_no_signature():
    """RFC 7517 §4.2."""
    keys = PublicKeySet.parse(encryption_keys())
    assert [key.kid for key in keys.keys] == ["s"]
    assert [key.kid for key in keys.encryption] == ["e", "r"]


def test_discovery_names_what_can_be_registered(bench):
    """Disc §3; each of them is tried above."""
    document = bench.http.get("/.well-known/openid-configuration").json()
    for place in ("id_token", "userinfo"):
        assert document[f"{place}_encryption_alg_values_supported"] == list(
            dict.fromkeys(a for a, _ in ALGORITHMS)
        )
        assert document[f"{place}_encryption_enc_values_supported"] == list(
            dict.fromkeys(e for _, e in ALGORITHMS)
        )
