"""Which country can serve which request, computed from verified metadata (eidas.md §9; IA 1.4 §4).

eidas.md §13 number 17: the list changes with the metadata, hidden countries are hidden, the level filter works.
"""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.assurance import EIDAS_LEVELS, LevelOfAssurance
from connectors.contract import Service
from connectors.errors import PeerUnavailable, RequestNotPossible
from connectors.identity import PersonKind
from tests.connectors.national_peer import NATIONAL, install_national
from tests.support.saml_peer import (
    LEGAL,
    LOA,
    NATURAL,
    Node,
    authentication_request,
    begin,
    install,
    legal,
    login,
    natural,
)
from tests.support.xml_signing import NOW, ec_key, pair
from trust.anchors import AnchorState
from trust.errors import MetadataError

NN = "http://eidas.europa.eu/NotNotified/LoA/"
LOW, SUBSTANTIAL, HIGH = EIDAS_LEVELS
NATURAL_ONLY, LEGAL_ONLY, EITHER = (
    frozenset({PersonKind.NATURAL}),
    frozenset({PersonKind.LEGAL}),
    frozenset(PersonKind),
)
NATURAL_MDS = tuple(
    NATURAL + n for n in ("PersonIdentifier", "CurrentFamilyName", "CurrentGivenName", "DateOfBirth")
)
LEGAL_MDS = tuple(LEGAL + n for n in ("LegalPersonIdentifier", "LegalName"))
HIDE = "http://refeds.org/category/hide-from-discovery"
REQUESTER_ID = "http://eidas.europa.eu/entity-attributes/termsofaccess/requesterid"
PRIVATE = Service(client_id="s", names={"de": "S"}, sector="private", requester_id="https://s.example")

GREECE = Node()
SWEDEN = Node(
    country="SE",
    wire_code="SE",
    entity_id="https://eidas.se.example/metadata",
    location="https://eidas.se.example/sso",
    signer=pair("se message", ec_key("se message")),
    metadata_signer=pair("se metadata", ec_key("se metadata")),
)
DENMARK = replace(
    SWEDEN,
    country="DK",
    wire_code="DK",
    entity_id="https://eidas.dk.example/metadata",
    location="https://eidas.dk.example/sso",
    levels=(LOA + "substantial",),
    attributes=NATURAL_MDS,
    metadata_signer=pair("dk metadata", ec_key("dk metadata")),
)


def options(installed, *, now=NOW, **changes):
    """Country to the reason against it, or to True."""
    found = installed.connector.options(authentication_request(**changes), now=now)
    assert all(o.available == (o.reason is None) and o.connector == installed.connector.id for o in found)
    return {o.country: o.available or o.reason for o in found}


def agrees_with_begin(installed, country, *, now=NOW, **changes):
    """Whether ``begin`` would really go where ``options`` says one can."""
    request = authentication_request(country=country, **changes)
    try:
        installed.connector.begin(request, relay_state="a.b", now=now, random=secrets.token_bytes)
    except (RequestNotPossible, PeerUnavailable):
        return False
    return True


def republish(installed, tmp_path, node, *, now=NOW):
    (tmp_path / f"{node.country.lower()}.xml").write_bytes(node.metadata(now))
    installed.connector.countries.registry.refresh(now, force=True)


# --------------------------------------------------------- country × level × person × attributes


@pytest.mark.parametrize("minimum", list(LevelOfAssurance))
@pytest.mark.parametrize("persons", [NATURAL_ONLY, LEGAL_ONLY, EITHER])
@pytest.mark.parametrize("required", [frozenset(), frozenset({"gender"}), frozenset({"lei"})])
def test_the_list_is_what_begin_would_do(tmp_path, minimum, persons, required):
    """eidas.md §13 number 17: for every combination, an available country can be asked and no other."""
    installed = install(GREECE, SWEDEN, DENMARK, config_dir=tmp_path)
    shown = options(installed, minimum=minimum, persons=persons, required=required)
    for country, answer in shown.items():
        possible = [
            agrees_with_begin(
                installed, country, minimum=minimum, persons=frozenset({person}), required=required
            )
            for person in persons
        ]
        assert (answer is True) == any(possible)


