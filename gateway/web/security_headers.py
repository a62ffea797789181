"""Response headers of everything a browser shows (security.md B.4, ux.md §9).

Chromium applies ``form-action`` to the redirects that follow a form submission too. A page whose
form ends at a service or a node therefore names that origin, and no page names one that it does
not need.

>>> form_targets("https://node.example:8443/sso?x=1", "com.example.app:/callback")
('com.example.app:', 'https://node.example:8443')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

_HOST_SOURCE = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_SCHEME_SOURCE = re.compile(r"[a-z][a-z0-9+.-]*:")
_NEVER = frozenset({"javascript:", "data:", "blob:", "file:", "filesystem:", "about:", "http:", "https:"})

_FEATURES = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "fullscreen",
    "geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi",
    "payment", "publickey-credentials-get", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip

_PASSKEYS = frozenset({"publickey-credentials-create", "publickey-credentials-get"})
_PASSKEYS_ALLOWED = ", ".join(
    f"{feature}=({'self' if feature in _PASSKEYS else ''})" for feature in sorted({*_FEATURES, *_PASSKEYS})
)

_COMMON: Mapping[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

HSTS = "max-age=31536000; includeSubDomains"

STATIC_HEADERS: Mapping[str, str] = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""For style sheets, fonts and scripts: public, the same for everybody, kept for ever."""


def form_source(url: str) -> str:
    """The CSP source expression that covers ``url``; raises ValueError if none safely does.

    ``url`` is configured (redirect URI, endpoint from verified metadata), but it ends in a header,
    so nothing but an origin or the private scheme of an app passes.
    """
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"}:
        source = f"{parts.scheme}://{parts.netloc.lower()}"
        if _HOST_SOURCE.fullmatch(source):
            return source
    elif _SCHEME_SOURCE.fullmatch(source := f"{parts.scheme}:") and source not in _NEVER:
        return source
    raise ValueError("no form target: not an http(s) origin and not the scheme of an app")


def form_targets(*urls: str) -> tuple[str, ...]:
    """Sorted, unique sources for ``urls``; raises ValueError like ``form_source``."""
    return tuple(sorted({form_source(url) for url in urls}))


def page_policy(form_action: Iterable[str], connect: str | None = None, frames: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of a page whose forms may end at ``form_action``.

    ``connect``: the one origin that its script may ask; none but a program on the same computer.
    ``frames``: origins that hidden frames may call (logout).
    """
    targets = " ".join(form_action) or "'none'"
    asked = f"connect-src {connect}; " if connect else ""
    framed = " ".join(frames)
    asked += f"frame-src {framed}; " if framed else ""
    return (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        f"script-src 'self'; {asked}form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    )


def page_headers(
    *,
    form_action: Iterable[str] = (),
    connect: str | None = None,
    frames: Iterable[str] = (),
    https: bool,
    passkeys: bool = False,
) -> dict[str, str]:
    """All headers of an HTML page. ``form_action``: CSP sources, e.g. ``("'self'", *targets)``.

    ``passkeys``: the page itself may ask the browser for them; nobody else's ever.

    ``https`` says whether the issuer is; Strict-Transport-Security means nothing over http
    (RFC 6797 §7.2) and would only mislead whoever reads a development log.
    """
    headers = dict(_COMMON)
    if passkeys:
        headers["Permissions-Policy"] = _PASSKEYS_ALLOWED
    headers["Cache-Control"] = "no-store"
    headers["Content-Security-Policy"] = page_policy(form_action, connect, frames)
    if https:
        headers["Strict-Transport-Security"] = HSTS
    return headers


def api_headers(*, https: bool) -> dict[str, str]:
    """Headers of an answer that no browser renders (JSON, redirects); never cached by default."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    if https:
        headers["Strict-Transport-Security"] = HSTS
    return headers
