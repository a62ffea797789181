"""What the console says of partners, without HTTP (security.md D.2, D.7; ux.md §11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.peer_facts import PeerFacts
from gateway.admin.anchor_reading import anchor_view, source_view
from gateway.admin.decisions import person, standing
from gateway.admin.partner_reading import connector_view, country_key, country_view, overview
from gateway.admin.partner_views import AnchorView
from gateway.admin.sight import Sight
from gateway.bundle import Configuration, load
from gateway.expiry import expiries
from tests.admin.in_force import NORDIC, SWEDEN, InForce, Partner
from tests.gateway.registry_bundle import directory, keys
from tests.support.enrolled_people import people
from tests.trust.metadata_maker import (
    ENTITY_ID,
    NOW,
    Node,
    issue,
    key,
    key_descriptor,
    with_invalid_printable_string,
    with_name_that_is_no_text,
)
from tests.trust.registry.people import ANNA, BERT, People
from tests.trust.registry.people import document as registry_document
from trust.errors import TrustError
from trust.metadata_source import SourceStatus
from trust.partner_lint import Verdict
from trust.registry import Fold, ObjectKey, ObjectKind

__all__ = ["directory", "keys", "people"]

SE_ANCHOR = ObjectKey(ObjectKind.ANCHOR, "se-node")


@pytest.fixture
def configuration(directory: Path) -> Configuration:
    for name, text in SWEDEN.items():
        (directory / name).write_text(text)
    return load(directory)


def partners(
    configuration: Configuration, partner: Partner, fold: Fold | None = None, *, now=NOW, **last
) -> Sight:
    generation = InForce(configuration, {"eidas": partner})
    ends = expiries(generation, fold, now)
    return Sight(generation=generation, fold=fold, now=now, ends=ends, **last)


def anchor(sight: Sight, name: str) -> AnchorView:
    return anchor_view(sight, sight.configuration.anchors[name])


def test_countries_are_listed_in_the_unions_protocol_order(configuration: Configuration) -> None:
    """Greece (Elláda) stands before Sweden (Sverige), whatever the files are called."""
    shown = overview(partners(configuration, Partner(Node()), last_by_country={"SE": NOW}))
    assert [row.country for row in shown.countries] == ["GR", "SE"]
    greece, sweden = shown.countries
    assert (greece.state, greece.reason, greece.last_login) == ("down", "fetch.connection", None)
    assert (sweden.state, sweden.reason, sweden.last_login) == ("ok", None, NOW)
    assert shown.means == ()


def test_a_country_shows_its_anchor_and_its_entity_with_fingerprints(configuration: Configuration) -> None:
    """In groups of four, of certificate and key, to read out on the telephone (security.md D.7)."""
    der = issue("message signer", key("message signer"))
    found = country_view(partners(configuration, Partner(Node())), "eidas", "SE")
    assert found is not None
    assert found.entity_id == ENTITY_ID
    [entity] = found.peers
    [certificate] = entity.keys
    assert certificate.certificate_fingerprint.replace(" ", "") == sha256(der).hexdigest()
    assert {len(group) for group in certificate.key_fingerprint.split(" ")} == {4}
    assert (certificate.key, certificate.use) == ("EC secp256r1, 256 bit", "signing")
    assert "message signer" in certificate.subject
    assert certificate.days_left is not None
    assert found.anchor is not None
    [pinned] = found.anchor.certificates
    assert "saml" in pinned.subject or pinned.subject
    assert found.anchor.used_by == (("eidas", "SE"),)
    assert entity.levels == ("http://eidas.europa.eu/LoA/high",)
    assert entity.software == "SE:node:2.9.0"


def test_another_entity_of_the_same_anchor_is_not_the_countrys(configuration: Configuration) -> None:
    countries = tuple(
        country.model_copy(update={"entity_id": "https://other.example/"})
        if country.country == "SE"
        else country
        for country in configuration.countries
    )
    found = country_view(
        partners(replace(configuration, countries=countries), Partner(Node())), "eidas", "SE"
    )
    assert found is not None
    assert found.peers == ()


def test_a_certificate_that_no_strict_parser_reads_is_shown_all_the_same(
    configuration: Configuration,
) -> None:
    """eidas.md §6.4: Portugal's, with a character that no PrintableString may hold."""
    der = with_invalid_printable_string(issue("message signer", key("message signer")))
    partner = Partner(Node(keys=(key_descriptor(der),)))
    found = country_view(partners(configuration, partner), "eidas", "SE")
    assert found is not None
    [certificate] = found.peers[0].keys
    assert "message signer" in certificate.subject
    assert certificate.certificate_fingerprint.replace(" ", "") == sha256(der).hexdigest()


