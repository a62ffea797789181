"""What two people read to each other before they sign (ux.md §11; security.md D.7)."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from tests.trust.registry.passkey import ORIGIN, Passkey
from tests.trust.registry.people import ANNA, GREECE
from trust.errors import VerificationError
from trust.pinned import PinnedKey
from trust.registry import Approver, ChangeRefused, Ed25519Credential, ObjectKey, ObjectKind, State
from trust.registry.canonical import canonical
from trust.registry.changes import Change, ChangeClass, Edit, read_time
from trust.registry.diff import ObjectDiff, change_diff, facts, grouped, lines, plain
from trust.registry.objects import RegistryObject

FILE = "registry/anchors/el-node-2026.crt"


def certificate(
    key: object,
    name: str = "Greek node",
    *,
    signer: object = None,
    extension: x509.ExtensionType | None = None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Greek root")]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2026, 1, 15, tzinfo=UTC))
        .not_valid_after(datetime(2028, 1, 14, 12, 30, tzinfo=UTC))
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer or key, hashes.SHA256())


def pem(found: x509.Certificate) -> str:
    return found.public_bytes(serialization.Encoding.PEM).decode()


def diff(before: dict | None, after: dict | None, *, suspended: bool = False) -> ObjectDiff:
    objects = {} if before is None else {GREECE: RegistryObject(key=GREECE, document=before)}
    state = State(objects)
    now = read_time("2026-11-23T08:00:00Z")
    edit = Edit(
        key=GREECE, before=objects[GREECE].digest if objects else None, after=after, suspended=suspended
    )
    change = Change(
        registry="", change_class=ChangeClass.ORDINARY, base=state.state_hash, edits=(edit,), reason="", evidence="",
        proposer=ANNA, proposed_at=now, expires_at=now,
    )  # fmt: skip
    (found,) = change_diff(change, state)
    return found


def test_certificate_is_shown_by_what_is_in_it() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    found = certificate(key)
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for content in (
        {"text": pem(found)},
        {"base64": b64encode(found.public_bytes(serialization.Encoding.DER)).decode()},
    ):
        shown = facts(GREECE, {"settings": {}, "files": {FILE: content}})
        assert shown[f"{FILE}: subject"] == "CN=Greek node"
        assert shown[f"{FILE}: issuer"] == "CN=Greek root"
        assert shown[f"{FILE}: key"] == "EC secp256r1, 256 bit"
        assert shown[f"{FILE}: valid"] == "2026-01-15 00:00 to 2028-01-14 12:30 UTC"
        assert shown[f"{FILE}: SHA-256 of the certificate"] == grouped(
            found.fingerprint(hashes.SHA256()).hex()
        )
        assert shown[f"{FILE}: SHA-256 of the public key"] == grouped(sha256(spki).hexdigest())


def test_renewed_certificate_on_the_same_key_shows_the_same_key() -> None:
    """D.1: key equality is that of the SubjectPublicKeyInfo."""
    key = rsa.generate_private_key(65537, 3072)
    before, after = (
        {"settings": {}, "files": {FILE: {"text": pem(certificate(key, name))}}} for name in ("Old", "New")
    )
    changed = {field.path for field in diff(before, after).fields}
    assert changed == {
        f"{FILE}: {fact}" for fact in ("subject", "SHA-256 of the certificate", "SHA-256 of the file")
    }


def test_keys_that_nobody_uses_here_are_named_too() -> None:
    """Who reads the difference must see that it is one of those."""
    for key, words in (
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (dsa.generate_private_key(2048), "DSA, 2048 bit"),
        (rsa.generate_private_key(65537, 2048), "RSA, 2048 bit"),
    ):
        signer = ec.generate_private_key(ec.SECP256R1())
        text = pem(certificate(key, signer=signer))
        shown = facts(GREECE, {"settings": {}, "files": {FILE: {"text": text}}})
        assert shown[f"{FILE}: key"] == words


def test_several_certificates_are_numbered() -> None:
    text = pem(certificate(ec.generate_private_key(ec.SECP256R1()))) * 2
    shown = facts(GREECE, {"settings": {}, "files": {FILE: {"text": text}}})
    assert {f"{FILE}: certificate {number}, subject" for number in (1, 2)} <= set(shown)


@pytest.mark.parametrize(
    "beside",
    [
        {"settings": {"url": "https://evil.example"}, "url": "https://good.example", "files": {}},
        {"settings": {"a": {"b": "https://evil.example"}, "a.b": "https://good.example"}, "files": {}},
        {"settings": {"a": {"b.c": "https://evil.example", "b": {"c": "https://good.example"}}}, "files": {}},
        {"settings": {"a": [{"b": "https://evil.example"}], "a[0].b": "https://good.example"}, "files": {}},
        {"settings": "https://evil.example", "files": {}},
    ],
)
def test_no_field_hides_another(beside: dict) -> None:
    """security.md D.7: the approver sees what counts, also where the proposer has built the document by hand."""
    assert any("evil" in said for said in facts(GREECE, beside).values())


def test_keys_are_shown_also_of_a_text_that_holds_a_certificate() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    key_set = {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": pem(certificate(key))}]}
    shown = facts(GREECE, {"settings": {}, "files": {FILE: {"text": json.dumps(key_set)}}})
    assert f"{FILE}: key 1" in shown


def test_key_set_is_shown_by_thumbprints() -> None:
    """RFC 7638 §3.1: the example and its thumbprint."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n"
        "3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgd"
        "AZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCu"
        "r-kEgU8awapJzKnqDKgw"
    )
    keys = {"keys": [{"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}]}
    shown = facts(GREECE, {"settings": {}, "files": {"registry/clients/x.json": {"text": json.dumps(keys)}}})
    assert (
        shown["registry/clients/x.json: key 1"]
        == "RSA RS256 2011-04-29, thumbprint NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )


def test_key_of_an_unknown_kind_hides_none_after_it() -> None:
    """RFC 7517 §5: what reads the set passes it over and takes the next one, which counts."""
    key = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
    keys: list[object] = [
        key,
        {"kty": "new"},
        5,
        {"kty": ["EC"]},
        {**key, "x": "\ud800"},
        {**key, "kid": "evil"},
    ]
    shown = facts(GREECE, {"settings": {}, "files": {FILE: {"text": json.dumps({"keys": keys})}}})
    assert [f"{FILE}: key {number}" in shown for number in range(1, 7)] == [True] * 6
    assert "evil, thumbprint" in shown[f"{FILE}: key 6"]


def test_certificate_beside_a_key_is_shown_of_a_key_set() -> None:
    """RFC 8705 §2.2.2: it opens the client's door, whatever key it stands beside."""
    other = certificate(ec.generate_private_key(ec.SECP256R1()), "Mallory")
    for chain, said in (
        ([b64encode(other.public_bytes(serialization.Encoding.DER)).decode()], "CN=Mallory"),
        (["AA=="], '"AA=="'),
    ):
        keys = {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "x5c": chain}]}
        shown = facts(GREECE, {"settings": {}, "files": {FILE: {"text": json.dumps(keys)}}})
        assert said in {
            value for path, value in shown.items() if path.startswith(f"{FILE}: key 1, certificate")
        }


@pytest.mark.parametrize("place", ["in front", "behind", "in DER", "in an extension"])
def test_certificate_that_is_shown_is_the_one_that_counts(place: str) -> None:
    """security.md D.7: two people compare the fingerprint of Greece, so nothing of Mallory's may be used instead."""
    key = ec.generate_private_key(ec.SECP256R1())
    good = pem(certificate(ec.generate_private_key(ec.SECP256R1())))
    evil = certificate(key, "Mallory")
    der = evil.public_bytes(serialization.Encoding.DER)
    other_label = pem(evil).replace("CERTIFICATE", "NOTE")
    if place == "in an extension":
        comment = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.13"), good.encode())
        der = certificate(key, "Mallory", extension=comment).public_bytes(serialization.Encoding.DER)
    octets = {
        "in front": other_label.encode() + good.encode(),
        "behind": good.encode() + other_label.encode(),
        "in DER": der + b"\n" + good.encode(),
        "in an extension": der,
    }[place]
    shown = facts(GREECE, {"settings": {}, "files": {FILE: {"base64": b64encode(octets).decode()}}})
    if place == "in an extension":
        assert PinnedKey.from_certificate(octets).certificate == der
        assert shown[f"{FILE}: subject"] == "CN=Mallory"
        return
    with pytest.raises(VerificationError) as refused:
        PinnedKey.from_certificate(octets)
    assert refused.value.reason == "certificate.unreadable"
    assert f"{FILE}: octets beside certificates" in shown or f"{FILE}: octets" in shown


def test_rest_of_a_file_with_a_certificate_is_said_to_be_there() -> None:
    """A text in pinned metadata that looks like a certificate is not what their reader takes."""
    good = pem(certificate(ec.generate_private_key(ec.SECP256R1())))
    shown = facts(GREECE, {"settings": {}, "files": {FILE: {"text": f"<!--\n{good}--><EntityDescriptor/>"}}})
    assert shown[f"{FILE}: octets beside certificates"] == str(len("<!--\n\n--><EntityDescriptor/>"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<xml/>",
        '{"keys": 1}',
        '{"keys": []}',
        "-----BEGIN CERTIFICATE-----\nAA\n",
        "[" * 5000,
    ],
)
def test_any_other_file_is_shown_by_size_and_digest(content: str) -> None:
    shown = facts(GREECE, {"settings": {}, "files": {FILE: {"text": content}}})
    assert shown == {
        f"{FILE}: octets": str(len(content)),
        f"{FILE}: SHA-256 of the file": grouped(sha256(content.encode()).hexdigest()),
    }


def test_file_that_is_none_is_said_to_be() -> None:
    for content in ({}, {"base64": "%"}, {"text": 1}, "text"):
        assert f"{FILE}: unreadable" in facts(GREECE, {"settings": {}, "files": {FILE: content}})


def test_fields_are_added_removed_and_changed() -> None:
    before = {"settings": {"state": "active", "countries": ["GR"], "old": {"deep": 1}}, "files": {}}
    after = {"settings": {"state": "revoked", "countries": ["GR"], "new": [{"a": True}]}, "files": {}}
    found = diff(before, after)
    assert found.action == "changed"
    assert {(field.path, field.before, field.after) for field in found.fields} == {
        ("state", '"active"', '"revoked"'),
        ("old.deep", "1", None),
        ("new[0].a", None, "true"),
    }
    assert list(lines((found,))) == [
        "changed: anchor/el-node-2026",
        '  - state = "active"',
        '  + state = "revoked"',
        "  - old.deep = 1",
        "  + new[0].a = true",
    ]


def test_action_says_what_happens_to_an_object() -> None:
    document = {"settings": {"id": "x"}, "files": {}}
    assert diff(None, document).action == "added"
    assert diff(document, None).action == "removed"
    assert diff(document, document, suspended=True).action == "suspended"
    assert "(suspended)" in {field.path for field in diff(None, document, suspended=True).fields}


def test_text_that_has_no_octets_is_shown() -> None:
    """JSON can name half a character; a page with it could not be sent."""
    assert plain("a\ud800b") == "a\\ud800b"


@pytest.mark.parametrize("name", ["url", "redirect_uris"])
def test_address_shows_letters_that_only_look_like_ours(name: str) -> None:
    """UTS 39 §4: a Cyrillic letter in the name of a host is another host."""
    address = "https://n\N{CYRILLIC SMALL LETTER O}de.example/"
    value = address if name == "url" else [address]
    shown = facts(GREECE, {"settings": {name: value, "title": "Ο Κόμβος"}, "files": {}})
    assert r"https://n\u043ede.example/" in shown[name]
    assert shown["title"] == '"Ο Κόμβος"'


@pytest.mark.parametrize(
    "blank", ["\u00ad", "\u034f", "\u115f", "\u180e", "\u200b", "\u2800", "\u3164", "\ufe0f", "\uffa0"]
)
def test_what_takes_no_ink_is_shown(blank: str) -> None:
    assert blank not in plain(f"a{blank}b")
    assert len(plain(f"a{blank}b")) > 3


def test_text_cannot_deceive_the_reader() -> None:
    """Control characters, colours and marks that turn the writing round are spelled out."""
    document = {"settings": {"id": "a\x1b[2Kb\u202egnp\u2066", "m\r\nx": "1"}, "files": {}}
    for line in lines((diff(None, document),)):
        assert line.isprintable()


def test_approver_is_shown_by_fingerprints() -> None:
    credential = Ed25519Credential(public_key=bytes(32))
    key = ObjectKey(ObjectKind.APPROVER, ANNA)
    shown = facts(key, Approver(name="Anna", credentials=(credential,)).as_json())
    key_1 = f"ed25519, SHA-256 {grouped(credential.fingerprint)}"
    assert shown == {"name": "Anna", "role": "approver", "key 1": key_1}
    passkey = Passkey().credential
    shown = facts(key, Approver(name="Anna", credentials=(passkey,)).as_json())
    assert shown["key 1"] == f"webauthn, SHA-256 {grouped(passkey.fingerprint)}"
    assert shown["key 1, for"] == ORIGIN
    assert facts(key, {"name": "Anna", "credentials": []}) == {"name": '"Anna"', "credentials": "[]"}


# -------------------------------------------------------------------------------- canonical form


def test_canonical_json_orders_keys_by_utf16() -> None:
    """RFC 8785 §3.2.3, the keys of its example."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = list(json.loads(canonical(dict.fromkeys(keys, 0))))
    assert ordered == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize("value", [1.5, 2**53, {1: 2}, "\ud800", b"x", float("nan"), {"a": {1, 2}}])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(ChangeRefused, match=r"registry\.document"):
        canonical({"value": value})


def test_nesting_has_an_end() -> None:
    nested: object = None
    for _ in range(40):
        nested = [nested]
    with pytest.raises(ChangeRefused, match="nested"):
        canonical(nested)


@pytest.mark.parametrize("text", ["anchor", "anchor/", "thing/x", "anchor/../x", "anchor/a b", "/x", ""])
def test_object_is_written_kind_and_identifier(text: str) -> None:
    with pytest.raises(ChangeRefused, match=r"registry\.object"):
        ObjectKey.parse(text)


def test_state_hash_is_of_the_bundle_and_not_of_the_people() -> None:
    """Shows 6: another gateway has other approvers and the same state."""
    approver = ObjectKey(ObjectKind.APPROVER, ANNA)
    anchor = RegistryObject(key=GREECE, document={"settings": {}})
    alone = State({GREECE: anchor})
    both = State({approver: RegistryObject(key=approver, document={"name": "x"}), GREECE: anchor})
    assert alone.state_hash == both.state_hash
    suspended = State({GREECE: RegistryObject(key=GREECE, document={"settings": {}}, suspended=True)})
    assert suspended.state_hash != alone.state_hash
