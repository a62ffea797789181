"""Issue 5: discovery tells the truth. Everything the document offers is taken from it and tried.

``TRIED`` says which test tries which member; a new member without one fails.
"""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe, jws
from joserfc.jwk import ECKey, RSAKey

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.identity import Identifier
from tests.oidc.harness import (
    CLIENT_EC,
    CLIENT_ED,
    CLIENT_RSA,
    ISSUER,
    MTLS,
    SECRET,
    VERIFIER,
    basic,
    claims_parameter,
    client,
)
from tests.oidc.persons import (
    BUNDID,
    CARD,
    COMPANY_ACCOUNT,
    GREEK,
    LEGAL,
    NATURAL,
    REPRESENTED,
    attested,
)
from tests.oidc.test_rfc8705_mutual_tls import NAMES, OURS, header, mtls
from tests.oidc.tokens import jwk

__all__ = ["mtls"]

ARTIST = replace(
    CARD,
    subject=replace(
        CARD.subject, identifier=Identifier(value="0A" * 32, second="0B" * 32, stability="may-change")
    ),
    card=replace(CARD.card, artistic_name="Muse", absent={}),
)
RESIDENT = replace(NATURAL, subject=replace(NATURAL.subject, country_of_residence=attested("NL")))
PERSONS = (NATURAL, RESIDENT, GREEK, LEGAL, REPRESENTED, BUNDID, COMPANY_ACCOUNT, CARD, ARTIST)
CLIENT_KEYS = {
    "ES256": (CLIENT_EC, "e"),
    "PS256": (CLIENT_RSA, "r"),
    "EdDSA": (CLIENT_ED, "d"),
    "RS256": (CLIENT_RSA, "r"),
}
BY_ALGORITHM = {"ES256": "key-es", "PS256": "key-ps", "EdDSA": "key-ed", "RS256": "key-rs"}
ENC_EC = ec.generate_private_key(ec.SECP256R1())
ENC_RSA = rsa.generate_private_key(65537, 3072)
ENC_KEYS = {"keys": [jwk(ENC_EC, kid="ee", use="enc"), jwk(ENC_RSA, kid="er", use="enc")]}
PAY = "https://pay.example/"

TRIED = {
    "issuer": "test_issuer_and_endpoints_are_true",
    "endpoints": "test_issuer_and_endpoints_are_true",
    "mtls_endpoint_aliases": "test_certificate_methods_are_true",
    "tls_client_certificate_bound_access_tokens": "test_certificate_methods_are_true",
    "jwks_uri": "test_our_signature_algorithms_are_true",
    "scopes_supported": "test_scopes_are_true",
    "response_types_supported": "test_response_modes_are_true",
    "response_modes_supported": "test_response_modes_are_true",
    "grant_types_supported": "test_grant_types_are_true",
    "acr_values_supported": "test_acr_values_are_true",
    "subject_types_supported": "test_subject_types_are_true",
    "id_token_signing_alg_values_supported": "test_our_signature_algorithms_are_true",
    "userinfo_signing_alg_values_supported": "test_our_signature_algorithms_are_true",
    "introspection_signing_alg_values_supported": "test_our_signature_algorithms_are_true",
    "authorization_signing_alg_values_supported": "test_our_signature_algorithms_are_true",
    "id_token_encryption_alg_values_supported": "test_encryption_is_as_offered",
    "id_token_encryption_enc_values_supported": "test_encryption_is_as_offered",
    "userinfo_encryption_alg_values_supported": "test_encryption_is_as_offered",
    "userinfo_encryption_enc_values_supported": "test_encryption_is_as_offered",
    "token_endpoint_auth_methods_supported": "test_client_authentication_is_as_offered",
    "token_endpoint_auth_signing_alg_values_supported": "test_client_authentication_is_as_offered",
    "introspection_endpoint_auth_methods_supported": "test_client_authentication_is_as_offered",
    "introspection_endpoint_auth_signing_alg_values_supported": "test_client_authentication_is_as_offered",
    "revocation_endpoint_auth_methods_supported": "test_client_authentication_is_as_offered",
    "revocation_endpoint_auth_signing_alg_values_supported": "test_client_authentication_is_as_offered",
    "display_values_supported": "test_values_of_the_request_are_true",
    "ui_locales_supported": "test_values_of_the_request_are_true",
    "prompt_values_supported": "test_values_of_the_request_are_true",
    "code_challenge_methods_supported": "test_values_of_the_request_are_true",
    "claim_types_supported": "test_claims_are_true",
    "claims_supported": "test_claims_are_true",
    "claims_parameter_supported": "test_claims_are_true",
    "request_parameter_supported": "test_request_objects_are_true",
    "request_object_signing_alg_values_supported": "test_request_objects_are_true",
    "request_uri_parameter_supported": "test_what_is_not_supported_is_refused",
    "require_request_uri_registration": "test_what_is_not_supported_is_refused",
    "require_pushed_authorization_requests": "test_what_is_not_supported_is_refused",
    "dpop_signing_alg_values_supported": "test_dpop_is_as_offered",
    "authorization_response_iss_parameter_supported": "test_response_modes_are_true",
    "trust_frameworks_supported": "test_verified_claims_are_true",
    "verified_claims_supported": "test_verified_claims_are_true",
    "claims_in_verified_claims_supported": "test_verified_claims_are_true",
}
ELSEWHERE = {
    "backchannel_logout_supported": "tests/login/test_logout.py",
    "backchannel_logout_session_supported": "tests/login/test_logout.py",
    "frontchannel_logout_supported": "tests/login/test_logout.py",
    "frontchannel_logout_session_supported": "tests/login/test_logout.py",
    "end_session_endpoint": "tests/login/test_logout.py",
    "evidence_supported": "tests/oidc/test_ida_evidence.py",
    "documents_supported": "tests/oidc/test_ida_evidence.py",
    "documents_check_methods_supported": "tests/oidc/test_ida_evidence.py",
    "electronic_records_supported": "tests/oidc/test_ida_evidence.py",
}


