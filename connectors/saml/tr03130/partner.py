"""The eID-Server we speak SAML with: its addresses and keys, exchanged with its operator by hand.

TR-03130-1 §4 knows no metadata: both sides register each other's certificates. Ours are in the
document that the connector publishes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import PeerUnavailable
from trust.algorithms import Deviation, Deviations
from trust.errors import VerificationError
from trust.pinned import PinnedKey

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class PartnerException(BaseModel):
    """A dated deviation from the algorithm policy. After ``until`` it is as if it were not there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Deviation
    until: date
    reason: str


class PartnerSection(BaseModel):
    """What the operator of the eID-Server has told us."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    """https URL that takes our requests."""
    issuer: str
    """``Issuer`` of its responses, compared octet by octet."""
    signing_certificates: tuple[str, ...] = Field(min_length=1)
    """Files (PEM or DER), relative to the configuration; several during a roll-over."""
    encryption_certificate: str
    """File. Its key must be none of the signing keys (TR-03130-1 §4)."""
    entity_id: str | None = None
    """Our ``Issuer`` towards it; default ``<issuer>/connectors/<id>/metadata``."""
    clock_skew_seconds: int = Field(default=60, ge=0, le=180)
    exceptions: tuple[PartnerException, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """The eID-Server, its files read."""

    section: PartnerSection
    signing: tuple[PinnedKey, ...]
    encryption: PinnedKey

    @property
    def issuer(self) -> str:
        return self.section.issuer

    def deviations(self, now: datetime) -> Deviations:
        return frozenset(e.kind for e in self.section.exceptions if now.date() <= e.until)

    def recipient(self, now: datetime) -> PinnedKey:
        """The key to encrypt to; raises PeerUnavailable when its certificate has ended."""
        try:
            self.encryption.require_usable(now=now, deviations=self.deviations(now))
        except VerificationError as error:
            raise PeerUnavailable("eid-server.encryption-certificate", error.reason) from error
        return self.encryption

    def why_down(self, now: datetime) -> str | None:
        """Why nothing can be asked at ``now``, as a stable word; None: all is well."""
        try:
            self.recipient(now)
        except PeerUnavailable as error:
            return error.reason
        usable = [key for key in self.signing if key.not_after is None or now <= key.not_after]
        lenient = Deviation.EXPIRED_CERTIFICATE in self.deviations(now)
        return None if usable or lenient else "eid-server.signing-certificate"

    @property
    def valid_until(self) -> datetime | None:
        """When the first of its certificates ends."""
        return min((k.not_after for k in (*self.signing, self.encryption) if k.not_after), default=None)


def load(section: PartnerSection, directory: Path) -> Partner:
    """Read the files; raises VerificationError, OSError. ``problems`` says the same in words."""
    signing = tuple(
        PinnedKey.from_certificate((directory / name).read_bytes()) for name in section.signing_certificates
    )
    encryption = PinnedKey.from_certificate((directory / section.encryption_certificate).read_bytes())
    if encryption in signing:
        raise VerificationError("eid-server.keys", "one key for signing and encryption")
    return Partner(section=section, signing=signing, encryption=encryption)


def problems(
    section: PartnerSection, directory: Path, *, development: bool
) -> Iterator[tuple[str, str, str]]:
    """Each thing wrong with the section: setting, problem, remedy."""
    parts = urlsplit(section.address)
    plain = development and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or parts.fragment or not (parts.scheme == "https" or plain):
        yield "address", "is no https address", "ask the operator of the eID-Server"
    named = {f"signing_certificates[{i}]": name for i, name in enumerate(section.signing_certificates)}
    named["encryption_certificate"] = section.encryption_certificate
    unread = False
    for setting, name in named.items():
        try:
            PinnedKey.from_certificate((directory / name).read_bytes())
        except OSError as error:
            unread = True
            yield setting, f"cannot be read: {error.strerror}", "path relative to the configuration directory"
        except VerificationError:
            unread = True
            yield setting, "is no certificate with an RSA or EC key", "ask the operator of the eID-Server"
    if unread:
        return
    try:
        load(section, directory)
    except VerificationError:
        yield (
            "encryption_certificate",
            "holds the key of a signing certificate",
            "one key, one purpose (TR-03130-1 §4)",
        )
