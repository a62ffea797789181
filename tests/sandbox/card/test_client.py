"""The Python eID-Client against the attached eID-Server, and what it refuses (TR-03124-1, npa.md §3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from eid_server.chat import Right
from eid_server.errors import EIDServerError, InvalidDocument
from eid_server.request import SessionRequest
from eid_server.result import Absence
from eid_server.server import PreSharedKey
from sandbox.authority import certify, make_key
from sandbox.card.chip import Card
from sandbox.card.client import EIDClient, Ended
from sandbox.card.consent import Citizen
from sandbox.card.document import documents
from sandbox.card.issuer import CardIssuer
from tests.sandbox.card.eservice import NAMES, EService, Listener, Reply, psk_server, token


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[..., Listener]]:
    started: list[Listener] = []

    def start(**options) -> Listener:
        started.append(Listener(tmp_path, **options))
        return started[-1]

    yield start
    for listener in started:
        listener.stop()


@pytest.fixture
def eservice(listen, issuer: CardIssuer) -> Callable[..., EService]:
    def start(**options) -> EService:
        tls = options.pop("tls", True)
        tickets = options.pop("tickets", True)
        return EService(listener=listen(tls=tls, tickets=tickets), issuer=issuer, **options)

    return start


def client(eservice: EService, citizen: str = "erika", **options) -> EIDClient:
    card = Card(documents()[citizen], eservice.issuer, eservice.root, today=today())
    decisions = {k: options.pop(k) for k in list(options) if k in Citizen.__dataclass_fields__}
    return EIDClient(card, Citizen(**decisions), today=options.pop("today", today()), **options)


def outcome(ended: Ended) -> tuple[str, str]:
    """Path and result word of where the browser is sent."""
    path = (ended.location or "").partition("?")[0].rpartition("/")[2]
    return path, ended.word


def test_names_and_pseudonym_arrive(eservice) -> None:
    """TR-03124-1 §2.5 with the attached eID-Server: token, PAOS, card, refresh address."""
    service = eservice()
    service.open()
    ended = client(service).run(service.token_url)
    assert ended.location == f"{service.listener.base}/refresh?ResultMajor=ok", ended.reason
    values = service.server.result(service.session).values
    assert values["GivenNames"] == "ERIKA"
    assert values["BirthName"] == "GABLER"
    assert len(values["RestrictedID"].first) == 32


def test_every_connection_closed_needs_a_resumed_session(eservice) -> None:
    """npa.md §3.4; TR-03124-1 A2_28: tickets carry the TLS session over closed connections."""
    service = eservice()
    service.listener.close_always = True
    service.open()
    assert client(service).run(service.token_url).word == "ok"
    assert service.server.result(service.session).values["FamilyNames"] == "MUSTERMANN"


def test_another_tls_session_for_paos_is_refused(eservice) -> None:
    """npa.md §3.4: with a fresh handshake somebody else could be there."""
    service = eservice(tickets=False)
    service.listener.close_always = True
    service.open()
    ended = client(service).run(service.token_url)
    assert outcome(ended) == ("refresh", "trustedChannelEstablishmentFailed")
    assert "/paos" not in service.listener.seen
    assert ended.shown is None


@pytest.mark.parametrize(
    "citizen", ["year-only", "union-citizen", "din-91379", "abroad", "artist", "smart-eid"]
)
def test_other_documents_work_as_well(eservice, citizen) -> None:
    """npa.md §5.1: whatever is on the chip arrives as it is there."""
    wanted = frozenset({"GivenNames", "DateOfBirth", "PlaceOfResidence", "BirthName"})
    service = eservice()
    service.open(SessionRequest(required=wanted))
    assert client(service, citizen).run(service.token_url).word == "ok"
    values = service.server.result(service.session).values
    on_card = documents()[citizen].values
    assert values["GivenNames"] == on_card["GivenNames"]
    assert values["DateOfBirth"] == on_card["DateOfBirth"]
    assert values["BirthName"] == on_card.get("BirthName", Absence.NOT_ON_CHIP)


def test_over_18_reads_nothing_else(eservice) -> None:
    """npa.md §4.3: the citizen is shown age verification alone, and nothing else leaves the card."""
    for citizen, expected in (("erika", True), ("under-18", False)):
        service = eservice()
        service.open(SessionRequest(required=frozenset({"AgeVerification"}), age=18))
        ended = client(service, citizen).run(service.token_url)
        assert ended.shown.required == ("AgeVerification",)
        assert ended.shown.optional == ()
        assert service.server.result(service.session).values == {"AgeVerification": expected}


def test_unticked_right_comes_back_as_prohibited(eservice) -> None:
    """TR-03130-1 §3.4.1: what the citizen keeps is neither empty nor missing on the chip."""
    service = eservice()
    service.open()
    ended = client(service, untick=frozenset({"BirthName", "GivenNames"})).run(service.token_url)
    assert ended.shown.optional == ("BirthName",)
    values = service.server.result(service.session).values
    assert values["BirthName"] is Absence.PROHIBITED
    assert values["GivenNames"] == "ERIKA"


def test_transaction_text_is_shown(eservice) -> None:
    """TR-03130-1 §3.2.1."""
    service = eservice()
    service.open(SessionRequest(required=frozenset({"GivenNames"}), transaction_info="Antrag 17"))
    assert client(service).run(service.token_url).shown.transaction_info == "Antrag 17"


@pytest.mark.parametrize("citizen", ["expired", "blocked"])
def test_expired_and_blocked_cards_give_no_data(eservice, citizen) -> None:
    """TR-03130-1 §3.5: invalidDocument."""
    service = eservice()
    service.open()
    client(service, citizen).run(service.token_url)
    with pytest.raises(InvalidDocument):
        service.server.result(service.session)


@pytest.mark.parametrize(
    ("citizen", "behaviour", "word"),
    [
        ("erika", {"cancels": True}, "cancellationByUser"),
        ("erika", {"pins": ("000000",)}, "cancellationByUser"),
        ("pin-blocked", {}, "cancellationByUser"),
        ("pin-suspended", {"knows_can": False}, "cancellationByUser"),
        ("deactivated", {}, "clientError"),
    ],
)
def test_citizen_who_cannot_or_does_not_want(eservice, citizen, behaviour, word) -> None:
    """TR-03124-1 §2.5.4: back to the refresh address with the reason, nothing at the server."""
    service = eservice()
    service.open()
    ended = client(service, citizen, **behaviour).run(service.token_url)
    assert outcome(ended) == ("refresh", word)
    with pytest.raises(EIDServerError):
        service.server.result(service.session)


@pytest.mark.parametrize(
    ("citizen", "behaviour"), [("erika", {"pins": ("000000", "123456")}), ("pin-suspended", {})]
)
def test_second_attempt_with_the_right_pin(eservice, citizen, behaviour) -> None:
    """TR-03110-2 §3.5.1: another try, or the CAN first."""
    service = eservice()
    service.open()
    assert client(service, citizen, **behaviour).run(service.token_url).word == "ok"


def test_token_serves_once(eservice) -> None:
    """npa.md §3.2: a replayed token starts no second authentication."""
    service = eservice()
    service.open()
    assert client(service).run(service.token_url).word == "ok"
    again = client(service).run(service.token_url)
    assert again.word == "serverError"
    assert again.shown is None


def test_unknown_certificate_of_the_eservice_leads_to_the_error_address(eservice) -> None:
    """npa.md §3.5 rule 1: whoever terminates TLS must be in the description; the PIN is not asked for."""
    service = eservice(described=(b"another certificate",))
    service.open()
    ended = client(service).run(service.token_url)
    assert outcome(ended) == ("lost", "communicationError")
    assert ended.shown is None


def test_unknown_certificate_on_the_way_back_leads_to_the_error_address(eservice, listen) -> None:
    """npa.md §3.5 rule 1: every server of the refresh chain counts."""
    other, service = listen(), eservice()
    other.pages["/hop"] = lambda _: Reply(303, location=f"{service.listener.base}/refresh")
    service.values["RefreshAddress"] = f"{other.base}/hop"
    service.open()
    ended = client(service).run(service.token_url)
    assert outcome(ended) == ("lost", "communicationError")


def test_refresh_chain_is_followed_to_the_eservice(listen, issuer) -> None:
    """npa.md §3.5 rule 3: until the origin of subjectURL, whose page itself is for the browser."""
    other = listen()
    listener = listen()
    service = EService(listener=listener, issuer=issuer, described=(listener.certificate, other.certificate))
    other.pages["/hop"] = lambda _: Reply(303, location=f"{service.listener.base}/refresh?a=1")
    service.values["RefreshAddress"] = f"{other.base}/hop"
    service.open()
    ended = client(service).run(service.token_url)
    assert ended.location == f"{service.listener.base}/refresh?a=1&ResultMajor=ok"
    assert "/refresh" not in service.listener.seen


def test_refresh_address_elsewhere_leads_to_the_error_address(listen, issuer) -> None:
    """npa.md §3.5 rule 3: the browser never goes to another origin."""
    other = listen()
    other.pages["/page"] = lambda _: Reply(200, b"welcome")
    listener = listen()
    service = EService(listener=listener, issuer=issuer, described=(listener.certificate, other.certificate))
    service.values["RefreshAddress"] = f"{other.base}/page"
    service.open()
    assert outcome(client(service).run(service.token_url)) == ("lost", "communicationError")


def test_token_from_another_origin_than_the_certified_one_is_refused(eservice) -> None:
    """npa.md §3.5 rule 3; TR-03124-1 A3_04."""
    service = eservice(subject_url="https://elsewhere.example")
    service.open()
    ended = client(service).run(service.token_url)
    assert ended.word == "communicationError"
    assert ended.shown is None


def test_exchanged_description_is_refused(eservice) -> None:
    """npa.md §3.5 rule 2; TR-03124-1 A3_06: its hash is in the terminal certificate."""
    service = eservice()
    described = service.pki.terminal.description.hex()
    assert b"Testdienst".hex() in described
    forged = described.replace(b"Testdienst".hex(), b"Bundestage".hex())
    honest = service.server.paos
    service.listener.pages["/paos"] = lambda body: Reply(
        200, honest(body).replace(described.encode(), forged.encode())
    )
    service.open()
    ended = client(service).run(service.token_url)
    assert outcome(ended) == ("refresh", "clientError")
    assert ended.shown is None


def test_expired_terminal_certificate_is_refused_before_the_pin(eservice) -> None:
    """TR-03112-7 §3.6.4: the client has a clock, the card has not."""
    service = eservice()
    service.open()
    ended = client(service, today=today() + timedelta(days=365)).run(service.token_url)
    assert outcome(ended) == ("refresh", "clientError")
    assert ended.shown is None


def test_card_of_another_root_meets_no_terminal(eservice) -> None:
    """Shows 6: the card's own trust point decides, whatever the client thought of the certificate."""
    service, other = eservice(), eservice()
    card = Card(documents()["erika"], service.issuer, other.root, today=today())
    service.open()
    ended = EIDClient(card, today=today()).run(service.token_url)
    assert outcome(ended) == ("refresh", "serverError")
    with pytest.raises(EIDServerError):
        service.server.result(service.session)


