"""Whatever an eID-Client sends, the server answers with a message of its own (TR-03112-7 §2.6)."""

from __future__ import annotations

from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eid_server.block_list import BlockList
from eid_server.errors import EIDServerError, NoResultYet
from eid_server.passive_authentication import CardTrust
from eid_server.pki import TrialPKI
from eid_server.request import SessionRequest
from eid_server.server import EIDServer
from tests.support import paos
from tests.support.paos import Command

TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60)
BODIES = st.one_of(
    st.builds(paos.start_paos, TEXT),
    st.builds(
        lambda kind, names, value: paos.did_response(kind, *((name, value) for name in names)),
        st.sampled_from(["EAC1OutputType", "EAC2OutputType", "other"]),
        st.lists(st.sampled_from(["EFCardAccess", "IDPICC", "Challenge", "Nonce", "EFCardSecurity"])),
        st.one_of(st.binary(max_size=40).map(bytes.hex), TEXT),
    ),
    st.builds(paos.transmit_response, st.lists(st.binary(max_size=20).map(bytes.hex), max_size=5)),
)
"""Also with characters that are markup or no XML at all."""
LIMITS = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def server_of(pki: TrialPKI, now: datetime) -> EIDServer:
    return EIDServer(
        pki.terminal,
        CardTrust(),
        block_list=BlockList.of(pki.terminal.sector),
        production=False,
        clock=lambda: now,
    )


@LIMITS
@given(octets=st.one_of(st.binary(max_size=200), BODIES.map(paos.envelope)))
def test_any_octets_are_answered_with_an_error(pki: TrialPKI, now: datetime, octets: bytes) -> None:
    """Nothing of it belongs to a session, and nothing raises."""
    answer = Command(server_of(pki, now).paos(octets))
    assert (answer.name, answer.major) == ("StartPAOSResponse", paos.ERROR)


@LIMITS
@given(body=BODIES)
def test_any_answer_to_the_first_command_ends_the_session(pki: TrialPKI, now: datetime, body: str) -> None:
    """No card is in it: what comes instead is refused, and getResult says that there is nothing."""
    server = server_of(pki, now)
    session = server.open(SessionRequest(required=frozenset({"GivenNames"})))
    consent = Command(server.paos(paos.envelope(paos.start_paos(session.id))))
    answer = Command(server.paos(paos.envelope(body, relates_to=consent.message_id)))
    assert (answer.name, answer.major) == ("StartPAOSResponse", paos.ERROR)
    try:
        server.result(session.id)
    except NoResultYet:
        # no XML, or a StartPAOS for somebody else: nothing that names this session
        assert "StartPAOS" in body or not is_well_formed(body)
    except EIDServerError:
        return
    else:
        raise AssertionError("a result without a card")


def is_well_formed(body: str) -> bool:
    try:
        Command(paos.envelope(body))
    except ValueError:
        return False
    except SyntaxError:
        return False
    return True
