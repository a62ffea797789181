"""gateway.jose: every defect of the JOSE libraries in oidc.md §15.1 is closed in front of them."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.jose import (
    InvalidKeySet,
    InvalidToken,
    KeyRing,
    KeyStage,
    NoSuchKey,
    PublicKeySet,
    SigningKey,
    TokenPolicy,
    parse,
    parse_object,
    public_jwk,
    thumbprint,
)
from tests.oidc.tokens import b64, compact, jwk, key_set, signer
from trust.errors import KeyUnavailable
from trust.keys import InMemoryKey

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
BRAINPOOL = ec.generate_private_key(ec.BrainpoolP256R1())
RSA3072 = rsa.generate_private_key(65537, 3072)
RSA2048 = rsa.generate_private_key(65537, 2048)
RSA1024 = rsa.generate_private_key(65537, 1024)  # noqa: S505 - must be refused
ED25519 = ed25519.Ed25519PrivateKey.generate()

CLAIMS = {"iss": "a", "aud": "b", "sub": "a", "exp": NOW.timestamp() + 60, "jti": "1"}


def policy(*algorithms, **changes):
    values = {
        "algorithms": frozenset(algorithms or {"ES256"}),
        "types": frozenset({None, "jwt"}),
        "issuer": "a",
        "audience": "b",
        "required": frozenset({"iss", "aud", "exp", "sub"}),
        "skew": 10,
        **changes,
    }
    return TokenPolicy(**values)


def token(key=P256, alg="ES256", header=(), claims=CLAIMS, sign_as=None):
    return compact({"alg": alg, "kid": "k", **dict(header)}, claims, signer(key, sign_as or alg))


def keys(*private, **members):
    return PublicKeySet.parse(key_set(*(jwk(key, kid="k", **members) for key in private)))


@pytest.mark.parametrize(
    ("key", "alg", "allowed"),
    [
        (P256, "ES256", "ES256"),
        (RSA3072, "PS256", "PS256"),
        (RSA3072, "RS256", "RS256"),
        (ED25519, "EdDSA", "EdDSA"),
        (ED25519, "Ed25519", "Ed25519"),
    ],
)
def test_each_algorithm_we_read_is_accepted_with_its_key(key, alg, allowed):
    """oidc.md §15: ES256, PS256, EdDSA/Ed25519; RS256 in the compatibility class."""
    assert parse(token(key, alg)).verify(keys(key), policy(allowed), now=NOW)["sub"] == "a"


@pytest.mark.parametrize(
    "member",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["urn:unknown"], "urn:unknown": 1},
        {"crit": []},
        {"jku": "https://attacker.example/jwks"},
        {"x5u": "https://attacker.example/cert"},
        {"jwk": jwk(P256)},
        {"x5c": ["MIIB"]},
        {"zip": "DEF"},
        {"b64": False, "crit": ["b64"]},
    ],
    ids="+".join,
)
def test_header_members_that_change_processing_or_bring_keys_are_refused(member):
    """oidc.md §15.1: python-jose accepts unknown ``crit``; RFC 8725 §3.10: no ``jku``, ``x5u``, ``jwk``."""
    with pytest.raises(InvalidToken, match=r"token\.header-member"):
        parse(token(header=member))


@pytest.mark.parametrize(
    ("key", "published", "alg"),
    [
        (P384, P384, "ES256"),
        (BRAINPOOL, BRAINPOOL, "ES256"),
        (RSA1024, RSA1024, "RS256"),
        (RSA2048, RSA2048, "RS256"),
        (RSA3072, P256, "ES256"),
        (P256, RSA3072, "RS256"),
        (ED25519, P256, "ES256"),
    ],
    ids=["P-384", "brainpool", "RSA-1024", "RSA-2048", "RSA as ES256", "EC as RS256", "Ed25519 as ES256"],
)
def test_key_that_does_not_fit_the_algorithm_is_refused(key, published, alg):
    """oidc.md §15.1: python-jose accepts ES256 with P-384 or brainpool keys and 1024-bit RSA."""
    with pytest.raises(InvalidToken):
        parse(token(key, alg)).verify(keys(published), policy(alg), now=NOW)


@pytest.mark.parametrize("encoding", ["DER", "PEM"])
def test_hmac_keyed_with_the_public_key_is_refused(encoding):
    """oidc.md §15.1: HS256 keyed with the public RSA key in DER (CVE-2024-33663 and its rest)."""
    secret = RSA3072.public_key().public_bytes(
        getattr(serialization.Encoding, encoding), serialization.PublicFormat.SubjectPublicKeyInfo
    )
    forged = token(secret, "HS256")
    with pytest.raises(InvalidToken, match=r"token\.algorithm"):
        parse(forged).verify(keys(RSA3072), policy("RS256"), now=NOW)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "HS256", "ES384", "RS256", "", None, 256, ["ES256"]])
def test_algorithm_comes_from_the_policy_and_not_from_the_header(alg):
    """RFC 8725 §3.1; python-jose with ``algorithms=None`` believes the header."""
    forged = compact({"alg": alg, "kid": "k"}, CLAIMS, signer(P256, "ES256"))
    with pytest.raises(InvalidToken, match=r"token\.algorithm"):
        parse(forged).verify(keys(P256), policy("ES256"), now=NOW)


def test_algorithm_of_the_same_key_that_is_not_registered_is_refused():
    """One algorithm per client: PS256 is registered, RS256 by the same key is not accepted."""
    with pytest.raises(InvalidToken, match=r"token\.algorithm"):
        parse(token(RSA3072, "RS256")).verify(keys(RSA3072), policy("PS256"), now=NOW)


def test_key_declared_for_another_algorithm_is_not_used():
    """oidc.md §15: one algorithm per key (JWK ``alg``)."""
    with pytest.raises(InvalidToken, match=r"token\.key-does-not-fit"):
        parse(token(RSA3072, "PS256")).verify(keys(RSA3072, alg="RS256"), policy("PS256"), now=NOW)


def test_kid_selects_the_key_and_no_other_is_tried():
    """oidc.md §15.1: python-jose ignores ``kid`` and tries all keys of a set."""
    other = ec.generate_private_key(ec.SECP256R1())
    published = PublicKeySet.parse(key_set(jwk(other, kid="k"), jwk(P256, kid="real")))
    with pytest.raises(InvalidToken, match=r"token\.signature"):
        parse(token()).verify(published, policy(), now=NOW)


def test_unknown_kid_is_told_apart_so_that_the_set_can_be_fetched_again():
    """oidc.md §15: on unknown ``kid`` one refetch."""
    with pytest.raises(NoSuchKey):
        parse(token(header={"kid": "new"})).verify(keys(P256), policy(), now=NOW)


@pytest.mark.parametrize("kid", [1, ["k"], {"k": 1}, True])
def test_kid_that_is_no_text_is_refused(kid):
    """RFC 7515 §4.1.4."""
    with pytest.raises(InvalidToken, match=r"token\.kid"):
        parse(token(header={"kid": kid})).verify(keys(P256), policy(), now=NOW)


def test_weak_key_padded_to_look_long_is_not_used():
    """2048 bits stay 2048 bits behind leading zeros."""
    padded = {
        **jwk(RSA2048, kid="k"),
        "n": b64(bytes(256) + base64.urlsafe_b64decode(jwk(RSA2048)["n"] + "==")),
    }
    assert PublicKeySet.parse(key_set(padded)).keys == ()


def test_repeated_kid_is_resolved_by_key_type():
    """FAPI 2.0 SP 5.4.3: duplicate ``kid`` of others is tolerated, picked by kty, use, alg, crv."""
    assert parse(token()).verify(keys(RSA3072, P256, ED25519), policy(), now=NOW)


def test_repeated_kid_that_stays_ambiguous_is_refused():
    """Nothing is tried out: two keys that both fit are no key."""
    with pytest.raises(InvalidToken, match=r"token\.key-ambiguous"):
        parse(token()).verify(keys(P256, ec.generate_private_key(ec.SECP256R1())), policy(), now=NOW)


def test_token_without_kid_works_only_with_one_fitting_key():
    """``kid`` may be absent when nothing is to be chosen (RFC 7515 §4.1.4)."""
    plain = compact({"alg": "ES256"}, CLAIMS, signer(P256, "ES256"))
    assert parse(plain).verify(keys(P256, RSA3072), policy(), now=NOW)


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "sub"])
def test_missing_required_claim_is_refused(name):
    """oidc.md §15.1: python-jose accepts a token without ``aud`` although an audience is given."""
    claims = {key: value for key, value in CLAIMS.items() if key != name}
    with pytest.raises(InvalidToken, match=rf"token\.missing-{name}"):
        parse(token(claims=claims)).verify(keys(P256), policy(), now=NOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "x"}, "issuer"),
        ({"iss": ["a"]}, "issuer"),
        ({"aud": "x"}, "audience"),
        ({"aud": ["b"]}, "audience"),
        ({"aud": ["b", "x"]}, "audience"),
        ({"exp": NOW.timestamp() - 11}, "expired"),
        ({"exp": "9999999999"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": -1}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"nbf": NOW.timestamp() + 11}, "not-yet-valid"),
        ({"iat": NOW.timestamp() + 11}, "not-yet-valid"),
        ({"nbf": "now"}, "nbf"),
    ],
)
def test_claim_outside_the_policy_is_refused(change, reason):
    """RFC 7519 §4.1; Core errata 3 §9: the audience is one string."""
    with pytest.raises(InvalidToken, match=rf"^token\.{reason}$"):
        parse(token(claims={**CLAIMS, **change})).verify(keys(P256), policy(), now=NOW)


def test_small_clock_difference_is_tolerated():
    """FAPI 2.0 SP 5.3.2.1(13): 8 seconds ahead is accepted."""
    claims = {**CLAIMS, "nbf": NOW.timestamp() + 8, "iat": NOW.timestamp() + 8}
    assert parse(token(claims=claims)).verify(keys(P256), policy(), now=NOW)


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "dpop+jwt", "JOSE", 1, ["JWT"]])
def test_token_of_another_kind_is_refused(typ):
    """RFC 8725 §3.11: explicit typing keeps one kind of token from serving as another."""
    with pytest.raises(InvalidToken, match=r"token\.type"):
        parse(token(header={"typ": typ})).verify(keys(P256), policy(), now=NOW)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/jwt"])
def test_type_is_compared_as_a_media_type(typ):
    """RFC 7515 §4.1.9."""
    assert parse(token(header={"typ": typ})).verify(keys(P256), policy(), now=NOW)


def _flip(octets):
    return bytes([octets[0] ^ 1]) + octets[1:]


def test_signature_over_other_content_is_refused():
    head, body, tail = token().split(".")
    forged = json.dumps({**CLAIMS, "sub": "x", "iss": "a"})
    with pytest.raises(InvalidToken, match=r"token\.signature"):
        parse(f"{head}.{b64(forged.encode())}.{tail}").verify(keys(P256), policy(), now=NOW)
    broken = b64(_flip(base64.urlsafe_b64decode(tail + "==")))
    with pytest.raises(InvalidToken, match=r"token\.signature"):
        parse(f"{head}.{body}.{broken}").verify(keys(P256), policy(), now=NOW)


@pytest.mark.parametrize("signature", [bytes(64), b"\x00", bytes(63), bytes(65), b"\xff" * 64])
def test_degenerate_signatures_are_refused(signature):
    """r = s = 0 and wrong lengths (CVE-2022-21449)."""
    forged = compact({"alg": "ES256", "kid": "k"}, CLAIMS, lambda _: signature)
    with pytest.raises(InvalidToken, match=r"token\.signature"):
        parse(forged).verify(keys(P256), policy(), now=NOW)


def test_der_encoded_ecdsa_signature_is_refused():
    """RFC 7518 §3.4: r||s of fixed length."""
    from cryptography.hazmat.primitives import hashes

    forged = compact(
        {"alg": "ES256", "kid": "k"}, CLAIMS, lambda data: P256.sign(data, ec.ECDSA(hashes.SHA256()))
    )
    with pytest.raises(InvalidToken, match=r"token\.signature"):
        parse(forged).verify(keys(P256), policy(), now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "a.b.",
        ".b.c",
        "e30.e30.",
        "e30.e30.e30=",
        "e30 .e30.e30",
        "e30.e30.e3+",
        "e30.e31.e30",
        f"{b64(b'[]')}.e30.e30",
        f"{b64(b'null')}.e30.e30",
        f"{b64(bytes([0xFF, 0xFE]))}.e30.e30",
        f"e30.{b64(b'[1]')}.e30",
        "é.e30.e30",
    ],
)
def test_malformed_token_is_refused(text):
    """RFC 7515 §5.2: three base64url parts in their one canonical spelling, JSON objects inside."""
    with pytest.raises(InvalidToken, match=r"token\.malformed"):
        parse(text)


@pytest.mark.parametrize("place", [0, 1])
def test_repeated_members_are_refused(place):
    """RFC 8725 §2.4 and oidc.md §15.1: who checks must not read another value than who uses."""
    parts = ['{"alg":"ES256","kid":"k"}', json.dumps(CLAIMS)]
    parts[place] = parts[place][:-1] + (',"alg":"none"}' if place == 0 else ',"sub":"x"}')
    with pytest.raises(InvalidToken, match=r"token\.malformed"):
        parse(compact(parts[0], parts[1], signer(P256, "ES256")))


def test_large_token_is_refused_before_anything_is_decoded():
    """oidc.md §15.1: size cap."""
    with pytest.raises(InvalidToken, match=r"token\.too-large"):
        parse("a" * 16_385)


def test_encrypted_token_is_refused():
    """Five parts are JWE; nested and compressed tokens are not read (CVE-2024-33664)."""
    with pytest.raises(InvalidToken, match=r"token\.malformed"):
        parse(".".join([b64(b'{"alg":"RSA-OAEP-256","enc":"A256GCM","zip":"DEF"}'), "a", "a", "a", "a"]))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "1",
        "{",
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":"\\ud800"}',
        '{"\\ud800":1}',
        '{"a":1,"a":1}',
        "[" * 9999,
    ],
)
def test_json_with_more_than_one_meaning_is_refused(text):
    with pytest.raises(ValueError):
        parse_object(text)


def test_deep_nesting_is_refused():
    with pytest.raises(ValueError, match="deep"):
        parse_object('{"a":' * 20 + "1" + "}" * 20)


# --------------------------------------------------------------------------------------- key sets


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "k", "oth"])
def test_key_set_that_shows_a_private_key_is_refused(member):
    """A published private key is everybody's: nothing of the set can be believed."""
    with pytest.raises(InvalidKeySet, match="private-key-published"):
        PublicKeySet.parse(key_set(jwk(P256, kid="k"), jwk(RSA3072, kid="x", **{member: "AQAB"})))


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "kid": "k"},
        {"kty": "XYZ", "kid": "k"},
        {"kid": "k"},
        jwk(P256, kid="k", use="enc"),
        jwk(P256, kid="k", key_ops=["encrypt"]),
        jwk(P256, kid="k", alg="ECDH-ES"),
        jwk(RSA2048, kid="k"),
        jwk(P384, kid="k"),
    ],
)
def test_keys_that_are_not_ours_to_use_are_skipped(entry):
    """RFC 7517 §5: unknown keys are ignored; the usable ones beside them stay."""
    found = PublicKeySet.parse(key_set(entry, jwk(P256, kid="good")))
    assert [key.kid for key in found.keys] == ["good"]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b'{"keys":[],"keys":[]}',
        json.dumps({"keys": [{**jwk(P256), "x": "AA"}]}).encode(),
        json.dumps({"keys": [{**jwk(P256), "y": jwk(P256)["x"]}]}).encode(),
        json.dumps({"keys": [{**jwk(ED25519), "x": "AA"}]}).encode(),
        json.dumps({"keys": [{**jwk(P256), "kid": 1}]}).encode(),
        json.dumps({"keys": [jwk(ED25519)] * 33}).encode(),
        b" " * 65_537,
    ],
)
def test_malformed_key_set_is_refused(octets):
    """Also a point that does not lie on the curve."""
    with pytest.raises(InvalidKeySet):
        PublicKeySet.parse(octets)


