"""A probe is a whole login through the public address, and every way to fail has its word (issue 6, item 7)."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from connectors.probing import ProbeSettings
from gateway.client_settings import PROBE_CLIENT
from gateway.log_lines import JSONLines
from gateway.probes.client import ProbeKey
from gateway.probes.failures import Reason, Step
from gateway.probes.walk import probe
from gateway.store import StoreUnavailable
from tests.login.fake_source import FAMILY_NAME, IDENTIFIER
from tests.probes.conftest import ANSWERS, Field
from tests.probes.partner import PASSWORD, TITLE, USER


def outcome(field: Field, **changes: object) -> tuple[Reason | None, Step | None, str | None]:
    result = field.probe(**changes)  # type: ignore[arg-type]  # fields of the target, as the test says
    return result.reason, result.step, result.code


def bodies(field: Field, after: int) -> list[tuple[str, dict[str, object]]]:
    return [(entry.event, json.loads(entry.body)) for entry in field.application.log.entries(after=after)]


def size(field: Field) -> int:
    return sum(1 for _ in field.application.log.entries())


# ---------------------------------------------------------------------------------- what works


@pytest.mark.parametrize("form", [False, True], ids=["redirect", "post"])
def test_probe_logs_in_at_the_partner_and_tells_the_time_of_each_step(field: Field, form: bool) -> None:
    """From the pushed request over the partner's cookie, forms and refresh to the redeemed code."""
    field.source.form = form
    result = field.probe()
    assert (result.reason, result.step, result.code) == (None, None, None)
    assert list(result.steps) == list(Step)
    assert field.partner.asked == ["/sso", "/login", "/login", "/consent"]


def test_every_event_of_a_probe_names_the_probe_client(field: Field) -> None:
    """Statistics must not take it for a citizen's login."""
    before = size(field)
    assert field.probe().ok
    found = bodies(field, before)
    assert [event for event, _ in found] == [
        "RequestPushed", "JourneyOpened", "ExchangeStarted", "IdentityAccepted", "DataReleased", "TokenIssued",
        "TokenRevoked",
    ]  # fmt: skip
    assert {body["client"] for _, body in found} == {PROBE_CLIENT}
    assert next(body for event, body in found if event == "DataReleased")["attributes"] == []


def test_result_and_log_hold_nothing_of_the_identity_or_the_pages(
    field: Field, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even the test identity's data, not even the title of a page."""
    before = size(field)
    results = [field.probe()]
    for behaviour in ("survey", "forged", "status"):
        field.partner.behaviour = behaviour
        results.append(field.probe())
    written = repr(results) + repr(bodies(field, before)) + caplog.text
    for secret in (FAMILY_NAME, IDENTIFIER, "Alexandros", TITLE, USER, PASSWORD):
        assert secret not in written


def test_level_above_the_one_asked_for_is_fine_unless_another_is_expected(field: Field) -> None:
    """The fake partner answers ``high``."""
    assert outcome(field, level="low") == (None, None, None)
    assert outcome(field, level="low", expected="high") == (None, None, None)
    assert outcome(field, level="low", expected="substantial") == (Reason.LEVEL, Step.REDEEM, None)


def test_secret_of_the_answers_is_read_from_its_file(field: Field) -> None:
    """At each probe, so that a new password needs no restart."""
    directory = field.configuration.directory / "probes"
    directory.mkdir(exist_ok=True)
    (directory / "password").write_text(PASSWORD + "\n")
    answers = {**ANSWERS, "password": "file:probes/password"}
    assert outcome(field, answers=answers) == (None, None, None)
    (directory / "password").unlink()
    assert outcome(field, answers=answers) == (Reason.ANSWERS_MISSING, Step.PUSH, None)
    assert field.partner.asked[4:] == []


# ---------------------------------------------------------------------------------- the partner fails


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("status", (Reason.PARTNER_STATUS, Step.IDENTIFY, None)),
        ("survey", (Reason.PARTNER_PAGE, Step.IDENTIFY, None)),
        ("large", (Reason.PARTNER_SIZE, Step.HAND_OVER, None)),
        ("away", (Reason.PARTNER_ADDRESS, Step.HAND_OVER, None)),
        ("ring", (Reason.PARTNER_PAGES, Step.HAND_OVER, None)),
        ("loop", (Reason.PARTNER_PAGES, Step.IDENTIFY, None)),
        ("cancelled", (Reason.ANSWER_REFUSED, Step.ANSWER, "eidas.cancelled")),
        ("forged", (Reason.ANSWER_REFUSED, Step.ANSWER, "eidas.invalid_answer")),
        ("low", (Reason.LEVEL, Step.ANSWER, "eidas.level_too_low")),
    ],
)
def test_failure_of_the_partner_has_a_reason_and_the_step(
    field: Field, behaviour: str, expected: tuple[Reason, Step, str | None]
) -> None:
    """From a fixed list; where a page of ours said why, with its code."""
    field.partner.behaviour = behaviour
    assert outcome(field) == expected


