"""The operator's files about the Online-Ausweis: one connector for each way to an eID service.

All ways share one authorisation certificate and one eID-Server behind it, so a card has the same
pseudonym on each of them; three connectors nevertheless make three ``sub``, as three sources do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eid_server.chat import SELECTOR_RIGHTS
from sandbox.addresses import Addresses
from sandbox.card.issuer import CardIssuer
from sandbox.eid_service import material
from sandbox.eid_service.saml_world import NATIONAL_CONNECTOR, partner_section
from sandbox.npa.block_list import write_block_list
from sandbox.toml_text import document

ATTACHED, SOAP, SAML = "npa", "npa-soap", NATIONAL_CONNECTOR
AUSWEISAPPS_CARD = "550be00e9f7ed612984343f0849cf929326c16aeab60843d7686209ce1e99e9e"
"""SHA-256 of the "TEST Document Signer" of the card in AusweisApp's simulator, for those who try the
sandbox with an AusweisApp of their own (docs/ausweisapp.md)."""
_NAMES = {
    ATTACHED: {"de": "Online-Ausweis", "en": "Online ID card"},
    SOAP: {"de": "Online-Ausweis über SOAP", "en": "Online ID card through SOAP"},
    SAML: {"de": "Online-Ausweis über SAML", "en": "Online ID card through SAML"},
}


def prepare_cards(state: Path) -> None:
    """Whoever makes the test cards, and which of these are blocked; the authorisation must be there."""
    write_block_list(material.pki_directory(state), CardIssuer(material.cards_directory(state)))


def write_cards(state: Path, registry: Path, addresses: Addresses) -> None:
    """The connectors; keys and authorisation must be there."""
    _write(registry, addresses, ATTACHED, "attached", _attached(state))
    _write(registry, addresses, SOAP, "soap", material.soap_section(addresses))
    _write(registry, addresses, SAML, "saml", partner_section(addresses, "saml"))


def _attached(state: Path) -> dict[str, object]:
    issuer = CardIssuer(material.cards_directory(state))
    return {
        "pki": str(material.pki_directory(state).resolve()),
        "csca": [str(issuer.trust_point.resolve())],
        "revocation_lists": [str(issuer.revocations.resolve())],
        "pinned_signers": [AUSWEISAPPS_CARD],
    }


def _write(registry: Path, addresses: Addresses, name: str, way: str, section: Mapping[str, object]) -> None:
    fields = {
        "kind": "npa",
        "id": name,
        "name": _NAMES[name],
        "way": way,
        "authorisation_certificate": "made by the sandbox on this machine",
        "subject_url": addresses.gateway,
        "rights": list(SELECTOR_RIGHTS),
    }
    path = registry / "connectors" / f"{name}.toml"
    path.write_text(document(fields, {way: section}), encoding="utf-8")
