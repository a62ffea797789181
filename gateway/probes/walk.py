"""One probe, from the pushed request to the redeemed code and its revocation. Blocking: run it in a thread."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from gateway.client_settings import PROBE_CLIENT
from gateway.probes.browser import Browser, origin_of
from gateway.probes.client import redirect_uri
from gateway.probes.failures import ProbeFailed, Reason, Step, refusal
from gateway.probes.pages import Form, Page
from gateway.probes.relying_party import RelyingParty
from gateway.probes.result import ProbeResult, Surroundings
from gateway.probes.targets import Target, answers

_log = logging.getLogger("gateway.probes")
_SAML = frozenset({"SAMLResponse", "SAMLRequest"})


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
        # The log writes kind and places of an exception, never its text, which may quote a page.
        _log.error("probe defect", exc_info=error, extra={"peer": target.name})
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
    client: RelyingParty = field(init=False)
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
        self.client = RelyingParty(self.target, around, self.browser)

    def run(self) -> None:
        self._fields = answers(self.target.settings, self.around.directory)
        with self._timed(Step.PUSH):
            request_uri = self.client.push()
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
            token = self.client.redeem(code)
        with self._timed(Step.FORGET):
            self.client.give_back(token)

    @contextmanager
    def _timed(self, step: Step) -> Iterator[None]:
        self.step = step
        began = self.around.monotonic()
        try:
            yield
        finally:
            self.steps[step] = round((self.around.monotonic() - began) * 1000)

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
        return self.client.arrived(page)

    def _at_home(self, page: Page, reason: Reason) -> None:
        """A page of ours that goes on; raises ProbeFailed with the code of an error page, or of an error answer."""
        if self.browser.stopped:
            self.client.arrived(page, reason)
            raise ProbeFailed(Reason.GATEWAY_PAGE)
        if not self.browser.at_home:
            raise ProbeFailed(Reason.PARTNER_PAGE)
        if page.status >= 400 or page.error is not None:
            raise refusal(reason, page.error or "")
