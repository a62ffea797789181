"""The cookies of a login, and why there is more than one (security.md A.18, B.3).

| cookie | holds | sent |
|---|---|---|
| ``__Host-journey-<number>`` | secret of the journey record | by our own pages and top-level links: ``SameSite=Lax`` |
| ``__Host-flow-<number>`` | secret of the pending exchange | also with the peer's cross-site POST: ``SameSite=None``; deleted on use |
| ``__Host-session-<client>`` | secret of the session of one service, where its policy allows one | as the first |
| ``__Host-phone-<number>`` | secret of a second device's visit | as the first; the phone that scanned a QR code |

An eID-Client sends the browser back from loopback: a cross-site GET of the top level, with which ``Lax``
cookies travel too.

Names carry the journey number, so that two logins in two windows do not disturb each other.

An issuer on http exists in development on loopback only. Browsers drop ``Secure`` cookies there, or
refuse ``SameSite=None`` without it, so all cookies lose the prefix and ``Secure`` and are ``Lax``: the
counterparts run on the same host, which makes their POST same-site.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway.cookie_header import cookie
from gateway.store import BearerSecret


@dataclass(frozen=True, slots=True)
class Cookies:
    """Sets, reads and deletes the cookies; ``https`` says whether the issuer is."""

    https: bool

    def journey(self, request: Request, number: str) -> BearerSecret | None:
        """The journey secret this browser holds for ``number``."""
        return self._read(request, "journey", number)

    def flow(self, request: Request, number: str) -> BearerSecret | None:
        """The secret of the exchange this browser waits for."""
        return self._read(request, "flow", number)

    def phone(self, request: Request, number: str) -> BearerSecret | None:
        """The secret of this second device's visit."""
        return self._read(request, "phone", number)

    def set_phone(self, response: Response, secret: BearerSecret, *, seconds: int) -> None:
        self._write(response, "phone", secret.journey, secret.text, seconds)

    def set_journey(self, response: Response, secret: BearerSecret, *, seconds: int) -> None:
        self._write(response, "journey", secret.journey, secret.text, seconds)

    def set_flow(self, response: Response, secret: BearerSecret, *, seconds: int) -> None:
        self._write(response, "flow", secret.journey, secret.text, seconds)

    def session(self, request: Request, client_id: str) -> BearerSecret | None:
        """The secret of this browser's session of one client."""
        return self._secret(request, self._name("session", _short(client_id)))

    def set_session(
        self, response: Response, client_id: str, secret: BearerSecret | None, *, seconds: int
    ) -> None:
        """Set it, or with None delete it."""
        text = secret.text if secret else ""
        self._write(response, "session", _short(client_id), text, seconds if secret else 0)

    def delete_flow(self, response: Response, number: str) -> None:
        self._write(response, "flow", number, "", 0)

    def delete(self, response: Response, number: str) -> None:
        """The journey is over: both cookies go."""
        self._write(response, "journey", number, "", 0)
        self._write(response, "flow", number, "", 0)

    def _name(self, kind: str, number: str) -> str:
        return f"{'__Host-' if self.https else ''}{kind}-{number}"

    def _read(self, request: Request, kind: str, number: str) -> BearerSecret | None:
        # A browser may send a second cookie of that name only if another host of the site set it, which
        # the __Host- prefix forbids; and a wrong secret finds nothing anyway.
        secret = self._secret(request, self._name(kind, number))
        return secret if secret is not None and secret.journey == number else None

    @staticmethod
    def _secret(request: Request, wanted: str) -> BearerSecret | None:
        try:
            return BearerSecret.parse(cookie(request, wanted) or "")
        except ValueError:
            return None

    def _write(self, response: Response, kind: str, number: str, value: str, seconds: int) -> None:
        same_site = "None" if self.https and kind == "flow" else "Lax"
        secure = "Secure; " if self.https else ""
        response.headers.append(
            "set-cookie",
            f"{self._name(kind, number)}={value}; Path=/; Max-Age={seconds}; "
            f"{secure}HttpOnly; SameSite={same_site}",
        )


def _short(client_id: str) -> str:
    """A client in the name of a cookie: not every identifier is a token (RFC 6265 §4.1.1)."""
    return hashlib.sha256(client_id.encode()).hexdigest()[:16]
