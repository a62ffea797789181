"""Ways to go wrong that do not depend on whose answer it is; each changes a plan in one point."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sandbox.saml.elements import identifier
from sandbox.saml.plan import VALIDITY, P

_FAR = timedelta(hours=2)


def expired(plan: P) -> P:
    """Valid two hours ago."""
    return _moved(plan, -_FAR)


def not_yet_valid(plan: P) -> P:
    """Valid in two hours."""
    return _moved(plan, _FAR)


def _moved(plan: P, by: timedelta) -> P:
    begin = plan.now + by
    return replace(plan, not_before=begin, not_on_or_after=begin + VALIDITY)


def wrong_destination(plan: P) -> P:
    return replace(plan, destination=_elsewhere(plan.destination))


def wrong_recipient(plan: P) -> P:
    return replace(plan, recipient=_elsewhere(plan.recipient))


def _elsewhere(url: str) -> str:
    return url.replace("/acs", "/acs-of-another")


def wrong_in_response_to(plan: P) -> P:
    """The Response answers a request nobody sent."""
    return replace(plan, in_response_to=identifier(20))


def wrong_confirmation(plan: P) -> P:
    """The SubjectConfirmation answers a request nobody sent."""
    return replace(plan, confirmed_request=identifier(20))


def unsolicited(plan: P) -> P:
    return replace(plan, in_response_to=None, confirmed_request=None)
