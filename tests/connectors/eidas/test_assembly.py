"""From registration files and anchors to a connector (connectors.eidas.assembly; design.md §3 invariant 10)."""

import hashlib
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from connectors.eidas.assembly import Surroundings, assemble
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.errors import InvalidAnswer
from tests.connectors.national_peer import NATIONAL, install_national
from tests.support import xml_signing
from tests.support.saml_peer import (
    ISSUER_URL,
    Installed,
    Node,
    authentication_request,
    install,
    login,
    own_keys,
    rsa_pair,
)
from tests.support.xml_signing import NOW, Recipe
from trust.anchors import AnchorKind, AnchorState, MetadataLocation, TrustAnchor
from trust.fetch import FetchPolicy

MIDDLEWARE = Node(categories=("http://eidas.europa.eu/entity-attributes/termsofaccess/requesterid",))


def anchor(name="gr", **changes):
    values = {
        "id": name,
        "kind": AnchorKind.METADATA_SIGNER,
        "state": AnchorState.ACTIVE,
        "countries": ("GR",),
        "certificate": "gr.pem",
        "metadata": MetadataLocation(file="gr.xml", entity_ids=(MIDDLEWARE.entity_id,)),
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2028, 12, 31),
        "source": "made by a test",
        "evidence": "none",
    }
    return TrustAnchor.model_validate({**values, **changes})


def country(code="GR", **changes):
    values = {"country": code, "anchor": code.lower(), "entity_id": MIDDLEWARE.entity_id}
    return CountrySettings.model_validate({**values, **changes})


def connector(tmp_path, countries, anchors, *, development=False, **settings):
    made = assemble(
        EIDASSettings.model_validate({"kind": "eidas", **settings}),
        countries,
        {one.id: one for one in anchors},
        own_keys(),
        Surroundings(
            issuer_url=ISSUER_URL,
            config_dir=tmp_path,
            state_dir=tmp_path / "state",
            fetch_policy=FetchPolicy(),
            development=development,
        ),
        now=NOW,
    )
    made.refresh(now=NOW)
    return Installed(connector=made, nodes={"GR": MIDDLEWARE}, keys=made.keys)


def states(installed):
    return {s.country: (s.state, s.reason) for s in installed.connector.peers(now=NOW)}


def test_a_middleware_is_believed_by_the_hash_of_its_file(tmp_path):
    """eidas.md §6.2, §13 number 16: unsigned, handed over directly, pinned by who imported it."""
    octets = MIDDLEWARE.metadata_xml(NOW).encode()
    (tmp_path / "gr.xml").write_bytes(octets)
    pinned = anchor(
        kind=AnchorKind.PINNED_METADATA, certificate=None, metadata_sha256=hashlib.sha256(octets).hexdigest()
    )
    installed = connector(tmp_path, [country()], [pinned])
    assert login(installed).identity.source.country == "GR"
    (tmp_path / "gr.xml").write_bytes(octets + b"\n")
    again = connector(tmp_path, [country()], [pinned])
    assert states(again)["GR"][0] == "down"


def test_a_missing_anchor_takes_its_country_down_and_no_other(tmp_path):
    """design.md §3 invariant 10."""
    (tmp_path / "gr.xml").write_bytes(MIDDLEWARE.metadata())
    (tmp_path / "gr.pem").write_bytes(MIDDLEWARE.metadata_signer.pem)
    installed = connector(tmp_path, [country(), country("FR")], [anchor()])
    assert states(installed) == {"GR": ("ok", None), "FR": ("down", "metadata.unknown-anchor")}


def test_a_country_without_an_anchor_or_entity_is_down(tmp_path):
    """A half-written registration finds nothing by chance."""
    (tmp_path / "gr.xml").write_bytes(MIDDLEWARE.metadata())
    (tmp_path / "gr.pem").write_bytes(MIDDLEWARE.metadata_signer.pem)
    installed = connector(tmp_path, [country(), country("FR", anchor="gr", entity_id=None)], [anchor()])
    assert states(installed)["FR"] == ("down", "metadata.unknown-entity")
    installed = connector(tmp_path, [country(), country("FR", anchor=None)], [anchor()])
    assert states(installed)["FR"] == ("down", "metadata.unknown-anchor")


