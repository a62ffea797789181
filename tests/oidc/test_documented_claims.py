"""docs/claims.md says what the code does: its examples are computed here, its tables are complete.

``python -m tests.oidc.test_documented_claims`` writes the examples into the document.
"""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.identity import LEGAL_ATTRIBUTES, NATURAL_ATTRIBUTES
from gateway.oidc import acr
from gateway.oidc.assurance.element import verified_claims
from gateway.oidc.assurance.request import well_formed
from gateway.oidc.claims import CLAIMS_SUPPORTED, id_token_claims, userinfo_claims
from gateway.oidc.claims_parameter import claim_requests
from gateway.oidc.errors import CLAIMS_MALFORMED
from gateway.oidc.id_token import at_hash
from gateway.oidc.offers import ATTRIBUTE_CLAIMS, SCOPE_ATTRIBUTES, offers
from gateway.oidc.request import AcrRequest, AuthorizationRequest, ClaimsRequest
from gateway.oidc.subject import SubjectKey, pairwise
from tests.oidc.harness import CALLBACK, CHALLENGE, CLIENTS, ISSUER, client
from tests.oidc.persons import (
    AUTHENTICATED,
    BUNDID,
    CARD,
    COMPANY_ACCOUNT,
    GREEK,
    GUEST,
    LEGAL,
    LOW,
    NATURAL,
    OVER_18,
    REPRESENTED,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "claims.md"
BLOCK = re.compile(r"<!-- example: (\w+) -->\n```json\n(.*?)```", re.DOTALL)
NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
CLIENT = CLIENTS["portal"]
FORMS = CLIENTS["forms"]
VERIFIED_REQUEST = {
    "verification": {
        "trust_framework": {"value": "eidas"},
        "assurance_level": {"values": ["substantial", "high"]},
        "time": {"max_age": 86400},
        "evidence": [
            {
                "type": {"value": "electronic_record"},
                "check_details": [{"check_method": None, "organization": None, "time": None}],
                "record": {"type": None, "source": {"country_code": None}},
            }
        ],
    },
    "claims": {"given_name": None, "family_name": {"essential": True}, "birthdate": None},
}


def request(**changes):
    return AuthorizationRequest(
        client_id=CLIENT.client_id,
        redirect_uri=CALLBACK,
        scope=("openid", "identity"),
        code_challenge=CHALLENGE,
        minimum=LOW,
        nonce="n-0S6_WzA2Mj",
        issued_at=NOW,
        **changes,
    )


def sub(identity):
    return pairwise(SubjectKey(b"k" * 32), CLIENT, identity, "0123456789")


def asking(*names, **changes):
    return request(
        claims=ClaimsRequest(userinfo=claim_requests(dict.fromkeys(names), CLAIMS_MALFORMED)), **changes
    )


def userinfo(identity, client=CLIENT, wanted=None):
    wanted = wanted or request()
    keys = frozenset(offer.key for offer in offers(client, wanted, identity))
    return {"sub": sub(identity), **userinfo_claims(client, wanted, identity, keys)}


CARD_REQUEST = asking("document_type", "document_expiry", "residence_permit", "also_known_as")
AGE_REQUEST = replace(asking("age_over_18"), scope=("openid",))
REGISTRY = client(
    "registry", card_facts=("document_type", "date_of_expiry", "residence_permit", "artistic_name")
)
SHOP = client("shop", required=(), optional=(), age_verification=(18,), identifier=False)


def id_token():
    low = acr.acr_of(acr.Assurance(level=LOW))
    asked = claim_requests({"family_name": None}, CLAIMS_MALFORMED)
    made = request(claims=ClaimsRequest(id_token=asked), acr=AcrRequest(values=(low,), essential=True))
    return {
        "iss": ISSUER,
        "sub": sub(NATURAL),
        "aud": CLIENT.client_id,
        "exp": int(NOW.timestamp()) + 300,
        "iat": int(NOW.timestamp()),
        "nonce": made.nonce,
        "auth_time": int(AUTHENTICATED.timestamp()),
        "acr": acr.returned_acr(made.acr, NATURAL.assurance),
        "amr": [NATURAL.source.scheme],
        "at_hash": at_hash("example"),
        **id_token_claims(CLIENT, made, NATURAL, frozenset({"family_name"})),
    }


ACCOUNT_REQUEST = {
    "verification": {
        name: None if name == "trust_framework" else wanted
        for name, wanted in VERIFIED_REQUEST["verification"].items()
        if name != "time"
    },
    "claims": VERIFIED_REQUEST["claims"],
}


def verified(identity, wanted):
    keys = frozenset(NATURAL_ATTRIBUTES)
    elements = well_formed(wanted)
    found = verified_claims(identity, keys, elements, issuer=ISSUER, journey="0123456789", now=NOW)
    return {"sub": sub(identity), "verified_claims": found}


def examples():
    made = {
        "natural": userinfo(NATURAL),
        "greek": userinfo(GREEK),
        "legal": userinfo(LEGAL),
        "represented": userinfo(REPRESENTED),
        "bundid": userinfo(BUNDID, FORMS),
        "guest": userinfo(GUEST),
        "company_account": userinfo(COMPANY_ACCOUNT, FORMS),
        "card": userinfo(CARD, REGISTRY, CARD_REQUEST),
        "over_18": userinfo(OVER_18, SHOP, AGE_REQUEST),
        "id_token": id_token(),
        "verified_request": {"userinfo": {"verified_claims": VERIFIED_REQUEST}},
        "verified": verified(NATURAL, VERIFIED_REQUEST),
        "verified_account": verified(BUNDID, ACCOUNT_REQUEST),
    }
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in made.items()}


@pytest.mark.parametrize("name", list(examples()))
def test_example_is_what_the_code_gives(name):
    """Issue 2 item 6: one example per kind of person, true."""
    documented = dict(BLOCK.findall(DOCUMENT.read_text("utf-8")))
    assert documented[name] == examples()[name]


def test_no_example_is_left_over():
    assert set(dict(BLOCK.findall(DOCUMENT.read_text("utf-8")))) == set(examples())


def test_every_claim_attribute_and_scope_is_in_the_tables():
    text = DOCUMENT.read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    wanted = {*CLAIMS_SUPPORTED, *SCOPE_ATTRIBUTES, *NATURAL_ATTRIBUTES, *LEGAL_ATTRIBUTES, "openid"}
    assert wanted <= named
    assert {claim for claims in ATTRIBUTE_CLAIMS.values() for claim in claims} <= named


def test_table_of_vocabularies_is_what_the_code_says():
    """Issue 5 item 5: one row for each ``acr_vocabulary``, the levels in their order."""
    rows = re.findall(
        r"^\| `(\w+)`(?: \(default\))? \|((?: `[^`]+` \|){4})$", DOCUMENT.read_text("utf-8"), re.MULTILINE
    )
    assert {name: re.findall(r"`([^`]+)`", cells) for name, cells in rows} == {
        name: [acr.acr_of(acr.Assurance(level=level), name) for level in acr.LevelOfAssurance]
        for name in acr.VOCABULARIES
    }


def write():
    computed = examples()
    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(
        BLOCK.sub(lambda match: f"<!-- example: {match[1]} -->\n```json\n{computed[match[1]]}```", text),
        "utf-8",
    )


if __name__ == "__main__":
    write()
