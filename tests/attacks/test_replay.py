"""What must be claimed once before an identity is used (security.md A.13). The claiming itself: tests/login."""

from __future__ import annotations

from datetime import timedelta

from tests.attacks.refusal import refused
from tests.support.saml_peer import Exchange, begin, stamp
from tests.support.xml_signing import NOW

LATE = {"saml.conditions.expired", "saml.issue-instant", "saml.deadline"}


def test_same_octets_give_the_same_keys(exchange: Exchange) -> None:
    """So the second claim fails, whoever makes it and after whatever restart."""
    octets = exchange.reply().octets()
    assert exchange.finish(octets).replay_keys == exchange.finish(octets).replay_keys


def test_response_and_decrypted_assertion_are_both_keys(exchange: Exchange) -> None:
    reply = exchange.reply()
    keys = [key.key for key in exchange.finish(reply.octets()).replay_keys]
    assert keys == [f"{exchange.node.entity_id}\0{i}" for i in (reply.response_id, reply.assertion_id)]


def test_same_assertion_in_a_new_response_shares_its_key(exchange: Exchange) -> None:
    first = exchange.finish(exchange.reply(assertion_id="_once").octets())
    second = exchange.finish(exchange.reply(assertion_id="_once").octets())
    shared = {k.key for k in first.replay_keys} & {k.key for k in second.replay_keys}
    assert shared == {f"{exchange.node.entity_id}\0_once"}


def test_key_outlives_the_last_moment_of_acceptance(exchange: Exchange) -> None:
    """As long as the octets could be accepted, the mark stands."""
    end = NOW + timedelta(minutes=14)
    reply = exchange.reply(
        not_on_or_after=stamp(end), confirmation_not_on_or_after=stamp(end + timedelta(hours=9))
    )
    octets = reply.octets()
    keys = exchange.finish(octets).replay_keys
    for late in (end + timedelta(seconds=60), keys[0].until):
        refused(lambda late=late: exchange.finish(octets, now=late), LATE)
    assert all(key.until > end + timedelta(seconds=60) for key in keys)


def test_keys_of_two_logins_differ(exchange: Exchange) -> None:
    other = begin(exchange.installed)
    one = {k.key for k in exchange.finish(exchange.reply().octets()).replay_keys}
    two = {k.key for k in other.finish(other.reply().octets()).replay_keys}
    assert not one & two
