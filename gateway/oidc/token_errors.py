"""Catalogue entries of family 11: client authentication, token endpoint, UserInfo, configuration.

Hints are for integrators: what was wrong and which rule says so, never a value that was sent.
"""

from __future__ import annotations

from gateway.errors import CATALOGUE

_add = CATALOGUE.add

# ------------------------------------------------------------------------------- 11: client authentication

CLIENT_AUTHENTICATION_MISSING = _add(
    "client.authentication_missing",
    "1101",
    "invalid_client",
    401,
    to_client=False,
    hint="Client authentication is missing",
    documentation="Every client is confidential. See token_endpoint_auth_methods_supported.",
)
CLIENT_AUTHENTICATION_FAILED = _add(
    "client.authentication_failed",
    "1102",
    "invalid_client",
    401,
    to_client=False,
    hint="Client authentication failed",
    documentation=(
        "Unknown client, wrong secret, or another method than the registered one. With "
        "client_secret_basic, id and secret are form-urlencoded before base64 (RFC 6749 section 2.3.1)."
    ),
)
CLIENT_AUTHENTICATION_AMBIGUOUS = _add(
    "client.authentication_ambiguous",
    "1103",
    "invalid_request",
    400,
    to_client=False,
    hint="More than one client authentication method in one request",
    documentation="RFC 6749 section 2.3: exactly one method. Remedy: drop client_secret from the body.",
)
CLIENT_ASSERTION_INVALID = _add(
    "client.assertion_invalid",
    "1104",
    "invalid_client",
    401,
    to_client=False,
    hint="client_assertion is invalid: iss and sub = client_id, aud = issuer as a string, exp, jti",
    documentation=(
        "Checked: the registered algorithm, a kid of the registered key set, iss = sub = client_id, aud "
        "exactly the issuer as one string, exp at most five minutes ahead, jti present. The audit log "
        "names the rule that failed."
    ),
)
CLIENT_ASSERTION_REPLAYED = _add(
    "client.assertion_replayed",
    "1105",
    "invalid_client",
    401,
    to_client=False,
    hint="The jti of client_assertion was used before",
    documentation="Each assertion works once (RFC 7523 section 3). Remedy: a fresh jti per request.",
)
CLIENT_KEYS_UNAVAILABLE = _add(
    "client.keys_unavailable",
    "1106",
    "invalid_client",
    401,
    to_client=False,
    hint="The key set of this client cannot be loaded",
    documentation=(
        "jwks_uri did not answer over https with a JWK Set of at most 64 KiB. Remedy: check the address, "
        "its certificate and that it is reachable from the gateway."
    ),
)

# -------------------------------------------------------------------------------------- 11: token endpoint

TOKEN_REQUEST_UNREADABLE = _add(
    "token.unreadable",
    "1110",
    "invalid_request",
    400,
    to_client=False,
    hint="The request is not a well-formed form without repeated parameters",
    documentation="The body must be application/x-www-form-urlencoded, each parameter once.",
)
GRANT_TYPE_MISSING = _add(
    "token.grant_type_missing",
    "1111",
    "invalid_request",
    400,
    to_client=False,
    hint="grant_type is missing",
    documentation="Remedy: grant_type=authorization_code.",
)
GRANT_TYPE_UNSUPPORTED = _add(
    "token.grant_type_unsupported",
    "1112",
    "unsupported_grant_type",
    400,
    to_client=False,
    hint="Only grant_type=authorization_code is supported",
    documentation="No password, implicit, client-credentials or refresh grant exists here.",
)
CODE_MISSING = _add(
    "token.code_missing",
    "1113",
    "invalid_request",
    400,
    to_client=False,
    hint="code or redirect_uri is missing",
    documentation="Both are required at the token endpoint (RFC 6749 section 4.1.3).",
)
CODE_INVALID = _add(
    "token.code_invalid",
    "1114",
    "invalid_grant",
    400,
    to_client=False,
    hint="The code is unknown, expired, already used, or was issued for another client or redirect_uri",
    documentation=(
        "A code lives seconds and works once; a second use also revokes the access token of the first "
        "(RFC 6749 section 4.1.2). The audit log tells which of the causes it was."
    ),
)
CODE_VERIFIER_MISSING = _add(
    "token.code_verifier_missing",
    "1115",
    "invalid_grant",
    400,
    to_client=False,
    hint="code_verifier is missing or not 43 to 128 unreserved characters",
    documentation="RFC 7636 section 4.1 gives the form. The code stays usable after this refusal.",
)
CODE_VERIFIER_WRONG = _add(
    "token.code_verifier_wrong",
    "1116",
    "invalid_grant",
    400,
    to_client=False,
    hint="code_verifier does not match the code_challenge",
    documentation="BASE64URL(SHA256(code_verifier)) differs from the challenge. The code is spent.",
)
ENCRYPTION_KEY_MISSING = _add(
    "client.encryption_key_missing",
    "1156",
    "invalid_client",
    401,
    to_client=False,
    hint="The key set of this client holds no key with use enc that fits the registered algorithm",
    documentation=(
        "Registered is id_token_encrypted_response_alg or userinfo_encrypted_response_alg. Remedy: publish a "
        "key with use enc (P-256, P-384, P-521 or X25519 for ECDH-ES, RSA from 3072 bits for RSA-OAEP-256). "
        "The code is not spent by this error."
    ),
)
TOKEN_UNSIGNED = _add(
    "token.unsigned",
    "1117",
    "server_error",
    503,
    to_client=False,
    hint="The gateway cannot sign at the moment",
    documentation="The signing key is missing or its module does not answer. Check the key state.",
)

