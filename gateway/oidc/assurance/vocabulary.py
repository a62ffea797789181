"""The words of identity assurance: those of the working group, and our own where it has none.

An own identifier contains a domain under our control (IDA §10): it begins with the issuer.
"""

from __future__ import annotations

from pydantic import JsonValue

EIDAS = "eidas"
"""Trust framework of notified schemes, the German card among them (VC §5.4.1, oidc.md §19.1)."""

CLAIMS: tuple[str, ...] = (
    "name", "family_name", "given_name", "birthdate", "gender", "title", "birth_family_name",
    "eidas_birth_name", "place_of_birth", "nationalities", "address", "country_of_residence",
    "also_known_as", "legal_person", "representative",
)  # fmt: skip
"""Claims that can be inside ``verified_claims``."""

_ACCOUNT_FRAMEWORK = "de_user_account"
_EIDAS_RECORD = "eidas_assertion"
_ACCOUNT_RECORD = "user_account"
_UNION_CARD = "de_eid_card"

DATA = "data"
"""Check method: the data were compared with, here taken from, an authoritative record."""
CRYPTOGRAPHY = "vcrypt"
"""Check method: cryptographic verification of the document, here of the chip."""


def account_framework(issuer: str) -> str:
    """Trust framework of German user accounts: no registered one describes them (ADR 14)."""
    return _own(issuer, _ACCOUNT_FRAMEWORK)


def eidas_record(issuer: str) -> str:
    """Record type: an assertion of another state's eIDAS node."""
    return _own(issuer, _EIDAS_RECORD)


def account_record(issuer: str) -> str:
    """Record type: what a user account holds about its owner."""
    return _own(issuer, _ACCOUNT_RECORD)


def document_type(issuer: str, on_chip: str) -> str | None:
    """Document type of a German card (npa.md §7); None for one that has no word.

    >>> document_type("https://id.example", "ID"), document_type("https://id.example", "UB")
    ('idcard', 'https://id.example/ida/de_eid_card')
    """
    return {
        "ID": "idcard",
        "AR": "de_erp",
        "AS": "de_erp",
        "AF": "de_erp",
        "UB": _own(issuer, _UNION_CARD),
    }.get(on_chip)


def metadata(issuer: str) -> dict[str, JsonValue]:
    """The members of discovery that name these words (IDA §7)."""
    return {
        "verified_claims_supported": True,  # of earlier drafts; clients in the field look for it
        "claims_in_verified_claims_supported": list(CLAIMS),
        "trust_frameworks_supported": [EIDAS, account_framework(issuer)],
        "evidence_supported": ["document", "electronic_record"],
        "documents_supported": ["idcard", "de_erp", _own(issuer, _UNION_CARD)],
        "documents_check_methods_supported": [CRYPTOGRAPHY],
        "electronic_records_supported": [eidas_record(issuer), account_record(issuer)],
    }


def _own(issuer: str, word: str) -> str:
    return f"{issuer}/ida/{word}"