def test_http_is_refused_unless_allowed(eservice) -> None:
    """TR-03124-1 A1_07: 400; with the sandbox's flag the same login works."""
    service = eservice(tls=False)
    service.open()
    refused = client(service).run(service.token_url)
    assert (refused.status, refused.location) == (400, None)
    assert service.listener.seen == []
    assert client(service, insecure=True).run(service.token_url).word == "ok"


def test_redirect_to_http_is_refused(eservice, listen) -> None:
    """TR-03124-1 A2_10."""
    service, plain = eservice(), listen(tls=False)
    service.listener.pages["/token"] = lambda _: Reply(303, location=f"{plain.base}/token")
    service.open()
    assert client(service).run(service.token_url).status == 400
    assert plain.seen == []


@pytest.mark.parametrize("status", [302, 303, 307])
def test_redirect_to_the_token_is_followed(eservice, status) -> None:
    """TR-03124-1 A2_06…08."""
    service = eservice()
    service.listener.pages["/first"] = lambda _: Reply(status, location="/token")
    service.open()
    assert client(service).run(f"{service.listener.base}/first").word == "ok"


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (token(ServerAddress="", CommunicationErrorAddress="https://s/lost"), 303, "lost"),
        (token(ServerAddress=""), 400, ""),
        (token(ServerAddress="https://s/paos", Binding="urn:liberty:paos:2006-08"), 400, ""),
        (b"", 404, ""),
        (b"no token", 400, ""),
        (b"<!DOCTYPE TCTokenType><TCTokenType/>", 400, ""),
        (token(Surprise="1"), 400, ""),
    ],
)
def test_token_that_is_none(eservice, body, status, path) -> None:
    """TR-03124-1 A2_05, A2_09 and neighbours; npa.md §3.1."""
    service = eservice()
    service.listener.pages["/token"] = lambda _: Reply(200, body)
    ended = client(service).run(service.token_url)
    assert (ended.status, outcome(ended)[0]) == (status, path)


