"""``eid-gateway lint``: a partner's metadata against the table of algorithms, with years."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.eidas import countries as eidas_countries
from connectors.eidas.settings import CountrySettings
from gateway.bundle import Configuration
from gateway.commands.keys import in_force
from gateway.sources import fetch_policy
from trust.algorithms import NONE, Deviations
from trust.anchors import AnchorKind, TrustAnchor
from trust.fetch import fetch
from trust.mdq import address
from trust.partner_lint import Finding, lint_document, refused
from trust.registry.diff import plain
from trust.xml import AGGREGATE

DESCRIPTION = """\
Prints one line per key, certificate and algorithm: accepted until when, with which exception, or refused and why.
PARTNER is a country (GR), an entityID, a connector (bundid), or a file of metadata. Of a partner the copy that the
gateway holds is read, else what its address gives now. Exit status 1 if something is refused.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Partner:
    title: str
    octets: bytes
    entity_id: str | None = None
    deviations: Deviations = NONE
    pinned: bool = False


class UnknownPartner(Exception):
    """Nothing in the configuration is called so."""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``lint``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    partner = commands.add_parser(
        "partner",
        help="what of a partner's metadata is accepted, and until when",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    partner.add_argument("partner", metavar="PARTNER")
    partner.add_argument("--config", type=Path, metavar="DIR", help="configuration directory; not for a file")
    partner.add_argument(
        "--years", type=int, default=2, metavar="N", help="mark what ends within N years (default 2)"
    )
    partner.set_defaults(run=_partner)


def _partner(options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    status = 0
    try:
        for partner in _partners(options.partner, options.config, now):
            found = lint_document(
                partner.octets,
                now=now,
                years=options.years,
                deviations=partner.deviations,
                entity_id=partner.entity_id,
                pinned=partner.pinned,
            )
            _print(partner.title, found)
            status = max(status, int(refused(found)))
    except UnknownPartner as error:
        print(f"eid-gateway: {plain(str(error))}", file=sys.stderr)
        return 1
    return status


def _print(title: str, findings: tuple[Finding, ...]) -> None:
    print(plain(title))
    entity = ""
    for finding in findings:
        if finding.entity_id != entity:
            entity = finding.entity_id
            print(f"  {plain(entity)}")
        print(f"    {plain(finding.sentence)}")


def _partners(name: str, directory: Path | None, now: datetime) -> Iterator[_Partner]:
    path = Path(name)
    if path.is_file():
        with path.open("rb") as file:
            yield _Partner(
                title=f"{name} (a file; nobody has verified it)", octets=file.read(AGGREGATE.max_bytes + 1)
            )
        return
    if directory is None:
        raise UnknownPartner(f"there is no file {name}; for anything else give --config")
    configuration = in_force(directory)
    found = [*_countries(name, configuration, directory, now), *_connectors(name, configuration, directory)]
    if not found:
        raise UnknownPartner(
            f"{name} is no file, and no country, entityID or connector with metadata of ours"
        )
    yield from found


def _countries(name: str, configuration: Configuration, directory: Path, now: datetime) -> Iterator[_Partner]:
    code = "GR" if name.upper() == "EL" else name.upper()
    for country in configuration.countries:
        if name != country.entity_id and code != country.country:
            continue
        deviations = eidas_countries.deviations(eidas_countries.exceptions(country, now))
        if country.source is not None:
            yield from _listed(country, directory, deviations)
        anchor = configuration.anchors.get(country.anchor or "")
        if anchor is not None:
            yield _of_anchor(
                f"country {country.country}", anchor, country.entity_id, configuration, directory, deviations
            )


def _connectors(name: str, configuration: Configuration, directory: Path) -> Iterator[_Partner]:
    for account in configuration.accounts.values():
        anchor = configuration.anchors.get(account.anchor)
        if anchor is not None and name in {account.id, account.peer}:
            yield _of_anchor(f"account {account.id}", anchor, account.peer, configuration, directory, NONE)


def _listed(country: CountrySettings, directory: Path, deviations: Deviations) -> Iterator[_Partner]:
    """What an automatic source has brought of the country."""
    pattern = f"{country.source}.{country.country.lower()}.*.xml"
    for path in sorted((directory / "var/metadata").glob(pattern)):
        yield _Partner(
            title=f"country {country.country}, {path.stem}, the copy held",
            octets=path.read_bytes(),
            entity_id=country.entity_id,
            deviations=deviations,
        )


def _of_anchor(
    title: str,
    anchor: TrustAnchor,
    entity_id: str | None,
    configuration: Configuration,
    directory: Path,
    deviations: Deviations,
) -> _Partner:
    place, octets = _octets(anchor, configuration, directory)
    return _Partner(
        title=f"{title}, anchor {anchor.id}, {place}",
        octets=octets,
        entity_id=entity_id,
        deviations=deviations,
        pinned=anchor.kind is AnchorKind.PINNED_METADATA,
    )


def _octets(anchor: TrustAnchor, configuration: Configuration, directory: Path) -> tuple[str, bytes]:
    kept, where = directory / "var/metadata" / f"{anchor.id}.xml", anchor.metadata
    if kept.is_file():
        return "the copy held", kept.read_bytes()
    if where.file is not None:
        return where.file, (directory / where.file).read_bytes()
    url = where.url or address(where.mdq or "", where.entity_ids[0], sha1=where.mdq_sha1)
    octets = fetch(url, policy=fetch_policy(configuration), max_bytes=AGGREGATE.max_bytes)
    return f"fetched now from {url}, not verified", octets
