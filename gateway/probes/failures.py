"""The steps of a probe and the reasons why one fails: two fixed lists, so that a result holds no page's words.

What a page says is never kept, not even its title: it may greet somebody by name.
"""

from __future__ import annotations

import re
from enum import StrEnum

_CODE = re.compile(r"[a-z0-9_]{1,30}(\.[a-z0-9_]{1,30}){0,2}")
"""The form of a code in the error catalogue."""


class Step(StrEnum):
    """In their order. The time of ``identify`` is that of all the partner's pages together."""

    PUSH = "push"
    CHOOSE = "choose"
    HAND_OVER = "hand-over"
    IDENTIFY = "identify"
    ANSWER = "answer"
    RELEASE = "release"
    REDEEM = "redeem"
    FORGET = "forget"


class Reason(StrEnum):
    """Why a probe failed."""

    GATEWAY_UNREACHABLE = "gateway.unreachable"
    """Our own public address does not answer, or not in time."""
    GATEWAY_DOWN = "gateway.down"
    """Store, audit log or key of ours is away; the code says which."""
    GATEWAY_REFUSED = "gateway.refused"
    """The gateway does not begin the login; the code says why, e.g. no metadata of the partner."""
    GATEWAY_PAGE = "gateway.page"
    """A page of ours is not what it should be: a defect."""
    PARTNER_UNREACHABLE = "partner.unreachable"
    """No connection, no TLS, or the name cannot be resolved."""
    PARTNER_TIMEOUT = "partner.timeout"
    PARTNER_STATUS = "partner.status"
    """The partner answers with an HTTP error."""
    PARTNER_ADDRESS = "partner.address"
    """A page leads to a host that neither the metadata nor ``hosts`` name, or to an internal address."""
    PARTNER_PAGE = "partner.page"
    """A page without a form that the configured answers fit."""
    PARTNER_SIZE = "partner.size"
    """A page is too large."""
    PARTNER_PAGES = "partner.pages"
    """More pages than ``pages``."""
    ANSWERS_REFUSED = "answers.refused"
    """The partner asks the same again: the test identity does not work any more."""
    ANSWERS_MISSING = "answers.missing"
    """A secret that the answers name cannot be read here."""
    ANSWER_REFUSED = "answer.refused"
    """The gateway does not accept what the partner answered; the code says why."""
    LEVEL = "level.wrong"
    """An identity came, at another level than expected."""
    IDENTITY = "identity.missing"
    """The login went through, but nobody was identified."""
    TOKEN = "token.refused"  # noqa: S105 - a word
    """The code cannot be redeemed, or the ID token is not what it should be."""
    TIME = "probe.time"
    """The whole probe took too long."""
    DEFECT = "probe.defect"
    """The probe itself is at fault; the process' log has more."""


DOWN = frozenset({"store.unavailable", "audit.unavailable", "key.unavailable", "internal"})
"""Codes that are about ourselves and about no partner."""
TOO_LOW = frozenset({"eidas.level_too_low", "eidas.level_not_reached"})


class ProbeFailed(Exception):
    """The probe ends here; ``code`` is an entry of the error catalogue, or None."""

    def __init__(self, reason: Reason, code: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.code = code if code and _CODE.fullmatch(code) else None


def refusal(reason: Reason, code: str) -> ProbeFailed:
    """The failure for an error of our own gateway with this code; ``reason`` unless the code says more."""
    if code in DOWN:
        return ProbeFailed(Reason.GATEWAY_DOWN, code)
    if code in TOO_LOW:
        return ProbeFailed(Reason.LEVEL, code)
    return ProbeFailed(reason, code)
