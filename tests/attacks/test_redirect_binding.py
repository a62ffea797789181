"""HTTP-Redirect: the signature is over the octets that came (security.md A.17; saml-bindings §3.4.4.1)."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote, quote_plus

import pytest

from connectors.contract import RedirectDispatch
from connectors.errors import InvalidAnswer
from connectors.saml import bindings
from tests.support import xml_signing
from tests.support.saml_peer import ec_pair, rsa_pair
from tests.support.xml_signing import METHODS, NOW, Pair
from trust.errors import VerificationError
from trust.keys import InMemoryKey
from trust.pinned import PinnedKey

MESSAGE = b'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1"/>'
SIGNER = ec_pair("redirect")


def deflated(message: bytes = MESSAGE) -> str:
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(maker.compress(message) + maker.flush()).decode()


def part(name: str, value: str, *, lower: bool = False) -> str:
    text = quote(value, safe="")
    if lower:
        text = text.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d").replace("%3A", "%3a")
    return f"{name}={text}"


def signed(
    *parts: str,
    signer: Pair = SIGNER,
    method: str | None = None,
    algorithm: str | None = None,
    lower: bool = False,
) -> bytes:
    method = method or xml_signing.default_method(signer.key)
    data = "&".join((*parts, part("SigAlg", algorithm or METHODS[method], lower=lower)))
    value = base64.b64encode(xml_signing.raw_signature(signer.key, data.encode(), method)).decode()
    return f"{data}&{part('Signature', value, lower=lower)}".encode()


def verify(query: bytes, *signers: Pair) -> bytes:
    message = bindings.read_redirect(query)
    keys = [PinnedKey.from_certificate(s.pem) for s in signers or (SIGNER,)]
    message.require_signed_query(keys, now=NOW)
    return message.octets


RESPONSE = part("SAMLResponse", deflated())
RELAY = part("RelayState", "a/b+c=d e")


@pytest.mark.parametrize("parts", [(RESPONSE,), (RESPONSE, RELAY), (RESPONSE, "RelayState=")])
@pytest.mark.parametrize("lower", [False, True])
def test_genuine_query_is_accepted(parts: tuple[str, ...], lower: bool) -> None:
    """Lower-case percent-encoding as .NET writes it; RelayState absent, present, present and empty."""
    assert verify(signed(*parts, lower=lower)) == MESSAGE


def test_order_of_parameters_does_not_matter() -> None:
    pieces = signed(RESPONSE, RELAY).split(b"&")
    assert verify(b"&".join(reversed(pieces))) == MESSAGE


def test_plus_for_a_space_is_verified_as_it_came() -> None:
    query = signed(RESPONSE, "RelayState=" + quote_plus("a b"))
    assert verify(query) == MESSAGE
    assert bindings.read_redirect(query).relay_state == "a b"


def test_one_of_several_keys_is_enough() -> None:
    assert verify(signed(RESPONSE), ec_pair("another"), rsa_pair("node message"), SIGNER) == MESSAGE


@pytest.mark.parametrize("method", ["pss-256", "pss-384", "pss-512"])
def test_pss_is_accepted(method: str) -> None:
    signer = rsa_pair("node message")
    assert verify(signed(RESPONSE, signer=signer, method=method), signer) == MESSAGE


@pytest.mark.parametrize(
    ("curve", "method"),
    [("secp384r1", "ecdsa-384"), ("secp521r1", "ecdsa-512"), ("brainpoolP256r1", "ecdsa-256")],
)
def test_other_curves_are_accepted(curve: str, method: str) -> None:
    signer = ec_pair("redirect", curve)
    assert verify(signed(RESPONSE, signer=signer, method=method), signer) == MESSAGE


def genuine() -> list[bytes]:
    return signed(RESPONSE, RELAY).split(b"&")


def names(query: list[bytes]) -> dict[str, bytes]:
    return {piece.partition(b"=")[0].decode(): piece for piece in query}


CHANGES = {
    "relay-state-removed": lambda g: [g[0], *g[2:]],
    "relay-state-swapped": lambda g: [g[0], b"RelayState=evil", *g[2:]],
    "relay-state-emptied": lambda g: [g[0], b"RelayState=", *g[2:]],
    "relay-state-respelt": lambda g: [g[0], g[1].replace(b"%2F", b"/"), *g[2:]],
    "message-swapped": lambda g: [part("SAMLResponse", deflated(MESSAGE.replace(b"_1", b"_2"))).encode(), *g[1:]],
    "message-respelt": lambda g: [g[0].replace(b"SAMLResponse=", b"SAMLResponse=%0A"), *g[1:]],
    "message-recompressed": lambda g: [
        part("SAMLResponse", base64.b64encode(zlib.compress(MESSAGE, 0)[2:-4]).decode()).encode(), *g[1:],
    ],
    "algorithm-respelt": lambda g: [*g[:2], g[2].replace(b"%3A", b":"), g[3]],
    "name-respelt": lambda g: [b"SAML%52esponse" + g[0][12:], *g[1:]],
    "signature-of-zeros": lambda g: [*g[:3], part("Signature", base64.b64encode(bytes(64)).decode()).encode()],
    "signature-cut": lambda g: [*g[:3], b"Signature=AAAA"],
    "signature-empty": lambda g: [*g[:3], b"Signature="],
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_changed_query_does_not_verify(name: str) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(b"&".join(CHANGES[name](genuine())))
    assert caught.value.reason == "signature.invalid"


@pytest.mark.parametrize("name", ["SAMLResponse", "RelayState", "SigAlg", "Signature"])
@pytest.mark.parametrize("first", [True, False])
def test_parameter_twice_is_refused(name: str, first: bool) -> None:
    """Also with the same value, also under another spelling of the name."""
    for spelling in (name, "%" + f"{ord(name[0]):02X}" + name[1:]):
        addition = f"{spelling}=x".encode()
        pieces = [addition, *genuine()] if first else [*genuine(), addition]
        with pytest.raises(InvalidAnswer) as caught:
            verify(b"&".join(pieces))
        assert caught.value.reason == "saml.binding.duplicate"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (signed(RESPONSE, part("SAMLRequest", deflated())), "saml.binding.parameter"),
        (signed(part("SAMLRequest", deflated())), "saml.binding.parameter"),
        (b"", "saml.binding.parameter"),
        (b"&".join(genuine()[:2] + genuine()[3:]), "saml.binding.signature"),
        (b"&".join(genuine()[:3]), "saml.binding.signature"),
        (signed(RESPONSE) + b"&SAMLEncoding=urn:example:other", "saml.binding.encoding"),
        (signed(part("SAMLResponse", base64.b64encode(MESSAGE).decode())), "saml.binding.deflate"),
        (signed(part("SAMLResponse", deflated() + "*")), "saml.binding.base64"),
        (signed(part("SAMLResponse", "")), "saml.binding.deflate"),
        (signed(RESPONSE, part("RelayState", "x" * 81)), "saml.binding.relay-state"),
        (signed(RESPONSE, "RelayState=%FF"), "saml.binding.parameter"),
        (signed(RESPONSE) + b"&%FF=1", "saml.binding.parameter"),
    ],
)
def test_malformed_query_is_refused(query: bytes, reason: str) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        bindings.read_redirect(query)
    assert caught.value.reason == reason


def test_stated_default_encoding_is_accepted() -> None:
    encoding = quote("urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE", safe="")
    assert verify(signed(RESPONSE) + b"&SAMLEncoding=" + encoding.encode()) == MESSAGE


def test_query_without_a_signature_is_not_unsigned_but_refused() -> None:
    with pytest.raises(VerificationError) as caught:
        verify(RESPONSE.encode())
    assert caught.value.reason == "signature.missing"


@pytest.mark.parametrize("method", ["pkcs1-1", "pkcs1-256", "hmac-256", "hmac-1", "pkcs1-md5", "dsa-1"])
def test_other_algorithm_is_refused(method: str) -> None:
    signer = rsa_pair("node message")
    with pytest.raises(VerificationError) as caught:
        verify(signed(RESPONSE, signer=signer, method=method), signer)
    assert caught.value.reason == "signature.algorithm"


def test_algorithm_of_another_family_than_the_key_is_refused() -> None:
    signer = rsa_pair("node message")
    with pytest.raises(VerificationError) as caught:
        verify(signed(RESPONSE, signer=signer, algorithm=METHODS["ecdsa-256"]), signer)
    assert caught.value.reason == "signature.algorithm"


def test_strangers_signature_is_refused() -> None:
    with pytest.raises(VerificationError) as caught:
        verify(signed(RESPONSE, signer=ec_pair("stranger")))
    assert caught.value.reason == "signature.invalid"


BOMBS = {
    "64-MiB": (lambda: zlib.compress(bytes(67_108_864), 9)[2:-4], "saml.binding.size"),
    "one-too-many": (lambda: zlib.compress(bytes(262_145))[2:-4], "saml.binding.size"),
    "trailing": (lambda: zlib.compress(MESSAGE)[2:-4] + b"x", "saml.binding.deflate"),
    "second-stream": (lambda: zlib.compress(MESSAGE)[2:-4] * 2, "saml.binding.deflate"),
    "cut": (lambda: zlib.compress(MESSAGE)[2:-6], "saml.binding.deflate"),
    "zlib-header": (lambda: zlib.compress(MESSAGE), "saml.binding.deflate"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_deflate_that_is_not_one_whole_small_stream_is_refused(name: str) -> None:
    """CVE-2025-25293, CVE-2025-54572."""
    make, reason = BOMBS[name]
    with pytest.raises(InvalidAnswer) as caught:
        bindings.read_redirect(part("SAMLResponse", base64.b64encode(make()).decode()).encode())
    assert caught.value.reason == reason


@pytest.mark.parametrize("pair", [ec_pair("redirect"), rsa_pair("node message")], ids=["ec", "rsa"])
@pytest.mark.parametrize("relay", ["JOURNEY.handle", "a b+c/d=e&f", ""])
def test_what_we_send_is_what_we_would_accept(pair: Pair, relay: str) -> None:
    """Sender and receiver share no code but the algorithm table."""
    dispatch = bindings.send_redirect(
        "https://node.example/sso?x=1",
        MESSAGE,
        relay,
        InMemoryKey(pair.key, pair.certificate),
        parameter="SAMLResponse",
    )
    assert isinstance(dispatch, RedirectDispatch)
    base, _, query = dispatch.url.partition("?x=1&")
    assert base == "https://node.example/sso"
    assert verify(query.encode(), pair) == MESSAGE
    assert bindings.read_redirect(query.encode()).relay_state == relay
