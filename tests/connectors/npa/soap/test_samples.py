"""Messages from outside against our schema and our reader (shared/data/npa/eid-interface)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.errors import AuthenticationFailed, PeerUnavailable
from connectors.npa import failures, tc_token
from connectors.npa.eid_service import EIDRequest
from connectors.npa.operations import EIDType, Operation
from connectors.npa.soap import personal_data, request
from connectors.npa.soap.names import dss, schema
from gateway.login.eid_client import error_form
from trust.errors import VerificationError
from trust.schema_file import SchemaFile
from trust.xml import SOAP_MESSAGE, canonicalise, parse

DATA = Path(__file__).parents[5] / "shared/data/npa"
SAMPLES = sorted((DATA / "eid-interface").glob("[ug]*.xml"))
pytestmark = pytest.mark.skipif(not SAMPLES, reason="no shared samples")

ASKED_FULLY = EIDRequest(
    required=frozenset(Operation)
    - {
        Operation.ARTISTIC_NAME,
        Operation.ACADEMIC_TITLE,
        Operation.COMMUNITY_ID,
        Operation.RESIDENCE_PERMIT_I,
    },
    optional=frozenset({Operation.ARTISTIC_NAME, Operation.ACADEMIC_TITLE}),
    age=18,
    community_id="027614",
    transaction_info="Antrag 4711",
    minimum=LevelOfAssurance.HIGH,
    eid_types={EIDType.CARD_CERTIFIED: True, EIDType.HW_KEY_STORE: False},
)


def content(name):
    root = parse((DATA / "eid-interface" / f"{name}.xml").read_bytes(), SOAP_MESSAGE)
    return next(child for child in root[1] if isinstance(child.tag, str))


def minor(name):
    return content(name).findtext(f"{dss('Result')}/{dss('ResultMinor')}")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample_satisfies_our_schema(path):
    """INDEX: accept."""
    schema().validate(content(path.stem))


def shape(element):
    """Names and texts in their order, white space between elements left out."""
    return [(child.tag, (child.text or "").strip()) for child in element.iter()]


def test_our_full_request_is_the_sample():
    """TR-03130-1 §3.2.1: selectors, values and their order; CommunityID is left out where it says PROHIBITED."""
    ours = shape(request.use_id(ASKED_FULLY))
    sample = [
        row for row in shape(content("useIDRequest-full"))
        if row != ("{http://bsi.bund.de/eID/}CommunityID", "PROHIBITED")
    ]  # fmt: skip
    assert ours == sample


def test_our_other_requests_are_the_samples():
    """TR-03130-1 §3.2.2, §3.2.3."""
    session = "1234567890abcdef1234567890abcdef"
    assert shape(request.get_result(session, 1)) == shape(content("getResultRequest"))
    assert shape(request.get_server_info()) == shape(content("getServerInfoRequest"))


def test_result_of_the_sample_is_read():
    """INDEX: accept; every value of it."""
    response = content("getResultResponse-ok")
    asked = EIDRequest(
        required=(ASKED_FULLY.required | ASKED_FULLY.optional) - {Operation.PLACE_VERIFICATION}, age=18
    )
    result = personal_data.result(
        response,
        asked,
        level_asked=False,
        carrier_asked=False,
        authenticated_at=datetime(2026, 11, 23, tzinfo=UTC),
        statement_id="s",
        issuer="i",
        replay_keys=(),
    )
    assert (result.given_names, result.family_names, result.birth_name) == ("ERIKA", "MUSTERMANN", "GABLER")
    assert (result.date_of_birth, str(result.date_of_expiry)) == ("19640812", "2029-10-31")
    assert (result.artistic_name, result.academic_title) == ("", "")
    assert result.age_fulfilled is True
    assert result.restricted_id.first.hex().startswith("50c92956")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("useIDResponse-tooManyOpenSessions", PeerUnavailable), ("getResultResponse-noResultYet", AuthenticationFailed)],
)  # fmt: skip
def test_error_of_a_sample_is_told_apart(name, kind):
    """INDEX: well-formed error answers."""
    assert type(failures.of_minor(minor(name))) is kind


def test_tokens_are_the_samples():
    """TR-03124-1 §2.5, and TR-03124-2 A2_05 for the error form."""
    common = {
        "server_address": "https://gateway.example.test/paos",
        "session_identifier": "1a2bb129aa45d4a3",
        "refresh_address": "https://gateway.example.test/npa/refresh?s=1",
        "communication_error_address": "https://gateway.example.test/npa/error",
    }
    written = {
        "tctoken-attached": tc_token.token(**common),
        "tctoken-psk": tc_token.token(**common, psk="4BC1A0B5" * 8),
        "tctoken-error-empty-elements": error_form("https://gateway.example.test/npa/error"),
    }
    for name, octets in written.items():
        sample = parse((DATA / "eid-interface" / f"{name}.xml").read_bytes())
        assert canonicalise(parse(octets)) == canonicalise(sample), name


@pytest.mark.parametrize("name", ["tctoken-testbed", "tctoken-eumw"])
def test_tokens_satisfy_the_published_schemas(name):
    """shared/data/npa/schema: two renderings of TCTokenType."""
    schema_ = SchemaFile(DATA / "schema" / f"{name}.xsd")
    common = {
        "server_address": "https://g.example/paos",
        "session_identifier": "1a" * 16,
        "refresh_address": "https://g.example/r",
        "communication_error_address": "https://g.example/e",
    }
    for psk in (None, "ab" * 32):
        try:
            schema_.validate(parse(tc_token.token(**common, psk=psk)))
        except VerificationError as error:  # which rule, for whoever reads the failure
            pytest.fail(f"{psk}: {error}")