@pytest.fixture
def document(bench):
    return bench.http.get("/.well-known/openid-configuration").json()


def generous(client_id, **changes):
    """A client that may get everything."""
    return client(
        client_id,
        raw_identifier=True,
        minimum_level="basic",
        accept_non_notified=True,
        account_facts=("proved_by", "multi_factor", "mailbox_handle", "acting_person", "company"),
        card_facts=(
            "document_type", "issuing_state", "date_of_expiry", "artistic_name", "community_id",
            "residence_permit",
        ),
        age_verification=(18,),
        place_verification="027614",
        attribute_assurance=True,
        fim_fields=True,
        **changes,
    )  # fmt: skip


def userinfo_of(bench, client_id, **asked):
    tokens = bench.tokens(client_id, **asked)
    answer = bench.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    return bench.read(tokens["id_token"]).claims, answer.json()


def test_every_member_is_tried(document):
    """Whoever adds a member says here how it is shown to be true."""
    endpoints = {name for name in document if name.endswith("_endpoint")}
    assert document.keys() - endpoints == (TRIED.keys() | ELSEWHERE.keys()) - {
        "endpoints",
        "end_session_endpoint",
    }
    assert set(TRIED.values()) <= globals().keys()


def test_issuer_and_endpoints_are_true(bench, document):
    """Disc §4.3; RFC 8414 §2: every endpoint is there, and below the issuer."""
    assert document["issuer"] == ISSUER
    endpoints = {name: url for name, url in document.items() if name.endswith("_endpoint")}
    assert len(endpoints) >= 6
    for name in endpoints.keys() - ELSEWHERE.keys():
        assert endpoints[name].startswith(f"{ISSUER}/")
        assert bench.http.post(endpoints[name], data={}).status_code not in {404, 405}, name


def test_response_modes_are_true(bench, document):
    """Form Post Response Mode, JARM §2.3; each answer names the issuer (RFC 9207)."""
    assert document["authorization_response_iss_parameter_supported"] is True
    for response_type in document["response_types_supported"]:
        for mode in document["response_modes_supported"]:
            response = bench.authorize(response_type=response_type, response_mode=mode)
            if "form_post" in mode:
                answer = response.json()["fields"]
            else:
                query = parse_qs(urlsplit(response.headers["location"]).query)
                answer = {name: value for name, (value,) in query.items()}
            if "jwt" in mode:
                assert answer.keys() == {"response"}
                answer = bench.read(answer["response"]).claims
            assert answer["code"]
            assert answer["iss"] == ISSUER


def test_grant_types_are_true(bench, document):
    tokens = bench.tokens("resourceful", scope="openid")
    forms = {
        "authorization_code": {"code": bench.code(), "redirect_uri": bench.parameters()["redirect_uri"], "code_verifier": VERIFIER},
        "urn:ietf:params:oauth:grant-type:token-exchange": {
            "subject_token": tokens["access_token"],
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "resource": PAY,
        },
    }  # fmt: skip
    for grant_type in document["grant_types_supported"]:
        who = "portal" if grant_type == "authorization_code" else "resourceful"
        form = {"grant_type": grant_type, **forms[grant_type]}
        answer = bench.http.post("/token", data=form, headers={"Authorization": basic(who, SECRET)})
        assert answer.status_code == 200, (grant_type, answer.text)


def test_scopes_are_true(bench, document):
    for scope in document["scopes_supported"]:
        granted = bench.tokens("portal", scope=f"openid {scope}")["scope"].split()
        assert scope in granted


