"""The suite every connector must pass (connectors.contract, style.md §7).

A connector's own tests derive a class ``Test…`` from ``ConnectorContract`` and provide a ``Bench``: the connector
wired to a counterpart that answers.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import (
    Answer,
    AuthenticationRequest,
    Connector,
    FormDispatch,
    PublishedDocument,
    RedirectDispatch,
    Start,
)
from connectors.errors import ConnectorError, InvalidAnswer, RequestNotPossible
from connectors.identity import Identity, PersonKind

HANDLE = "ABCDE12345.AAAAAAAAAAAAAAAAAAAAAA"
"""A RelayState as the gateway makes them: 33 characters."""
REASONS = {"level", "person", "attributes", "service", "down"}
STATES = {"ok", "stale", "down"}


class Bench(Protocol):
    """A connector and the other side of its protocol."""

    connector: Connector
    now: datetime
    request: AuthenticationRequest
    """One that the counterpart can serve."""
    impossible: AuthenticationRequest
    """One that it cannot."""
    personal: tuple[str, ...]
    """Words of the citizen who answers; never to be found in an exception."""

    def answer(self, start: Start) -> Answer:
        """The genuine answer, as the browser brings it."""
        ...

    def restarted(self) -> Connector:
        """The same connector in another process."""
        ...


@dataclass
class Randomness:
    """Deterministic octets that do not repeat."""

    seed: int = 0

    def __call__(self, size: int) -> bytes:
        self.seed += 1
        return bytes((self.seed * 31 + i) % 256 for i in range(size))


class ConnectorContract:
    """Derive, and define the fixture ``bench``."""

    @pytest.fixture
    def bench(self) -> Bench:
        raise NotImplementedError

    def begin(self, bench, handle=HANDLE, seed=0):
        return bench.connector.begin(
            bench.request, relay_state=handle, now=bench.now, random=Randomness(seed)
        )

    # ------------------------------------------------------------------------------- identity

    def test_its_id_fits_into_urls_and_account_keys(self, bench):
        """connectors.contract.Connector.id."""
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", bench.connector.id)

    # ---------------------------------------------------------------------------------- begin

    def test_the_browser_is_sent_away_with_the_handle(self, bench):
        """The handle must come back, so it must be in what leaves."""
        dispatch = self.begin(bench).dispatch
        if isinstance(dispatch, FormDispatch):
            target = dispatch.action
            assert HANDLE in [value for _, value in dispatch.fields]
            assert all(isinstance(part, str) for field in dispatch.fields for part in field)
        else:
            assert isinstance(dispatch, RedirectDispatch)
            target = dispatch.url
            assert HANDLE in [v for values in parse_qs(urlsplit(target).query).values() for v in values]
        assert urlsplit(target).scheme == "https"

    def test_what_is_remembered_is_json_and_bounded_in_time(self, bench):
        """The gateway seals it; half an hour is the longest a citizen may take abroad (eidas.md §8)."""
        pending = self.begin(bench).pending
        assert pending.connector == bench.connector.id
        assert pending.peer
        assert pending.message_id
        assert json.loads(json.dumps(pending.state)) == pending.state
        assert bench.now + timedelta(minutes=1) <= pending.deadline <= bench.now + timedelta(minutes=30)

    def test_every_exchange_is_another(self, bench):
        """No identifier is used twice, none is predictable from time alone."""
        first, second = self.begin(bench, seed=0), self.begin(bench, seed=50)
        assert first.pending.message_id != second.pending.message_id

    def test_an_impossible_request_is_refused_before_anything_leaves(self, bench):
        """connectors.errors.RequestNotPossible."""
        with pytest.raises(RequestNotPossible):
            bench.connector.begin(bench.impossible, relay_state=HANDLE, now=bench.now, random=Randomness())

    # --------------------------------------------------------------------------------- finish

    def test_the_genuine_answer_becomes_an_identity(self, bench):
        """connectors.contract.Connector.finish is the only way to an Identity."""
        start = self.begin(bench)
        verified = bench.connector.finish(start.pending, bench.answer(start), now=bench.now)
        identity = verified.identity
        assert isinstance(identity, Identity)
        assert identity.source.connector == bench.connector.id
        assert identity.source.authenticated_at.utcoffset() == timedelta(0)
        assert identity.source.statement_id
        assert identity.subject.kind in bench.request.persons
        assert identity.assurance.satisfies(
            bench.request.minimum, accept_non_notified=bench.request.accept_non_notified
        )
        assert identity.account_key is None or identity.account_key.startswith(f"{bench.connector.id}\0")
        assert Identity.from_record(identity.to_record()) == identity

    def test_an_answer_brings_its_replay_keys(self, bench):
        """security.md A.13: each may be claimed once, for longer than the answer could be accepted."""
        start = self.begin(bench)
        keys = bench.connector.finish(start.pending, bench.answer(start), now=bench.now).replay_keys
        assert keys
        assert len({k.key for k in keys}) == len(keys)
        assert all(k.until > bench.now for k in keys)

    def test_the_same_answer_has_the_same_replay_keys(self, bench):
        """Otherwise the store could not notice the second time."""
        start = self.begin(bench)
        answer = bench.answer(start)
        first, second = (bench.connector.finish(start.pending, answer, now=bench.now) for _ in range(2))
        assert {k.key for k in first.replay_keys} == {k.key for k in second.replay_keys}

    def test_the_handle_of_an_answer_is_read_before_anything_is_believed(self, bench):
        """connectors.contract.Connector.relay_state."""
        assert bench.connector.relay_state(bench.answer(self.begin(bench))) == HANDLE

    def test_another_process_finishes_what_this_one_began(self, bench):
        """No state in the connector: restarts and several instances."""
        start = self.begin(bench)
        pending = replace(start.pending, state=json.loads(json.dumps(start.pending.state)))
        verified = bench.restarted().finish(pending, bench.answer(start), now=bench.now)
        assert verified.identity.source.connector == bench.connector.id

    def test_answers_may_come_in_any_order_but_only_to_their_own_exchange(self, bench):
        """Two browsers at once; a swapped answer is refused (mix-up)."""
        one, two = self.begin(bench, seed=0), self.begin(bench, seed=50)
        first, second = bench.answer(one), bench.answer(two)
        assert bench.connector.finish(two.pending, second, now=bench.now)
        with pytest.raises(InvalidAnswer):
            bench.connector.finish(two.pending, first, now=bench.now)
        assert bench.connector.finish(one.pending, first, now=bench.now)

    def test_an_answer_after_the_deadline_is_refused(self, bench):
        """PendingExchange.deadline."""
        start = self.begin(bench)
        with pytest.raises(ConnectorError):
            bench.connector.finish(
                start.pending, bench.answer(start), now=start.pending.deadline + timedelta(seconds=1)
            )

    def test_an_exchange_of_another_connector_is_refused(self, bench):
        """A record that strayed must not be finished here."""
        start = self.begin(bench)
        with pytest.raises(InvalidAnswer):
            bench.connector.finish(
                replace(start.pending, connector="other"), bench.answer(start), now=bench.now
            )

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(method="POST"),
            Answer(method="GET"),
            Answer(method="POST", fields=(("RelayState", HANDLE),)),
            Answer(method="POST", fields=(("", ""), ("x", "\x00\ud800"))),
            Answer(method="GET", query=b"%00&=&%ff=%fe"),
            Answer(method="PUT", fields=(("RelayState", HANDLE),)),
        ],
        ids=["empty", "empty GET", "handle only", "odd fields", "odd query", "PUT"],
    )
    def test_whatever_else_comes_is_an_invalid_answer(self, bench, answer):
        """One face for all of it (connectors.errors.InvalidAnswer)."""
        with pytest.raises(InvalidAnswer):
            bench.connector.finish(self.begin(bench).pending, answer, now=bench.now)

    def test_duplicated_or_damaged_fields_are_an_invalid_answer(self, bench):
        """No repair, no guess which one is meant; and no word of the citizen in the refusal."""
        start = self.begin(bench)
        good = bench.answer(start)
        damaged = [replace(good, fields=(*good.fields, field)) for field in good.fields]
        damaged += [replace(good, fields=tuple((n, v[: len(v) // 2]) for n, v in good.fields))]
        damaged += [replace(good, fields=tuple((n, v[::-1]) for n, v in good.fields))]
        damaged += [replace(good, query=good.query[: len(good.query) // 2])] if good.query else []
        for answer in damaged:
            with pytest.raises(InvalidAnswer) as caught:
                bench.connector.finish(start.pending, answer, now=bench.now)
            assert not any(word in f"{caught.value!r}" for word in bench.personal)

    # -------------------------------------------------------------------------------- options

    def test_options_are_consistent(self, bench):
        """Available or a reason, never both; the country of the request is ignored."""
        options = bench.connector.options(bench.request, now=bench.now)
        assert options
        assert any(o.available for o in options)
        for option in options:
            assert option.connector == bench.connector.id
            assert option.available == (option.reason is None)
            assert option.reason is None or option.reason in REASONS
            assert option.country is None or re.fullmatch(r"[A-Z]{2}", option.country)
        assert len({o.country for o in options}) == len(options)
        anywhere = replace(bench.request, country=None)
        assert bench.connector.options(anywhere, now=bench.now) == options

    def test_options_never_fail(self, bench):
        """Whatever a service wants, the page can be shown."""
        for persons in (
            frozenset({PersonKind.LEGAL}),
            frozenset({PersonKind.NATURAL}),
            frozenset(PersonKind),
        ):
            for minimum in LevelOfAssurance:
                wish = replace(
                    bench.request, persons=persons, minimum=minimum, required=frozenset({"no such attribute"})
                )
                assert not any(o.available for o in bench.connector.options(wish, now=bench.now))

    def test_years_later_nothing_is_available(self, bench):
        """Metadata and certificates end; nothing is offered on the strength of the past."""
        later = bench.now + timedelta(days=4_000)
        assert {o.reason for o in bench.connector.options(bench.request, now=later)} == {"down"}

    # ---------------------------------------------------------------------- documents, peers

    def test_documents_can_be_served_as_they_are(self, bench):
        """connectors.contract.PublishedDocument."""
        documents = bench.connector.documents(now=bench.now)
        assert len({d.name for d in documents}) == len(documents)
        for document in documents:
            assert isinstance(document, PublishedDocument)
            assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", document.name)
            assert document.content
            assert "/" in document.content_type
            assert document.max_age > 0

    def test_peers_say_how_they_are(self, bench):
        """connectors.contract.PeerStatus; a peer that is not ok has a reason."""
        for statuses in (bench.connector.peers(now=bench.now), bench.connector.refresh(now=bench.now)):
            assert statuses
            for status in statuses:
                assert status.peer
                assert status.state in STATES
                assert (status.reason is None) == (status.state == "ok")
                assert status.valid_until is None or status.valid_until > bench.now
