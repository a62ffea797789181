"""What an identity rests on, in the form of IDA evidence; nothing that its source did not say."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from connectors import icao_codes
from connectors.identity import CardFacts, Identity, Source
from gateway.oidc.assurance import vocabulary
from gateway.oidc.card_claims import CARD


def evidence(identity: Identity, released: frozenset[str], issuer: str) -> list[JsonValue]:
    """One piece for every identity: a document that was read, or a record that an authority stated.

    Details of a card are told only if they were released. There is no number of any document or record.
    """
    if identity.card is not None:
        document: dict[str, JsonValue] = {
            "type": "document",
            "check_details": [_check(identity.source, vocabulary.CRYPTOGRAPHY)],
        }
        if details := _document(identity.card, released, issuer):
            document["document_details"] = details
        return [document]
    of_account = identity.account is not None
    origin: dict[str, JsonValue] = {"name": identity.source.issuer}
    if identity.source.country is not None:
        origin["country_code"] = identity.source.country
    kind = vocabulary.account_record(issuer) if of_account else vocabulary.eidas_record(issuer)
    return [
        {
            "type": "electronic_record",
            "check_details": [_check(identity.source, vocabulary.DATA)],
            "record": {"type": kind, "source": origin},
        }
    ]


def _check(source: Source, method: str) -> dict[str, JsonValue]:
    return {
        "check_method": method,
        "organization": source.issuer,
        "check_id": source.statement_id,
        "time": timestamp(source.authenticated_at),
    }


def _document(card: CardFacts, released: frozenset[str], issuer: str) -> dict[str, JsonValue]:
    details: dict[str, JsonValue] = {}
    if f"{CARD}document_type" in released and card.document_type:
        kind = vocabulary.document_type(issuer, card.document_type)
        if kind is not None:
            details["type"] = kind
    if f"{CARD}date_of_expiry" in released and card.date_of_expiry is not None:
        details["date_of_expiry"] = card.date_of_expiry.isoformat()
    if f"{CARD}issuing_state" in released and card.issuing_state:
        country = icao_codes.to_iso(card.issuing_state.rstrip("<"))
        if country is not None:
            details["issuer"] = {"country_code": country}
    return details


def timestamp(instant: datetime) -> str:
    """UTC with seconds, as the schema's ``date-time`` and IDA's privacy section want it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
