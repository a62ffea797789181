"""What a change means, in words that two people can read to each other on the telephone.

Fields by their path, before and after. A file that an object carries is shown by what is in it: certificates by
subject, issuer, fingerprints in groups, kind and size of the key and validity; JWK Sets by the thumbprint of
each key (RFC 7638) and the certificate beside it; anything else by size and SHA-256. What stands in a file beside
certificates is said to be there: who approves must not see one part of a file while another counts.

>>> grouped("00112233445566778899")
'0011 2233 4455 6677 8899'
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from trust.registry.approvers import base64url, read_approver
from trust.registry.canonical import Document, canonical
from trust.registry.changes import Change, Edit
from trust.registry.errors import ChangeRefused
from trust.registry.objects import ObjectKey, ObjectKind, State

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----")
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(0xFE00 + n) for n in range(16)}
"""Letters and marks that take no ink (UTS 39 §5.4), although they count as printable."""
FILES = "files"
"""Member of a document that maps a file's name to ``{"text": ...}`` or ``{"base64": ...}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiff:
    """One field; None: not there. All three are ``plain``."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDiff:
    """One object of a change."""

    key: ObjectKey
    action: str
    """``added``, ``removed``, ``changed``, ``suspended``, ``re-activated``, ``stays suspended``; ``conflict``
    when what it started from is no longer there."""
    fields: tuple[FieldDiff, ...]


def change_diff(change: Change, state: State) -> tuple[ObjectDiff, ...]:
    """``change`` against the state it shall be applied to (for one in force: the state before it)."""
    return tuple(_object_diff(edit, state) for edit in change.edits)


def lines(diffs: tuple[ObjectDiff, ...]) -> Iterator[str]:
    """As text, a line a fact."""
    for diff in diffs:
        yield f"{diff.action}: {diff.key}"
        for field in diff.fields:
            if field.before is not None:
                yield f"  - {field.path} = {field.before}"
            if field.after is not None:
                yield f"  + {field.path} = {field.after}"


def plain(text: str) -> str:
    """``text`` without what a terminal or a reader could be deceived with (controls, bidirectional marks, blanks)."""
    return "".join(
        c if c.isprintable() and c not in _BLANK else c.encode("unicode_escape").decode("ascii") for c in text
    )


def grouped(digest: str) -> str:
    """A hexadecimal digest in groups of four."""
    return " ".join(digest[place : place + 4] for place in range(0, len(digest), 4))


def _object_diff(edit: Edit, state: State) -> ObjectDiff:
    now = state.objects.get(edit.key)
    if edit.before != (None if now is None else now.digest):
        action = "conflict"
    elif now is None:
        action = "added"
    elif edit.after is None:
        action = "removed"
    elif edit.suspended != now.suspended:
        action = "suspended" if edit.suspended else "re-activated"
    else:
        action = "stays suspended" if canonical(edit.after) == canonical(now.document) else "changed"
    before = {} if now is None else facts(edit.key, now.document)
    after = {} if edit.after is None else facts(edit.key, edit.after)
    if now is None and edit.suspended:
        after["(suspended)"] = "yes"
    return ObjectDiff(key=edit.key, action=action, fields=tuple(_differences(before, after)))


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FieldDiff]:
    for path in [*before, *(path for path in after if path not in before)]:
        old, new = before.get(path), after.get(path)
        if old != new:
            yield FieldDiff(
                path=plain(path),
                before=None if old is None else plain(old),
                after=None if new is None else plain(new),
            )


def facts(key: ObjectKey, document: Document) -> dict[str, str]:
    """Every field of ``document`` by its path, its files by what is in them.

    No two fields have one path: what stands beside ``settings`` begins with ``/``, and a name that could be read
    as a path is quoted. Otherwise a field that means nothing would be shown in place of one that counts.
    """
    if key.kind is ObjectKind.APPROVER:
        return _approver_facts(document)
    found: dict[str, str] = {}
    for name, value in sorted(document.items(), key=lambda item: item[0] == FILES):
        if name == FILES and isinstance(value, Mapping):
            for file, content in value.items():
                found.update({f"{file}: {fact}": said for fact, said in _file_facts(content)})
        else:
            found.update(_flat(value, "" if name == "settings" else f"/{_segment(name)}"))
    return found


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{_segment(name)}" if path else _segment(name))
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    elif path or value != {}:
        said = json.dumps(value, ensure_ascii=False)
        # Of an address every character counts, and letters of other scripts look like those of ours (UTS 39 §4).
        yield path or "/settings", json.dumps(value) if "://" in said else said


def _segment(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _approver_facts(document: Document) -> dict[str, str]:
    try:
        approver = read_approver(document)
    except ChangeRefused:
        return dict(_flat(document, ""))
    found = {"name": approver.name, "role": approver.role.value}
    for number, credential in enumerate(approver.credentials):
        shown = credential.as_json()
        found[f"key {number + 1}"] = f"{shown['method']}, SHA-256 {grouped(credential.fingerprint)}"
        if "rp_id" in shown:
            found[f"key {number + 1}, for"] = ", ".join(shown["origins"])
    return found


def file_content(content: object) -> bytes:
    """The octets of an entry of ``files``; raises ChangeRefused ``registry.document``."""
    match content:
        case {"text": str(text), **rest} if not rest:
            return text.encode("utf-8")
        case {"base64": str(text), **rest} if not rest:
            try:
                return b64decode(text, validate=True)
            except ValueError as error:
                raise ChangeRefused("registry.document", "a file is no base64") from error
        case _:
            raise ChangeRefused("registry.document", "a file has neither text nor base64")


def _file_facts(content: object) -> Iterator[tuple[str, str]]:
    try:
        octets = file_content(content)
    except ChangeRefused as refused:
        yield "unreadable", str(refused)
        return
    certificates, beside = _certificates(octets)
    for number, certificate in enumerate(certificates, 1):
        prefix = f"certificate {number}, " if len(certificates) > 1 else ""
        for name, said in certificate_facts(certificate):
            yield prefix + name, said
    keys = tuple(key_set_facts(octets))  # also beside a certificate: a text may be read as both
    yield from keys
    for number, key in enumerate(_key_set(octets), 1):
        for name, said in _key_certificate_facts(key):
            yield f"key {number}, certificate, {name}", said
    if not certificates and not keys:
        yield "octets", str(len(octets))
    elif beside:
        yield "octets beside certificates", str(beside)
    yield "SHA-256 of the file", grouped(sha256(octets).hexdigest())


def certificate_facts(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    """What is compared before a certificate is believed."""
    yield "subject", certificate.subject.rfc4514_string()
    yield "issuer", certificate.issuer.rfc4514_string()
    yield "SHA-256 of the certificate", grouped(certificate.fingerprint(hashes.SHA256()).hex())
    yield "SHA-256 of the public key", grouped(sha256(_spki(certificate)).hexdigest())
    yield "key", _certified_key(certificate)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    yield "valid", f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def _spki(certificate: x509.Certificate) -> bytes:
    """As it stands in the certificate: also of a key that we could not use."""
    public = asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)).public_key
    octets: bytes = public.dump()
    return octets


def _certified_key(certificate: x509.Certificate) -> str:
    try:
        return key_words(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"


def key_words(key: CertificatePublicKeyTypes) -> str:
    """Kind and size of a key."""
    match key:
        case rsa.RSAPublicKey():
            return f"RSA, {key.key_size} bit"
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}, {key.key_size} bit"
        case dsa.DSAPublicKey():
            return f"DSA, {key.key_size} bit"
        case _:
            return type(key).__name__.removesuffix("PublicKey")


def _certificates(octets: bytes) -> tuple[list[x509.Certificate], int]:
    """Those of a file, and how many octets stand beside them. One in DER may hold any text, also one in PEM."""
    try:
        if octets[:1] == b"\x30":
            return [_readable(x509.load_der_x509_certificate(octets))], 0
        if b"-----BEGIN CERTIFICATE-----" in octets:
            found = [_readable(one) for one in x509.load_pem_x509_certificates(octets)]
            return found, len(_BLOCK.sub(b"", octets).strip())
    except (ValueError, x509.InvalidVersion):
        pass  # shown by size and digest
    return [], 0


def _readable(certificate: x509.Certificate) -> x509.Certificate:
    """``certificate`` if all that is shown of it can be; raises ValueError. It is parsed as it is read."""
    try:
        for _ in certificate_facts(certificate):
            pass
    except (TypeError, LookupError) as error:  # a name that is no text, of which the library has no value
        raise ValueError("unreadable") from error
    return certificate


_THUMBPRINT = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


def key_set_facts(octets: bytes) -> Iterator[tuple[str, str]]:
    """Each key of a JWK Set (RFC 7517 §5) by RFC 7638 §3; also those of a kind that is passed over at use."""
    for number, key in enumerate(_key_set(octets), 1):
        yield f"key {number}", _key_fact(key)


def _key_set(octets: bytes) -> list[Any]:
    try:
        keys = json.loads(octets)["keys"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    return keys if isinstance(keys, list) else []


def _key_fact(key: object) -> str:
    if not isinstance(key, dict):
        return "no key"
    said = " ".join(str(key[name]) for name in ("kty", "crv", "use", "alg", "kid") if name in key)
    try:
        members = {name: str(key[name]) for name in _THUMBPRINT[key["kty"]]}
        return f"{said}, thumbprint {base64url(sha256(canonical(members)).digest())}"
    except (LookupError, TypeError, ChangeRefused):
        return f"{said}, of no kind that has a thumbprint"


def _key_certificate_facts(key: object) -> Iterator[tuple[str, str]]:
    """Of the certificate that a client may show in TLS (RFC 8705 §2.2.2), whatever key stands beside it."""
    chain = key.get("x5c") if isinstance(key, dict) else None
    if not isinstance(chain, list) or not chain:
        return
    try:
        certificate = _readable(x509.load_der_x509_certificate(b64decode(chain[0], validate=True)))
    except (ValueError, TypeError, x509.InvalidVersion):
        yield "x5c", json.dumps(chain[0], ensure_ascii=False)
        return
    yield from certificate_facts(certificate)
