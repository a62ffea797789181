"""What may leave: attributes as they are asked for, allowed and released.

Three hands decide, and a value leaves only if all agree: the client's *registration* (``required``,
``optional``, ``raw_identifier``), its *request* (scopes and the ``claims`` parameter; what is registered
as required counts as requested), and the *citizen*, who releases. Released things are named by keys:
an attribute name of ``connectors.identity``, with ``representative.`` before it for whoever acts for
the subject, ``identifier`` for the source's own identifier, ``account.<fact>`` and ``acting_person.<name>``
for what a user account says beside the person (``gateway.oidc.account_claims``), ``card.<fact>`` for what an
Online-Ausweis says (``gateway.oidc.card_claims``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.identity import (
    LEGAL_ATTRIBUTES,
    NATURAL_ATTRIBUTES,
    Absent,
    Attested,
    Identity,
    Person,
    PersonKind,
)
from gateway.client_settings import Client, RepresentationPolicy
from gateway.oidc.account_claims import ACTING, AttestedValue, acting_values, fact_offers
from gateway.oidc.assurance.request import asked_claims
from gateway.oidc.card_claims import card_offers
from gateway.oidc.request import AuthorizationRequest

IDENTIFIER = "identifier"
REPRESENTATIVE = "representative."

ATTRIBUTE_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "family_name": ("family_name", "name"),
    "given_name": ("given_name", "name"),
    "date_of_birth": ("birthdate",),
    "birth_name": ("eidas_birth_name",),
    "birth_family_name": ("birth_family_name",),
    "place_of_birth": ("place_of_birth",),
    "town_of_birth": ("place_of_birth",),
    "country_of_birth": ("place_of_birth",),
    "address": ("address",),
    "gender": ("gender",),
    "nationalities": ("nationalities",),
    "country_of_residence": ("country_of_residence",),
    "phone_number": ("phone_number", "phone_number_verified"),
    "email": ("email", "email_verified"),
    "title": ("title",),
}
"""Attribute of a natural person to the claims it appears in."""

SCOPE_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "profile": frozenset({"family_name", "given_name", "date_of_birth", "gender"}),
    "email": frozenset({"email"}),
    "address": frozenset({"address"}),
    "phone": frozenset({"phone_number"}),
    "identity": frozenset({*NATURAL_ATTRIBUTES, *LEGAL_ATTRIBUTES}),
    "legal_person": frozenset(LEGAL_ATTRIBUTES),
}
"""What a scope asks for (Core §5.4; ``identity`` and ``legal_person`` are ours)."""
SCOPES: tuple[str, ...] = ("openid", *SCOPE_ATTRIBUTES)
"""Scopes that mean something here, for discovery and for the token response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedAttributes:
    """What a journey asks the source for, in the order of ``connectors.identity``."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def all(self) -> frozenset[str]:
        return frozenset({*self.required, *self.optional})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that can be released, for the overview that the citizen sees."""

    key: str
    """What ``released`` names: ``family_name``, ``representative.family_name``, ``identifier``."""
    attribute: str
    """The key without its prefix."""
    of_representative: bool
    of_acting_person: bool = False
    """Of whoever operated a company's account: named there, not identified."""
    required: bool
    """False: the citizen may leave it out."""
    value: AttestedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAttributes:
    """What the request itself asks for, by destination, registration not yet considered."""

    userinfo: frozenset[str]
    id_token: frozenset[str]
    verified: frozenset[str]


def asked_attributes(request: AuthorizationRequest) -> AskedAttributes:
    """Attributes behind the scopes, the ``claims`` parameter and ``verified_claims``."""
    scopes = [SCOPE_ATTRIBUTES.get(scope, frozenset[str]()) for scope in request.scope]
    return AskedAttributes(
        userinfo=frozenset().union(*scopes, attributes_of_claims(request.claims.userinfo)),
        id_token=attributes_of_claims(request.claims.id_token),
        verified=attributes_of_claims(dict.fromkeys(verified_names(request))),
    )


def attributes_of_claims(names: Mapping[str, object]) -> frozenset[str]:
    """Attributes that are needed for the claims so named; language tags do not matter."""
    wanted = {name.partition("#")[0] for name in names}
    found = {attribute for attribute, claims in ATTRIBUTE_CLAIMS.items() if wanted & set(claims)}
    if "birthdate_raw" in wanted:
        found.add("date_of_birth")
    if "legal_person" in wanted:
        found |= set(LEGAL_ATTRIBUTES)
    if "representative" in wanted:
        found |= set(NATURAL_ATTRIBUTES)
    return frozenset(found)


