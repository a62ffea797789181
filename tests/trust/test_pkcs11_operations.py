"""Keys in a hardware module sign and decrypt as keys in this process do (security.md D.9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.own_keys.files import _certificate
from tests.support import softhsm
from tests.support.softhsm import SoftToken
from trust import pkcs11_module
from trust.errors import DecryptionError, KeyUnavailable
from trust.keys import SignatureScheme, oaep_hash, spki
from trust.pkcs11_key import HardwareKey, load_hardware_key
from trust.signing import scheme_for

CURVES = (
    ec.SECP256R1(),
    ec.SECP384R1(),
    ec.SECP521R1(),
    ec.BrainpoolP256R1(),
    ec.BrainpoolP384R1(),
    ec.BrainpoolP512R1(),
)
RSA = rsa.generate_private_key(65537, 3072)
EC = {curve.name: ec.generate_private_key(curve) for curve in CURVES}
DATA = b"SignedInfo"
RSA_SCHEMES = [scheme for scheme in SignatureScheme if scheme.family != "ecdsa"]
EC_SCHEMES = [scheme for scheme in SignatureScheme if scheme.family == "ecdsa"]


@pytest.fixture(scope="module")
def token() -> Iterator[SoftToken]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pkcs11_module, "RESTART_SECONDS", 0.0)
        made = SoftToken.new("operations")
        made.bring_in("rsa", RSA, 1)
        for number, (name, key) in enumerate(EC.items(), 2):
            made.bring_in(name, key, number)
            made.bring_in_for_agreement(f"agree-{name}", key)
        yield made


@pytest.fixture(scope="module")
def rsa_key(token: SoftToken) -> HardwareKey:
    return load_hardware_key(token.address("rsa"), probe=scheme_for)


def verify(public: object, signature: bytes, scheme: SignatureScheme) -> None:
    algorithm = scheme.hash()
    if isinstance(public, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        public.verify(encode_dss_signature(r, s), DATA, ec.ECDSA(algorithm))
    elif isinstance(public, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        public.verify(signature, DATA, pss if scheme.family == "pss" else padding.PKCS1v15(), algorithm)


@pytest.mark.parametrize("scheme", RSA_SCHEMES, ids=lambda scheme: scheme.name)
def test_rsa_key_signs_with_every_scheme_we_issue(rsa_key: HardwareKey, scheme: SignatureScheme) -> None:
    """RFC 8017 §8.1, §8.2; the salt of PSS is as long as the digest."""
    signature = rsa_key.sign(DATA, scheme)
    verify(RSA.public_key(), signature, scheme)
    with pytest.raises(InvalidSignature):
        verify(RSA.public_key(), bytes([signature[0] ^ 1]) + signature[1:], scheme)


@pytest.mark.parametrize("scheme", EC_SCHEMES, ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("name", EC)
def test_curve_signs_as_r_and_s_of_fixed_length(token: SoftToken, name: str, scheme: SignatureScheme) -> None:
    """RFC 9231 §2.3.6, RFC 7518 §3.4, also where the digest is longer than the curve's order."""
    key = load_hardware_key(token.address(name), probe=scheme_for)
    signature = key.sign(DATA, scheme)
    assert len(signature) == 2 * ((EC[name].key_size + 7) // 8)
    verify(EC[name].public_key(), signature, scheme)


def test_scheme_of_the_other_kind_of_key_is_refused(token: SoftToken, rsa_key: HardwareKey) -> None:
    """The same reason as for a key in this process."""
    with pytest.raises(KeyUnavailable) as refused:
        rsa_key.sign(DATA, SignatureScheme.ECDSA_SHA256)
    assert refused.value.reason == "key.scheme"
    key = load_hardware_key(token.address("secp256r1"), probe=scheme_for)
    with pytest.raises(KeyUnavailable):
        key.sign(DATA, SignatureScheme.RSA_PSS_SHA256)


@pytest.mark.parametrize("mgf1", ["SHA1", "SHA256", "SHA512"])
@pytest.mark.parametrize("digest", ["SHA1", "SHA256", "SHA384", "SHA512"])
def test_every_oaep_of_the_algorithm_table_decrypts(token: SoftToken, digest: str, mgf1: str) -> None:
    """xmlenc-core1 §5.5.2: digest and mask are independent. SoftHSM itself knows SHA-1 with SHA-1 only."""
    key = load_hardware_key(token.address("rsa"), probe=None)
    scheme = padding.OAEP(padding.MGF1(oaep_hash(mgf1)), oaep_hash(digest), None)
    for message in (b"k" * 32, b"\0\1", b""):
        wrapped = RSA.public_key().encrypt(message, scheme)
        assert key.decrypt_oaep(wrapped, digest=digest, mgf1=mgf1) == message
    flipped = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for broken in (wrapped[:-1], wrapped + b"\0", b"", bytes(384), b"\xff" * 384, flipped):
        with pytest.raises(DecryptionError, match=r"^decryption\.failed$"):
            key.decrypt_oaep(broken, digest=digest, mgf1=mgf1)


@pytest.mark.parametrize("name", EC)
def test_agreement_gives_the_shared_secret_of_every_curve(token: SoftToken, name: str) -> None:
    """xmlenc-core1 §5.6.4; NIST SP 800-56A §5.7.1.2: the x coordinate in full length."""
    key = load_hardware_key(token.address(f"agree-{name}"), probe=None)
    for _ in range(3):
        peer = ec.generate_private_key(EC[name].curve)
        assert key.agree(peer.public_key()) == peer.exchange(ec.ECDH(), EC[name].public_key())
    other = ec.generate_private_key(ec.SECP256R1() if name != "secp256r1" else ec.SECP384R1())
    with pytest.raises(DecryptionError):
        key.agree(other.public_key())
    with pytest.raises(DecryptionError):
        key.decrypt_oaep(bytes(384), digest="SHA256", mgf1="SHA256")


def test_public_key_comes_from_the_token_or_the_certificate(token: SoftToken, rsa_key: HardwareKey) -> None:
    """Both are the same key, and the key is usable behind either."""
    assert spki(rsa_key.public_key) == spki(RSA.public_key())
    key = load_hardware_key(token.address("rsa"), certificate_of(RSA), probe=scheme_for)
    assert isinstance(key.certificate, x509.Certificate)
    assert spki(key.public_key) == spki(RSA.public_key())


@pytest.mark.parametrize("probe", [scheme_for, None], ids=["signing", "decryption"])
def test_certificate_of_another_key_is_found_out_at_the_start(token: SoftToken, probe: object) -> None:
    """A peer would refuse everything that we sign, or encrypt what we cannot read."""
    stranger = certificate_of(rsa.generate_private_key(65537, 3072))
    with pytest.raises(KeyUnavailable) as refused:
        load_hardware_key(token.address("rsa"), stranger, probe=probe)  # type: ignore[arg-type]  # parametrised
    assert refused.value.reason == "key.unreliable"


def test_key_without_the_usage_is_found_out_at_the_start(token: SoftToken) -> None:
    """PKCS#11 v2.40 §4.9: CKA_SIGN and CKA_DERIVE are the token's own rule."""
    with pytest.raises(KeyUnavailable, match="agree"):
        load_hardware_key(token.address("secp256r1"), probe=None)
    with pytest.raises(KeyUnavailable, match="sign"):
        load_hardware_key(token.address("agree-secp256r1"), probe=scheme_for)


def test_key_is_found_by_id_and_never_guessed(token: SoftToken) -> None:
    """RFC 7512 §2.3: what the URI does not name unambiguously is not chosen for the operator."""
    by_both = load_hardware_key(token.address("rsa", more=";id=%01"), probe=scheme_for)
    assert spki(by_both.public_key) == spki(RSA.public_key())
    with pytest.raises(KeyUnavailable) as missing:
        load_hardware_key(token.address("rsa", more=";id=%02"), probe=scheme_for)
    assert missing.value.reason == "key.missing"
    for number in (0x51, 0x52):
        token.bring_in("twin", EC["secp256r1"], number)
    with pytest.raises(KeyUnavailable) as ambiguous:
        load_hardware_key(token.address("twin"), probe=scheme_for)
    assert ambiguous.value.reason == "key.ambiguous"
    assert load_hardware_key(token.address("twin", more=";id=Q"), probe=scheme_for).public_key


def test_nothing_secret_is_in_words(rsa_key: HardwareKey) -> None:
    """security.md D.10: not in the representation of a key, of its token or of its address."""
    words = f"{rsa_key!r} {rsa_key.token!r} {rsa_key.address!r} {vars(rsa_key.token)!r}"
    assert softhsm.PIN not in words


def certificate_of(key: rsa.RSAPrivateKey) -> bytes:
    return _certificate(key, ("digital_signature",), days=1, subject="Test").public_bytes(Encoding.PEM)