def test_acr_values_are_true(bench, document):
    """Each can be asked for as essential, is stated when it was reached, and refused when not."""
    bench.register(generous("all", acr_vocabulary="eidas"))
    for value in document["acr_values_supported"]:
        word, notified = value.rpartition("/")[2], "NotNotified" not in value
        level = LevelOfAssurance.BASIC if word.startswith("STORK") else LevelOfAssurance.parse(word)
        person = BUNDID if level is LevelOfAssurance.BASIC else NATURAL
        bench.fresh(replace(person, assurance=Assurance(level=level, notified=notified)))
        asked = claims_parameter(id_token={"acr": {"essential": True, "values": [value]}})
        assert bench.id_token("all", claims=asked)["acr"] == value
        bench.highest = LevelOfAssurance.HIGH


def test_subject_types_are_true(bench, document):
    """Core §8.1: pairwise; two services see two subjects."""
    assert document["subject_types_supported"] == ["pairwise"]
    other = bench.token(bench.code(client_id="other"), client_id="other").json()["id_token"]
    assert bench.id_token()["sub"] != bench.read(other).claims["sub"]


def test_our_signature_algorithms_are_true(bench, document):
    """Each algorithm that a client may register is the one that it gets, with a published key."""
    published = {key["kid"]: key for key in bench.http.get(document["jwks_uri"]).json()["keys"]}

    def signed_with(text):
        bench.read(text)
        header = jws.extract_compact(text.encode()).headers()
        assert published[header["kid"]]["alg"] == header["alg"]
        return header["alg"]

    for alg in document["id_token_signing_alg_values_supported"]:
        bench.register(client("one", id_token_signed_response_alg=alg))
        assert signed_with(bench.tokens("one")["id_token"]) == alg
    for alg in document["userinfo_signing_alg_values_supported"]:
        bench.register(client("one", userinfo_signed_response_alg=alg))
        bearer = {"Authorization": f"Bearer {bench.tokens('one')['access_token']}"}
        assert signed_with(bench.http.get("/userinfo", headers=bearer).text) == alg
    for alg in document["authorization_signing_alg_values_supported"]:
        bench.register(client("one", authorization_signed_response_alg=alg))
        assert signed_with(bench.answer(client_id="one", response_mode="jwt")["response"]) == alg
    for alg in document["introspection_signing_alg_values_supported"]:
        bench.register(client("pay", resource=PAY, introspection_signed_response_alg=alg))
        headers = {"Authorization": basic("pay", SECRET), "Accept": "application/token-introspection+jwt"}
        assert signed_with(bench.http.post("/introspect", data={"token": "x"}, headers=headers).text) == alg


@pytest.mark.parametrize("place", ["id_token", "userinfo"])
def test_encryption_is_as_offered(bench, document, place):
    """RFC 7518 §4.1, §5.1: every pair of algorithms."""
    for alg in document[f"{place}_encryption_alg_values_supported"]:
        for enc in document[f"{place}_encryption_enc_values_supported"]:
            registered = {f"{place}_encrypted_response_alg": alg, f"{place}_encrypted_response_enc": enc}
            bench.register(client("sealed", jwks=ENC_KEYS, **registered))
            tokens = bench.tokens("sealed")
            bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
            sealed = (
                tokens["id_token"]
                if place == "id_token"
                else bench.http.get("/userinfo", headers=bearer).text
            )
            key = RSAKey.import_key(ENC_RSA) if alg.startswith("RSA") else ECKey.import_key(ENC_EC)
            opened = jwe.decrypt_compact(sealed, key, algorithms=[alg, enc])
            assert (opened.protected["alg"], opened.protected["enc"]) == (alg, enc)


@pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation"])
def test_client_authentication_is_as_offered(bench, document, endpoint):
    """Every method and every algorithm of assertions; what a certificate needs is the next test."""
    path = urlsplit(document[f"{endpoint}_endpoint"]).path
    methods = document[f"{endpoint}_endpoint_auth_methods_supported"]
    ways = [
        ({"Authorization": basic("portal", SECRET)}, {}),
        ({}, {"client_id": "post", "client_secret": SECRET}),
    ]
    bench.register(client("post", token_endpoint_auth_method="client_secret_post"))
    for alg in document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]:
        key, kid = CLIENT_KEYS[alg]
        ways.append(({}, bench.by_assertion(BY_ALGORITHM[alg], key=key, alg=alg, kid=kid)))
    assert {"client_secret_basic", "client_secret_post", "private_key_jwt"} == {
        method for method in methods if "tls" not in method
    }
    for headers, form in ways:
        answer = bench.http.post(path, data={**form, "token": "x", "grant_type": "x"}, headers=headers)
        assert answer.status_code == 200 or answer.json()["error"] not in {
            "invalid_client",
            "invalid_request",
        }


