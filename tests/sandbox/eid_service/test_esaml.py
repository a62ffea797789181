"""The sandbox's eID-Server in front of foreign citizens, and our connector of role esaml (TR-03130-1 §5)."""

import base64
import html
import re
import secrets
from pathlib import Path

import pytest
from lxml import etree
from lxml import html as page_html
from starlette.testclient import TestClient

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.eidas import ESAMLConnector, assemble
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.errors import Cancelled, ConnectorError, InvalidAnswer, LevelNotReached
from connectors.identity import Absent, PersonKind
from sandbox.eid_service.app import build_app
from sandbox.eid_service.esaml import ESAML
from sandbox.eid_service.esaml_faults import FAULTS
from sandbox.eid_service.esaml_mapping import birth_name
from sandbox.eid_service.saml_world import EIDAS_CONNECTOR
from sandbox.nodes.countries import countries
from tests.support.eid_service_room import now
from tests.support.saml_peer import authentication_request, surroundings
from tests.support.saml_processor_room import current_keys, partner_files, saml_world

STEPS = Path(__file__).parents[4] / "shared/data/npa/tr03130-4-steps"
GATEWAY = "https://gateway.example"
CITIZENS = [
    pytest.param(country, citizen, id=f"{country.path}-{citizen.id}")
    for country in countries().values()
    for citizen in country.citizens
    if country.notified and citizen.decides == "answer"
]
HARMLESS = {"replay"}
"""Right in itself: the store sees the second one."""
FAILURES = {"decline", "authn-failed", "no-authn-context"}


class Meeting:
    """A browser between our connector and the eID-Server."""

    def __init__(self, directory):
        self.keys = current_keys(directory)
        world = saml_world(directory, "https://eid.example", GATEWAY, self.keys)
        self.pages = TestClient(
            build_app(ESAML(world).routes()), base_url=world.base, client=("127.0.0.1", 50_000)
        )
        section = partner_files(world, directory, "esaml")
        connector = assemble(
            EIDASSettings.model_validate(
                {"kind": "eidas", "id": EIDAS_CONNECTOR, "role": "esaml", "esaml": section}
            ),
            [
                CountrySettings.model_validate({"country": c.code, "connector": EIDAS_CONNECTOR})
                for c in countries().values()
            ],
            {},
            self.keys,
            surroundings(directory),
            now=now(),
        )
        assert isinstance(connector, ESAMLConnector)
        self.connector = connector

    def begin(self, **changes):
        return self.connector.begin(
            authentication_request(**changes), relay_state="r", now=now(), random=secrets.token_bytes
        )

    def answer(self, start, citizen, *, fault="", decision="answer"):
        """What the browser brings back."""
        page = self.pages.post("/esaml", data=dict(start.dispatch.fields))
        assert page.status_code == 200, page.text
        exchange = page_html.document_fromstring(page.text).xpath("//input[@name='exchange']/@value")[0]
        form = {"exchange": exchange, "citizen": citizen, "fault": fault, "decision": decision}
        sent = page_html.document_fromstring(self.pages.post("/esaml/answer", data=form).text)
        fields = tuple((i.get("name"), i.get("value")) for i in sent.forms[0].xpath(".//input"))
        return Answer(method="POST", fields=fields)

    def log_in(self, citizen, *, fault="", decision="answer", **changes):
        start = self.begin(**changes)
        answer = self.answer(start, citizen, fault=fault, decision=decision)
        return self.connector.finish(start.pending, answer, now=now()).identity


@pytest.fixture(scope="module")
def meeting(tmp_path_factory):
    return Meeting(tmp_path_factory.mktemp("esaml"))


def wishes(citizen):
    kind = PersonKind(citizen.kind)
    return {
        "persons": frozenset({kind}),
        "accept_representation": kind is PersonKind.LEGAL,
        "optional": frozenset(
            {"address", "gender", "birth_family_name", "place_of_birth", "vat_registration", "eu_identifier"}
        ),
    }


@pytest.mark.parametrize(("country", "citizen"), CITIZENS)
def test_foreign_citizen_comes_through_the_eid_server(meeting, country, citizen):
    """Every test citizen of a notified country, under the identifier that the direct way gives, too."""
    identity = meeting.log_in(
        citizen.id, country=country.code, minimum=LevelOfAssurance.parse(citizen.level), **wishes(citizen)
    )
    prefix = f"{country.node_code}/DE/"
    assert identity.subject.identifier.value.startswith(prefix + citizen.identifier.partition("*")[0])
    assert identity.source.country == country.code
    assert identity.assurance.level.word == citizen.level
    assert (identity.representative is not None) is bool(citizen.representative)


