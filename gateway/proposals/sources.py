"""What a source lists, as edits of the registry: anchors, and the countries that name them.

One group of edits for each country, so that people decide on each by itself. What is the same as in force
gives no edit; what people have retired or given to an automatic source is left alone.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trust.anchors import AnchorState
from trust.certificates import require_path
from trust.errors import VerificationError
from trust.listed_anchors import ListedAnchor
from trust.pinned import PinnedKey
from trust.registry import Document, Edit, ObjectKey, ObjectKind, RegistryObject, State
from trust.registry.diff import FILES, file_content
from trust.sources import SourceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source says now."""

    anchors: tuple[ListedAnchor, ...]
    doubtful: frozenset[str] = frozenset()
    """Addresses, and countries, that it names in a way that cannot be used: nothing is concluded for them."""
    evidence: str


def listed_edits(
    state: State, source: SourceSettings, listing: Listing, *, now: datetime
) -> Iterator[tuple[str, list[Edit]]]:
    """Country and edits, for each country for which something would be different."""
    for country in source.countries:
        edits = [*_country_edits(state, source, country, listing, now)]
        if edits:
            yield country, edits


def _country_edits(
    state: State, source: SourceSettings, country: str, listing: Listing, now: datetime
) -> Iterator[Edit]:
    key = ObjectKey(ObjectKind.COUNTRY, f"{source.connector}.{country}".lower())
    chosen = state.objects.get(key)
    if chosen is not None and "source" in _settings(chosen):
        return
    anchors = [anchor for anchor in listing.anchors if anchor.country == country]
    providers = [anchor for anchor in anchors if "idp" in anchor.anchor.roles]
    matched: set[ObjectKey] = set()
    for listed in anchors:
        found = _in_force(state, listed)
        if found is not None:
            matched.add(found.key)
            yield from _renewed(found, listed, now)
            continue
        name = ObjectKey(ObjectKind.ANCHOR, listed.anchor.id)
        matched.add(name)
        yield Edit(key=name, before=None, after=_new_anchor(listed))
        if providers == [listed]:
            yield _pointing(key, chosen, source, listed)
    if country not in listing.doubtful:
        yield from _vanished(state, source, country, matched, listing.doubtful)


def _in_force(state: State, listed: ListedAnchor) -> RegistryObject | None:
    """The anchor for the same address, or of the same name."""
    where = listed.anchor.metadata
    for key in state.keys(ObjectKind.ANCHOR):
        found = state.objects[key]
        there = _settings(found).get("metadata", {})
        same = there.get("url") == where.url and there.get("mdq") == where.mdq
        if key.id == listed.anchor.id or (same and _speaks_for(found, listed)):
            return found
    return None


def _speaks_for(found: RegistryObject, listed: ListedAnchor) -> bool:
    """Of several entities behind one query service, the one that is meant."""
    settings = _settings(found)
    if listed.anchor.metadata.mdq is None:
        return bool(listed.country in settings.get("countries", ()))
    return bool(list(listed.anchor.metadata.entity_ids) == settings["metadata"].get("entity_ids"))


def _renewed(found: RegistryObject, listed: ListedAnchor, now: datetime) -> Iterator[Edit]:
    """The anchor with the signers of the list, unless it believes them anyway."""
    settings = _settings(found)
    if settings.get("kind") != "metadata-signer" or settings.get("state") != AnchorState.ACTIVE:
        return
    held = [
        file_content(found.document[FILES][name])
        for name in (settings.get("certificate"), *settings.get("further_certificates", ()))
        if name in found.document[FILES]
    ]
    if all(_believed(certificate, held, now) for certificate in listed.certificates):
        return
    before = {settings.get("certificate"), *settings.get("further_certificates", ())}
    files = {name: content for name, content in found.document[FILES].items() if name not in before}
    new = {name: value for name, value in settings.items() if name != "further_certificates"}
    named = _certificate_files(found.key.id, listed.certificates)
    new.update(_named(named))
    after = {**found.document, "settings": new, FILES: {**files, **named}}
    yield Edit(key=found.key, before=found.digest, after=after, suspended=found.suspended)


def _believed(certificate: bytes, held: Sequence[bytes], now: datetime) -> bool:
    """Whether an anchor that holds ``held`` takes what ``certificate`` signs: same key, or issued below."""
    for own in held:
        try:
            if PinnedKey.from_certificate(own) == PinnedKey.from_certificate(certificate):
                return True
            require_path(certificate, (), own, now=now)
        except VerificationError:
            continue
        return True
    return False


def _pointing(
    key: ObjectKey, chosen: RegistryObject | None, source: SourceSettings, listed: ListedAnchor
) -> Edit:
    """The country with the new anchor; new if nobody could choose it before."""
    (entity_id, *others) = listed.anchor.metadata.entity_ids
    own: dict[str, Any] = {"country": listed.country, "connector": source.connector}
    settings = own if chosen is None else dict(_settings(chosen))
    settings |= {"anchor": listed.anchor.id}
    if not others:
        settings |= {"entity_id": entity_id}
    files: Mapping[str, Any] = {} if chosen is None else chosen.document[FILES]
    return Edit(
        key=key,
        before=None if chosen is None else chosen.digest,
        after={"settings": settings, FILES: files},
        suspended=chosen is not None and chosen.suspended,
    )


def _vanished(
    state: State, source: SourceSettings, country: str, matched: set[ObjectKey], doubtful: frozenset[str]
) -> Iterator[Edit]:
    """Anchors that came from this source and that it knows no longer are proposed to be retired."""
    for key in state.keys(ObjectKind.ANCHOR):
        found = state.objects[key]
        settings = _settings(found)
        if key in matched or settings.get("source") != f"source/{source.id}":
            continue
        if country not in settings.get("countries", ()) or settings.get("state") != AnchorState.ACTIVE:
            continue
        if settings.get("metadata", {}).get("url") in doubtful:
            continue
        after = {**found.document, "settings": {**settings, "state": AnchorState.RETIRED.value}}
        yield Edit(key=key, before=found.digest, after=after, suspended=found.suspended)


def _new_anchor(listed: ListedAnchor) -> Document:
    files = _certificate_files(listed.anchor.id, listed.certificates)
    settings = {**listed.anchor.model_dump(mode="json", exclude_defaults=True), **_named(files)}
    return {"settings": settings, FILES: files}


def _named(files: Mapping[str, object]) -> dict[str, object]:
    first, *further = files
    return {"certificate": first, **({"further_certificates": further} if further else {})}


def _certificate_files(anchor: str, certificates: Iterable[bytes]) -> dict[str, dict[str, str]]:
    """In a fixed order, by names that say which: a file of one name never changes."""
    by_key = sorted({PinnedKey.from_certificate(der).fingerprint: der for der in certificates}.items())
    return {certificate_file(anchor, print_): certificate_text(der) for print_, der in by_key}


def certificate_file(anchor: str, fingerprint: str) -> str:
    """Where a certificate of an anchor lies; by the fingerprint of its key."""
    return f"registry/anchors/{anchor}.{fingerprint[:16]}.crt"


def certificate_text(der: bytes) -> dict[str, str]:
    """A certificate as a file of a document."""
    return {"text": ssl.DER_cert_to_PEM_cert(der)}


def _settings(found: RegistryObject) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = found.document["settings"]
    return settings
