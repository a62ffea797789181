"""One authorisation certificate at one eID service: what the file must say."""

import pytest
from pydantic import ValidationError

from connectors.npa.operations import EIDType
from tests.connectors.npa.card_service import settings


def test_defaults_are_the_careful_ones():
    """npa.md §5.1: no level by assumption, no key store of a phone."""
    found = settings()
    assert found.unstated_level == "refuse"
    assert found.eid_types == {EIDType.HW_KEY_STORE: "denied"}
    assert found.start_on == ("computer", "phone", "qr")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"attached": None}, "needs a section"),
        ({"way": "soap"}, "needs a section"),
        ({"rights": []}, "rights"),
        ({"rights": ["Sex"]}, "rights"),
        ({"subject_url": "id.example"}, "subject_url"),
        ({"start_on": []}, "start_on"),
        ({"start_on": ["qr", "qr"]}, "start_on"),
        ({"unstated_level": "substantial"}, "unstated_level"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, problem):
    """style.md §6: problems are told at start."""
    with pytest.raises(ValidationError, match=problem):
        settings(**changes)


def test_carrier_is_not_taken_for_a_card_where_phones_are_allowed():
    """npa.md §5.1: nothing but a chip card is high by assumption."""
    with pytest.raises(ValidationError, match="chip cards alone"):
        settings(unstated_level="high", eid_types={"SEEndorsed": "allowed"})
    assert settings(unstated_level="high", eid_types={"CardCertified": "allowed"}).unstated_level == "high"
