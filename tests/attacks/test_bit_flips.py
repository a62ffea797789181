"""Property tests: no change of a genuine message ever yields another identity (hypothesis).

Either the message is refused with an error of ours, or the change was of a kind that
canonicalisation takes back and the very same identity comes out.
"""

from __future__ import annotations

import base64
import string
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.contract import Answer
from connectors.errors import ConnectorError, InvalidAnswer
from connectors.saml import bindings
from connectors.saml.response import VerifiedAssertion, receive
from tests.attacks.refusal import assert_says_nothing_personal, expectation
from tests.support.saml_peer import Exchange, Installed, begin, ec_pair
from tests.support.xml_signing import NOW
from trust import schema_types, xml
from trust.errors import VerificationError
from trust.pinned import PinnedKey
from trust.signatures import verify_detached

BOUNDED = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def genuine(greece: Installed) -> tuple[Exchange, bytes]:
    exchange = begin(greece)
    return exchange, exchange.reply(sign_assertion=True).octets()


@pytest.fixture(scope="module")
def plain(greece: Installed) -> tuple[Exchange, bytes]:
    """Response and assertion signed, nothing encrypted, so that flips reach the person."""
    exchange = begin(greece)
    return exchange, exchange.reply(sign_assertion=True, encrypted=False).octets()


def outcome(exchange: Exchange, octets: bytes) -> object:
    """The identity, or None for a refusal; anything but an error of ours fails the test."""
    try:
        return exchange.finish(octets)
    except ConnectorError as error:
        assert_says_nothing_personal(error)
        return None


def read(exchange: Exchange, octets: bytes) -> list[tuple[str | None, str | None]] | None:
    looser = expectation(exchange, encryption_required=False)
    try:
        assertion: VerifiedAssertion = receive(octets, looser)
    except ConnectorError as error:
        assert_says_nothing_personal(error)
        return None
    return [(a.get("Name"), "".join(map(str, a.itertext()))) for a in assertion.attributes]


@BOUNDED
@given(data=st.data())
def test_flipped_bit_never_yields_another_identity(
    genuine: tuple[Exchange, bytes], data: st.DataObject
) -> None:
    exchange, octets = genuine
    position = data.draw(st.integers(0, len(octets) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = octets[:position] + bytes([octets[position] ^ (1 << bit)]) + octets[position + 1 :]
    assert outcome(exchange, flipped) in (None, exchange.finish(octets))


@BOUNDED
@given(data=st.data())
def test_flipped_bit_in_the_clear_never_yields_other_attributes(
    plain: tuple[Exchange, bytes], data: st.DataObject
) -> None:
    exchange, octets = plain
    position = data.draw(st.integers(0, len(octets) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = octets[:position] + bytes([octets[position] ^ (1 << bit)]) + octets[position + 1 :]
    assert read(exchange, flipped) in (None, read(exchange, octets))


@BOUNDED
@given(
    start=st.integers(0, 100_000),
    length=st.integers(0, 400),
    insert=st.binary(max_size=40)
    | st.text(alphabet="<>/=\"'&;# \n!-[]?:abIDds2", max_size=40).map(str.encode),
)
@example(start=0, length=0, insert=b"<!---->")
def test_replaced_octets_never_yield_other_attributes(
    plain: tuple[Exchange, bytes], start: int, length: int, insert: bytes
) -> None:
    exchange, octets = plain
    start %= len(octets)
    assert read(exchange, octets[:start] + insert + octets[start + length :]) in (
        None,
        read(exchange, octets),
    )


@BOUNDED
@given(first=st.integers(0, 100_000), second=st.integers(0, 100_000), length=st.integers(1, 2_000))
def test_copied_part_never_yields_other_attributes(
    plain: tuple[Exchange, bytes], first: int, second: int, length: int
) -> None:
    """A piece of the message inserted elsewhere: wrapping by chance."""
    exchange, octets = plain
    piece = octets[first % len(octets) :][:length]
    place = second % len(octets)
    assert read(exchange, octets[:place] + piece + octets[place:]) in (None, read(exchange, octets))


@BOUNDED
@given(insert=st.binary(max_size=60), position=st.integers(0, 100_000), length=st.integers(0, 60))
def test_changed_plaintext_ends_in_an_error_of_ours(
    genuine: tuple[Exchange, bytes], insert: bytes, position: int, length: int
) -> None:
    """A node may encrypt whatever it likes: it can hurt its own login only."""
    exchange, _ = genuine

    def change(octets: bytes) -> bytes:
        place = position % len(octets)
        return octets[:place] + insert + octets[place + length :]

    outcome(exchange, exchange.reply(edit_plain=change).octets())


@BOUNDED
@given(octets=st.binary(max_size=2_000))
@example(octets=b"")
@example(octets=b"<")
def test_arbitrary_octets_are_refused(genuine: tuple[Exchange, bytes], octets: bytes) -> None:
    assert outcome(genuine[0], octets) is None
    with pytest.raises(VerificationError):
        xml.parse(octets + b"<")


NAMES = st.sampled_from(["SAMLResponse", "SAMLRequest", "RelayState", "country", "SigAlg", ""])


@BOUNDED
@given(fields=st.lists(st.tuples(NAMES, st.text(max_size=60)), max_size=5))
def test_arbitrary_form_is_read_or_refused(fields: list[tuple[str, str]]) -> None:
    try:
        message = bindings.read_post(fields)
    except InvalidAnswer:
        return
    sent = [value for name, value in fields if name == "SAMLResponse"]
    assert base64.b64encode(message.octets).decode().rstrip("=")[:-1] in "".join(sent[0].split())
    assert len(sent) == 1


@BOUNDED
@given(
    query=st.binary(max_size=200)
    | st.text(alphabet="SAMLResponseRelayStateSigAlg=&%+20Zz", max_size=120).map(str.encode)
)
@example(query=b"SAMLResponse=&&")
@example(query=b"SAMLResponse=%")
def test_arbitrary_query_is_read_or_refused(query: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        bindings.read_redirect(query)


@BOUNDED
@given(
    fields=st.lists(st.tuples(NAMES, st.text(max_size=60)), max_size=5),
    method=st.sampled_from(["POST", "GET", ""]),
)
def test_arbitrary_answer_never_gives_an_identity(
    genuine: tuple[Exchange, bytes], fields: list[tuple[str, str]], method: str
) -> None:
    exchange, _ = genuine
    answer = Answer(method=method, fields=tuple(fields), query=b"x=1")
    with pytest.raises(InvalidAnswer):
        exchange.installed.connector.finish(exchange.pending, answer, now=NOW)


@BOUNDED
@given(signature=st.binary(max_size=80), data=st.binary(max_size=80))
def test_arbitrary_signature_is_refused(signature: bytes, data: bytes) -> None:
    key = PinnedKey.from_certificate(ec_pair("redirect").pem)
    with pytest.raises(VerificationError):
        verify_detached(
            data, signature, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", [key], now=NOW
        )


@BOUNDED
@given(text=st.text(max_size=40) | st.text(alphabet=string.digits + "-+:.TZ", max_size=40))
def test_arbitrary_time_is_read_or_refused(text: str) -> None:
    try:
        moment = schema_types.instant(text)
    except VerificationError:
        return
    assert moment.utcoffset() == timedelta(0)
