"""One probe, from the pushed request to the redeemed code and its revocation. Blocking: run it in a thread."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import JsonValue

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from gateway.client_settings import PROBE_CLIENT
from gateway.jose import InvalidKeySet, InvalidToken, PublicKeySet, TokenPolicy, parse, parse_object
from gateway.oidc.acr import acr_of, acr_values
from gateway.probes.browser import Browser, origin_of
from gateway.probes.client import Challenge, redirect_uri
from gateway.probes.failures import DOWN, TOO_LOW, ProbeFailed, Reason, Step
from gateway.probes.pages import Form, Page
from gateway.probes.result import ProbeResult, Surroundings
from gateway.probes.targets import Target, answers
from trust.outgoing import Answer

_log = logging.getLogger("gateway.probes")
_SAML = frozenset({"SAMLResponse", "SAMLRequest"})
_SKEW = 60


def probe(target: Target, surroundings: Surroundings) -> ProbeResult:
    """Log in at ``target``; never raises."""
    began = surroundings.clock()
    login = _Login(target, surroundings)
    failed: ProbeFailed | None = None
    try:
        login.run()
    except ProbeFailed as error:
        failed = error
    except Exception as error:  # noqa: BLE001 - a defect of ours must not pass for silence
        # Not the exception itself: its text may hold something of a page.
        _log.error("probe defect", extra={"target": target.name, "kind": type(error).__name__})
        failed = ProbeFailed(Reason.DEFECT)
    return ProbeResult(
        target=target.name,
        at=began,
        reason=failed.reason if failed else None,
        step=login.step if failed else None,
        code=failed.code if failed else None,
        steps=login.steps,
    )


@dataclass(slots=True)
class _Login:
    target: Target
    around: Surroundings
    steps: dict[Step, int] = field(default_factory=dict)
    step: Step = Step.PUSH
    browser: Browser = field(init=False)
    challenge: Challenge = field(default_factory=Challenge)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    _fields: list[tuple[str, str]] = field(default_factory=list, repr=False)
    _sent: set[tuple[str, frozenset[str]]] = field(default_factory=set)

    def __post_init__(self) -> None:
        around = self.around
        self.browser = Browser(
            issuer=around.issuer,
            stop_at=redirect_uri(around.issuer),
            policy=around.policy,
            deadline=around.monotonic() + around.limits.seconds,
            page_bytes=around.limits.page_bytes,
            allowed={origin_of(around.issuer)},
            resolve=around.resolve,
            monotonic=around.monotonic,
        )
        # https everywhere; http only in development, where the policy allows it and only to this machine
        schemes = ("https", "http") if around.policy.allow_http_loopback else ("https",)
        for host in self.target.settings.hosts:
            self.browser.allowed |= {origin_of(f"{scheme}://{host}") for scheme in schemes}

    def run(self) -> None:
        self._fields = answers(self.target.settings, self.around.directory)
        with self._timed(Step.PUSH):
            request_uri = self._push()
        with self._timed(Step.CHOOSE):
            self._choose(request_uri)
        with self._timed(Step.HAND_OVER):
            self._hand_over()
        with self._timed(Step.IDENTIFY):
            answer = self._identify()
        with self._timed(Step.ANSWER):
            self._answer(answer)
        with self._timed(Step.RELEASE):
            code = self._release()
        with self._timed(Step.REDEEM):
            token = self._redeem(code)
        with self._timed(Step.FORGET):
            fields = [*self._authentication(), ("token", token)]
            self._called(self.browser.call(f"{self.around.issuer}/revoke", fields), Reason.TOKEN)

    @contextmanager
    def _timed(self, step: Step) -> Iterator[None]:
        self.step = step
        began = self.around.monotonic()
        try:
            yield
        finally:
            self.steps[step] = round((self.around.monotonic() - began) * 1000)

    # ------------------------------------------------------------------ our own client

    def _authentication(self) -> list[tuple[str, str]]:
        return self.around.key.authentication(self.around.clock())

    def _push(self) -> str:
        settings = self.target.settings
        at_least = [level for level in EIDAS_LEVELS if level >= LevelOfAssurance.parse(settings.level)]
        values = [
            acr_of(Assurance(level=level, notified=notified))
            for level in at_least
            for notified in (True, False)
        ]
        fields = [
            *self._authentication(),
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", self.browser.stop_at),
            ("state", self.state),
            ("nonce", self.nonce),
            ("code_challenge", self.challenge.value),
            ("code_challenge_method", "S256"),
            # with the country, so that the only other one is never taken instead of it
            (
                "login_hint",
                f"person:{settings.person} means:{self.target.connector} country:{self.target.country}",
            ),
            ("claims", json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})),
        ]
        answer = self.browser.call(f"{self.around.issuer}/par", fields)
        return _text(self._called(answer, Reason.GATEWAY_REFUSED), "request_uri", Reason.GATEWAY_PAGE)

    def _redeem(self, code: str) -> str:
        fields = [
            *self._authentication(),
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.browser.stop_at),
            ("code_verifier", self.challenge.verifier),
        ]
        issuer = self.around.issuer
        found = self._called(self.browser.call(f"{issuer}/token", fields), Reason.TOKEN)
        keys = self.browser.call(f"{issuer}/jwks", None)
        policy = TokenPolicy(
            algorithms=frozenset({self.around.signing_alg}),
            types=frozenset({"jwt"}),
            issuer=issuer,
            audience=PROBE_CLIENT,
            required=frozenset({"sub", "acr", "nonce", "exp"}),
            skew=_SKEW,
        )
        try:
            token = parse(_text(found, "id_token", Reason.TOKEN))
            claims = token.verify(PublicKeySet.parse(keys.body), policy, now=self.around.clock())
        except (InvalidToken, InvalidKeySet) as error:
            raise ProbeFailed(Reason.TOKEN) from error
        if claims["nonce"] != self.nonce:
            raise ProbeFailed(Reason.TOKEN)
        if not claims["sub"]:
            raise ProbeFailed(Reason.IDENTITY)
        self._check_level(str(claims["acr"]))
        return _text(found, "access_token", Reason.TOKEN)

    def _check_level(self, acr: str) -> None:
        settings = self.target.settings
        reached = acr_values("eidas").get(acr)
        if reached is None or reached.level < LevelOfAssurance.parse(settings.level):
            raise ProbeFailed(Reason.LEVEL)
        if settings.expected is not None and reached.level.word != settings.expected:
            raise ProbeFailed(Reason.LEVEL)

    def _called(self, answer: Answer, reason: Reason) -> dict[str, JsonValue]:
        """The JSON of a good answer; raises ProbeFailed with the code of another one."""
        try:
            found = parse_object(answer.body.decode("utf-8")) if answer.body else {}
        except ValueError as error:
            raise ProbeFailed(Reason.GATEWAY_PAGE) from error
        if answer.status >= 400:
            raise _refusal(reason, str(found.get("error_uri", "")).rpartition("/")[2])
        return found

    # ------------------------------------------------------------------ the pages

    def _choose(self, request_uri: str) -> None:
        query = urlencode({"client_id": PROBE_CLIENT, "request_uri": request_uri})
        self._at_home(self.browser.get(f"{self.around.issuer}/authorize?{query}"), Reason.GATEWAY_REFUSED)
        for form in self.browser.page.forms:
            if (
                urlsplit(form.action).path.endswith("/start")
                and ("means", self.target.connector) in form.fields
            ):
                # Also a country that cannot be chosen just now is sent: the gateway then says why not.
                fields = [pair for pair in form.fields if pair[0] != "country"]
                page = self.browser.submit(form, [*fields, ("country", self.target.choice)])
                self._at_home(page, Reason.GATEWAY_REFUSED)
                return

    def _hand_over(self) -> None:
        """Our own page names the partner's address, which comes from its verified metadata."""
        page = self.browser.page
        away = [form for form in page.forms if not self.browser.is_own(form.action)]
        if page.refresh is not None and not self.browser.is_own(page.refresh):
            self.browser.allowed.add(origin_of(page.refresh))
            self.browser.follow(page.refresh)
        elif away:
            self.browser.allowed.add(origin_of(away[0].action))
            self.browser.submit(away[0], away[0].fields)
        else:
            raise ProbeFailed(Reason.GATEWAY_PAGE)

    def _identify(self) -> Form | None:
        """Through the partner's pages; the form that leads back to us, None: a redirect has done so already."""
        for _ in range(self.target.settings.pages):
            page = self.browser.page
            if self.browser.at_home:
                return None
            form = self._fitting(page)
            if form is None and page.refresh is not None:
                self.browser.follow(page.refresh)
            elif form is None:
                raise ProbeFailed(Reason.PARTNER_STATUS if page.status >= 400 else Reason.PARTNER_PAGE)
            elif self.browser.is_own(form.action):
                return form
            else:
                self._fill(form)
        raise ProbeFailed(Reason.PARTNER_PAGES)

    def _fitting(self, page: Page) -> Form | None:
        """A SAML message first, then the form that asks most of what we know, then the one without questions."""
        carrying = [form for form in page.forms if _SAML & form.names]
        if carrying:
            return carrying[0]
        known = {name for name, _ in self._fields}
        asking = max(page.forms, key=lambda form: len(known & form.names), default=None)
        if asking is not None and known & asking.names and page.status < 400:
            return asking
        silent = [form for form in page.forms if form.sends_itself]
        return silent[0] if len(silent) == 1 and page.status < 400 else None

    def _fill(self, form: Form) -> None:
        known = {name for name, _ in self._fields}
        asked = frozenset(known & form.names)
        if asked:
            # The same question twice: whoever answers it a third time locks the test identity.
            if (form.action.partition("?")[0], asked) in self._sent:
                raise ProbeFailed(Reason.ANSWERS_REFUSED)
            self._sent.add((form.action.partition("?")[0], asked))
        fields = form.filled(self._fields)
        if fields is None:
            raise ProbeFailed(Reason.PARTNER_PAGE)
        self.browser.submit(form, fields)

    def _answer(self, form: Form | None) -> None:
        page = self.browser.page if form is None else self.browser.submit(form, form.filled([]) or [])
        self._at_home(page, Reason.ANSWER_REFUSED)

    def _release(self) -> str:
        """Let the code go, and see it arrive at the redirect URI."""
        form = next((f for f in self.browser.page.forms if "release" in f.choices.get("decision", [])), None)
        if form is None:
            raise ProbeFailed(Reason.GATEWAY_PAGE)
        page = self.browser.submit(form, form.filled([("decision", "release")]) or [])
        if not self.browser.stopped:
            self._at_home(page, Reason.GATEWAY_REFUSED)
            if page.refresh is not None:
                page = self.browser.follow(page.refresh)
        query = self._arrived(page, Reason.GATEWAY_REFUSED)
        return _text(query, "code", Reason.GATEWAY_PAGE)

    def _at_home(self, page: Page, reason: Reason) -> None:
        """A page of ours that goes on; raises ProbeFailed with the code of an error page, or of an error answer."""
        if self.browser.stopped:
            self._arrived(page, reason)
            raise ProbeFailed(Reason.GATEWAY_PAGE)
        if not self.browser.at_home:
            raise ProbeFailed(Reason.PARTNER_PAGE)
        if page.status >= 400 or page.error is not None:
            raise _refusal(reason, page.error or "")

    def _arrived(self, page: Page, reason: Reason) -> dict[str, JsonValue]:
        """The parameters at the redirect URI; raises ProbeFailed for those of an error."""
        if not self.browser.stopped:
            raise ProbeFailed(Reason.GATEWAY_PAGE)
        query: dict[str, JsonValue] = dict(parse_qsl(urlsplit(page.url).query))
        if "error" in query:
            raise _refusal(reason, str(query.get("error_uri", "")).rpartition("/")[2])
        if query.get("state") != self.state or query.get("iss") != self.around.issuer:
            raise ProbeFailed(Reason.GATEWAY_PAGE)
        return query


def _refusal(reason: Reason, code: str) -> ProbeFailed:
    if code in DOWN:
        return ProbeFailed(Reason.GATEWAY_DOWN, code)
    if code in TOO_LOW:
        return ProbeFailed(Reason.LEVEL, code)
    return ProbeFailed(reason, code)


def _text(found: dict[str, JsonValue], name: str, otherwise: Reason) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise ProbeFailed(otherwise)
    return value