# --------------------------------------------------------------------------------------------- 11: UserInfo

ACCESS_TOKEN_MISSING = _add(
    "userinfo.token_missing",
    "1130",
    "invalid_token",
    401,
    to_client=False,
    hint="No access token; send it in the Authorization header",
    documentation="RFC 6750 section 2.1: Authorization: Bearer <token>; or access_token in a form body.",
)
ACCESS_TOKEN_INVALID = _add(
    "userinfo.token_invalid",
    "1131",
    "invalid_token",
    401,
    to_client=False,
    hint="The access token is unknown, expired or revoked",
    documentation="Access tokens live minutes and end when their code is used a second time.",
)
ACCESS_TOKEN_MISPLACED = _add(
    "userinfo.token_misplaced",
    "1132",
    "invalid_request",
    400,
    to_client=False,
    hint="Send exactly one access token, in the header or the form body, never in the query",
    documentation="A token in a URL ends up in logs (RFC 6750 section 5.3, FAPI 2.0 section 5.3.4).",
)

# ------------------------------------------------------------------------------- 11: proof of possession

DPOP_PROOF_INVALID = _add(
    "dpop.proof_invalid",
    "1140",
    "invalid_dpop_proof",
    400,
    to_client=False,
    hint="The DPoP proof is invalid: typ dpop+jwt, jwk, jti, htm, htu, iat, and ath at a resource",
    documentation=(
        "RFC 9449 section 4.3: one DPoP header, signed with the public jwk in its header (ES256, PS256, "
        "EdDSA), htm and htu those of this request, iat at most a minute old, and with an access token its "
        "hash as ath. Remedy: make a new proof for every request."
    ),
)
DPOP_PROOF_REPLAYED = _add(
    "dpop.proof_replayed",
    "1141",
    "invalid_dpop_proof",
    400,
    to_client=False,
    hint="This DPoP proof was used before; jti must be unique",
    documentation="RFC 9449 section 11.1. Remedy: make a new proof with a fresh jti for every request.",
)
PROOF_OF_POSSESSION_MISSING = _add(
    "token.possession_missing",
    "1142",
    "invalid_request",
    400,
    to_client=False,
    hint="This client must bind its access token: send a DPoP proof, or use its TLS certificate",
    documentation=(
        "Clients of class fapi2, and those registered with dpop_bound_access_tokens or "
        "tls_client_certificate_bound_access_tokens, get no bearer tokens (FAPI 2.0 SP section 5.3.2.1)."
    ),
)
PROOF_OF_POSSESSION_WRONG = _add(
    "token.possession_wrong",
    "1143",
    "invalid_grant",
    400,
    to_client=False,
    hint="The code is bound to another key than the one this request proves to hold",
    documentation="RFC 9449 section 10: the proof must be made with the key of dpop_jkt or of the pushed request.",
)
ACCESS_TOKEN_BOUND = _add(
    "userinfo.token_bound",
    "1144",
    "invalid_token",
    401,
    to_client=False,
    hint="The access token is bound to a key; send it with scheme DPoP and a proof by that key",
    documentation=(
        "RFC 9449 section 7: Authorization: DPoP <token>, and in the header DPoP a fresh proof with ath. A "
        "token bound to a TLS certificate is accepted over a connection with that certificate only."
    ),
)

# ---------------------------------------------------- 11: tokens for resource servers, introspection, revocation

TARGET_INVALID = _add(
    "token.target_invalid",
    "1150",
    "invalid_target",
    400,
    to_client=False,
    hint="resource must be exactly one resource server this client is registered for",
    documentation=(
        "RFC 8707 section 2.2: an access token is for one resource server, which must be among resources of "
        "the registration and, if the authorization request named some, among those."
    ),
)
EXCHANGE_UNSUPPORTED = _add(
    "token.exchange_unsupported",
    "1151",
    "invalid_request",
    400,
    to_client=False,
    hint="Only an own access token can be exchanged, for an access token, without actor_token",
    documentation=(
        "RFC 8693: subject_token is the access token from the login, subject_token_type is "
        "urn:ietf:params:oauth:token-type:access_token, and resource names the resource server."
    ),
)
SUBJECT_TOKEN_INVALID = _add(
    "token.subject_token_invalid",
    "1152",
    "invalid_grant",
    400,
    to_client=False,
    hint="subject_token is unknown, expired, revoked, another client's, or bound to another key",
    documentation="RFC 8693 section 2.2.2. Remedy: exchange within the life of the access token, with its key.",
)
INTROSPECTION_FORBIDDEN = _add(
    "introspection.forbidden",
    "1153",
    "unauthorized_client",
    403,
    to_client=False,
    hint="Only resource servers may introspect tokens",
    documentation=(
        "A client introspects as a resource server only if its registration says under which resource "
        "identifier it is one (FAPI 2.0 Message Signing section 6.2)."
    ),
)
TOKEN_PARAMETER_MISSING = _add(
    "introspection.token_missing",
    "1154",
    "invalid_request",
    400,
    to_client=False,
    hint="The parameter token is missing",
    documentation="RFC 7662 section 2.1, RFC 7009 section 2.1: the token is sent as form parameter token.",
)
TOKEN_TYPE_UNSUPPORTED = _add(
    "revocation.token_type_unsupported",
    "1155",
    "unsupported_token_type",
    400,
    to_client=False,
    hint="There are no refresh tokens here; only access tokens can be revoked",
    documentation="RFC 7009 section 2.2.1. Remedy: leave token_type_hint out or send access_token.",
)