def test_an_unreadable_anchor_certificate_takes_its_country_down(tmp_path):
    """One broken certificate never spoils the rest."""
    (tmp_path / "gr.xml").write_bytes(MIDDLEWARE.metadata())
    (tmp_path / "gr.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert states(connector(tmp_path, [country()], [anchor()]))["GR"][0] == "down"


def test_a_connector_takes_its_own_countries_only(tmp_path):
    """A country belongs to exactly one connector of the installation."""
    (tmp_path / "gr.xml").write_bytes(MIDDLEWARE.metadata())
    (tmp_path / "gr.pem").write_bytes(MIDDLEWARE.metadata_signer.pem)
    installed = connector(tmp_path, [country(), country("FR", connector="other")], [anchor()])
    assert set(states(installed)) == {"GR"}


@pytest.mark.parametrize("test", [False, True])
def test_countries_behind_a_test_anchor_are_marked(tmp_path, test):
    """A citizen must see that this is no real eID; production refuses such anchors."""
    (tmp_path / "gr.xml").write_bytes(MIDDLEWARE.metadata())
    (tmp_path / "gr.pem").write_bytes(MIDDLEWARE.metadata_signer.pem)
    installed = connector(tmp_path, [country()], [anchor(test=test)])
    (option,) = installed.connector.options(authentication_request(), now=NOW)
    assert option.test is test


def test_our_own_country_is_never_offered(tmp_path):
    """eidas.md §11.3: German users come through the German means."""
    (tmp_path / "gr.xml").write_bytes(MIDDLEWARE.metadata())
    (tmp_path / "gr.pem").write_bytes(MIDDLEWARE.metadata_signer.pem)
    installed = connector(tmp_path, [country(), country("DE", anchor="gr")], [anchor()])
    assert set(states(installed)) == {"GR"}


class WeaklySigned(Node):
    """Its metadata are signed with rsa-sha256, as those of some real nodes are."""

    def sign_metadata(self, xml):
        root = xml_signing.etree.fromstring(xml.encode())
        xml_signing.sign(root, self.metadata_signer, Recipe(method="pkcs1-256", after_issuer=False))
        return xml_signing.etree.tostring(root)


class Nowhere(Node):
    """Its metadata name no country."""

    def metadata_xml(self, now=NOW):
        return re.sub(
            "<md:Extensions><eidas:NodeCountry>..</eidas:NodeCountry></md:Extensions>",
            "",
            super().metadata_xml(now),
        )


@pytest.mark.parametrize("until", [NOW.date(), NOW.date() - timedelta(days=1)])
def test_a_dated_exception_of_a_country_holds_for_its_metadata_too(tmp_path, until):
    """eidas.md §6.4: tolerated by exception, until its date."""
    node = WeaklySigned(metadata_signer=rsa_pair("weak metadata"))
    exception = {"kind": "rsa-pkcs1", "until": str(until), "reason": "agreed"}
    installed = install(node, config_dir=tmp_path, country={"profile": "lenient", "exceptions": [exception]})
    (option,) = installed.connector.options(authentication_request(), now=NOW)
    assert option.available is (until == NOW.date())


def test_an_exception_of_one_country_excuses_no_other_s_metadata(tmp_path):
    """Each exception is agreed with one operator."""
    weak = WeaklySigned(metadata_signer=rsa_pair("weak metadata"))
    (tmp_path / "gr.xml").write_bytes(weak.metadata())
    (tmp_path / "gr.pem").write_bytes(weak.metadata_signer.pem)
    exception = {"kind": "rsa-pkcs1", "until": str(NOW.date()), "reason": "agreed"}
    lenient = {"profile": "lenient", "exceptions": [exception]}
    installed = connector(tmp_path, [country(), country("FR", **lenient)], [anchor()])
    assert states(installed)["GR"][0] == "down"
    assert states(connector(tmp_path, [country(**lenient)], [anchor()]))["GR"][0] == "ok"


def test_a_national_connector_need_not_name_a_country_but_a_node_must(tmp_path):
    """Message format §4.2 binds nodes; the national interface is national (eidas.md §10.1)."""
    nowhere = Nowhere(entity_id=NATIONAL.entity_id, country="DE", location=NATIONAL.location)
    national = install_national(tmp_path, nowhere)
    assert all(o.available for o in national.connector.options(authentication_request(), now=NOW))
    (tmp_path / "gr.xml").write_bytes(Nowhere().metadata())
    (tmp_path / "gr.pem").write_bytes(Nowhere().metadata_signer.pem)
    assert states(connector(tmp_path, [country()], [anchor()]))["GR"] == ("down", "metadata.entity-dropped")


def test_a_national_connector_s_metadata_have_the_exceptions_of_its_countries(tmp_path):
    """One document speaks for all of them."""
    weak = WeaklySigned(
        entity_id=NATIONAL.entity_id,
        country="DE",
        wire_code="DE",
        location=NATIONAL.location,
        metadata_signer=rsa_pair("weak metadata"),
    )
    exception = {"kind": "rsa-pkcs1", "until": str(NOW.date()), "reason": "agreed"}
    strict = install_national(tmp_path, weak)
    assert {o.reason for o in strict.connector.options(authentication_request(), now=NOW)} == {"down"}
    lenient = install_national(tmp_path, weak, country={"profile": "lenient", "exceptions": [exception]})
    assert all(o.available for o in lenient.connector.options(authentication_request(), now=NOW))


@pytest.mark.parametrize("development", [False, True])
def test_plain_http_endpoints_are_for_development_only(tmp_path, development):
    """A node on the same machine; nothing else may be reached without TLS."""
    local = replace(MIDDLEWARE, location="http://localhost:8420/el/sso")
    (tmp_path / "gr.xml").write_bytes(local.metadata())
    (tmp_path / "gr.pem").write_bytes(local.metadata_signer.pem)
    installed = connector(tmp_path, [country()], [anchor()], development=development)
    (option,) = installed.connector.options(authentication_request(), now=NOW)
    assert option.available is development


def test_our_entity_id_may_differ_from_the_url(tmp_path):
    """A connector that keeps the entityID of its predecessor; it is issuer and audience."""
    settings = {"entity_id": "https://old.gateway.example/metadata"}
    installed = install(config_dir=tmp_path, settings=settings)
    assert login(installed).identity.source.country == "GR"
    with pytest.raises(InvalidAnswer) as caught:
        login(installed, audience="https://gateway.example/connectors/eidas/metadata")
    assert caught.value.reason == "saml.audience"


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "gr"},
        {"country": "GRC"},
        {"profile": "loose"},
        {"unknown": 1},
        {"clock_skew_seconds": 301},
        {"exceptions": [{"kind": "anything", "until": "2027-01-01", "reason": "x"}]},
        {"exceptions": [{"kind": "rsa-2048", "reason": "no end"}]},
        {"exceptions": [{"kind": "rsa-2048", "until": "2027-01-01"}]},
    ],
)
def test_a_wrong_registration_is_refused_when_it_is_read(wrong):
    """style.md §6: unknown keys and values are rejected; an exception has an end and a reason."""
    with pytest.raises(ValidationError):
        country(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "EIDAS"},
        {"sp_type": "metadata"},
        {"metadata_valid_hours": 0},
        {"exchange_seconds": 1_801},
        {"clock_skew_seconds": 181},
        {"role": "proxy"},
        {"role": "national"},
        {"role": "national", "national_peer": "https://connector.example/metadata"},
        {"role": "national", "national_anchor": "national"},
    ],
)
def test_wrong_settings_of_a_connector_are_refused(wrong):
    """eidas.md §8: at most half an hour abroad, at most minutes of skew."""
    with pytest.raises(ValidationError):
        EIDASSettings.model_validate({"kind": "eidas", **wrong})