def test_the_reason_says_what_is_missing(tmp_path):
    """Greyed out with a reason (eidas.md §9)."""
    installed = install(GREECE, SWEDEN, DENMARK, config_dir=tmp_path)
    assert options(installed, minimum=HIGH) == {"GR": True, "SE": True, "DK": "level"}
    assert options(installed, persons=LEGAL_ONLY) == {"GR": True, "SE": True, "DK": "person"}
    assert options(installed, persons=EITHER) == {"GR": True, "SE": True, "DK": True}
    wanted = {"persons": NATURAL_ONLY, "required": frozenset({"nationalities"})}
    assert options(installed, **wanted) == {"GR": True, "SE": True, "DK": "attributes"}
    assert options(installed, optional=frozenset({"nationalities"}))["DK"] is True
    assert options(installed, required=frozenset({"title"})) == dict.fromkeys(
        ("GR", "SE", "DK"), "attributes"
    )


@pytest.mark.parametrize(
    ("published", "notified_only", "with_non_notified"),
    [
        ((LOA + "high",), True, True),
        ((NN + "high",), "level", True),
        ((NN + "low", LOA + "low"), "level", "level"),
        ((LOA + "test", "High", LOA + "HIGH", LOA + "NotNotified/high"), "level", "level"),
        ((), "level", "level"),
    ],
)
def test_only_published_levels_count(tmp_path, published, notified_only, with_non_notified):
    """eidas.md §13 numbers 5 and 17."""
    installed = install(replace(GREECE, levels=published), config_dir=tmp_path)
    assert options(installed, minimum=HIGH) == {"GR": notified_only}
    assert options(installed, minimum=HIGH, accept_non_notified=True) == {"GR": with_non_notified}


def test_the_highest_level_of_a_country_is_shown(tmp_path):
    """For the country page: the best the node publishes, whatever was asked."""
    installed = install(GREECE, DENMARK, config_dir=tmp_path)
    found = installed.connector.options(authentication_request(minimum=HIGH), now=NOW)
    assert {o.country: o.highest for o in found} == {"GR": HIGH, "DK": SUBSTANTIAL}


def test_a_country_changes_with_its_metadata(tmp_path):
    """eidas.md §13 number 17: nothing is remembered."""
    installed = install(GREECE, config_dir=tmp_path)
    assert options(installed, minimum=HIGH) == {"GR": True}
    later = NOW + timedelta(hours=1)
    republish(installed, tmp_path, replace(GREECE, levels=(LOA + "low",)), now=later)
    assert options(installed, minimum=HIGH, now=later) == {"GR": "level"}
    later += timedelta(hours=1)
    republish(installed, tmp_path, replace(GREECE, attributes=LEGAL_MDS), now=later)
    assert options(installed, now=later) == {"GR": "person"}
    later += timedelta(hours=1)
    republish(installed, tmp_path, GREECE, now=later)
    assert options(installed, minimum=HIGH, now=later) == {"GR": True}


def test_a_private_service_that_cannot_be_named_is_told_so(tmp_path):
    """eidas.md §13 number 18: the node wants RequesterID and cannot process Scoping."""
    country = {
        "profile": "lenient",
        "exceptions": [{"kind": "skip-scoping", "until": "2027-01-01", "reason": "x"}],
    }
    installed = install(replace(GREECE, categories=(REQUESTER_ID,)), config_dir=tmp_path, country=country)
    assert options(installed, service=PRIVATE) == {"GR": "service"}
    assert not agrees_with_begin(installed, "GR", service=PRIVATE)
    assert options(installed) == {"GR": True}


def test_a_private_service_is_told_that_the_connector_is_for_public_ones(tmp_path):
    """eidas.md §13 number 2: SPType in metadata speaks for all requests."""
    installed = install(config_dir=tmp_path, settings={"sp_type": "metadata-public"})
    assert options(installed, service=PRIVATE) == {"GR": "service"}
    assert options(installed) == {"GR": True}


# --------------------------------------------------------------------------------- hidden, unknown


