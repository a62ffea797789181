"""``verified_claims``, first form (OpenID Connect for Identity Assurance §5, §6).

Given only for notified schemes, that of the German card among them (oidc.md §19.1), only with attributes the source vouches for at the level
stated, and only what was asked for element by element. What cannot be given as asked is left out,
never answered with an error (IDA §6.5); a constraint on ``verification`` that is not met leaves out the
whole element.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from connectors.assurance import EIDAS_LEVELS, LevelOfAssurance
from connectors.identity import Absent, Identity
from gateway.oidc.claim_values import honour_values
from gateway.oidc.claims import REPRESENTATIVE, identity_claims, released_as_asked
from gateway.oidc.claims_parameter import claim_requests
from gateway.oidc.errors import VERIFIED_CLAIMS_MALFORMED

TRUST_FRAMEWORK = "eidas"
_SCHEMES = frozenset({"eidas", "de_eid"})
"""Schemes of Article 9 eIDAS: those of other states, and Germany's own card, notified at ``high``."""

CLAIMS_IN_VERIFIED_CLAIMS: tuple[str, ...] = (
    "name", "family_name", "given_name", "birthdate", "gender", "birth_family_name",
    "eidas_birth_name", "place_of_birth", "nationalities", "address", "country_of_residence",
    "legal_person", "representative",
)  # fmt: skip


def well_formed(value: JsonValue) -> tuple[dict[str, JsonValue], ...]:
    """The elements of a request for ``verified_claims``; raises GatewayError (IDA §6.1)."""
    elements = value if isinstance(value, list) else [value]
    if not elements or len(elements) > 8:
        raise VERIFIED_CLAIMS_MALFORMED()
    checked = []
    for element in elements:
        if not isinstance(element, dict):
            raise VERIFIED_CLAIMS_MALFORMED()
        verification, claims = element.get("verification"), element.get("claims", {})
        if not isinstance(verification, dict) or "trust_framework" not in verification:
            raise VERIFIED_CLAIMS_MALFORMED()
        if claims is not None and not (isinstance(claims, dict) and claims):
            raise VERIFIED_CLAIMS_MALFORMED()
        for name, constraint in verification.items():
            if name != "evidence" and not _constraint_well_formed(constraint):
                raise VERIFIED_CLAIMS_MALFORMED()
        claim_requests(claims, VERIFIED_CLAIMS_MALFORMED)
        checked.append(element)
    return tuple(checked)


def _constraint_well_formed(constraint: JsonValue) -> bool:
    if constraint is None:
        return True
    if not isinstance(constraint, dict):
        return False
    values = constraint.get("values", ["unconstrained"])
    age = constraint.get("max_age", 0)
    return (
        isinstance(values, list)
        and bool(values)
        and isinstance(age, int | float)
        and not isinstance(age, bool)
        and age >= 0
        and not {"value", "values"} <= constraint.keys()
    )


def verified_claims(
    identity: Identity,
    released: frozenset[str],
    elements: Sequence[dict[str, JsonValue]],
    *,
    journey: str,
    now: datetime,
) -> JsonValue:
    """The member ``verified_claims``: an object, an array of several, or None to leave it out."""
    if identity.source.scheme not in _SCHEMES or not identity.assurance.notified:
        return None
    results: list[JsonValue] = []
    for element in elements:
        wanted = element["verification"]
        verification = _verification(wanted if isinstance(wanted, dict) else {}, identity, journey, now)
        if verification is not None:
            requests = claim_requests(element.get("claims"), VERIFIED_CLAIMS_MALFORMED)
            keys = released_as_asked(identity, _vouched(identity, released), requests)
            vouched = identity_claims(identity, keys)
            chosen = {
                name: value
                for name, value in vouched.items()
                if name.partition("#")[0] in CLAIMS_IN_VERIFIED_CLAIMS
                and (name in requests or name.partition("#")[0] in requests)
            }
            results.append({"verification": verification, "claims": honour_values(chosen, requests)})
    if not results:
        return None
    return results[0] if len(results) == 1 else results


def _vouched(identity: Identity, released: frozenset[str]) -> frozenset[str]:
    """Keys whose value the source vouches for at least at the level of the whole statement."""
    keys = set()
    for key in released:
        person = identity.representative if key.startswith(REPRESENTATIVE) else identity.subject
        value = getattr(person, key.removeprefix(REPRESENTATIVE), Absent.NOT_REQUESTED)
        level = getattr(value, "level", None)  # an Identifier or an Absent has none
        if level is not None and level >= identity.assurance.level:
            keys.add(key)
    return frozenset(keys)


def _verification(
    wanted: dict[str, JsonValue], identity: Identity, journey: str, now: datetime
) -> dict[str, JsonValue] | None:
    """The ``verification`` object with what was asked for; None if a constraint is not met."""
    result: dict[str, JsonValue] = {}
    for name, constraint in wanted.items():
        limits = constraint if isinstance(constraint, dict) else {}
        values = limits["values"] if "values" in limits else [limits["value"]] if "value" in limits else None
        candidates = values if isinstance(values, list) else None
        found: JsonValue
        if name == "trust_framework":
            found = TRUST_FRAMEWORK
        elif name == "assurance_level":
            found = _level(identity.assurance.level, candidates)
        elif name == "time":
            found = identity.source.authenticated_at.strftime("%Y-%m-%dT%H:%M:%SZ")
            age = limits.get("max_age")
            if isinstance(age, int | float):
                elapsed = now - identity.source.authenticated_at
                if elapsed.total_seconds() > age:
                    return None
        elif name == "verification_process":
            found = journey
        else:
            found = None
            if constraint is not None:
                return None  # evidence and the like: it was constrained, and there is none to show
        if candidates is not None and found not in candidates:
            return None
        if found is not None:
            result[name] = found
    return result


def _level(achieved: LevelOfAssurance, candidates: list[JsonValue] | None) -> str:
    """The level to state: what was reached, or the highest of those asked for that it includes.

    The same rule as for ``acr`` (oidc.md §3): whoever identified at high also did at substantial.
    """
    if candidates is None:
        return achieved.word
    included = [level for level in EIDAS_LEVELS if level <= achieved and level.word in candidates]
    return max(included).word if included else achieved.word
