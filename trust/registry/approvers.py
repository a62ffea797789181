"""Who may sign changes: people and the public keys enrolled for them.

The document of an object ``approver/<id>``::

    {"name": "Anna Beispiel", "role": "operator",
     "credentials": [
       {"method": "ed25519", "public_key": "<32 octets>"},
       {"method": "webauthn", "credential_id": "<octets>", "public_key": "<COSE key>",
        "rp_id": "trust.sachsen.example", "origins": ["https://trust.sachsen.example"]}]}

``role`` may be left out: ``approver``. Octets are base64url without padding (RFC 4648 §5). What a passkey's assertion must name as relying party and
origin is enrolled with it: every node verifies with the log alone, whatever its own settings.
"""

from __future__ import annotations

import json
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trust.registry.canonical import Document
from trust.registry.credential_keys import ed25519_key, passkey_key
from trust.registry.errors import ChangeRefused

FEWEST = 2
"""Of role approver must remain: with one, nobody could change anything again."""


class Role(StrEnum):
    """What an enrolled person may do. Each may do what those before it may."""

    VIEWER = "viewer"
    """Read everything, sign nothing."""
    OPERATOR = "operator"
    """Suspend, and be the proposer among the two people of an ordinary change or a re-activation."""
    APPROVER = "approver"

    def covers(self, needed: Role) -> bool:
        """Whether this role may do what ``needed`` may."""
        return _RANK[self] >= _RANK[needed]


_RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.APPROVER: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ed25519Credential:
    """A key that signs on a command line (RFC 8032)."""

    public_key: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo, hexadecimal."""
        return sha256(self.key().public_bytes(_DER, _SPKI)).hexdigest()

    def key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public_key)

    def as_json(self) -> Document:
        return {"method": "ed25519", "public_key": base64url(self.public_key)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyCredential:
    """A WebAuthn credential (WebAuthn-3 §4)."""

    credential_id: bytes
    public_key: bytes
    rp_id: str
    origins: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the COSE key, hexadecimal."""
        return sha256(self.public_key).hexdigest()

    def as_json(self) -> Document:
        return {
            "method": "webauthn",
            "credential_id": base64url(self.credential_id),
            "public_key": base64url(self.public_key),
            "rp_id": self.rp_id,
            "origins": list(self.origins),
        }


Credential = Ed25519Credential | PasskeyCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """One person."""

    name: str
    credentials: tuple[Credential, ...]
    role: Role = Role.APPROVER

    def as_json(self) -> Document:
        listed = {"name": self.name, "credentials": [one.as_json() for one in self.credentials]}
        return listed if self.role is Role.APPROVER else listed | {"role": self.role.value}


def read_approver(document: Document) -> Approver:
    """The person of a document; raises ChangeRefused ``registry.approver``."""
    listed = document.get("credentials")
    name = document.get("name")
    role = document.get("role", Role.APPROVER.value)
    fields = set(document) - {"role"}
    if fields != {"name", "credentials"} or not isinstance(name, str) or not isinstance(listed, list):
        raise ChangeRefused("registry.approver", "needs exactly name and credentials")
    if role not in list(Role):
        raise ChangeRefused("registry.approver", f"role is one of {', '.join(Role)}")
    if not name.strip() or not listed:
        raise ChangeRefused("registry.approver", "needs a name and at least one key")
    credentials = tuple(_read_credential(entry) for entry in listed)
    return Approver(name=name, credentials=credentials, role=Role(role))


def check_approvers(documents: Mapping[str, Document]) -> None:
    """At least two people that are told apart, and no key that two of them could use; raises ChangeRefused."""
    owners: dict[bytes, str] = {}
    spelled: dict[str, str] = {}
    """Names and identifiers together: pages show the one or the other."""
    people = {name: read_approver(document) for name, document in documents.items()}
    for name, person in people.items():
        if not person.name.isprintable():
            raise ChangeRefused("registry.approver", f"the name of {name} holds controls or hidden marks")
        for spelling in (name.lower(), _as_read(person.name)):
            if (like := spelled.setdefault(spelling, name)) != name:
                raise ChangeRefused("registry.approver", f"{like} and {name} look like one person")
        for credential in person.credentials:
            # A passkey is found by its identifier: one of the same would keep its owner out.
            marks = (credential.credential_id,) if isinstance(credential, PasskeyCredential) else ()
            for mark in (_material(name, credential), *marks):
                if (owner := owners.setdefault(mark, name)) != name:
                    raise ChangeRefused("registry.approver", f"{owner} and {name} have the same key")
    if sum(person.role is Role.APPROVER for person in people.values()) < FEWEST:
        raise ChangeRefused("registry.approver", f"fewer than {FEWEST} approvers would remain")


def _as_read(name: str) -> str:
    """Letters that look the same, small and capital ones, and any number of spaces are one (UAX 15, NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _material(name: str, credential: Credential) -> bytes:
    """The key itself, the same in every form; raises ChangeRefused for one that is nobody's."""
    try:
        if isinstance(credential, Ed25519Credential):
            return ed25519_key(credential.public_key)
        return passkey_key(credential.public_key)
    except ValueError as error:
        raise ChangeRefused("registry.approver", f"a key of {name} is {error}") from error


def read_public_key(pem: bytes) -> Ed25519Credential:
    """An Ed25519 public key in PEM; raises ChangeRefused."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise ChangeRefused("registry.approver", "is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ChangeRefused("registry.approver", "is no Ed25519 key")
    return Ed25519Credential(public_key=key.public_bytes_raw())


def read_key_file(octets: bytes) -> Credential:
    """What a person hands over: a public key in PEM, or a passkey as the console gives it (JSON); raises ChangeRefused."""
    if not octets.lstrip().startswith(b"{"):
        return read_public_key(octets)
    try:
        value = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise ChangeRefused("registry.approver", "is no passkey in JSON") from error
    return _read_credential(value)


def _read_credential(value: object) -> Credential:
    match value:
        case {"method": "ed25519", "public_key": str(key), **rest} if not rest:
            octets = from_base64url(key)
            if len(octets) != 32:
                raise ChangeRefused("registry.approver", "an Ed25519 key has 32 octets")
            return Ed25519Credential(public_key=octets)
        case {
            "method": "webauthn",
            "credential_id": str(identifier),
            "public_key": str(key),
            "rp_id": str(rp_id),
            "origins": [*origins],
            **rest,
        } if not rest:
            if not origins or not rp_id or not all(_is_origin(origin, rp_id) for origin in origins):
                raise ChangeRefused("registry.approver", "origins must be https origins of rp_id")
            return PasskeyCredential(
                credential_id=from_base64url(identifier),
                public_key=from_base64url(key),
                rp_id=rp_id,
                origins=tuple(origins),
            )
        case _:
            raise ChangeRefused("registry.approver", "a credential is neither ed25519 nor webauthn")


def _is_origin(value: object, rp_id: str) -> bool:
    """WebAuthn-3 §5.1.3: the RP ID is the origin's host or a suffix of it; http on localhost only."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    host = parts.hostname or ""
    if value != f"{parts.scheme}://{parts.netloc}" or not (host == rp_id or host.endswith(f".{rp_id}")):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")


def base64url(octets: bytes) -> str:
    """RFC 4648 §5 without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The inverse, of exactly that form; raises ChangeRefused ``registry.form``."""
    try:
        octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NoBase64, ValueError) as error:
        raise ChangeRefused("registry.form", "is no base64url") from error
    if base64url(octets) != text:
        raise ChangeRefused("registry.form", "is no base64url")
    return octets


_DER = serialization.Encoding.DER
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
