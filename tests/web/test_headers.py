"""Response headers of pages, files and interfaces (security.md B.4, ux.md §9)."""

import pytest

from gateway.settings import Mode
from gateway.web.security_headers import api_headers, form_source, form_targets, page_headers
from tests.web import samples

SNAPSHOT = {
    "cache-control": "no-store",
    "content-language": "de",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; script-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "content-type": "text/html; charset=utf-8",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), fullscreen=(), "
        "geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), "
        "payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), "
        "xr-spatial-tracking=()"
    ),
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def test_page_headers_are_exactly_these():
    """security.md B.4: header snapshot."""
    response = samples.renderer().response(samples.select("de"))
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    assert headers == SNAPSHOT


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("select", "'self'"),
        ("release", "'self'"),
        ("error", "'self'"),
        ("go", "'self'"),
        ("handover", "'self' https:"),
        ("go-service", "'none'"),
        ("error-outside", "'none'"),
        ("ended", "'none'"),
        ("timeout", "'none'"),
        ("error-reference", "'none'"),
        ("index", "'none'"),
    ],
)
def test_form_action_names_no_more_than_the_page_needs(name, targets):
    """ux.md §9: the policy is built per page from the journey."""
    response = samples.renderer().response(samples.pages("de")[name])
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["form-action"] == targets


def test_http_installation_promises_no_transport_security():
    """RFC 6797 §7.2: the header must not be sent over http."""
    response = samples.renderer(Mode.DEVELOPMENT, "http://localhost:8400").response(samples.select("de"))
    assert "strict-transport-security" not in response.headers
    assert "strict-transport-security" not in {name.lower() for name in api_headers(https=False)}
    assert "Strict-Transport-Security" in api_headers(https=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example; script-src *",
        "https://a.example,b.example/",
        "https://user@a.example/",
        "https://a.example\r\nX: y",
        "https://ä.example/",
        "javascript:alert(1)",
        "data:text/html,",
        "https:///nohost",
        "no-scheme",
        "",
    ],
)
def test_form_target_cannot_carry_another_directive(url):
    """A header is built from it, so only an origin passes."""
    try:
        source = form_source(url)
    except ValueError:
        return
    assert source == "https://a.examplex"  # urlsplit drops CR and LF; what is left is one origin
    assert "\r" not in page_headers(form_action=(source,), https=True)["Content-Security-Policy"]


def test_form_targets_are_unique_origins():
    """CSP Level 3 §2.4: host sources with scheme and port, scheme sources for apps."""
    assert form_targets(
        "https://Node.Example:8443/a?b", "https://node.example:8443/c", "http://[::1]:80/", "org.app:/cb"
    ) == ("http://[::1]:80", "https://node.example:8443", "org.app:")