def test_activation_link_without_a_token_url_is_404(eservice) -> None:
    """npa.md §3.1."""
    service = eservice()
    link = "http://127.0.0.1:24727/eID-Client"
    assert client(service).activate(link).status == 404
    assert client(service).activate(f"{link}?tcTokenURL={service.listener.base}/none").status == 404


def test_eid_server_of_its_own_is_reached_with_the_key_of_the_token(listen, issuer) -> None:
    """TR-03130-1 §2.3.2: TLS_RSA_PSK; the key's identity is the session identifier."""
    pair = certify("localhost", make_key("rsa-3072"), hosts=("localhost",))
    listener = listen()
    der = pair.certificate.public_bytes(Encoding.DER)
    service = EService(listener=listener, issuer=issuer, described=(listener.certificate, der))
    server, thread = psk_server(service.server, pair)
    try:
        address = f"https://localhost:{server.server_port}/paos"
        key = PreSharedKey(id="ab" * 16, key="cd" * 32)
        service.open(NAMES, psk=key)
        service.values.update(ServerAddress=address, psk="ee" * 32)
        wrong = client(service).run(service.token_url)
        assert outcome(wrong) == ("refresh", "trustedChannelEstablishmentFailed")
        service.values.update(psk=key.key)
        assert client(service).run(service.token_url).word == "ok"
        assert service.server.result(service.session).values["GivenNames"] == "ERIKA"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_rights_of_the_certificate_limit_what_is_asked(eservice) -> None:
    """TR-03112-7 §3.6.4.1: a template beyond the certificate is cut, the card would refuse it anyway."""
    service = eservice(rights=Right(1 << 11))
    service.open(SessionRequest(required=frozenset({"GivenNames"})))
    ended = client(service).run(service.token_url)
    assert ended.shown.required == ("GivenNames",)
    assert set(service.server.result(service.session).values) == {"GivenNames"}


