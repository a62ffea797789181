"""Our own client's part of a probe: it pushes the request, takes the answer, redeems the code and gives back the token.

Every method raises ProbeFailed.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from pydantic import JsonValue

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from gateway.client_settings import PROBE_CLIENT
from gateway.jose import InvalidKeySet, InvalidToken, PublicKeySet, TokenPolicy, parse, parse_object
from gateway.oidc.acr import acr_of, acr_values
from gateway.probes.browser import Browser
from gateway.probes.client import Challenge
from gateway.probes.failures import ProbeFailed, Reason, refusal
from gateway.probes.pages import Page
from gateway.probes.result import Surroundings
from gateway.probes.targets import Target
from trust.outgoing import Answer

_SKEW = 60


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For one probe."""

    target: Target
    around: Surroundings
    browser: Browser
    challenge: Challenge = field(default_factory=Challenge)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)

    def _authentication(self) -> list[tuple[str, str]]:
        return self.around.key.authentication(self.around.clock())

    def push(self) -> str:
        """Push the request (RFC 9126); the ``request_uri``."""
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

    def arrived(self, page: Page, reason: Reason = Reason.GATEWAY_REFUSED) -> str:
        """The code that came to the redirect URI; raises ProbeFailed for an error, too."""
        if not self.browser.stopped:
            raise ProbeFailed(Reason.GATEWAY_PAGE)
        query: dict[str, JsonValue] = dict(parse_qsl(urlsplit(page.url).query))
        if "error" in query:
            raise refusal(reason, str(query.get("error_uri", "")).rpartition("/")[2])
        if query.get("state") != self.state or query.get("iss") != self.around.issuer:
            raise ProbeFailed(Reason.GATEWAY_PAGE)
        return _text(query, "code", Reason.GATEWAY_PAGE)

    def redeem(self, code: str) -> str:
        """Check what the code gives: the ID token, its level, that somebody is in it. The access token."""
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

    def give_back(self, token: str) -> None:
        """Revoke the access token (RFC 7009): what it opens is sealed data of the test identity."""
        fields = [*self._authentication(), ("token", token)]
        self._called(self.browser.call(f"{self.around.issuer}/revoke", fields), Reason.TOKEN)

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
            raise refusal(reason, str(found.get("error_uri", "")).rpartition("/")[2])
        return found


def _text(found: dict[str, JsonValue], name: str, otherwise: Reason) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise ProbeFailed(otherwise)
    return value
