"""A partner's metadata against the table of algorithms, with years: what is accepted, until when, what is not.

It looks and believes nothing: what it says of a file that nobody has verified is as good as the file. A
*finding* is about one algorithm, key or certificate. What a partner advertises and we do not accept is no
fault as long as something is left; what it signs or encrypts with has to be accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import rsa

from trust import xml
from trust.algorithms import (
    CONTENT_ENCRYPTIONS,
    DIGESTS,
    ECDH_ES,
    KEY_AGREEMENT_END,
    KEY_TRANSPORTS,
    KEY_WRAPS,
    NONE,
    RSA_MINIMUM_BITS,
    SIGNATURES,
    SIGNATURES_END,
    Algorithm,
    Deviation,
    Deviations,
    require_key,
)
from trust.errors import TrustError, VerificationError
from trust.metadata import PeerMetadata
from trust.metadata_entity import (
    ENTITIES_DESCRIPTOR,
    ENTITY_DESCRIPTOR,
    EntityPolicy,
    embedded_certificates,
    read_entity,
)
from trust.pinned import PinnedKey
from trust.schema_types import instant
from trust.xml import DS, Element

_DS = "{" + DS + "}"
_ENCRYPTIONS: Mapping[str, Algorithm] = {
    **CONTENT_ENCRYPTIONS, **KEY_TRANSPORTS, **KEY_WRAPS, ECDH_ES.uri: ECDH_ES,
}  # fmt: skip
_FOREVER = 9999
_BEGIN, _END = instant("0001-01-02T00:00:00Z"), instant("9999-12-30T00:00:00Z")


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    EXCEPTION = "exception"
    """Accepted with a dated exception of the country only."""
    REFUSED = "refused"
    IGNORED = "ignored"
    """Advertised beside others; we neither use nor accept it."""


class Part(StrEnum):
    DOCUMENT = "document"
    """The signature on the metadata."""
    SIGNING_KEY = "signing-key"
    ENCRYPTION_KEY = "encryption-key"
    ADVERTISED = "advertised"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """About one algorithm, key or certificate."""

    entity_id: str
    part: Part
    name: str
    """URI of the algorithm; of a key its kind, size and the begin of its fingerprint; else what it is about."""
    verdict: Verdict
    until: date | None = None
    """Last day on which it is accepted; None: refused, or nothing ends it."""
    reason: str = ""
    """Why not, or what it takes."""
    ends_soon: bool = False
    """Within the years asked for."""

    @property
    def sentence(self) -> str:
        """For people."""
        said = {
            Verdict.ACCEPTED: "accepted",
            Verdict.EXCEPTION: "accepted with an exception only",
            Verdict.REFUSED: "refused",
            Verdict.IGNORED: "advertised, not used",
        }[self.verdict]
        until = "" if self.until is None else f" until {self.until.isoformat()}"
        reason = f": {self.reason}" if self.reason else ""
        return (
            f"{self.part.value} {self.name}: {said}{until}{reason}{' (ends soon)' if self.ends_soon else ''}"
        )


def lint_peer(
    peer: PeerMetadata, *, now: datetime, years: int = 2, deviations: Deviations = NONE
) -> tuple[Finding, ...]:
    """Keys, certificates and what one role of one entity advertises."""
    found = [
        *(
            finding
            for key in dict.fromkeys((*peer.signing_keys, *peer.pending_keys))
            for finding in _key(peer.entity_id, Part.SIGNING_KEY, key, SIGNATURES_END, now, deviations)
        ),
        *(
            finding
            for entry in peer.encryption_keys
            for finding in _key(
                peer.entity_id, Part.ENCRYPTION_KEY, entry.key, KEY_AGREEMENT_END, now, deviations
            )
        ),
        *_advertised(peer.entity_id, peer.signing_algorithms, SIGNATURES, now, deviations),
        *_advertised(
            peer.entity_id,
            dict.fromkeys(method for entry in peer.encryption_keys for method in entry.methods),
            _ENCRYPTIONS,
            now,
            deviations,
        ),
        *(
            Finding(entity_id=peer.entity_id, part=Part.ENTITY, name=alert, verdict=Verdict.REFUSED)
            for alert in peer.alerts
            if _is_lost(alert)
        ),
    ]
    return tuple(_dated(found, now, years))


def lint_document(
    octets: bytes,
    *,
    now: datetime,
    years: int = 2,
    deviations: Deviations = NONE,
    entity_id: str | None = None,
    pinned: bool = False,
) -> tuple[Finding, ...]:
    """Everything in a file of metadata, which need not be signed by anybody we know.

    ``entity_id``: of an aggregate, this one only. ``pinned``: believed by its digest, so it needs no
    signature.

    Raises VerificationError ``xml.*`` when it is no metadata at all.
    """
    root = xml.parse(octets, xml.AGGREGATE)
    if root.tag not in {ENTITY_DESCRIPTOR, ENTITIES_DESCRIPTOR}:
        raise VerificationError("metadata.root", "is no SAML metadata")
    whole = root.get("entityID") or root.get("Name") or ""
    found = [] if pinned else [*_signature(root, whole, now, deviations), *_validity(root, whole, now)]
    policy = EntityPolicy(
        anchor="",
        countries=_countries(root),
        country_required=False,
        allow_http_loopback=True,
        now=_BEGIN,  # what has ended is looked at all the same
    )
    for entity in [root] if root.tag == ENTITY_DESCRIPTOR else root.iter(ENTITY_DESCRIPTOR):
        if entity_id is not None and (entity.get("entityID") or "").strip() != entity_id:
            continue
        peers, dropped = read_entity(entity, policy, valid_until=_END)
        found += [
            Finding(
                entity_id=lost.entity_id, part=Part.ENTITY, name="metadata", verdict=Verdict.REFUSED,
                reason=f"{lost.reason} {lost.detail}".strip(),
            )
            for lost in dropped
        ]  # fmt: skip
        for peer in peers:
            found += lint_peer(peer, now=now, years=years, deviations=deviations)
    return tuple(_dated(found, now, years))


def lint_certificate(
    octets: bytes,
    *,
    whose: str,
    part: Part,
    now: datetime,
    years: int = 2,
    deviations: Deviations = NONE,
) -> tuple[Finding, ...]:
    """One certificate, PEM or DER, as an anchor names it; ``whose`` stands in the place of the entity."""
    try:
        key = PinnedKey.from_certificate(octets)
    except VerificationError as error:
        return (
            Finding(
                entity_id=whose, part=part, name="certificate", verdict=Verdict.REFUSED, reason=error.reason
            ),
        )
    ends = KEY_AGREEMENT_END if part is Part.ENCRYPTION_KEY else SIGNATURES_END
    return tuple(_dated(_key(whose, part, key, ends, now, deviations), now, years))


def refused(findings: Iterable[Finding]) -> bool:
    """Whether logins with this partner fail, now or without an exception."""
    return any(finding.verdict is Verdict.REFUSED for finding in findings)


def _key(
    entity_id: str, part: Part, key: PinnedKey, ends: date, now: datetime, deviations: Deviations
) -> Iterator[Finding]:
    public = key.public_key
    kind = f"RSA {public.key_size}" if isinstance(public, rsa.RSAPublicKey) else f"EC {public.curve.name}"
    name = f"{kind}, SHA-256 {key.fingerprint[:16]}"
    blank = Finding(entity_id=entity_id, part=part, name=name, verdict=Verdict.ACCEPTED)
    yield _measured(blank, public_fits(key, NONE), public_fits(key, frozenset({Deviation.RSA_2048})), ends)
    if key.not_after is None:
        return
    certificate = replace(blank, name=f"{name}, certificate", until=key.not_after.date())
    if key.not_before is not None and now < key.not_before:
        yield replace(certificate, verdict=Verdict.REFUSED, until=None, reason="certificate.not-yet-valid")
    elif now <= key.not_after:
        yield certificate
    else:
        excepted = Deviation.EXPIRED_CERTIFICATE in deviations
        yield replace(
            certificate,
            verdict=Verdict.EXCEPTION if excepted else Verdict.REFUSED,
            until=None,
            reason=f"certificate.expired {key.not_after:%Y-%m-%d}; exception expired-certificate",
        )


def public_fits(key: PinnedKey, deviations: Deviations) -> str | None:
    """Why the policy refuses a key's kind or size; None: it does not."""
    try:
        require_key(key.public_key, deviations=deviations)
    except VerificationError as error:
        return f"{error.reason}: {error.detail}" if error.detail else error.reason
    return None


