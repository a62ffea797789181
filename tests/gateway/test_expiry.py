"""One list of everything that ends (security.md D.2, D.7; ux.md §11: bands of 90, 30, 14, 7 and 1 days)."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path

import pytest

from gateway.bundle import load
from gateway.expiry import Band, Expiry, ExpiryKind, band_at, expiries
from gateway.expiry.kinds import page_of
from gateway.own_keys.plan import KeyPlan
from gateway.settings import KeyPurpose
from tests.admin.in_force import InForce, Partner
from tests.gateway.registry_bundle import CERTIFICATE, directory, keys
from tests.support.enrolled_people import people
from tests.trust.metadata_maker import ENTITY_ID, NOW, Node, issue, key, key_descriptor
from tests.trust.registry.people import ANNA, BERT, GREECE, People
from tests.trust.registry.people import document as registry_document
from trust.anchors import AnchorState
from trust.registry import Status

__all__ = ["directory", "keys", "people"]

DAY = timedelta(days=1)


def of_kind(found: Sequence[Expiry], *kinds: ExpiryKind) -> list[Expiry]:
    return [one for one in found if one.kind in kinds]


@pytest.mark.parametrize(
    ("left", "band"),
    [
        (timedelta(0), Band.EXPIRED),
        (-DAY, Band.EXPIRED),
        (timedelta(seconds=1), Band.DAYS_1),
        (DAY, Band.DAYS_1),
        (DAY + timedelta(seconds=1), Band.DAYS_7),
        (7 * DAY, Band.DAYS_7),
        (14 * DAY, Band.DAYS_14),
        (30 * DAY, Band.DAYS_30),
        (90 * DAY, Band.DAYS_90),
        (91 * DAY, Band.LATER),
    ],
)
def test_band_is_the_narrowest_that_fits(left: timedelta, band: Band) -> None:
    assert band_at(NOW + left, NOW) is band


def test_anchor_its_certificate_own_certificates_and_algorithms_are_listed(directory: Path) -> None:
    configuration = load(directory)
    found = expiries(InForce(configuration), None, NOW)
    assert [one.when for one in found] == sorted(one.when for one in found)
    [anchor] = of_kind(found, ExpiryKind.ANCHOR)
    assert (anchor.key, anchor.when.date(), anchor.band, anchor.link, anchor.country) == (
        "anchor/gr-node",
        date(2027, 1, 1),
        Band.DAYS_90,
        "/anchors/gr-node",
        "GR",
    )
    [certificate] = of_kind(found, ExpiryKind.ANCHOR_CERTIFICATE)
    assert certificate.subject == "gr-node"
    own = of_kind(found, ExpiryKind.OWN_CERTIFICATE)
    assert {one.subject for one in own} == {"saml-signing", "saml-decryption", "saml-metadata"}
    assert {one.when.year for one in of_kind(found, ExpiryKind.ALGORITHM)} == {2027, 2031, 2035}


def test_what_is_not_believed_anyway_does_not_end(directory: Path) -> None:
    """Suspended, retired and revoked anchors: nothing stops when their days are over."""
    configuration = load(directory)
    anchor = configuration.anchors["gr-node"].model_copy(update={"state": AnchorState.SUSPENDED})
    found = expiries(InForce(replace(configuration, anchors={"gr-node": anchor})), None, NOW)
    assert not of_kind(found, ExpiryKind.ANCHOR, ExpiryKind.ANCHOR_CERTIFICATE)


def test_a_file_that_is_gone_takes_only_itself_from_the_list(directory: Path) -> None:
    """The node still holds what it read; the list of the others must not fail for it."""
    configuration = load(directory)
    (directory / CERTIFICATE).unlink()
    found = expiries(InForce(configuration), None, NOW)
    assert of_kind(found, ExpiryKind.ANCHOR)
    assert not of_kind(found, ExpiryKind.ANCHOR_CERTIFICATE)


def test_metadata_that_refresh_themselves_are_nothing_to_warn_of(directory: Path) -> None:
    """Fresh metadata of a day are always in the narrowest band; only stale ones are pressing."""
    partner = Partner(Node())
    generation = InForce(load(directory), {"eidas": partner})
    [fresh] = of_kind(expiries(generation, None, NOW), ExpiryKind.METADATA)
    assert (fresh.band, fresh.pressing, fresh.link) == (Band.DAYS_1, False, "/anchors/se-node")
    [over] = of_kind(expiries(generation, None, NOW + 2 * DAY), ExpiryKind.METADATA)
    assert (over.band, over.pressing) == (Band.EXPIRED, True)


def test_a_key_with_a_successor_is_nothing_to_warn_of(directory: Path) -> None:
    """During a roll-over the old certificate ends as planned; the last one of a use is pressing."""
    ends = [NOW + 10 * DAY, NOW + 300 * DAY]
    certificates = [issue(f"signer {end:%j}", key(f"signer {end:%j}"), end=end) for end in ends]
    node = Node(keys=(key_descriptor(*certificates[:1]), key_descriptor(*certificates[1:])))
    found = expiries(InForce(load(directory), {"eidas": Partner(node)}), None, NOW)
    old, new = of_kind(found, ExpiryKind.PEER_CERTIFICATE)
    assert (old.subject, old.country, old.band, old.pressing) == (ENTITY_ID, "SE", Band.DAYS_14, False)
    assert (new.band, new.pressing) == (Band.LATER, True)
    assert old.key != new.key


def test_certificates_beside_the_keys_of_clients_are_listed(directory: Path) -> None:
    """RFC 7517 §4.7: the first of ``x5c`` is the key's own."""
    configuration = load(directory)
    der = issue("client", key("client"), end=NOW + 5 * DAY)
    entries = [{"kty": "EC", "x5c": [base64.b64encode(der).decode()]}, {"kty": "EC"}, {"x5c": ["%"]}, 7]
    inline = configuration.clients["amt24"].model_copy(update={"jwks": {"keys": entries}})
    (directory / "registry/client.jwks").write_text(json.dumps({"keys": entries}))
    by_file = inline.model_copy(
        update={"client_id": "other", "jwks": None, "jwks_file": "registry/client.jwks"}
    )
    broken = by_file.model_copy(update={"client_id": "broken", "jwks_file": CERTIFICATE})
    clients = {client.client_id: client for client in (inline, by_file, broken)}
    found = expiries(InForce(replace(configuration, clients=clients)), None, NOW)
    listed = of_kind(found, ExpiryKind.CLIENT_CERTIFICATE)
    assert sorted((one.subject, one.band, one.link) for one in listed) == [
        ("amt24", Band.DAYS_7, "/clients/amt24"),
        ("other", Band.DAYS_7, "/clients/other"),
    ]