def test_partner_that_does_not_answer_is_told_from_one_that_is_slow(field: Field) -> None:
    """A closed port, and a page that takes longer than a request may."""
    field.source.address = "http://localhost:1"
    assert outcome(field) == (Reason.PARTNER_UNREACHABLE, Step.HAND_OVER, None)
    field.source.address = field.partner.base
    field.partner.behaviour = "slow"
    assert outcome(field, request=0.3) == (Reason.PARTNER_TIMEOUT, Step.HAND_OVER, None)


def test_whole_probe_has_a_time_of_its_own(field: Field) -> None:
    """However patient each request is."""
    field.partner.behaviour = "slow"
    assert outcome(field, seconds=0.5) == (Reason.TIME, Step.HAND_OVER, None)


def test_refused_test_identity_is_not_tried_again(field: Field) -> None:
    """The same form a second time: another try might lock the account."""
    answers = {**ANSWERS, "password": "changed meanwhile"}
    assert outcome(field, answers=answers) == (Reason.ANSWERS_REFUSED, Step.IDENTIFY, None)
    assert field.partner.asked.count("/login") == 2  # the form, and the one answer to it


def test_answer_that_the_form_does_not_offer_is_an_unexpected_page(field: Field) -> None:
    """The partner has renamed its button."""
    answers = {**ANSWERS, "consent": "perhaps"}
    assert outcome(field, answers=answers) == (Reason.PARTNER_PAGE, Step.IDENTIFY, None)


def test_host_beyond_the_metadata_must_be_configured(field: Field) -> None:
    """A page that leads elsewhere is not followed, unless two people said so."""
    field.partner.behaviour = "away"
    field.partner.elsewhere = f"http://127.0.0.1:{field.partner.port}/login?RelayState=x"
    assert outcome(field) == (Reason.PARTNER_ADDRESS, Step.HAND_OVER, None)
    allowed = (f"127.0.0.1:{field.partner.port}",)
    assert outcome(field, hosts=allowed)[0] is not Reason.PARTNER_ADDRESS


def test_internal_address_behind_an_allowed_name_is_refused(field: Field) -> None:
    """SSRF: what counts is where the name leads (security.md B.2); only our own may lead inside."""
    around = field.surroundings(seconds=10, request=5, octets=100_000)
    field.source.address = "https://node.example"
    policy = replace(around.policy, allow_private_addresses=False)

    def resolve(host: str, port: int) -> tuple[str, ...]:
        del port
        return ("127.0.0.1",) if host == "localhost" else ("169.254.169.254",)

    result = probe(field.target, replace(around, policy=policy, resolve=resolve))
    assert (result.reason, result.step) == (Reason.PARTNER_ADDRESS, Step.HAND_OVER)


# ---------------------------------------------------------------------------------- we fail


def test_partner_without_metadata_is_refused_by_us_with_the_code(field: Field) -> None:
    """What a citizen would see."""
    field.source.down = True
    assert outcome(field) == (Reason.GATEWAY_REFUSED, Step.CHOOSE, "eidas.peer_unavailable")