def test_a_country_hidden_by_its_metadata_is_hidden(tmp_path):
    """eidas.md §13 number 17: REFEDS hide-from-discovery; a service may still lead there by name."""
    installed = install(GREECE, replace(SWEDEN, categories=(HIDE,)), config_dir=tmp_path)
    assert options(installed) == {"GR": True}
    assert agrees_with_begin(installed, "SE")


def test_a_country_hidden_by_registration_is_hidden(tmp_path):
    """eidas.md §13 number 17."""
    assert options(install(config_dir=tmp_path, country={"hidden": True})) == {}


@pytest.mark.parametrize("country", ["FR", "EL", "gr", "", None, "../GR"])
def test_an_unknown_country_is_refused_and_not_reflected(tmp_path, country):
    """eidas.md §9: validate against the list, never reflect."""
    installed = install(config_dir=tmp_path)
    with pytest.raises(RequestNotPossible) as caught:
        installed.connector.begin(
            authentication_request(country=country), relay_state="a.b", now=NOW, random=secrets.token_bytes
        )
    assert str(caught.value) == "eidas.country-unknown"


def test_names_of_the_eid_are_those_of_the_registration(tmp_path):
    """What citizens call it."""
    installed = install(config_dir=tmp_path, country={"schemes": ["gov.gr wallet"]})
    (option,) = installed.connector.options(authentication_request(), now=NOW)
    assert option.scheme_names == ("gov.gr wallet",)


# ---------------------------------------------------------------------------------------- trust gone


def down(installed, reason, *, now=NOW, country="GR"):
    """The country is offered as down, cannot be asked, and its peer status says why."""
    (option,) = [
        o for o in installed.connector.options(authentication_request(), now=now) if o.country == country
    ]
    assert (option.available, option.reason, option.highest) == (False, "down", None)
    with pytest.raises(PeerUnavailable) as caught:
        installed.connector.begin(
            authentication_request(country=country), relay_state="a.b", now=now, random=secrets.token_bytes
        )
    assert caught.value.reason == reason
    (status,) = [s for s in installed.connector.peers(now=now) if s.country == country]
    assert (status.state, status.reason, status.valid_until) == ("down", reason, None)
    return option


def test_expired_metadata_take_the_country_down(tmp_path):
    """Interoperability architecture §6.5: a copy past validUntil is dead."""
    installed = install(replace(GREECE, valid=timedelta(hours=2)), config_dir=tmp_path)
    assert options(installed) == {"GR": True}
    after = NOW + timedelta(hours=2)
    option = down(installed, "metadata.expired", now=after)
    assert option.down_since == after


def test_an_answer_to_a_request_from_before_the_expiry_is_not_taken_after_it(tmp_path):
    """Today's trust decides, not that of the request."""
    installed = install(replace(GREECE, valid=timedelta(minutes=5)), config_dir=tmp_path)
    exchange = begin(installed)
    after = NOW + timedelta(minutes=5)
    with pytest.raises(PeerUnavailable):
        exchange.finish(exchange.reply(now=after).octets(), now=after)


def test_a_suspended_anchor_takes_the_country_down_at_once(tmp_path):
    """security.md D.1: only an active anchor verifies anything, also what is already loaded."""
    installed = install(GREECE, SWEDEN, config_dir=tmp_path)
    source = installed.connector.countries.registry._sources["gr"]
    suspended = source.policy.anchor.model_copy(update={"state": AnchorState.SUSPENDED})
    source.policy = replace(source.policy, anchor=suspended)
    down(installed, "metadata.anchor-inactive")
    assert options(installed)["SE"] is True


def test_no_metadata_yet_is_down(tmp_path):
    """Before the first refresh nothing is known and nothing is guessed."""
    down(install(config_dir=tmp_path, refresh=False), "metadata.unavailable")


@pytest.mark.parametrize("versions", [("1.1",), ("1.0", "1.1"), ("2.0",)])
def test_a_peer_that_shares_no_version_is_down(tmp_path, versions):
    """eidas.md §0: reference node error 203027."""
    down(install(replace(GREECE, protocol_versions=versions), config_dir=tmp_path), "eidas.protocol-version")


