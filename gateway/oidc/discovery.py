"""The discovery document (OpenID Connect Discovery §3, RFC 8414 §2).

Built once. Every member whose default would mislead is written out, and no array is empty.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import JsonValue

from gateway.jose import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from gateway.oidc import dpop
from gateway.oidc.acr import acr_values_supported
from gateway.oidc.assurance.vocabulary import metadata
from gateway.oidc.checks import PROMPT_VALUES
from gateway.oidc.claims import CLAIMS_SUPPORTED
from gateway.oidc.client import SIGNING_ALGORITHMS
from gateway.oidc.exchange import GRANT_TYPE
from gateway.oidc.offers import SCOPES
from gateway.oidc.provider import Provider
from gateway.oidc.request import ResponseMode

MAX_AGE = 3600

_ALIASES = {
    "pushed_authorization_request_endpoint": "par",
    "token_endpoint": "token",
    "introspection_endpoint": "introspect",
    "revocation_endpoint": "revoke",
    "userinfo_endpoint": "userinfo",
}


def discovery_document(provider: Provider) -> dict[str, JsonValue]:
    """What ``/.well-known/openid-configuration`` says."""
    issuer = provider.issuer
    algorithms: list[JsonValue] = list(provider.keys.algorithms)
    document: dict[str, JsonValue] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "require_pushed_authorization_requests": False,
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "end_session_endpoint": f"{issuer}/logout",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": [*(mode.value for mode in ResponseMode), "jwt"],
        "grant_types_supported": ["authorization_code", GRANT_TYPE],
        "acr_values_supported": list(
            acr_values_supported(client.acr_vocabulary for client in provider.clients.values())
        ),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": algorithms,
        "id_token_encryption_alg_values_supported": list(KEY_MANAGEMENT),
        "id_token_encryption_enc_values_supported": list(CONTENT_ENCRYPTION),
        "userinfo_signing_alg_values_supported": algorithms,
        "userinfo_encryption_alg_values_supported": list(KEY_MANAGEMENT),
        "userinfo_encryption_enc_values_supported": list(CONTENT_ENCRYPTION),
        "token_endpoint_auth_methods_supported": list(_methods(provider)),
        "token_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": list(_methods(provider)),
        "introspection_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "introspection_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": list(_methods(provider)),
        "revocation_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": list(CLAIMS_SUPPORTED),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "authorization_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "ui_locales_supported": list(provider.languages),
        "prompt_values_supported": list(PROMPT_VALUES),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        **metadata(issuer),
        "registration_endpoint": f"{issuer}/register" if provider.registration else None,
        "service_documentation": provider.documentation_uri,
        "op_policy_uri": provider.policy_uri,
        **_mtls(provider),
    }
    return {name: value for name, value in document.items() if value is not None and value != []}


def _methods(provider: Provider) -> tuple[str, ...]:
    secrets_and_keys = ("client_secret_basic", "client_secret_post", "private_key_jwt")
    certificates = ("tls_client_auth", "self_signed_tls_client_auth")
    return secrets_and_keys if provider.mtls_url is None else secrets_and_keys + certificates


def _mtls(provider: Provider) -> dict[str, JsonValue]:
    """RFC 8705 §3.3, §5: where to come with a certificate, if there is such a place."""
    if provider.mtls_url is None:
        return {}
    path = urlsplit(provider.issuer).path
    return {
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": {
            name: f"{provider.mtls_url}{path}/{segment}" for name, segment in _ALIASES.items()
        },
    }
