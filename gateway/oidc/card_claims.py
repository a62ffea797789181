"""What an Online-Ausweis says beside the person: the document, what it confirms of age and residence, and
what is not on it (npa.md §5.2).

Each needs three yeses, as every claim: the registration (``card_facts``, ``age_verification``,
``place_verification``), the ``claims`` parameter, which names the claim, and the citizen, who unticks in
the eID-Client what shall not be read and sees here what will leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from connectors import icao_codes
from connectors.identity import Attested, CardFacts, Identity, PartialDate
from gateway.client_settings import Client
from gateway.oidc.assurance.request import asked_claims
from gateway.oidc.request import AuthorizationRequest

CARD = "card."
"""Prefix of the keys under which these things are released."""

FACT_CLAIMS: Mapping[str, str] = {
    "document_type": "document_type",
    "issuing_state": "issuing_state",
    "date_of_expiry": "document_expiry",
    "artistic_name": "also_known_as",
    "community_id": "community_id",
    "residence_permit": "residence_permit",
}
"""Field of ``CardFacts`` to its claim."""
AGE_OVER = "age_over_"
PLACE_VERIFICATION = "place_verification"
_ABSENT_CLAIMS = {**FACT_CLAIMS, "date_of_birth": "birthdate", "community": PLACE_VERIFICATION}

CARD_CLAIMS: tuple[str, ...] = (
    *FACT_CLAIMS.values(), "birthdate_raw", PLACE_VERIFICATION, "card_absent", "sub_second",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAsked:
    """What of a card one login may read beside the person's attributes."""

    facts: frozenset[str]
    age: int | None
    community_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOffer:
    """One thing for the overview."""

    key: str
    attribute: str
    value: Attested[str] | Attested[PartialDate]


def card_asked(client: Client, request: AuthorizationRequest) -> CardAsked:
    """What ``request`` asks for by the names of claims and the registration allows.

    A card answers for one age in a login (TR-03110-3 B.11, one reference date): of several that are asked
    for, the first in the registration counts.
    """
    named = {*request.claims.userinfo, *request.claims.id_token}
    verified = asked_claims((*request.claims.verified_userinfo, *request.claims.verified_id_token))
    ages = (age for age in client.age_verification if f"{AGE_OVER}{age}" in named)
    return CardAsked(
        facts=frozenset(fact for fact in client.card_facts if FACT_CLAIMS[fact] in named | verified),
        age=next(ages, None),
        community_id=client.place_verification if PLACE_VERIFICATION in named else None,
    )


def card_offers(client: Client, request: AuthorizationRequest, identity: Identity) -> Iterator[CardOffer]:
    """Everything of the card that may go to this client; what is absent or empty is not there."""
    card = identity.card
    if card is None:
        return
    asked = card_asked(client, request)
    level = identity.assurance.level
    for fact in FACT_CLAIMS:
        value = getattr(card, fact)
        if fact not in asked.facts or value in {None, ""}:
            continue
        if fact == "date_of_expiry":
            day = PartialDate(year=value.year, month=value.month, day=value.day)
            yield CardOffer(key=CARD + fact, attribute=fact, value=Attested(value=day, level=level))
        else:
            yield CardOffer(key=CARD + fact, attribute=fact, value=Attested(value=value, level=level))
    if card.no_residence and "address" in {*client.required, *client.optional}:
        text = Attested(value=card.no_residence, level=level)
        yield CardOffer(key=f"{CARD}no_residence", attribute="no_residence", value=text)
    if card.age_fulfilled is not None and card.age == asked.age:
        word = "age_fulfilled" if card.age_fulfilled else "age_not_fulfilled"
        years = Attested(value=str(card.age), level=level)
        yield CardOffer(key=f"{CARD}age", attribute=word, value=years)
    if card.community_fulfilled is not None and card.community and card.community == asked.community_id:
        word = "community_fulfilled" if card.community_fulfilled else "community_not_fulfilled"
        area = Attested(value=card.community, level=level)
        yield CardOffer(key=f"{CARD}community", attribute=word, value=area)


def card_claims(identity: Identity, released: frozenset[str]) -> dict[str, JsonValue]:
    """The claims of what was released; ``birthdate_raw`` goes wherever the date of birth goes."""
    card = identity.card
    if card is None:
        return {}
    claims: dict[str, JsonValue] = {}
    for fact, claim in FACT_CLAIMS.items():
        if CARD + fact in released:
            claims[claim] = _fact(card, fact)
    if "date_of_birth" in released and card.birthdate_raw is not None:
        claims["birthdate_raw"] = card.birthdate_raw
    if f"{CARD}age" in released and card.age_fulfilled is not None:
        claims[f"{AGE_OVER}{card.age}"] = card.age_fulfilled
    if f"{CARD}community" in released and card.community_fulfilled is not None:
        claims[PLACE_VERIFICATION] = {"community_id": card.community, "fulfilled": card.community_fulfilled}
    if absent := _absent(card, released):
        claims["card_absent"] = absent
    return claims


def _fact(card: CardFacts, fact: str) -> JsonValue:
    if fact == "date_of_expiry" and card.date_of_expiry is not None:
        return card.date_of_expiry.isoformat()
    text = str(getattr(card, fact))
    if fact == "issuing_state":
        return icao_codes.to_iso(text.rstrip("<")) or text
    return text


def _absent(card: CardFacts, released: frozenset[str]) -> dict[str, JsonValue]:
    """By claim: why a value that was asked for is not there. Where the card says that its holder lives
    nowhere in Germany, that is a fact about the person and needs its release."""
    claims = {**_ABSENT_CLAIMS, "age": f"{AGE_OVER}{card.age}"}
    return {
        claims.get(name, name): word
        for name, word in card.absent.items()
        if name != "address" or word != "no-place" or f"{CARD}no_residence" in released
    }
