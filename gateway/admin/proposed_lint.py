"""What a change would make us believe, measured against the table of algorithms before anybody signs.

The same lint as on the partner's page (``trust.partner_lint``): there of what is in force, here of what is proposed.
Nothing is fetched. Of a country it is the metadata that are held now, with the exceptions it would have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from connectors.eidas import countries as eidas_countries
from connectors.eidas.settings import CountrySettings
from gateway.admin.anchor_reading import told
from gateway.admin.desk import Visit
from gateway.admin.sight import Sight
from trust.errors import VerificationError
from trust.partner_lint import Finding, Part, Verdict, lint_certificate, lint_document, lint_peer
from trust.registry import Change, ChangeRefused, Document, ObjectKey, ObjectKind
from trust.registry.diff import FILES, file_content

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def proposed_findings(change: Change, visit: Visit) -> dict[ObjectKey, tuple[Finding, ...]]:
    """By object, what is refused, needs an exception or ends soon; an object of which nothing can be measured is not in it."""
    found = {
        edit.key: _of_object(edit.key, edit.after, visit) for edit in change.edits if edit.after is not None
    }
    return {key: told(findings) for key, findings in found.items() if findings}


def _of_object(key: ObjectKey, document: Document, visit: Visit) -> list[Finding]:
    settings = document.get("settings")
    if not isinstance(settings, Mapping):
        return []
    match key.kind:
        case ObjectKind.ANCHOR | ObjectKind.SOURCE:
            return [*_signers(key, settings, document, visit), *_pinned(key, settings, document, visit)]
        case ObjectKind.COUNTRY:
            return [*_held(settings, visit)]
        case _:
            return []


def _signers(
    key: ObjectKey, settings: Mapping[str, Any], document: Document, visit: Visit
) -> Iterator[Finding]:
    """Certificates of who signs metadata or lists, and of keys that are pinned beside them."""
    signers = [settings.get("certificate"), *_listed(settings, "certificates", "further_certificates")]
    pinned = [pin.get("certificate") for pin in _listed(settings, "pinned") if isinstance(pin, Mapping)]
    for part, names in ((Part.DOCUMENT, signers), (Part.SIGNING_KEY, pinned)):
        for octets in _files(document, names):
            for certificate in _BLOCK.findall(octets) or [octets]:
                yield from lint_certificate(certificate, whose=str(key), part=part, now=visit.now)


def _pinned(
    key: ObjectKey, settings: Mapping[str, Any], document: Document, visit: Visit
) -> Iterator[Finding]:
    """Everything in a file of metadata that comes with the change."""
    place = settings.get("metadata")
    for octets in _files(document, [place.get("file")] if isinstance(place, Mapping) else []):
        try:
            by_digest = settings.get("kind") == "pinned-metadata"
            yield from lint_document(octets, now=visit.now, pinned=by_digest)
        except VerificationError as error:
            yield Finding(
                entity_id=str(key), part=Part.DOCUMENT, name="metadata", verdict=Verdict.REFUSED,
                reason=error.reason,
            )  # fmt: skip


def _held(settings: Mapping[str, Any], visit: Visit) -> Iterator[Finding]:
    """The metadata that are held of the country's node."""
    try:
        country = CountrySettings.model_validate(dict(settings))
    except ValidationError:  # the check of the configuration says it
        return
    sight = Sight(generation=visit.generation, fold=visit.fold, now=visit.now, ends=())
    vouching = sight.vouching(country)
    deviations = eidas_countries.deviations(eidas_countries.exceptions(country, visit.now))
    for facts in sight.facts(country.connector):
        if vouching.covers(facts) and facts.metadata is not None:
            yield from lint_peer(facts.metadata, now=visit.now, deviations=deviations)


def _listed(settings: Mapping[str, Any], *names: str) -> list[Any]:
    return [one for name in names if isinstance(found := settings.get(name), list) for one in found]


def _files(document: Document, names: Iterable[object]) -> Iterator[bytes]:
    """Of those that come with the change; what is no file the registry itself refuses."""
    held = document.get(FILES)
    for name in names:
        if isinstance(held, Mapping) and isinstance(name, str) and name in held:
            try:
                yield file_content(held[name])
            except ChangeRefused:
                continue
