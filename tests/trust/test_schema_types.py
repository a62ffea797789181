"""dateTime, duration and boolean of XML Schema part 2: exact, and refused when in doubt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trust.errors import VerificationError
from trust.schema_types import boolean, duration, instant


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00.123456789Z", datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-23T12:00:00+02:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_utc(value: str, expected: datetime) -> None:
    """saml-core §1.3.3."""
    assert instant(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-11-23",
        "2026-11-23 12:00:00Z",
        "20261123T120000Z",
        "2026-02-30T12:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T12:00:00Z\n",
        "٢٠٢٦-11-23T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-11-23T12:00:00+99:99",
    ],
)
def test_other_instants_are_refused(value: str) -> None:
    """XML Schema part 2 §3.2.7, and the range Python can hold."""
    with pytest.raises(VerificationError):
        instant(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P1Y2M3DT4H5M6.5S", timedelta(days=365 + 60 + 3, hours=4, minutes=5, seconds=6)),
        ("P0D", timedelta(0)),
        ("PT86400.000S", timedelta(days=1)),
    ],
)
def test_durations_are_read(value: str, expected: timedelta) -> None:
    """XML Schema part 2 §3.2.6."""
    assert duration(value) == expected


@pytest.mark.parametrize("value", ["", "P", "PT", "P1DT", "-P1D", "1D", "P1S", "PT1D", "P1.5D", "P1H"])
def test_other_durations_are_refused(value: str) -> None:
    """Negative and incomplete ones, too."""
    with pytest.raises(VerificationError):
        duration(value)


def test_booleans_have_four_spellings() -> None:
    """XML Schema part 2 §3.2.2; absent is not false."""
    assert [boolean(v) for v in ("true", "1", "false", "0", None)] == [True, True, False, False, None]
    for value in ("True", "yes", "", "2"):
        with pytest.raises(VerificationError):
            boolean(value)


@given(st.text(max_size=40) | st.from_regex(r"[-+:.TZP0-9YMDHS]{1,40}", fullmatch=True))
@settings(max_examples=300, derandomize=True, deadline=None, database=None)
def test_nothing_but_a_refusal_ever_escapes(value: str) -> None:
    """Parsers of foreign text raise their own error only."""
    for parse in (instant, duration, boolean):
        try:
            result = parse(value)
        except VerificationError:
            continue
        assert isinstance(result, datetime | timedelta | bool)