def test_a_certificate_whose_name_is_no_text_keeps_nobody_from_the_page(configuration: Configuration) -> None:
    """The key counts, whatever stands beside it."""
    der = with_name_that_is_no_text(issue("message signer", key("message signer")), "message signer")
    found = country_view(partners(configuration, Partner(Node(keys=(key_descriptor(der),)))), "eidas", "SE")
    assert found is not None
    [certificate] = found.peers[0].keys
    assert certificate.certificate_fingerprint.replace(" ", "") == sha256(der).hexdigest()


def test_a_failing_source_says_when_it_last_worked_and_what_is_wrong(configuration: Configuration) -> None:
    partner = Partner(Node())
    partner.octets = b"broken"
    later = NOW + timedelta(hours=1)
    with pytest.raises(TrustError):
        partner.source.refresh(later)
    found = anchor(partners(configuration, partner, now=later), "se-node")
    assert found is not None
    [source] = found.documents
    assert (source.connector, source.status.state, source.status.refreshed_at) == ("eidas", "stale", NOW)
    assert source.status.tried_at == later
    assert source.status.reason
    assert [peer.peer for peer in source.peers] == [ENTITY_ID]


def test_who_proposed_and_who_signed_comes_from_the_log(configuration: Configuration, people: People) -> None:
    """Not from ``approved_by`` of a file, which anybody can write."""
    change = people.put(SE_ANCHOR, registry_document(id="se-node"))
    found = anchor(partners(configuration, Partner(Node()), people.registry.follow()), "se-node")
    assert found is not None
    assert found.standing.registered
    decision = found.standing.decision
    assert decision is not None
    assert (decision.change_hash, decision.proposer, decision.signers) == (
        change.change_hash,
        ANNA,
        (ANNA, BERT),
    )
    assert (decision.reason, decision.evidence, decision.in_force_since) == ("because", "file 1", people.now)


def test_without_a_registry_nobody_is_said_to_have_approved(configuration: Configuration) -> None:
    found = anchor(partners(configuration, Partner(Node())), "se-node")
    assert found is not None
    assert not found.standing.registered
    assert found.standing.decision is None


def test_a_suspended_anchor_suspends_the_country_in_the_list(
    configuration: Configuration, people: People
) -> None:
    people.put(SE_ANCHOR, registry_document(id="se-node"))
    people.suspend(SE_ANCHOR, by=BERT)
    view = partners(configuration, Partner(Node()), people.registry.follow())
    [sweden] = [row for row in overview(view).countries if row.country == "SE"]
    assert (sweden.state, sweden.since) == ("suspended", people.now)
    found = anchor(view, "se-node")
    assert found is not None
    assert (found.standing.suspended, found.standing.suspended_by) == (True, (BERT,))
    assert found.standing.review_due == people.now + timedelta(hours=72)


def test_open_changes_that_would_touch_an_object_are_named(
    configuration: Configuration, people: People
) -> None:
    change = people.draft([people.edit(SE_ANCHOR, registry_document(id="se-node"))])
    people.propose(change)
    fold = people.registry.follow()
    assert standing(fold, SE_ANCHOR, people.now).open == (change.change_hash,)
    assert standing(fold, SE_ANCHOR, people.now + timedelta(days=4)).open == ()


def test_what_a_proposer_calls_itself_is_shown_harmlessly(people: People) -> None:
    """A row in the log may name anything as proposer."""
    fold = people.registry.follow()
    assert person(fold, ANNA) == ANNA
    assert person(fold, "\u202eevil") == "\\u202eevil"
    assert person(fold, "") == ""


def test_a_connector_shows_what_it_publishes_and_its_anchors(configuration: Configuration) -> None:
    found = connector_view(partners(configuration, Partner(Node())), "eidas")
    assert found is not None
    assert [row.country for row in found.rows] == ["GR", "SE"]
    assert found.documents == ("https://id.example/connectors/eidas/metadata",)
    assert [anchor.anchor.id for anchor in found.anchors] == ["gr-node", "se-node"]
    assert found.by_hand == ()