def _measured(blank: Finding, strict: str | None, lenient: str | None, ends: date) -> Finding:
    if strict is None:
        return replace(blank, until=ends)
    if lenient is None:
        return replace(
            blank, verdict=Verdict.EXCEPTION, reason=f"below RSA {RSA_MINIMUM_BITS}; exception rsa-2048"
        )
    return replace(blank, verdict=Verdict.REFUSED, reason=strict)


def _advertised(
    entity_id: str,
    uris: Iterable[str],
    table: Mapping[str, Algorithm],
    now: datetime,
    deviations: Deviations,
) -> Iterator[Finding]:
    for uri in uris:
        found = _algorithm(entity_id, Part.ADVERTISED, uri, table, now, deviations)
        yield replace(found, verdict=Verdict.IGNORED) if found.verdict is Verdict.REFUSED else found


def _algorithm(
    entity_id: str,
    part: Part,
    uri: str,
    table: Mapping[str, Algorithm],
    now: datetime,
    deviations: Deviations,
) -> Finding:
    row = table.get(uri)
    blank = Finding(entity_id=entity_id, part=part, name=uri[:200], verdict=Verdict.REFUSED)
    if row is None:
        return replace(blank, reason="not in the table of algorithms")
    if now.date() > row.ends:
        return replace(blank, reason=f"ended {row.ends.isoformat()}")
    if row.deviation is None:
        return replace(blank, verdict=Verdict.ACCEPTED, until=row.ends)
    held = "the country has it" if row.deviation in deviations else "the country does not have it"
    return replace(
        blank,
        verdict=Verdict.EXCEPTION,
        until=row.ends,
        reason=f"exception {row.deviation.value}, {held}",
    )


