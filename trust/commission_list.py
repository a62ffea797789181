"""What the Commission's eIDAS dashboard says about a country's node, as JSON.

The Commission publishes no description of the format that we know of. What is read here is what
``/efda/api/v2/eidas-node/details/{country}`` gave in May 2024, as a public repository of test data has kept
it: ``{"countryCode", "productionNode", "testingNode"}``, each node with ``status``,
``commonSigningCertificates``, ``eidasService.proxyService``, ``eidasConnectors`` and
``middlewareServiceHosted``. Whatever else is in it is left alone; what is missing or of another kind drops the
country with a reason. The interface asks for a session of a person, so usually somebody downloads the file.

Nobody signs it: it is read to *propose*, and for nothing else (security.md D.3).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trust.anchors import MetadataRoleName
from trust.errors import MetadataError, TrustError
from trust.metadata import DroppedEntity
from trust.pinned import PinnedKey
from trust.servicelist import ListedEndpoint, ListedLocation, require_location

MAXIMUM_BYTES = 4_194_304
_CERTIFICATES = 20
_CERTIFICATE_OCTETS = 16_384
_COMMON = {"idp": "service", "sp": "connector"}
"""Flag of a common certificate that says for which role it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionList:
    sha256: str
    locations: tuple[ListedLocation, ...]
    dropped: tuple[DroppedEntity, ...]


def read_commission_list(
    octets: bytes, *, countries: frozenset[str], environment: str, allow_http_loopback: bool = False
) -> CommissionList:
    """One country's object, or a list of them; raises MetadataError ``commission.*`` for anything else."""
    if len(octets) > MAXIMUM_BYTES:
        raise MetadataError("commission.size")
    try:
        parsed = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise MetadataError("commission.json") from error
    locations: list[ListedLocation] = []
    dropped: list[DroppedEntity] = []
    entries = parsed if isinstance(parsed, list) else [parsed]
    seen: set[str] = set()
    for entry in entries:
        code = entry.get("countryCode") if isinstance(entry, dict) else None
        if not isinstance(code, str) or len(code) != 2:
            raise MetadataError("commission.country", "an entry names none")
        country = "GR" if code == "EL" else code
        try:
            if country not in countries:
                raise MetadataError("entity.country-not-covered")
            if country in seen:
                raise MetadataError("commission.country", "is there twice")
            seen.add(country)
            locations += _node(entry.get(environment), country, allow_http_loopback=allow_http_loopback)
        except TrustError as error:
            dropped.append(DroppedEntity(entity_id=code, reason=error.reason, detail=error.detail))
    return CommissionList(
        sha256=hashlib.sha256(octets).hexdigest(), locations=tuple(locations), dropped=tuple(dropped)
    )


def _node(node: object, country: str, *, allow_http_loopback: bool) -> list[ListedLocation]:
    if node is None:
        raise MetadataError("commission.no-node", "the country has none of this environment")
    if not isinstance(node, Mapping):
        raise MetadataError("commission.form")
    if node.get("status") != "ACTIVE":
        raise MetadataError("commission.inactive")
    service = node.get("eidasService")
    proxy = service.get("proxyService") if isinstance(service, Mapping) else None
    if isinstance(service, Mapping) and service.get("middlewareServiceProvided") is not None:
        raise MetadataError("commission.middleware", "its metadata are handed over as a file")
    connectors = node.get("eidasConnectors")
    listed: list[tuple[object, MetadataRoleName]] = [] if proxy is None else [(proxy, "idp")]
    listed += [
        (connector, "sp")
        for connector in (connectors if isinstance(connectors, list) else [])
        if isinstance(connector, Mapping) and connector.get("status") == "ACTIVE"
    ]
    return [
        _location(entity, node, role, country, allow_http_loopback=allow_http_loopback)
        for entity, role in listed
    ]


def _location(
    entity: object,
    node: Mapping[str, Any],
    role: MetadataRoleName,
    country: str,
    *,
    allow_http_loopback: bool,
) -> ListedLocation:
    if not isinstance(entity, Mapping) or not isinstance(entity.get("metadataUrl"), str):
        raise MetadataError("commission.form", "no metadataUrl")
    if entity.get("status") != "ACTIVE":
        raise MetadataError("commission.inactive", role)
    url: str = entity["metadataUrl"]
    require_location(url, allow_http_loopback=allow_http_loopback)
    keys = [
        *_certificates(entity.get("signingCertificates"), None),
        *_certificates(node.get("commonSigningCertificates"), _COMMON[role]),
    ]
    if not keys:
        raise MetadataError("commission.key", "no certificate that signs metadata")
    return ListedLocation(
        country=country,
        location=url,
        # eIDAS: the entityID is the address of the metadata (Message Format §2.1.1)
        endpoints=(ListedEndpoint(role=role, entity_id=url),),
        keys=tuple(dict.fromkeys(keys)),
    )


def _certificates(entries: object, flag: str | None) -> Iterator[PinnedKey]:
    if not isinstance(entries, list):
        return
    for entry in entries[:_CERTIFICATES]:
        if not isinstance(entry, Mapping) or entry.get("type", "METADATA_SIGN") != "METADATA_SIGN":
            continue
        text = entry.get("base64")
        if (flag is not None and entry.get(flag) is not True) or not isinstance(text, str):
            continue
        if len(text) > _CERTIFICATE_OCTETS:
            raise MetadataError("commission.certificate", "too large")
        try:
            octets = base64.b64decode("".join(text.split()), validate=True)
        except ValueError as error:
            raise MetadataError("commission.certificate", "no base64") from error
        yield PinnedKey.from_certificate(octets)