def test_level_that_the_country_does_not_have_is_refused_by_us(field: Field) -> None:
    """The request asks for the level as essential."""
    greece = field.source.options_given["GR"]
    try:
        field.source.options_given["GR"] = replace(greece, available=False, reason="level")
        assert outcome(field) == (Reason.GATEWAY_REFUSED, Step.CHOOSE, "choice.level")
    finally:
        field.source.options_given["GR"] = greece


def test_own_store_that_is_away_is_our_failure(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing about the partner."""

    async def away(*_: object) -> list[object]:
        raise StoreUnavailable(ConnectionError())

    monkeypatch.setattr(field.application.store, "_send", away)
    result = field.probe()
    assert (result.reason, result.step, result.code) == (Reason.GATEWAY_DOWN, Step.PUSH, "store.unavailable")
    assert result.ours


def test_gateway_that_does_not_answer_is_our_failure(field: Field) -> None:
    """E.g. a proxy in front that is down."""
    around = field.surroundings(seconds=5, request=2, octets=100_000)
    result = probe(field.target, replace(around, issuer="http://localhost:1"))
    assert (result.reason, result.step, result.ours) == (Reason.GATEWAY_UNREACHABLE, Step.PUSH, True)


def test_defect_of_the_probe_itself_is_a_result_too(field: Field, caplog: pytest.LogCaptureFixture) -> None:
    """And its text, which may hold something of a page, stays out of the log."""

    def broken(*_: object) -> tuple[str, ...]:
        raise RuntimeError(TITLE)

    around = field.surroundings(seconds=5, request=2, octets=100_000)
    result = probe(field.target, replace(around, resolve=broken))
    assert (result.reason, result.ours) == (Reason.DEFECT, True)
    (line,) = [JSONLines().format(record) for record in caplog.records if record.name == "gateway.probes"]
    assert TITLE not in line
    assert "RuntimeError" in line


# ---------------------------------------------------------------------------------- nobody else


def test_nobody_without_the_key_can_begin_a_login_of_the_probe_client(field: Field) -> None:
    """Its requests must be pushed, and pushing takes the key."""
    issuer = field.configuration.settings.gateway.issuer
    request = {
        "client_id": PROBE_CLIENT,
        "redirect_uri": f"{issuer}/probe/answer",
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }
    with httpx.Client(trust_env=False) as http:
        answer = http.get(f"{issuer}/authorize", params=request)
        assert "authorize.push_required" in answer.headers["location"]
        other = ProbeKey.derived(bytes(31) + b"\1", issuer)
        around = field.surroundings(seconds=5, request=5, octets=100_000)
        pushed = http.post(f"{issuer}/par", data={**request, **dict(other.authentication(around.clock()))})
        assert pushed.json()["error"] == "invalid_client"


def test_key_is_the_same_in_every_worker_and_another_in_every_installation() -> None:
    """Derived from the subject key; never written."""
    one = ProbeKey.derived(bytes(32), "https://id.example")
    assert one.jwk == ProbeKey.derived(bytes(32), "https://id.example").jwk
    assert one.jwk["x"] != ProbeKey.derived(bytes(32), "https://other.example").jwk["x"]
    assert "_private" not in repr(one)


@pytest.mark.parametrize(
    "secret", ["file:keys/oidc.key", "file:probes/../keys/k", "file:/etc/passwd", "env:HOME"]
)
def test_answers_can_name_no_file_but_their_own(secret: str) -> None:
    """A bundle that two people approve must not be able to send a key of ours to a partner."""
    with pytest.raises(ValueError, match="something else than file:probes"):
        ProbeSettings(answers={"password": secret})


def test_expected_level_is_not_below_the_one_asked_for() -> None:
    """It could never come."""
    with pytest.raises(ValueError, match="expected is below level"):
        ProbeSettings(level="high", expected="low", answers=ANSWERS)
