"""The checks of the Online-Ausweis: what the authorisation certificate allows against what each client is
registered for, its origin against ours, and no attached eID-Server in production.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from connectors.contract import AuthenticationRequest
from connectors.errors import RequestNotPossible
from connectors.identity import NATURAL_ATTRIBUTES, PersonKind
from connectors.npa import NPASettings
from connectors.npa.asked import ATTRIBUTE_OPERATIONS, FACT_OPERATIONS, eid_request
from connectors.npa.settings import WayWord
from gateway.bundle.keys import EID_PURPOSES, SAML_PURPOSES
from gateway.bundle.problems import Located, Problems
from gateway.client_settings import Client, RepresentationPolicy
from gateway.presentation import service
from gateway.settings import KeyPurpose, Mode, Settings, resolve


def key_purposes(connector: NPASettings) -> frozenset[KeyPurpose]:
    """What keys the way to the eID service needs."""
    match connector.way:
        case WayWord.SOAP:
            return EID_PURPOSES
        case WayWord.SAML:
            return SAML_PURPOSES
        case WayWord.ATTACHED:
            return frozenset()


def check_connectors(
    cards: Iterable[Located[NPASettings]], settings: Settings, directory: Path, problems: Problems
) -> None:
    """Origin, files and mode of each Online-Ausweis."""
    production = settings.gateway.mode is Mode.PRODUCTION
    for located in cards:
        card, file = located.model, located.file
        if card.way is WayWord.ATTACHED and production:
            problems.add(
                file, "way", "the attached eID-Server is for test and reference, not for production",
                'use an eID service: way = "soap" or "saml"',
            )  # fmt: skip
        if card.way is WayWord.ATTACHED and settings.listen.workers != 1:
            problems.add(
                file, "way", "the sessions of the attached eID-Server are in one process",
                "[listen] workers = 1",
            )  # fmt: skip
        if card.subject_url is not None and _origin(card.subject_url) != _origin(settings.gateway.issuer):
            problems.add(
                file, "subject_url", "is of another origin than the issuer: eID-Clients refuse every login",
                "one gateway has one origin; correct [gateway] issuer, or have another certificate issued",
            )  # fmt: skip
        if production and card.subject_url is None:
            problems.warn(
                file, "subject_url", "is missing, so its origin is not compared with the issuer's",
                "copy subjectURL from the certificate's description",
            )  # fmt: skip
        for path, reference in _files(card):
            if not resolve(reference, directory).exists():
                problems.add(file, path, f"{reference} does not exist", "correct the path")


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454 §4)."""
    parts = urlsplit(url)
    return (
        parts.scheme,
        (parts.hostname or "").lower(),
        parts.port or {"https": 443, "http": 80}.get(parts.scheme),
    )


def _files(card: NPASettings) -> Iterable[tuple[str, str]]:
    if card.attached is not None:
        yield "attached.pki", card.attached.pki
        for name in ("csca", "master_lists", "revocation_lists"):
            for index, reference in enumerate(getattr(card.attached, name)):
                yield f"attached.{name}[{index}]", reference
    if card.soap is not None:
        yield "soap.server_ca", card.soap.server_ca
        for index, signer in enumerate(card.soap.signers):
            yield f"soap.signers[{index}].certificate", signer.certificate


def check_clients(
    clients: Iterable[Located[Client]],
    cards: Mapping[str, Located[NPASettings]],
    settings: Settings,
    problems: Problems,
) -> None:
    """Whether the certificate allows what each client is registered for."""
    for located in clients:
        client, file = located.model, located.file
        offered = [cards[name].model for name in client.means if name in cards]
        if not offered:
            for path in ("card_facts", "age_verification", "place_verification"):
                if getattr(client, path):
                    problems.add(
                        file, path, "no Online-Ausweis is among means", "remove it, or add the means"
                    )
            continue
        if client.representation is RepresentationPolicy.REQUIRE:
            problems.add(
                file, "means", f"{offered[0].id} never names a representative", "see representation and means"
            )
        for card in offered:
            _client(located, card, settings.gateway.issuer, problems)


def _client(located: Located[Client], card: NPASettings, issuer: str, problems: Problems) -> None:
    client, file = located.model, located.file
    try:
        eid_request(largest_request(client, issuer), card)
    except RequestNotPossible as error:
        problem, remedy = _WORDS.get(error.reason, (error.reason, "see docs/online-ausweis.md"))
        problems.add(file, "means", f"{card.id}: {problem.format(error.detail)}", remedy)
        return
    wanted = {name: ATTRIBUTE_OPERATIONS[name] for name in client.optional if name in ATTRIBUTE_OPERATIONS}
    wanted |= {name: FACT_OPERATIONS[name] for name in client.card_facts}
    for name, operation in wanted.items():
        if operation not in card.rights:
            problems.warn(
                file, name, f"is never read: the certificate of {card.id} does not allow {operation}",
                "see rights, or remove it",
            )  # fmt: skip


_WORDS = {
    "npa.person": ("cards identify natural persons only", "see persons and means"),
    "npa.attribute-not-offered": ("no card delivers {}, which is required", "see required and means"),
    "npa.rights": (
        "the authorisation certificate does not allow {}",
        "see rights; remove what is not needed",
    ),
    "npa.nothing-asked": ("nothing would be read", "register attributes, an age, an area or the identifier"),
}


def largest_request(client: Client, issuer: str) -> AuthenticationRequest:
    """What a journey of ``client`` asks a card for at most."""
    return AuthenticationRequest(
        service=service(client, issuer),
        minimum=client.level,
        persons=frozenset(PersonKind(word) for word in client.persons),
        required=frozenset(client.required) & set(NATURAL_ATTRIBUTES),
        optional=frozenset(client.optional) & set(NATURAL_ATTRIBUTES),
        card_facts=frozenset(client.card_facts),
        age=client.age_verification[0] if client.age_verification else None,
        community_id=client.place_verification,
        identifier=client.identifier,
    )