def test_certificate_methods_are_true(mtls, document):
    """RFC 8705 §2, §5: at every alias of the mTLS listener."""
    assert document["tls_client_certificate_bound_access_tokens"] is True
    tls = {m for m in document["token_endpoint_auth_methods_supported"] if "tls" in m}
    assert tls == {method for method, _, _ in NAMES}
    for url in document["mtls_endpoint_aliases"].values():
        assert url.startswith(f"{MTLS}/")
        answer = mtls.http.post(url, data={"client_id": "tls-self", "token": "x"}, headers=header(OURS))
        assert answer.status_code not in {404, 405}
        assert "invalid_client" not in answer.text


def test_values_of_the_request_are_true(bench, document):
    """Each value is accepted; ``none`` alone asks for a session that nobody has here."""
    challenges = document["code_challenge_methods_supported"]
    assert [bench.answer(code_challenge_method=method)["code"] != "" for method in challenges] == [True]
    for language in document["ui_locales_supported"]:
        assert bench.answer(ui_locales=language)["code"]
    for display in document["display_values_supported"]:
        assert bench.answer(display=display)["code"]
    bench.fresh(NATURAL)
    for prompt in document["prompt_values_supported"]:
        answer = bench.answer(prompt=prompt)
        assert "code" in answer or (prompt, answer["error"]) == ("none", "login_required")


def test_claims_are_true(bench, document):
    """Core §5.5: each claim reaches a client that may have it, from some person or other."""
    assert document["claims_parameter_supported"] is True
    assert document["claim_types_supported"] == ["normal"]
    bench.register(generous("all"))
    names = [name for name in document["claims_supported"] if name != "verified_claims"]
    verified = {
        "verification": {"trust_framework": None},
        "claims": {"family_name": None, "given_name": None},
    }
    asked = claims_parameter(
        userinfo={**dict.fromkeys(names), "verified_claims": verified}, id_token=dict.fromkeys(names)
    )
    seen = set()
    for person in PERSONS:
        bench.fresh(person)
        id_token, userinfo = userinfo_of(bench, "all", scope="openid identity", claims=asked)
        seen |= id_token.keys() | userinfo.keys()
        assert "_claim_names" not in userinfo
    assert set(document["claims_supported"]) - seen == set()


def test_verified_claims_are_true(bench, document):
    """IDA §7: every framework and every claim occurs."""
    bench.register(generous("all"))
    assert document["verified_claims_supported"] is True
    wanted = dict.fromkeys(document["claims_in_verified_claims_supported"])
    frameworks, claims = set(), set()
    for person in PERSONS:
        bench.fresh(person)
        for framework in document["trust_frameworks_supported"]:
            verification = {"trust_framework": {"value": framework}}
            asked = claims_parameter(
                userinfo={"verified_claims": {"verification": verification, "claims": wanted}}
            )
            _, userinfo = userinfo_of(bench, "all", scope="openid identity", claims=asked)
            found = userinfo.get("verified_claims", [])
            for element in found if isinstance(found, list) else [found]:
                assert element["verification"]["trust_framework"] == framework
                frameworks.add(framework)
                claims |= element["claims"].keys()
    assert frameworks == set(document["trust_frameworks_supported"])
    assert claims == set(document["claims_in_verified_claims_supported"])


def test_request_objects_are_true(bench, document):
    """RFC 9101 §4: every algorithm."""
    assert document["request_parameter_supported"] is True
    for alg in document["request_object_signing_alg_values_supported"]:
        key, kid = CLIENT_KEYS[alg]
        sender = BY_ALGORITHM[alg]
        request = bench.request_object(sender, key=key, alg=alg, kid=kid)
        assert "code" in bench.answer_to(bench.authorize_with({"request": request}, sender)), alg


def test_dpop_is_as_offered(bench, document):
    """RFC 9449 §5.1."""
    for alg in document["dpop_signing_alg_values_supported"]:
        key = CLIENT_KEYS.get(alg, (CLIENT_ED, "d"))[0]
        proof = {"DPoP": bench.proof(key=key, alg=alg)}
        answer = bench.token(bench.code(client_id="dpop"), client_id="dpop", headers=proof)
        assert answer.json()["token_type"] == "DPoP", alg


def test_what_is_not_supported_is_refused(bench, document):
    """RFC 9101 §10.5, RFC 9126 §5: what is said not to be there, or not to be demanded, is not."""
    assert document["request_uri_parameter_supported"] is False
    assert document["require_request_uri_registration"] is False
    answer = bench.answer(request_uri="https://portal.example/request")
    assert answer["error"] == "request_uri_not_supported"
    assert document["require_pushed_authorization_requests"] is False
    assert "code" in bench.answer()
    assert "none" not in json.dumps(document["request_object_signing_alg_values_supported"])
