"""Which language a page speaks (ux.md §7, RFC 4647)."""

import pytest

from gateway.web.language import negotiate, preferences, ranges


@pytest.mark.parametrize(
    ("chosen", "ui_locales", "header", "expected"),
    [
        ("en", ("de",), "de", "en"),
        (None, ("en", "de"), "de", "en"),
        (None, ("el-GR", "en-IE"), "de", "en"),
        (None, (), "en-GB,en;q=0.9,de;q=0.8", "en"),
        (None, (), "el;q=0.9, de-AT;q=0.8, en;q=0.7", "de"),
        (None, (), "en;q=0, de;q=0.1", "de"),
        (None, (), "*", "de"),
        (None, (), None, "de"),
        ("<script>", ("",), ";;;=,,", "de"),
        ("EN", (), None, "en"),
    ],
)
def test_click_then_request_then_browser_then_german(chosen, ui_locales, header, expected):
    """ux.md §7; a language link must work although the service asked for another language."""
    wanted = preferences(chosen=chosen, ui_locales=ui_locales, accept_language=header)
    assert negotiate(wanted, available=("de", "en")) == expected


def test_header_is_read_up_to_a_limit():
    """A long header costs no more than a short one."""
    assert len(ranges("en-GB," * 100_000)) < 200


def test_malformed_ranges_are_left_out():
    """RFC 9110 §12.5.4: what cannot be understood is ignored, the rest counts."""
    assert ranges("de;q=2, e n, fr;q=0.5, en-toolongsubtag, nl;q=abc") == ["fr"]
