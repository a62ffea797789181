"""Discovery (OpenID Connect Discovery §3, RFC 8414 §2) and the key set."""

import json

import pytest

from gateway.oidc.discovery import discovery_document
from tests.oidc.harness import ISSUER


@pytest.fixture
def document(bench):
    response = bench.http.get("/.well-known/openid-configuration")
    assert response.headers["content-type"] == "application/json"
    assert "max-age" in response.headers["cache-control"]
    assert response.headers["access-control-allow-origin"] == "*"
    return response.json()


def test_issuer_is_that_of_the_configuration(document):
    """Discovery §4.3: identical to the URL the client used."""
    assert document["issuer"] == ISSUER


@pytest.mark.parametrize(
    "member",
    [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    ],
)
def test_required_members_are_there(document, member):
    """Discovery §3."""
    assert document[member]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("response_types_supported", ["code"]),
        ("response_modes_supported", ["query", "form_post", "query.jwt", "form_post.jwt", "jwt"]),
        ("grant_types_supported", ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]),
        (
            "token_endpoint_auth_methods_supported",
            [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "tls_client_auth",
                "self_signed_tls_client_auth",
            ],
        ),
        ("request_uri_parameter_supported", False),
        ("request_parameter_supported", True),
        ("require_request_uri_registration", False),
        ("claims_parameter_supported", True),
        ("claim_types_supported", ["normal"]),
        ("code_challenge_methods_supported", ["S256"]),
        ("authorization_response_iss_parameter_supported", True),
        ("prompt_values_supported", ["none", "login", "consent", "select_account"]),
        ("subject_types_supported", ["pairwise"]),
        ("trust_frameworks_supported", ["eidas", f"{ISSUER}/ida/de_user_account"]),
        ("ui_locales_supported", ["de", "en"]),
    ],
)
def test_defaults_that_would_mislead_are_written_out(document, member, value):
    """oidc.md §14: members whose absence means something else than what we do."""
    assert document[member] == value


def test_no_array_is_empty_and_nothing_is_null(document):
    """RFC 8414 §2: claims with zero elements must be omitted."""
    assert all(value not in ([], None, "") for value in document.values())
    assert "service_documentation" not in document


def test_algorithms_are_those_with_an_active_key(document):
    """oidc.md §10.1: RS256 published, chosen per client."""
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert "none" not in json.dumps(document["token_endpoint_auth_signing_alg_values_supported"])
    assert '"HS256"' not in json.dumps(document)


def test_every_kind_of_acr_is_published(document):
    """eidas.md §2; bundid.md §1.5 for the level below those of eIDAS."""
    assert "http://eidas.europa.eu/LoA/high" in document["acr_values_supported"]
    assert "http://eidas.europa.eu/NotNotified/LoA/low" in document["acr_values_supported"]
    assert "STORK-QAA-Level-1" in document["acr_values_supported"]
    assert len(document["acr_values_supported"]) == 7


def test_every_endpoint_of_the_document_answers(bench, document):
    for member in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        path = document[member].removeprefix(ISSUER)
        assert bench.http.get(path).status_code != 404


def test_optional_documents_are_named_when_they_exist(bench):
    from dataclasses import replace

    provider = replace(bench.provider, policy_uri="https://p.example", documentation_uri="https://d.example")
    document = discovery_document(provider)
    assert document["op_policy_uri"] == "https://p.example"
    assert document["service_documentation"] == "https://d.example"


def test_key_set_is_public_and_cacheable(bench):
    """Core §10.1.1: max-age is the promise for rotation; no private member, ever."""
    response = bench.http.get("/jwks")
    assert response.headers["cache-control"] == "public, max-age=3600"
    keys = response.json()["keys"]
    assert len(keys) == 3
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)
        assert key["use"] == "sig"