def test_link_certificate_introduces_the_next_root(eservice) -> None:
    """TR-03110-3 §2.5.2: an old card follows the link and then knows both roots."""
    service = eservice(successor="DETESTeID00006")
    service.open()
    reading = client(service)
    assert reading.run(service.token_url).word == "ok"
    assert reading.card.trust.references() == [b"DETESTeID00006", b"DETESTeID00005"]
    service.open()
    assert reading.run(service.token_url).word == "ok"


def test_second_pseudonym_while_the_sector_migrates(eservice) -> None:
    """TR-03130-1 §3.4.3: ID and ID2; the second is what the next sector will see alone."""
    service = eservice(migrating=True)
    service.open()
    assert client(service).run(service.token_url).word == "ok"
    found = service.server.result(service.session).values["RestrictedID"]
    assert found.second is not None
    assert found.first != found.second


def test_signature_asked_for_later_is_given_later(eservice) -> None:
    """npa.md §4.2 steps 5a and 5b: EAC2Input without a signature; the challenge, then the signature."""
    service = eservice()
    service.open()
    kept: list[bytes] = []

    def split(body: bytes) -> Reply:
        if b"EAC2OutputType" in body and b"EFCardSecurity" not in body:
            assert body.count(b"<iso:Challenge>") == 1
            return Reply(200, kept.pop())
        answer = service.server.paos(body)
        if b"EAC2InputType" in answer:
            kept.append(answer.replace(b"EAC2InputType", b"EACAdditionalInputType"))
            return Reply(200, re.sub(rb"<(\w+:)?Signature>.*?</(\w+:)?Signature>", b"", answer))
        return Reply(200, answer)

    service.listener.pages["/paos"] = split
    assert client(service).run(service.token_url).word == "ok"
    assert service.server.result(service.session).values["GivenNames"] == "ERIKA"