def verified_names(request: AuthorizationRequest) -> frozenset[str]:
    """Claims that the request names inside ``verified_claims``, without their language tags."""
    return asked_claims((*request.claims.verified_userinfo, *request.claims.verified_id_token))


def attributes_requested(
    client: Client, request: AuthorizationRequest, person: PersonKind
) -> RequestedAttributes:
    """What to ask the source for when the subject is of kind ``person``.

    Required is what the registration calls required. Optional is what it allows *and* the request
    asks for. Attributes of the other kind of person are not asked for: eIDAS delivers those of a
    representative without being asked.
    """
    vocabulary = NATURAL_ATTRIBUTES if person is PersonKind.NATURAL else LEGAL_ATTRIBUTES
    return _requested(client, request, vocabulary)


def _requested(
    client: Client, request: AuthorizationRequest, vocabulary: tuple[str, ...]
) -> RequestedAttributes:
    asked = asked_attributes(request)
    wanted = asked.userinfo | asked.id_token | asked.verified
    required = tuple(name for name in vocabulary if name in client.required)
    optional = tuple(
        name for name in vocabulary if name in client.optional and name in wanted and name not in required
    )
    return RequestedAttributes(required=required, optional=optional)


def offers(client: Client, request: AuthorizationRequest, identity: Identity) -> tuple[Offer, ...]:
    """Everything of ``identity`` that may go to this client, subject first; what is absent is not there."""
    # An account's identifier, and a card's pseudonym, is the same for all services of this gateway
    # (bundid.md §1.12, npa.md §5.3).
    raw = client.raw_identifier and identity.account is None and identity.card is None
    found = _offers_of(client, request, identity.subject, "", raw=raw)
    if identity.representative is not None and client.representation is not RepresentationPolicy.REFUSE:
        found += _offers_of(client, request, identity.representative, REPRESENTATIVE, raw=raw)
    return found + _account_offers(client, identity) + _card_offers(client, request, identity)


def _offers_of(
    client: Client, request: AuthorizationRequest, person: Person, prefix: str, *, raw: bool
) -> tuple[Offer, ...]:
    vocabulary = NATURAL_ATTRIBUTES if person.kind is PersonKind.NATURAL else LEGAL_ATTRIBUTES
    requested = _requested(client, request, vocabulary)
    found = []
    for attribute in (*requested.required, *requested.optional):
        value = getattr(person, attribute)
        if not isinstance(value, Absent):
            found.append(
                Offer(
                    key=prefix + attribute,
                    attribute=attribute,
                    of_representative=bool(prefix),
                    required=attribute in requested.required,
                    value=value,
                )
            )
    if raw and person.identifier is not None:
        found.append(
            Offer(
                key=prefix + IDENTIFIER,
                attribute=IDENTIFIER,
                of_representative=bool(prefix),
                required=True,
                value=Attested(value=person.identifier.value, level=None),
            )
        )
    return tuple(found)


def _account_offers(client: Client, identity: Identity) -> tuple[Offer, ...]:
    facts = tuple(
        Offer(
            key=fact.key,
            attribute=fact.attribute,
            of_representative=False,
            required=True,
            value=fact.value,
        )
        for fact in fact_offers(client, identity)
    )
    acting = tuple(
        Offer(
            key=ACTING + attribute,
            attribute=attribute,
            of_representative=False,
            of_acting_person=True,
            required=True,
            value=value,
        )
        for attribute, value in acting_values(client, identity)
    )
    return facts + acting


def _card_offers(client: Client, request: AuthorizationRequest, identity: Identity) -> tuple[Offer, ...]:
    return tuple(
        Offer(
            key=offer.key,
            attribute=offer.attribute,
            of_representative=False,
            required=True,
            value=offer.value,
        )
        for offer in card_offers(client, request, identity)
    )


def permitted(
    client: Client, request: AuthorizationRequest, identity: Identity, released: frozenset[str]
) -> frozenset[str]:
    """``released`` cut down to what may leave at all: the last check before claims are built."""
    return released & {offer.key for offer in offers(client, request, identity)}