def _signature(root: Element, whole: str, now: datetime, deviations: Deviations) -> Iterator[Finding]:
    signature = root.find(f"{_DS}Signature")
    blank = Finding(entity_id=whole, part=Part.DOCUMENT, name="signature", verdict=Verdict.REFUSED)
    if signature is None:
        yield replace(blank, reason="is missing: such a file is believed by its digest only")
        return
    for path, table in (
        (f"{_DS}SignedInfo/{_DS}SignatureMethod", SIGNATURES),
        (f"{_DS}SignedInfo/{_DS}Reference/{_DS}DigestMethod", DIGESTS),
    ):
        method = signature.find(path)
        uri = "" if method is None else method.get("Algorithm") or ""
        yield _algorithm(whole, Part.DOCUMENT, uri, table, now, deviations)
    try:
        signers = [PinnedKey.from_certificate(der) for der in _hints(signature)]
    except TrustError as error:
        yield replace(blank, name="certificate of the signer", reason=error.reason)
        return
    for key in dict.fromkeys(signers):
        yield from _key(whole, Part.DOCUMENT, key, SIGNATURES_END, now, deviations)


def _hints(signature: Element) -> tuple[bytes, ...]:
    return embedded_certificates(signature.find(f"{_DS}KeyInfo"))


def _validity(root: Element, whole: str, now: datetime) -> Iterator[Finding]:
    stated = root.get("validUntil")
    blank = Finding(entity_id=whole, part=Part.DOCUMENT, name="validUntil", verdict=Verdict.REFUSED)
    if stated is None:
        yield replace(blank, reason="is missing")
        return
    try:
        until = instant(stated)
    except VerificationError as error:
        yield replace(blank, reason=error.reason)
        return
    if until <= now:
        yield replace(blank, reason=f"was {until:%Y-%m-%d %H:%M} UTC")


def _countries(root: Element) -> frozenset[str]:
    """Whatever the file says: whether an anchor may speak for them is not the question here."""
    codes = {
        (element.text or "").strip()
        for element in root.iter("{http://eidas.europa.eu/saml-extensions}NodeCountry")
    }
    return frozenset("GR" if code == "EL" else code for code in codes)


def _is_lost(alert: str) -> bool:
    """Alerts about keys that could not even be kept; what is kept is looked at by itself."""
    return alert == "key.use" or alert.endswith(
        ("key.curve", "key.type", "key.exponent", "unreadable", "certificate.missing", "key.ambiguous")
    )


def _dated(findings: Iterable[Finding], now: datetime, years: int) -> Iterator[Finding]:
    last = date(min(now.year + years, _FOREVER), now.month, min(now.day, 28))
    for finding in findings:
        soon = finding.until is not None and finding.until < last
        yield replace(finding, ends_soon=soon)