def test_tls_certificates_of_the_listeners_are_listed(directory: Path) -> None:
    configuration = load(directory)
    listen = configuration.settings.listen.model_copy(
        update={"tls_certificate": CERTIFICATE, "mtls_client_ca": CERTIFICATE}
    )
    settings = configuration.settings.model_copy(update={"listen": listen})
    found = expiries(InForce(replace(configuration, settings=settings)), None, NOW)
    listed = of_kind(found, ExpiryKind.LISTENER_CERTIFICATE)
    assert sorted(one.subject for one in listed) == ["listen.mtls_client_ca", "listen.tls_certificate"]


def test_exceptions_end_and_are_forgotten_a_month_later(directory: Path) -> None:
    country = directory / "registry/countries/gr.toml"
    country.write_text(
        country.read_text()
        + 'profile = "lenient"\n[[exceptions]]\nkind = "rsa-pkcs1"\nuntil = 2026-11-30\nreason = "letter"\n'
    )
    generation = InForce(load(directory))
    [found] = of_kind(expiries(generation, None, NOW), ExpiryKind.EXCEPTION)
    assert (found.key, found.band, found.link) == (
        "exception/eidas/GR/rsa-pkcs1",
        Band.DAYS_14,
        "/partners/eidas/GR",
    )
    [over] = of_kind(expiries(generation, None, NOW + 20 * DAY), ExpiryKind.EXCEPTION)
    assert over.band is Band.EXPIRED
    assert not of_kind(expiries(generation, None, NOW + 60 * DAY), ExpiryKind.EXCEPTION)


