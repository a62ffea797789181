"""Algorithms and keys outside the list, each genuinely signed (security.md A.12; eidas.md §7, §13 number 8)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from connectors.errors import InvalidAnswer, PeerUnavailable
from tests.attacks.refusal import no_cryptography, refused
from tests.support.saml_peer import Exchange, Installed, Node, begin, ec_pair, install, login, rsa_pair
from tests.support.xml_signing import METHODS, NOW, Pair, Recipe, encode, pair, rsa_key
from trust import algorithms
from trust.errors import VerificationError
from trust.pinned import PinnedKey

ALLOWED = {f"pss-{bits}" for bits in (256, 384, 512)}
REFUSED = sorted(set(METHODS) - ALLOWED - {f"ecdsa-{bits}" for bits in (256, 384, 512)})


@pytest.mark.parametrize("method", REFUSED)
def test_other_signature_algorithm_is_refused(exchange: Exchange, method: str) -> None:
    """HMAC is keyed with the public key, as an attacker would; PKCS#1 v1.5 needs a dated exception."""
    octets = exchange.reply(recipe=Recipe(method=method)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "signature.algorithm")


UNKNOWN = ["", "http://www.w3.org/2000/09/xmldsig#", "urn:x", METHODS["pss-256"] + " ", METHODS["pss-256"].lower(),
           METHODS["pss-256"].replace("http:", "https:"), "http://www.w3.org/2007/05/xmldsig-more#rsa-pss"]  # fmt: skip


@pytest.mark.parametrize("method", UNKNOWN)
def test_unknown_signature_algorithm_is_refused(exchange: Exchange, method: str) -> None:
    octets = exchange.reply().octets().replace(METHODS["pss-256"].encode(), method.encode())
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "signature.algorithm")


@pytest.mark.parametrize("digest", ["sha1", "md5", "sha224"])
def test_other_digest_is_refused(exchange: Exchange, digest: str) -> None:
    """eidas.md §7.1: SHA-1 may not hide in the reference."""
    octets = exchange.reply(recipe=Recipe(digest=digest)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "signature.digest-algorithm")


def test_hmac_output_length_is_refused(exchange: Exchange) -> None:
    """CVE-2009-0217."""
    for method in ("hmac-256", "pss-256"):
        recipe = Recipe(method=method, method_content="<ds:HMACOutputLength>8</ds:HMACOutputLength>")
        octets = exchange.reply(recipe=recipe).octets()
        with no_cryptography():
            refused(
                lambda octets=octets: exchange.finish(octets), {"signature.structure", "signature.algorithm"}
            )


def test_pss_parameters_are_refused(exchange: Exchange) -> None:
    """The parameterised form could name SHA-1 inside."""
    content = '<p:RSAPSSParams xmlns:p="http://www.w3.org/2007/05/xmldsig-more#"/>'
    octets = exchange.reply(recipe=Recipe(method_content=content)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"signature.structure", "xml.schema"})


@pytest.mark.parametrize("method", ["ecdsa-256", "hmac-256"])
def test_algorithm_follows_from_the_pinned_key(exchange: Exchange, method: str) -> None:
    """The message cannot choose another family than the key's."""
    octets = exchange.reply(signer=ec_pair("stranger"), recipe=Recipe(method=method)).octets()
    refused(lambda: exchange.finish(octets), "signature.algorithm")


def test_ecdsa_value_in_der_is_refused(tmp_path: Path) -> None:
    """XML-DSig writes r and s side by side (RFC 9231 §2.3.6)."""
    signer = ec_pair("node ec")
    installed = install(Node(signer=signer), config_dir=tmp_path)

    def der(root: object) -> None:
        value = next(root.iter("{*}SignatureValue"))  # type: ignore[attr-defined]  # an lxml element
        octets = base64.b64decode(value.text)
        r, s = int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big")
        value.text = encode(encode_dss_signature(r, s))

    assert login(installed).identity.source.country == "GR"
    refused(lambda: login(installed, edit_signed=der), "signature.invalid")


