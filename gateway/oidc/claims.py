"""From an ``Identity`` to claims: what each attribute that may leave (``gateway.oidc.offers``) is called.

A value that is absent, for whatever reason, is left out and never ``null`` (Core §5.3.2). The table of
claims with examples for integrators is ``docs/claims.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from connectors.identity import Identity, LegalPerson, Person
from gateway.client_settings import Client
from gateway.oidc.account_claims import account_claim, attribute_assurance, fact_assurance
from gateway.oidc.card_claims import CARD_CLAIMS, card_claims
from gateway.oidc.claim_values import honour_values, refused_attributes
from gateway.oidc.fim import fim_claim
from gateway.oidc.offers import ATTRIBUTE_CLAIMS, IDENTIFIER, REPRESENTATIVE, asked_attributes, verified_names
from gateway.oidc.person_claims import legal_person_claims, natural_person_claims
from gateway.oidc.request import AuthorizationRequest, ClaimRequest

CONTEXT_CLAIMS = ("person_kind", "identity_source", "sub_stability")
"""Claims about the identification itself; they are always in UserInfo."""

CLAIMS_SUPPORTED: tuple[str, ...] = (
    "sub", "acr", "amr", "auth_time", "name", "family_name", "given_name", "birthdate", "gender",
    "title", "birth_family_name", "eidas_birth_name", "place_of_birth", "nationalities", "address",
    "country_of_residence", "phone_number", "phone_number_verified", "email", "email_verified",
    "transliterated", "legal_person", "representative", "eidas_identifier", *CONTEXT_CLAIMS,
    *CARD_CLAIMS, "account", "attribute_assurance", "fim", "verified_claims",
)  # fmt: skip


def identity_claims(identity: Identity, released: frozenset[str]) -> dict[str, JsonValue]:
    """Claims of subject and representative, of the keys in ``released`` only."""
    country = identity.source.country
    mine = frozenset(key for key in released if not key.startswith(REPRESENTATIVE))
    theirs = frozenset(key.removeprefix(REPRESENTATIVE) for key in released if key.startswith(REPRESENTATIVE))
    claims: dict[str, JsonValue] = {}
    claims.update(_of_person(identity.subject, mine, country))
    if identity.representative is not None and theirs:
        inner = _of_person(identity.representative, theirs, country)
        claims["representative"] = {"person_kind": identity.representative.kind.value, **inner}
    return claims


def _of_person(person: Person, keys: frozenset[str], country: str | None) -> dict[str, JsonValue]:
    if isinstance(person, LegalPerson):
        inner = legal_person_claims(person, keys, country)
        return {"legal_person": inner} if inner else {}
    return natural_person_claims(person, keys, country)


def context_claims(identity: Identity) -> dict[str, JsonValue]:
    """``person_kind``, ``identity_source`` and ``sub_stability``."""
    source = identity.source
    origin: dict[str, JsonValue] = {"connector": source.connector, "scheme": source.scheme}
    if identity.account is None:
        # Schemes are notified, accounts are not: they get no such word, neither true nor false.
        origin["notified"] = identity.assurance.notified
    origin["authenticated_at"] = source.authenticated_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    if source.country is not None:
        origin["country"] = source.country
    identifier = identity.subject.identifier
    return {
        "person_kind": identity.subject.kind.value,
        "identity_source": origin,
        "sub_stability": "transient" if identifier is None else identifier.stability,
    }


def userinfo_claims(
    client: Client, request: AuthorizationRequest, identity: Identity, released: frozenset[str]
) -> dict[str, JsonValue]:
    """What UserInfo returns besides ``sub`` and ``verified_claims``."""
    wanted, now = request.claims.userinfo, request.issued_at
    released = released_as_asked(identity, released, wanted, now=now)
    asked = asked_attributes(request).userinfo | frozenset(client.required) | {IDENTIFIER}
    keys = frozenset(key for key in released if key.removeprefix(REPRESENTATIVE) in asked)
    claims = {
        **context_claims(identity),
        **identity_claims(identity, keys),
        **_registered_claims(client, identity, keys, released),
        **_of_card(request, identity, released),
    }
    return honour_values(claims, wanted, now=now)


def released_as_asked(
    identity: Identity, released: frozenset[str], requests: Mapping[str, ClaimRequest], *, now: datetime
) -> frozenset[str]:
    """``released`` without the subject's attributes that have another value than asked for (Core §5.5.1)."""
    if not any(request.constrained for request in requests.values()):
        return released
    made = identity_claims(identity, released)
    return released - refused_attributes(made, requests, ATTRIBUTE_CLAIMS, now=now)


def _of_card(
    request: AuthorizationRequest, identity: Identity, released: frozenset[str]
) -> dict[str, JsonValue]:
    """What UserInfo returns of a card: all but what was asked for in the ID token or as verified alone."""
    elsewhere = (request.claims.id_token.keys() | verified_names(request)) - request.claims.userinfo.keys()
    return {n: value for n, value in card_claims(identity, released).items() if n not in elsewhere}


def _registered_claims(
    client: Client, identity: Identity, keys: frozenset[str], released: frozenset[str]
) -> dict[str, JsonValue]:
    """``account``, ``attribute_assurance`` and ``fim`` of the attributes ``keys``, as registered."""
    claims = account_claim(client, identity, released)
    if client.attribute_assurance:
        assurances = _assurances(identity, keys)
        if facts := fact_assurance(identity, released):
            assurances["account"] = facts
        if assurances:
            claims["attribute_assurance"] = assurances
    if client.fim_fields:
        claims |= fim_claim(identity.subject, keys)
    return claims


def _assurances(identity: Identity, keys: frozenset[str]) -> dict[str, JsonValue]:
    """Claim ``attribute_assurance``, in the shape of the claims themselves."""
    source = identity.source.scheme
    mine = frozenset(key for key in keys if not key.startswith(REPRESENTATIVE))
    theirs = frozenset(key.removeprefix(REPRESENTATIVE) for key in keys if key.startswith(REPRESENTATIVE))
    found = _assurances_of(identity.subject, mine, source)
    if identity.representative is not None and theirs:
        found["representative"] = _assurances_of(identity.representative, theirs, source)
    return found


def _assurances_of(person: Person, keys: frozenset[str], source: str) -> dict[str, JsonValue]:
    if isinstance(person, LegalPerson):
        inner = attribute_assurance(person, keys, source, {"legal_address": ("address",)})
        return {"legal_person": inner} if inner else {}
    return attribute_assurance(person, keys, source, ATTRIBUTE_CLAIMS)


def id_token_claims(
    client: Client, request: AuthorizationRequest, identity: Identity, released: frozenset[str]
) -> dict[str, JsonValue]:
    """What the ``claims`` parameter asks for in the ID token, and nothing else (Core §5.5)."""
    wanted, now = request.claims.id_token, request.issued_at
    released = released_as_asked(identity, released, wanted, now=now)
    everything = {
        **context_claims(identity),
        **identity_claims(identity, released),
        **_registered_claims(client, identity, released, released),
        **card_claims(identity, released),
    }
    chosen = {
        name: value
        for name, value in everything.items()
        if name in wanted or name.partition("#")[0] in wanted
    }
    return honour_values(chosen, wanted, now=now)