def test_everything_optional_arrives(meeting):
    greek = countries()["gr"].citizen("onasis")
    person = meeting.log_in("onasis", country="GR", **wishes(greek)).subject
    assert person.birth_family_name.value.latin == "Papadopoulos"
    assert person.place_of_birth.value == "Thessaloniki"
    assert person.gender.value == "male"
    assert person.address.value.thoroughfare == "Arcacia Avenue 22"
    assert person.address.value.country == "GR"
    assert person.nationalities is Absent.NOT_REQUESTED


def test_person_without_a_latin_name_is_transliterated(meeting):
    """Done by the eID-Server, where a node would have to (TR-03130-1 §5.2)."""
    bulgarian = next(
        c for c in countries()["bg"].citizens if "latin" not in c.attributes.get("FirstName", {})
    )
    person = meeting.log_in(bulgarian.id, country="BG", **wishes(bulgarian)).subject
    assert person.given_name.value.latin == "Shteryu"
    assert person.family_name.value.latin == "Zhelyazkov"


@pytest.mark.parametrize("name", sorted(set(FAULTS) - HARMLESS - FAILURES))
def test_fault_of_the_menu_is_refused(meeting, name):
    with pytest.raises(ConnectorError) as caught:
        meeting.log_in("onasis", fault=name, country="GR")
    assert "Onasis" not in str(caught.value)


def test_menu_has_a_control(meeting):
    """Without a fault the same login succeeds, so that each refusal is about its fault."""
    assert meeting.log_in("onasis", country="GR").subject.family_name.value.latin == "Onasis"


def test_same_answer_twice_has_the_same_replay_keys(meeting):
    start = meeting.begin(country="GR")
    answer = meeting.answer(start, "onasis", fault="replay")
    first, second = (meeting.connector.finish(start.pending, answer, now=now()) for _ in range(2))
    assert first.replay_keys == second.replay_keys


def test_level_that_is_not_reached_aborts_there(meeting):
    """TR-03130-1 §5.3: the eID-Server must not answer with a lower level."""
    with pytest.raises(LevelNotReached):
        meeting.log_in("substantial", country="GR", minimum=LevelOfAssurance.HIGH)


def test_country_that_is_not_notified_cannot_come_this_way(meeting):
    swiss = countries()["ch"].citizens[0]
    with pytest.raises(LevelNotReached):
        meeting.log_in(swiss.id, country="CH", minimum=LevelOfAssurance.LOW)


def test_citizen_may_decline(meeting):
    with pytest.raises(Cancelled):
        meeting.log_in("onasis", country="GR", decision="decline")


def test_company_with_a_representative_does_not_pass_as_acting_alone(meeting):
    """Leaving the representative out would make somebody else's power look like the company's own act."""
    with pytest.raises(ConnectorError):
        meeting.log_in("ou", country="EE", persons=frozenset({PersonKind.LEGAL}), accept_representation=False)


def test_answer_for_one_browser_is_none_for_another(meeting):
    mine, other = meeting.begin(country="GR"), meeting.begin(country="GR")
    answer = meeting.answer(mine, "onasis")
    with pytest.raises(InvalidAnswer) as caught:
        meeting.connector.finish(other.pending, answer, now=now())
    assert caught.value.reason == "saml.in-response-to"


@pytest.mark.parametrize(
    ("whole", "given", "family", "expected"),
    [
        ("Erika Gabler", "Erika", "Mustermann", "Gabler"),
        ("Gabler", "Erika", "Mustermann", "Gabler"),
        ("André Mustermann", "André", "Mustermann", ""),
        ("Hans Müller", "Peter", "Müller", "Hans Müller"),
    ],
)
def test_birth_name_loses_the_first_names_of_today(whole, given, family, expected):
    """The examples of TR-03130-1 §5.2, in the counterpart's own words."""
    assert birth_name(whole, given, family) == expected


@pytest.mark.skipif(not STEPS.is_dir(), reason="no shared conformity steps")
@pytest.mark.parametrize(("broken", "status"), [(False, 200), (True, 400)])
def test_step_of_the_suite_ends_as_the_suite_wants(meeting, broken, status):
    """Step OUT_EIDAS_REQUEST_POST: the request in a form; what cannot be verified gets HTTP 400."""
    root = etree.fromstring((STEPS / "OUT_EIDAS_REQUEST_POST.xml").read_bytes())
    values = [v.text for v in root.iter("{http://www.secunet.com}value")]
    assert values[0].startswith("POST [ATTACHED_WEBPAGE_PATH] HTTP/1.1")
    fields = dict(part.split("=", 1) for part in html.unescape(values[1]).split("&"))
    assert fields == {"SAMLRequest": "[[CREATE_SAML]]", "RelayState": "DoItNow"}
    made = dict(meeting.begin(country="GR").dispatch.fields)["SAMLRequest"]
    if broken:
        octets = re.sub(rb"(SignatureValue>)...", rb"\1AAA", base64.b64decode(made), count=1)
        made = base64.b64encode(octets).decode()
    assert meeting.pages.post("/esaml", data=fields | {"SAMLRequest": made}).status_code == status