@pytest.mark.parametrize("values", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_ecdsa_with_trivial_values_is_refused(tmp_path: Path, values: tuple[int, int]) -> None:
    """CVE-2022-21449: r = s = 0."""
    installed = install(Node(signer=ec_pair("node ec")), config_dir=tmp_path)

    def zero(root: object) -> None:
        value = next(root.iter("{*}SignatureValue"))  # type: ignore[attr-defined]  # an lxml element
        value.text = encode(b"".join(v.to_bytes(32, "big") for v in values))

    refused(lambda: login(installed, edit_signed=zero), "signature.invalid")


WEAK = {
    "rsa-1024": rsa_pair("weak", 1024),
    "rsa-2047": rsa_pair("weak", 2047),
    "secp256k1": ec_pair("weak", "secp256k1"),
    "secp224r1": ec_pair("weak", "secp224r1"),
}


WEAK["rsa-exponent-3"] = pair("cube", rsa.generate_private_key(public_exponent=3, key_size=3072))


def explicit_curve_certificate() -> bytes:
    """A certificate whose P-256 key spells its curve out (CVE-2020-0601)."""
    certificate = asn1_x509.Certificate.load(base64.b64decode(ec_pair("explicit").text))
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    public = certificate["tbs_certificate"]["subject_public_key_info"]
    public["algorithm"]["parameters"] = asn1_keys.ECDomainParameters(
        name="specified",
        value={
            "version": 1,
            "field_id": {"field_type": "prime_field", "parameters": prime},
            "curve": {"a": (prime - 3).to_bytes(32, "big"), "b": bytes(32)},
            "base": public["public_key"].native,
            "order": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
            "cofactor": 1,
        },
    )
    octets: bytes = certificate.dump(force=True)
    return octets


def test_certificate_with_explicit_curve_parameters_holds_no_key() -> None:
    """eidas.md §7.3: named curves only."""
    with pytest.raises(VerificationError) as caught:
        PinnedKey.from_certificate(explicit_curve_certificate())
    assert caught.value.reason in {"certificate.unreadable", "key.type"}


@pytest.mark.parametrize("name", WEAK)
def test_weak_key_in_metadata_is_no_key(tmp_path: Path, name: str) -> None:
    """Such a key is not even kept; the country is down rather than weak."""
    installed = install(Node(signer=WEAK[name]), config_dir=tmp_path)
    refused(lambda: begin(installed), "metadata.entity-dropped", PeerUnavailable)


def test_weak_key_beside_a_good_one_signs_nothing(tmp_path: Path) -> None:
    good, weak = rsa_pair("node message"), WEAK["rsa-1024"]
    installed = install(Node(signer=good, published=(weak, good)), config_dir=tmp_path)
    login(installed, signer=good)
    refused(lambda: login(installed, signer=weak), "signature.invalid")


def test_rsa_2048_needs_its_exception(tmp_path: Path) -> None:
    signer = rsa_pair("node 2048", 2048)
    strict = install(Node(signer=signer), config_dir=tmp_path)
    refused(lambda: login(strict), "key.size")
    rule = {"kind": "rsa-2048", "until": "2026-12-31", "reason": "test"}
    lenient = install(
        Node(signer=signer), config_dir=tmp_path, country={"profile": "lenient", "exceptions": [rule]}
    )
    assert login(lenient).identity.source.country == "GR"


def with_exception(tmp_path: Path, kind: str, until: str, profile: str = "lenient") -> Installed:
    rule = {"kind": kind, "until": until, "reason": "test"}
    return install(Node(), config_dir=tmp_path, country={"profile": profile, "exceptions": [rule]})


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_pkcs1_needs_its_exception_and_only_until_its_day(tmp_path: Path, bits: int) -> None:
    recipe = Recipe(method=f"pkcs1-{bits}")
    assert (
        login(with_exception(tmp_path, "rsa-pkcs1", "2026-11-23"), recipe=recipe).identity.source.country
        == "GR"
    )
    for until, profile in (("2026-11-22", "lenient"), ("2026-11-23", "strict")):
        installed = with_exception(tmp_path, "rsa-pkcs1", until, profile)
        refused(lambda installed=installed: login(installed, recipe=recipe), "signature.algorithm")


def test_exception_for_pkcs1_opens_nothing_else(tmp_path: Path) -> None:
    installed = with_exception(tmp_path, "rsa-pkcs1", "2026-11-23")
    for method in ("pkcs1-1", "pkcs1-md5", "pkcs1-224"):
        refused(lambda method=method: login(installed, recipe=Recipe(method=method)), "signature.algorithm")
    refused(
        lambda: login(installed, recipe=Recipe(method="pkcs1-256", digest="sha1")),
        "signature.digest-algorithm",
    )


def test_every_algorithm_ends(exchange: Exchange) -> None:
    """The table has an end for each row; after it the row is as if it were not there."""
    for table in (
        algorithms.SIGNATURES,
        algorithms.DIGESTS,
        algorithms.CONTENT_ENCRYPTIONS,
        algorithms.KEY_WRAPS,
    ):
        for row in table.values():
            after = datetime(row.ends.year + 1, 1, 1, tzinfo=UTC)
            with pytest.raises(algorithms.VerificationError) as caught:
                algorithms.permit(
                    table,  # type: ignore[type-var]  # tables of different rows
                    row.uri,
                    now=after,
                    deviations=frozenset(algorithms.Deviation),
                    reason="x",
                )
            assert caught.value.reason == "x"


CERTIFICATES = {
    "expired": (pair("expired", rsa_key("dated"), end=NOW - timedelta(seconds=1)), "certificate.expired"),
    "not-yet": (
        pair("future", rsa_key("dated"), begin=NOW + timedelta(seconds=1)),
        "certificate.not-yet-valid",
    ),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificate_outside_its_dates_verifies_nothing(tmp_path: Path, name: str) -> None:
    signer, reason = CERTIFICATES[name]
    installed = install(Node(signer=signer), config_dir=tmp_path)
    refused(lambda: login(installed), reason)


def test_expired_certificate_beside_a_valid_one_is_passed_over(tmp_path: Path) -> None:
    """Roll-over: the old certificate may still stand there."""
    expired, valid = CERTIFICATES["expired"][0], rsa_pair("node message")
    for published in ((expired, valid), (valid, expired)):
        installed = install(Node(signer=valid, published=published), config_dir=tmp_path)
        assert login(installed).identity.source.country == "GR"


@pytest.mark.parametrize(
    "signer",
    [rsa_pair("node message"), ec_pair("node ec"), ec_pair("node ec", "secp521r1")],
    ids=["rsa", "256", "521"],
)
def test_genuine_signature_of_each_family_for_comparison(tmp_path: Path, signer: Pair) -> None:
    installed = install(Node(signer=signer), config_dir=tmp_path)
    assert login(installed).identity.source.country == "GR"
    with pytest.raises(InvalidAnswer):
        login(installed, mutate=lambda octets: octets.replace(b"status:Success", b"status:Success "))
