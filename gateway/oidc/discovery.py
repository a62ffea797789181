"""The discovery document (OpenID Connect Discovery §3, RFC 8414 §2).

Built once. Every member whose default would mislead is written out, and no array is empty.
"""

from __future__ import annotations

from pydantic import JsonValue

from gateway.oidc.acr import ACR_VALUES
from gateway.oidc.checks import PROMPT_VALUES
from gateway.oidc.claims import CLAIMS_SUPPORTED
from gateway.oidc.client import SIGNING_ALGORITHMS
from gateway.oidc.grant import SCOPES
from gateway.oidc.provider import Provider
from gateway.oidc.verified_claims import CLAIMS_IN_VERIFIED_CLAIMS, TRUST_FRAMEWORK

MAX_AGE = 3600


def discovery_document(provider: Provider) -> dict[str, JsonValue]:
    """What ``/.well-known/openid-configuration`` says."""
    issuer = provider.issuer
    algorithms: list[JsonValue] = list(provider.keys.algorithms)
    document: dict[str, JsonValue] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code"],
        "acr_values_supported": list(ACR_VALUES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": algorithms,
        "userinfo_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": list(CLAIMS_SUPPORTED),
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "ui_locales_supported": list(provider.languages),
        "prompt_values_supported": list(PROMPT_VALUES),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "trust_frameworks_supported": [TRUST_FRAMEWORK],
        "claims_in_verified_claims_supported": list(CLAIMS_IN_VERIFIED_CLAIMS),
        "service_documentation": provider.documentation_uri,
        "op_policy_uri": provider.policy_uri,
    }
    return {name: value for name, value in document.items() if value is not None and value != []}