# ---------------------------------------------------------------------------------------- signing


def ring(*more):
    return KeyRing([SigningKey.of(InMemoryKey(P256), "ES256"), *more])


@pytest.mark.parametrize(("private", "alg"), [(P256, "ES256"), (RSA3072, "RS256")])
def test_what_we_sign_verifies_with_an_independent_library(private, alg):
    """joserfc reads what python-jose signed, by our published key set alone."""
    keyring = KeyRing([SigningKey.of(InMemoryKey(private), alg)])
    signed = keyring.active(alg).sign({"iss": "x", "n": 1})
    read = jwt.decode(signed, KeySet.import_key_set(keyring.document()), algorithms=[alg])
    assert read.claims == {"iss": "x", "n": 1}
    assert read.header == {"alg": alg, "kid": keyring.active(alg).kid, "typ": "JWT"}


@pytest.mark.parametrize(
    ("private", "alg"),
    [(P384, "ES256"), (BRAINPOOL, "ES256"), (RSA2048, "RS256"), (P256, "RS256"), (RSA3072, "ES256"),
     (RSA3072, "PS256"), (P256, "none"), (P256, "HS256")],
)  # fmt: skip
def test_own_key_that_does_not_fit_is_refused_at_start_up(private, alg):
    """oidc.md §15: RSA from 3072 bits, P-256 for ES256."""
    with pytest.raises(ValueError):
        SigningKey.of(InMemoryKey(private), alg)


