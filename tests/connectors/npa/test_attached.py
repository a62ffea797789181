"""The attached way: our request in the eID-Server's words, its result in ours (TR-03130-1 §2.3.1)."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from lxml import etree

from connectors import places
from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    InvalidAnswer,
    PeerRefused,
    PeerUnavailable,
)
from connectors.npa import asked, eid_service
from connectors.npa.attached import AttachedService
from connectors.npa.operations import EIDType, Operation
from eid_server import data_groups, errors, levels, security_infos
from eid_server.result import Absence, RestrictedID, Result
from eid_server.server import Session
from tests.connectors.npa.card_service import ADDRESSES, NOW, PSEUDONYM, RELAY, random, settings, wanted

ADDRESS = "https://id.example/connectors/npa/paos"
IDENTIFIER = "0F" * 16
REFRESHED = Answer(method="GET", query=b"")


@dataclass
class SaidServer:
    """An eID-Server that answers ``outcome``."""

    outcome: object = None
    opened: list = field(default_factory=list)

    def open(self, request):
        self.opened.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Session(id=IDENTIFIER, expires=NOW)

    def result(self, identifier):
        assert identifier == IDENTIFIER
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def service(outcome=None):
    return AttachedService(server=SaidServer(outcome), issuer=ADDRESS, lifetime=timedelta(minutes=10))


def requested(**changes):
    return asked.eid_request(wanted(**changes), settings())


def opened(found, request):
    return found.open(request, relay_state=RELAY, addresses=ADDRESSES, now=NOW, random=random)


def result(outcome, session=None):
    return service(outcome).result(requested(), session or {"id": IDENTIFIER}, REFRESHED, now=NOW)


def said(eid_type="CardCertified", **values):
    return Result(values=values, eid_type=security_infos.EIDType(eid_type), authenticated_at=NOW)


def test_the_server_is_asked_for_exactly_what_was_decided():
    """Required and optional, age, area, level and carriers (TR-03130-1 §3.2.1)."""
    found = service()
    opened(
        found,
        requested(
            required=frozenset({"family_name"}),
            optional=frozenset({"address"}),
            age=18,
            community_id="027614",
            minimum=LevelOfAssurance.HIGH,
        ),
    )
    (request,) = found.server.opened
    assert request.required == {"FamilyNames", "RestrictedID", "AgeVerification", "PlaceVerification"}
    assert request.optional == {"PlaceOfResidence"}
    assert (request.age, request.community_id, request.transaction_info) == (18, "027614", "Amt24")
    assert request.minimum is levels.Level.HOCH
    assert request.eid_types == {security_infos.EIDType.HW_KEY_STORE: False}


def test_the_tc_token_has_no_psk_and_leads_back_to_us():
    """npa.md §3.2, §3.4: attached means one TLS session and no PSK."""
    reply = opened(service(), requested()).reply
    token = {element.tag: element.text for element in etree.fromstring(reply.octets)}
    assert token["ServerAddress"] == ADDRESSES.paos
    assert token["SessionIdentifier"] == IDENTIFIER
    assert token["RefreshAddress"] == token["CommunicationErrorAddress"] == ADDRESSES.refresh
    assert not any(name.startswith("PathSecurity") for name in token)


def test_what_finish_needs_is_the_session_alone():
    assert opened(service(), requested()).session == {"id": IDENTIFIER}


def test_every_kind_of_value_is_taken_over():
    """TR-03130-1 §3.4: texts, dates, places, verdicts, pseudonyms, and reasons why there is none."""
    found = result(
        said(
            FamilyNames="MÜLLER",
            AcademicTitle="",
            DateOfExpiry=date(2031, 10, 31),
            PlaceOfBirth=data_groups.FreetextPlace(text="BERLIN"),
            PlaceOfResidence=data_groups.StructuredPlace(
                street="WEG 1", city="KIEL", state="SH", country="D", zip_code="24103"
            ),
            BirthName=Absence.NOT_ON_CHIP,
            Nationality=Absence.PROHIBITED,
            RestrictedID=RestrictedID(first=PSEUDONYM, second=PSEUDONYM[::-1]),
            AgeVerification=True,
            PlaceVerification=False,
        )
    )
    assert found.family_names == "MÜLLER"
    assert found.academic_title == ""
    assert found.date_of_expiry == date(2031, 10, 31)
    assert found.place_of_birth == places.FreetextPlace(text="BERLIN")
    assert found.place_of_residence == places.StructuredPlace(
        street="WEG 1", city="KIEL", state="SH", country="D", zip_code="24103"
    )
    assert found.birth_name is eid_service.Missing.NOT_ON_CHIP
    assert found.nationality is eid_service.Missing.PROHIBITED
    assert found.restricted_id == eid_service.RestrictedID(first=PSEUDONYM, second=PSEUDONYM[::-1])
    assert (found.age_fulfilled, found.place_fulfilled) == (True, False)
    assert found.given_names is None


def test_no_place_stays_no_place():
    found = result(said(PlaceOfResidence=data_groups.NoPlace(text="keine Hauptwohnung")))
    assert found.place_of_residence == places.NoPlace(text="keine Hauptwohnung")


@pytest.mark.parametrize(
    ("eid_type", "level"),
    [
        ("CardCertified", LevelOfAssurance.HIGH),
        ("SECertified", LevelOfAssurance.SUBSTANTIAL),
        ("SEEndorsed", LevelOfAssurance.SUBSTANTIAL),
        ("HWKeyStore", LevelOfAssurance.BASIC),
    ],
)
def test_the_level_is_that_of_the_carrier(eid_type, level):
    """npa.md §5.1: an undefined level is below every other."""
    found = result(said(eid_type))
    assert (found.eid_type, found.level) == (EIDType(eid_type), level)


def test_the_log_sees_a_digest_of_the_session_only():
    """security.md B: no bearer value in a log."""
    found = result(said())
    assert IDENTIFIER not in found.statement_id
    assert found.issuer == ADDRESS
    assert found.replay_keys == (
        (f"npa:{found.statement_id.removeprefix('npa-')}", NOW + timedelta(minutes=10)),
    )


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (errors.InvalidDocument("x"), AuthenticationFailed, "npa.document-invalid"),
        (errors.DeniedDocument("x"), AuthenticationFailed, "npa.document-denied"),
        (
            errors.ClientReported(f"{errors.ECARD_MINOR}/sal#securityConditionNotSatisfied"),
            AttributeMissing,
            "npa.attribute.refused",
        ),
        (errors.NoCertificatePath("x"), PeerRefused, "npa.certificate-path"),
        (errors.NoResultYet("x"), AuthenticationFailed, "npa.no-result"),
        (errors.InvalidSession("x"), AuthenticationFailed, "npa.session-lost"),
        (errors.TooManyOpenSessions("x"), PeerUnavailable, "npa.service.busy"),
        (errors.Misconfigured("x"), PeerUnavailable, "npa.service.internal"),
        (errors.ClientReported(f"{errors.ECARD_MINOR}/sal#cancellationByUser"), Cancelled, "npa.cancelled"),
    ],
)
def test_every_failure_of_the_server_is_one_of_ours(error, kind, reason):
    """npa.md §1.6: nothing of the server's own text travels on."""
    for attempt in (lambda: result(error), lambda: opened(service(error), requested())):
        with pytest.raises(kind) as raised:
            attempt()
        assert (raised.value.reason, raised.value.detail) == (reason, "")


def test_a_session_of_another_form_is_not_believed():
    with pytest.raises(InvalidAnswer, match=r"npa\.state"):
        result(said(), session={"id": 7})


def test_every_operation_is_handed_on_in_both_directions():
    """One row for each selector (TR-03130-1 §3.4.1)."""
    every = {operation.value: Absence.NOT_ON_CHIP for operation in Operation}
    found = result(said(**every))
    missing = [name for name in found.__slots__ if getattr(found, name) is eid_service.Missing.NOT_ON_CHIP]
    assert len(missing) == len(Operation)
