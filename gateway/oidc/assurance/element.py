"""The member ``verified_claims`` of an ID token or a UserInfo response (IDA §5, §6).

Given for notified eIDAS schemes, the German card among them, and under a trust framework of our own for
German user accounts above their Basisregistrierung; with attributes that the source vouches for at least
at the level stated, and of everything only what was asked for. What cannot be given as asked is left out
and never answered with an error, essential or not (IDA §6.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from connectors.assurance import EIDAS_LEVELS, LevelOfAssurance
from connectors.identity import Absent, Identity
from gateway.oidc.assurance import vocabulary
from gateway.oidc.assurance.evidence import evidence, timestamp
from gateway.oidc.assurance.selection import Unmet, chosen
from gateway.oidc.card_claims import CARD, card_claims
from gateway.oidc.claim_values import honour_values
from gateway.oidc.claims import identity_claims, released_as_asked
from gateway.oidc.claims_parameter import claim_requests
from gateway.oidc.errors import VERIFIED_CLAIMS_MALFORMED
from gateway.oidc.offers import REPRESENTATIVE

_NOTIFIED_SCHEMES = frozenset({"eidas", "de_eid"})
"""Schemes of Article 9 eIDAS: those of other states, and Germany's own card, notified at ``high``."""


def verified_claims(
    identity: Identity,
    released: frozenset[str],
    elements: Sequence[dict[str, JsonValue]],
    *,
    issuer: str,
    journey: str,
    now: datetime,
) -> JsonValue:
    """An object, an array of several, or None to leave the member out."""
    framework = trust_framework(identity, issuer)
    if framework is None:
        return None
    results: list[JsonValue] = []
    for element in elements:
        wanted = element["verification"]
        asked = wanted if isinstance(wanted, dict) else {}
        said: dict[str, JsonValue] = {
            "trust_framework": framework,
            "assurance_level": _level(identity.assurance.level, asked.get("assurance_level")),
            "verification_process": journey,
            "evidence": evidence(identity, released, issuer),
        }
        if identity.account is None:
            # An account tells when somebody logged in, not when it found out who that is.
            said["time"] = timestamp(identity.source.authenticated_at)
        try:
            verification = chosen(asked, said, now=now)
        except Unmet:
            continue
        results.append(
            {"verification": verification, "claims": _claims(identity, released, element.get("claims"), now)}
        )
    if not results:
        return None
    return results[0] if len(results) == 1 else results


def trust_framework(identity: Identity, issuer: str) -> str | None:
    """Under which rules the identity was established; None if under none that we could name."""
    if identity.account is not None:
        basic = identity.assurance.level is LevelOfAssurance.BASIC  # self-asserted: nobody verified it
        return None if basic else vocabulary.account_framework(issuer)
    if identity.source.scheme in _NOTIFIED_SCHEMES and identity.assurance.notified:
        return vocabulary.EIDAS
    return None


def _claims(
    identity: Identity, released: frozenset[str], wanted: JsonValue, now: datetime
) -> dict[str, JsonValue]:
    requests = claim_requests(wanted, VERIFIED_CLAIMS_MALFORMED)
    keys = released_as_asked(identity, _vouched(identity, released), requests, now=now)
    vouched = {**identity_claims(identity, keys), **card_claims(identity, keys)}
    # Exactly what was named: the form in another script only by its tag (IDA §6).
    found = {
        name: value
        for name, value in vouched.items()
        if name.partition("#")[0] in vocabulary.CLAIMS
        and name in requests
        and not (name == "birthdate" and len(str(value)) < len("YYYY-MM-DD"))  # no schema has a year alone
    }
    return honour_values(found, requests, now=now)


def _vouched(identity: Identity, released: frozenset[str]) -> frozenset[str]:
    """Keys whose value the source vouches for at least at the level of the whole statement."""
    keys = {key for key in released if key.startswith(CARD)}
    for key in released - keys:
        person = identity.representative if key.startswith(REPRESENTATIVE) else identity.subject
        value = getattr(person, key.removeprefix(REPRESENTATIVE), Absent.NOT_REQUESTED)
        level = getattr(value, "level", None)  # an Identifier or an Absent has none
        if level is not None and level >= identity.assurance.level:
            keys.add(key)
    return frozenset(keys)


def _level(achieved: LevelOfAssurance, wanted: JsonValue) -> str:
    """The level to state: what was reached, or the highest of those asked for that it includes.

    The same rule as for ``acr`` (oidc.md §3): whoever identified at high also did at substantial.
    """
    limits = wanted if isinstance(wanted, dict) else {}
    values = limits.get("values", [limits.get("value")])
    candidates = values if isinstance(values, list) else []
    included = [level for level in EIDAS_LEVELS if level <= achieved and level.word in candidates]
    return max(included).word if included else achieved.word