@pytest.mark.parametrize("versions", [(), ("1.2",), ("1.1", "1.3"), ("1.4", "1.5"), ("1.4;1.3;1.2",)])
def test_a_peer_that_shares_a_version_or_names_none_is_taken(tmp_path, versions):
    """eidas.md §0: absent means interoperable; formats 1.2, 1.3 and 1.4."""
    installed = install(replace(GREECE, protocol_versions=versions), config_dir=tmp_path)
    assert options(installed) == {"GR": True}
    assert login(installed).identity.source.country == "GR"


def test_metadata_of_another_country_are_not_this_country_s(tmp_path):
    """NodeCountry decides (message format §4.2): an anchor for Greece cannot speak for Sweden."""
    down(install(replace(GREECE, wire_code="SE"), config_dir=tmp_path), "metadata.entity-dropped")


def test_an_anchor_of_two_countries_does_not_swap_them(tmp_path):
    """The registered country and NodeCountry must agree, even when the anchor may speak for both."""
    installed = install(GREECE, config_dir=tmp_path)
    source = installed.connector.countries.registry._sources["gr"]
    both = source.policy.anchor.model_copy(update={"countries": ("GR", "SE")})
    source.policy = replace(source.policy, anchor=both)
    republish(installed, tmp_path, replace(GREECE, wire_code="SE"), now=NOW + timedelta(hours=1))
    down(installed, "eidas.metadata.country", now=NOW + timedelta(hours=1))


def test_a_node_without_a_usable_endpoint_is_down(tmp_path):
    """A national connector takes POST only, because of the country parameter (eidas.md §10.1)."""
    installed = install_national(tmp_path, replace(NATIONAL, bindings=("Redirect",)))
    with pytest.raises(PeerUnavailable) as caught:
        installed.connector.begin(
            authentication_request(), relay_state="a.b", now=NOW, random=secrets.token_bytes
        )
    assert caught.value.reason == "eidas.metadata.endpoints"


# ----------------------------------------------------------------------------- per-country isolation


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"<html/>",
        b"<!DOCTYPE x><md:EntityDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata'/>",
        replace(GREECE, metadata_signer=pair("stranger", ec_key("stranger"))).metadata(),
        replace(GREECE, valid=timedelta(days=-1)).metadata(),
        GREECE.metadata_xml().encode(),
    ],
    ids=["empty", "html", "doctype", "stranger", "expired", "unsigned"],
)
def test_one_broken_country_spoils_no_other(tmp_path, broken):
    """design.md invariant 10; eidas.md §13 number 16."""
    installed = install(GREECE, SWEDEN, config_dir=tmp_path, refresh=False)
    (tmp_path / "gr.xml").write_bytes(broken)
    installed.connector.refresh(now=NOW)
    assert options(installed) == {"GR": "down", "SE": True}
    states = {s.country: s.state for s in installed.connector.peers(now=NOW)}
    assert states == {"GR": "down", "SE": "ok"}
    swedish = tuple(
        natural(n, v)
        for n, v in (
            ("PersonIdentifier", "SE/DE/1"),
            ("CurrentFamilyName", "Öberg"),
            ("CurrentGivenName", "Åsa"),
            ("DateOfBirth", "1970-01-01"),
        )
    )
    request = authentication_request(country="SE")
    assert login(installed, request=request, attributes=swedish).identity.source.country == "SE"


def test_a_country_without_its_anchor_is_down_alone(tmp_path):
    """A registration that names a missing anchor must not stop the others from starting."""
    installed = install(GREECE, config_dir=tmp_path)
    countries = installed.connector.countries
    stray = countries.countries["GR"].model_copy(update={"country": "FR", "anchor": "fr"})
    widened = replace(countries, countries={**countries.countries, "FR": stray})
    installed = replace(installed, connector=replace(installed.connector, countries=widened))
    down(installed, "metadata.unknown-anchor", country="FR")
    assert options(installed) == {"GR": True, "FR": "down"}


def test_a_failed_refresh_keeps_the_country_and_says_stale(tmp_path):
    """eidas.md §6.2: the last good copy serves until its own validUntil."""
    installed = install(config_dir=tmp_path)
    (tmp_path / "gr.xml").write_bytes(b"")
    later = NOW + timedelta(days=4)
    statuses = installed.connector.refresh(now=later)
    assert [(s.state, s.country) for s in statuses] == [("stale", "GR")]
    assert statuses[0].reason is not None
    assert statuses[0].since == later
    assert options(installed, now=later) == {"GR": True}