def test_open_proposals_and_due_reviews_are_listed(directory: Path, people: People) -> None:
    """A change counts 72 hours, a suspension is looked at within 72 hours (security.md D.7)."""
    people.put(GREECE, registry_document(state="active"))
    change = people.draft([people.edit(GREECE, registry_document(state="active", source="again"))])
    people.propose(change)
    people.suspend(GREECE, by=BERT)
    generation, fold = InForce(load(directory)), people.registry.follow()
    listed = of_kind(expiries(generation, fold, people.now), ExpiryKind.PROPOSAL, ExpiryKind.REVIEW)
    # the suspension has changed what the proposal starts from: it cannot come into force any more
    assert [(one.kind, one.subject, one.band) for one in listed] == [
        (ExpiryKind.REVIEW, str(GREECE), Band.DAYS_7)
    ]
    overdue = of_kind(expiries(generation, fold, people.now + 4 * DAY), ExpiryKind.REVIEW)
    assert [one.band for one in overdue] == [Band.EXPIRED]


def test_a_proposal_that_waits_for_people_ends_with_their_time(directory: Path, people: People) -> None:
    change = people.draft([people.edit(GREECE, registry_document())], proposer=ANNA)
    people.propose(change)
    generation, fold = InForce(load(directory)), people.registry.follow()
    [found] = of_kind(expiries(generation, fold, people.now), ExpiryKind.PROPOSAL)
    assert (found.when, found.detail) == (change.expires_at, Status.PENDING)
    assert not of_kind(expiries(generation, fold, people.now + 4 * DAY), ExpiryKind.PROPOSAL)
    assert found.when.tzinfo is UTC


SOURCE = f"""
id = "nordic"
kind = "mdsl"
state = "active"
url = "https://list.example/mdsl.xml"
certificates = ["{CERTIFICATE}"]
countries = ["SE"]
valid_from = 2026-01-01
valid_until = 2026-12-20
evidence = "file 9"
[[exceptions]]
kind = "rsa-pkcs1"
until = 2027-06-30
reason = "lists in use are signed so"
"""


def test_sources_of_metadata_end_with_their_signers(directory: Path) -> None:
    (directory / "registry/sources").mkdir()
    (directory / "registry/sources/nordic.toml").write_text(SOURCE)
    found = expiries(InForce(load(directory)), None, NOW)
    listed = of_kind(found, ExpiryKind.SOURCE)
    assert {one.link for one in listed} == {"/sources/nordic"}
    assert [one.when.date() for one in listed if one.key == "source/nordic"] == [date(2026, 12, 20)]
    assert len(listed) == 2
    [exception] = of_kind(found, ExpiryKind.EXCEPTION)
    assert (exception.key, exception.link) == ("exception/nordic/rsa-pkcs1", "/sources/nordic")


def test_what_follows_from_a_source_is_shown_on_its_page(directory: Path) -> None:
    (directory / "registry/sources").mkdir()
    (directory / "registry/sources/nordic.toml").write_text(SOURCE)
    configuration = load(directory)
    assert page_of(configuration, "source/nordic") == "/sources/nordic"
    assert page_of(configuration, "nordic.se.0011aabb") == "/sources/nordic"
    assert page_of(configuration, "gr-node") == "/anchors/gr-node"


def test_steps_of_our_own_keys_are_listed_and_nothing_to_warn_of(directory: Path) -> None:
    """They happen by themselves; the certificate of a key that retires no longer matters then."""
    plan = KeyPlan(
        id="saml-signing",
        purpose=KeyPurpose.SAML_SIGNING,
        retire_from=NOW + 10 * DAY,
        gone_from=NOW + 20 * DAY,
    )
    other = KeyPlan(
        id="next", purpose=KeyPurpose.SAML_SIGNING, publish_from=NOW + DAY, active_from=NOW + 10 * DAY
    )
    configuration = load(directory)
    [signing] = configuration.keys[KeyPurpose.SAML_SIGNING]
    generation = InForce(
        replace(
            configuration,
            declared_keys=(*configuration.declared_keys, replace(signing, id="next")),
            key_plans={"saml-signing": plan, "next": other},
        )
    )
    steps = of_kind(expiries(generation, None, NOW), ExpiryKind.OWN_KEY)
    assert [(one.key, one.pressing) for one in steps] == [
        ("own-key/next/next", False),
        ("own-key/next/active", False),
        ("own-key/saml-signing/retired", False),
        ("own-key/saml-signing/gone", False),
    ]
    after = expiries(generation, None, NOW + 15 * DAY)
    assert "saml-signing" not in {one.subject for one in of_kind(after, ExpiryKind.OWN_CERTIFICATE)}