def test_unknown_names_have_no_page(configuration: Configuration) -> None:
    view = partners(configuration, Partner(Node()))
    assert country_view(view, "eidas", "FR") is None
    assert country_view(view, "bundid", "SE") is None
    assert connector_view(view, "nobody") is None


def test_what_ends_first_stands_in_the_list(configuration: Configuration) -> None:
    """Fresh metadata are nothing to warn of; the certificate of the anchor is."""
    [sweden] = [
        row for row in overview(partners(configuration, Partner(Node()))).countries if row.country == "SE"
    ]
    assert sweden.next_end is not None
    assert sweden.next_end.kind in {"anchor-certificate", "peer-certificate"}


def test_the_key_of_a_country_in_the_registry(configuration: Configuration) -> None:
    sweden = next(country for country in configuration.countries if country.country == "SE")
    assert str(country_key(sweden)) == "country/eidas.se"


def test_a_country_may_be_vouched_for_by_a_source(directory: Path) -> None:
    """The anchors that follow from a list belong to the list (security.md D.3)."""
    (directory / "registry/sources").mkdir()
    (directory / "registry/sources/nordic.toml").write_text(NORDIC)
    (directory / "registry/countries/se.toml").write_text('country = "SE"\nsource = "nordic"\n')
    sight = partners(load(directory), Partner(Node(), name="nordic.se.0011aabb"))
    found = country_view(sight, "eidas", "SE")
    assert found is not None
    assert (found.anchor, found.source, found.entity_id) == (None, "nordic", ENTITY_ID)
    assert [peer.peer for peer in found.peers] == [ENTITY_ID]
    source = source_view(sight, sight.configuration.sources["nordic"])
    assert [document.status.anchor for document in source.documents] == ["nordic.se.0011aabb"]
    assert (source.used_by, source.status) == ((("eidas", "SE"),), None)
    assert len(source.certificates) == 1


def test_a_country_shows_how_its_metadata_stand_and_what_ends_within_two_years(
    configuration: Configuration,
) -> None:
    """security.md D.4: a partner against the table of algorithms, with years."""
    der = issue("short", key("short"), end=NOW + timedelta(days=200))
    found = country_view(partners(configuration, Partner(Node(keys=(key_descriptor(der),)))), "eidas", "SE")
    assert found is not None
    assert [(status.anchor, status.refreshed_at) for status in found.statuses] == [("se-node", NOW)]
    [finding] = found.peers[0].findings
    assert (finding.verdict, finding.until) == (Verdict.ACCEPTED, (NOW + timedelta(days=200)).date())
    assert finding.ends_soon


ESAML = """
kind = "eidas"
id = "esaml"
role = "esaml"
[esaml]
address = "https://eid-server.example/saml"
issuer = "https://eid-server.example/"
signing_certificates = ["registry/connectors/signing.pem"]
encryption_certificate = "registry/connectors/encryption.pem"
"""


class EIDServer(Partner):
    """A partner whose keys were exchanged by hand."""

    def sources(self, *, now: datetime) -> Sequence[SourceStatus]:
        del now
        return ()

    def peer_facts(self) -> Sequence[PeerFacts]:
        return [replace(facts, anchor=None, country=None) for facts in super().peer_facts()]


def test_a_country_without_anchor_ends_with_the_keys_of_its_connector(directory: Path) -> None:
    for name in ("signing", "encryption"):
        pem = x509.load_der_x509_certificate(issue(name, key(name))).public_bytes(Encoding.PEM)
        (directory / f"registry/connectors/{name}.pem").write_bytes(pem)
    (directory / "registry/connectors/esaml.toml").write_text(ESAML)
    (directory / "registry/countries/se.toml").write_text('country = "SE"\nconnector = "esaml"\n')
    configuration = load(directory)
    generation = InForce(configuration, {"esaml": EIDServer(Node())})
    ends = expiries(generation, None, NOW)
    sight = Sight(generation=generation, fold=None, now=NOW, ends=ends)
    [sweden] = [row for row in overview(sight).countries if row.country == "SE"]
    assert sweden.next_end is not None
    assert (sweden.next_end.kind, sweden.next_end.link) == ("peer-certificate", "/connectors/esaml")
    connector = connector_view(sight, "esaml")
    assert connector is not None
    assert [peer.peer for peer in connector.by_hand] == [ENTITY_ID]