def test_peers_name_validity_and_next_refresh(tmp_path):
    """For health and dashboard."""
    installed = install(config_dir=tmp_path)
    (status,) = installed.connector.peers(now=NOW)
    assert (status.peer, status.country, status.state, status.reason) == (GREECE.entity_id, "GR", "ok", None)
    assert status.valid_until == NOW + timedelta(days=7)
    assert NOW < status.next_refresh <= status.valid_until


def test_refresh_touches_only_what_is_due(tmp_path):
    """A citizen's request never loads anything; the background does, when it is time."""
    installed = install(config_dir=tmp_path)
    (tmp_path / "gr.xml").unlink()
    assert [s.state for s in installed.connector.refresh(now=NOW + timedelta(minutes=1))] == ["ok"]
    with pytest.raises(MetadataError):
        installed.connector.countries.registry._sources["gr"].refresh(NOW + timedelta(minutes=1))


# --------------------------------------------------------------------------------- role national


def test_what_a_national_connector_offers_per_country_is_registration(tmp_path):
    """eidas.md §10.1: its metadata speak for all countries at once."""
    installed = install_national(tmp_path, country={"levels": ["low", "substantial"], "persons": ["natural"]})
    assert options(installed) == {"GR": True, "SE": True}
    assert options(installed, minimum=HIGH) == {"GR": "level", "SE": "level"}
    assert options(installed, persons=LEGAL_ONLY) == {"GR": "person", "SE": "person"}


def test_a_national_connector_offers_no_more_than_it_publishes(tmp_path):
    """Its own metadata bound the registration."""
    node = replace(NATIONAL, levels=(LOA + "substantial",), attributes=NATURAL_MDS)
    installed = install_national(tmp_path, node)
    assert options(installed, minimum=HIGH) == {"GR": "level", "SE": "level"}
    assert options(installed, persons=LEGAL_ONLY) == {"GR": "person", "SE": "person"}
    assert options(installed, required=frozenset({"gender"})) == {"GR": "attributes", "SE": "attributes"}
    assert options(installed) == {"GR": True, "SE": True}


def test_the_countries_change_with_the_national_connector_s_metadata(tmp_path):
    """eidas.md §13 number 17: in this role, too."""
    installed = install_national(tmp_path)
    assert options(installed, minimum=HIGH) == {"GR": True, "SE": True}
    later = NOW + timedelta(hours=1)
    weaker = replace(NATIONAL, levels=(LOA + "low",))
    (tmp_path / "national.xml").write_bytes(weaker.metadata(later))
    installed.connector.countries.registry.refresh(later, force=True)
    assert options(installed, minimum=HIGH, now=later) == {"GR": "level", "SE": "level"}


def test_a_national_connector_that_publishes_nothing_is_taken_at_its_registration(tmp_path):
    """Its interface is national; only nodes must publish levels and attributes."""
    installed = install_national(tmp_path, replace(NATIONAL, levels=(), attributes=()))
    assert options(installed, minimum=HIGH, persons=LEGAL_ONLY) == {"GR": True, "SE": True}


def test_all_countries_go_down_with_the_national_connector(tmp_path):
    """One peer stands behind them."""
    installed = install_national(tmp_path, replace(NATIONAL, valid=timedelta(hours=1)))
    later = NOW + timedelta(hours=1)
    assert options(installed, now=later) == {"GR": "down", "SE": "down"}
    assert {(s.peer, s.state) for s in installed.connector.peers(now=later)} == {(NATIONAL.entity_id, "down")}


def test_a_company_logs_in_with_its_own_data_set(tmp_path):
    """eidas.md §5.2: through the whole exchange."""
    company = (legal("LegalPersonIdentifier", "EL/DE/c"), legal("LegalName", "Elaiolado"))
    identity = login(
        install(config_dir=tmp_path), request=authentication_request(persons=LEGAL_ONLY), attributes=company
    ).identity
    assert identity.subject.legal_name.value.latin == "Elaiolado"