def test_published_set_has_active_next_and_retired_keys_and_no_private_number():
    """Core §10.1.1 and oidc.md §15: kid is the RFC 7638 thumbprint, public numbers only."""
    upcoming = ec.generate_private_key(ec.SECP256R1())
    former = ec.generate_private_key(ec.SECP256R1())
    document = ring(
        SigningKey.of(InMemoryKey(former), "ES256", KeyStage.RETIRED),
        SigningKey.of(InMemoryKey(upcoming), "ES256", KeyStage.NEXT),
        SigningKey.of(InMemoryKey(RSA3072), "RS256"),
    ).document()
    assert [key["x"] for key in document["keys"] if key["kty"] == "EC"] == [
        jwk(key)["x"] for key in (P256, upcoming, former)
    ]
    for entry in document["keys"]:
        assert entry["kid"] == thumbprint(entry)
        assert entry["use"] == "sig"
        assert set(entry) in (
            {"kty", "crv", "x", "y", "kid", "use", "alg"},
            {"kty", "n", "e", "kid", "use", "alg"},
        )


def test_thumbprint_is_that_of_rfc_7638():
    """RFC 7638 §3.1, the example key."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
        "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSq"
        "zs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHa"
        "Q-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert thumbprint({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "x"}) == expected


def test_two_active_keys_for_one_algorithm_are_refused():
    with pytest.raises(ValueError, match="two active"):
        ring(SigningKey.of(InMemoryKey(ec.generate_private_key(ec.SECP256R1())), "ES256"))


def test_one_key_in_two_stages_is_refused():
    with pytest.raises(ValueError, match="one key"):
        ring(SigningKey.of(InMemoryKey(P256), "ES256", KeyStage.RETIRED))


def test_algorithm_without_active_key_is_unavailable():
    with pytest.raises(KeyUnavailable):
        ring().active("RS256")


def test_failure_of_the_hardware_module_is_told_as_key_unavailable():
    """The signer may be an HSM that is away."""

    class Broken:
        public_key = P256.public_key()
        certificate = None

        def sign(self, data, scheme):
            raise KeyUnavailable("key.module")

    with pytest.raises(KeyUnavailable):
        SigningKey.of(Broken(), "ES256").sign({})


def test_public_jwk_is_written_from_public_numbers():
    assert set(public_jwk(P256.public_key(), "ES256")) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_nobody_else_imports_a_jose_library():
    """oidc.md §15.1: one door. The import contract checks the same; this names the place."""
    root = Path(__file__).parents[2]
    for room in ("gateway", "connectors", "trust", "eid_server"):
        for path in (root / room).rglob("*.py"):
            if path.parent != root / "gateway" / "jose":
                lines = path.read_text(encoding="utf-8").splitlines()
                assert not [line for line in lines if line.startswith(("from jose", "import jose"))], path
