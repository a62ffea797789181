"""Catalogue entries of family 10: the authorization request. Family 11 is ``token_errors``.

Those on requests by value and by reference are ``request_object_errors``.

Hints are for integrators: what was wrong and which rule says so, never a value that was sent.
"""

from __future__ import annotations

from gateway.errors import CATALOGUE

_add = CATALOGUE.add

# ------------------------------------------------------- 10: authorization request, shown as a page

REQUEST_UNREADABLE = _add(
    "authorize.unreadable",
    "1001",
    "invalid_request",
    400,
    to_client=False,
    hint="The authorization request is not a well-formed query or form, or it is too large",
    documentation=(
        "The query or body could not be read: not application/x-www-form-urlencoded, not UTF-8, more "
        "than 100 parameters, or above the size limit. Remedy: build the request with a URL library; "
        "shorten the claims parameter."
    ),
)
CLIENT_UNKNOWN = _add(
    "authorize.client_unknown",
    "1002",
    "unauthorized_client",
    400,
    to_client=False,
    hint="client_id is missing, repeated or not registered here",
    documentation=(
        "No client of this identifier is registered, so nobody can be answered (RFC 6749 section "
        "4.1.2.1). Remedy: compare client_id with the file name in registry/clients/."
    ),
)
REDIRECT_URI_MISMATCH = _add(
    "authorize.redirect_uri_mismatch",
    "1003",
    "invalid_request",
    400,
    to_client=False,
    hint="redirect_uri is missing, repeated or not exactly one of the registered URIs",
    documentation=(
        "redirect_uri is compared octet by octet with the registration (Core section 3.1.2.1): case, "
        "port, trailing slash and query count. Nothing is sent there. Remedy: register the URI as the "
        "service sends it."
    ),
)

# --------------------------------------------------- 10: authorization request, answered to the client

PARAMETER_REPEATED = _add(
    "authorize.parameter_repeated",
    "1010",
    "invalid_request",
    400,
    hint="A parameter appears more than once (RFC 6749 section 3.1)",
    documentation="Parameters must not be repeated. Remedy: send each parameter once.",
)
PARAMETER_TOO_LONG = _add(
    "authorize.parameter_too_long",
    "1011",
    "invalid_request",
    400,
    hint="state, nonce or another parameter exceeds its length limit",
    documentation="Limits: state 4096, nonce 512, claims 16384, any other 2048 characters.",
)
RESPONSE_TYPE_MISSING = _add(
    "authorize.response_type_missing",
    "1012",
    "invalid_request",
    400,
    hint="response_type is missing; use response_type=code",
    documentation="response_type is required (Core section 3.1.2.1). Remedy: response_type=code.",
)
RESPONSE_TYPE_UNSUPPORTED = _add(
    "authorize.response_type_unsupported",
    "1013",
    "unsupported_response_type",
    400,
    hint="Only response_type=code is supported",
    documentation=(
        "Implicit and hybrid flows are not offered (RFC 9700 section 2.1.2). Remedy: use the "
        "authorization code flow with PKCE."
    ),
)
RESPONSE_MODE_UNSUPPORTED = _add(
    "authorize.response_mode_unsupported",
    "1014",
    "invalid_request",
    400,
    hint="response_mode must be query, form_post, jwt, query.jwt or form_post.jwt",
    documentation="Other response modes are not offered; see response_modes_supported in discovery.",
)
REGISTRATION_UNSUPPORTED = _add(
    "authorize.registration_unsupported",
    "1017",
    "registration_not_supported",
    400,
    hint="The registration parameter is not supported",
    documentation="Clients are registered by the operator, not within a request (Core section 7.2.1).",
)
SCOPE_WITHOUT_OPENID = _add(
    "authorize.scope_without_openid",
    "1018",
    "invalid_scope",
    400,
    hint="scope must contain openid",
    documentation="Only OpenID Connect is served (Core section 3.1.2.1). Remedy: scope=openid ...",
)
PKCE_MISSING = _add(
    "authorize.pkce_missing",
    "1019",
    "invalid_request",
    400,
    hint="code_challenge is missing; PKCE is required",
    documentation=(
        "PKCE is required of this client (RFC 9700 section 2.1.1). Remedy: code_challenge = "
        "BASE64URL(SHA256(code_verifier)), code_challenge_method=S256."
    ),
)
PKCE_METHOD_UNSUPPORTED = _add(
    "authorize.pkce_method_unsupported",
    "1020",
    "invalid_request",
    400,
    hint="code_challenge_method must be S256",
    documentation=(
        "The method plain protects nothing and is refused; a missing method means plain (RFC 7636 "
        "section 4.3). Remedy: code_challenge_method=S256."
    ),
)
PKCE_CHALLENGE_MALFORMED = _add(
    "authorize.pkce_challenge_malformed",
    "1021",
    "invalid_request",
    400,
    hint="code_challenge must be 43 base64url characters without padding",
    documentation="An S256 challenge is the base64url form of 32 octets (RFC 7636 section 4.2).",
)
PROMPT_INVALID = _add(
    "authorize.prompt_invalid",
    "1022",
    "invalid_request",
    400,
    hint="prompt has an unsupported value, or none together with others",
    documentation=(
        "Supported: none (alone), login, consent, select_account; see prompt_values_supported. There "
        "are no accounts here, so create is refused."
    ),
)
LOGIN_REQUIRED = _add(
    "authorize.login_required",
    "1023",
    "login_required",
    400,
    hint="prompt=none cannot succeed: there is no session of this client that answers the request",
    documentation=(
        "Sessions exist only for clients with session_seconds, below level high, not for user accounts, and "
        "only in the browser of the login. Remedy: send the request without prompt=none."
    ),
)
CONSENT_REQUIRED = _add(
    "authorize.consent_required",
    "1037",
    "consent_required",
    400,
    hint="prompt=none cannot succeed: the request asks for data the citizen has not released yet",
    documentation="Remedy: send the request without prompt=none, so that the citizen sees the release page.",
)
MAX_AGE_INVALID = _add(
    "authorize.max_age_invalid",
    "1024",
    "invalid_request",
    400,
    hint="max_age must be a number of seconds",
    documentation="max_age is a non-negative decimal integer (Core section 3.1.2.1).",
)
CLAIMS_MALFORMED = _add(
    "authorize.claims_malformed",
    "1025",
    "invalid_request",
    400,
    hint="The claims parameter is not a JSON object as Core section 5.5 defines it",
    documentation=(
        "claims holds the members userinfo and id_token, each an object of claim names with null or an "
        "object with essential, value, values. Repeated members are refused."
    ),
)
VERIFIED_CLAIMS_MALFORMED = _add(
    "authorize.verified_claims_malformed",
    "1026",
    "invalid_request",
    400,
    hint="verified_claims in the claims parameter needs verification.trust_framework and claims",
    documentation=(
        "OpenID Connect for Identity Assurance section 6: each element has verification with "
        "trust_framework, null or constrained, and claims with at least one member."
    ),
)
ACR_UNREACHABLE = _add(
    "authorize.acr_unreachable",
    "1027",
    "unmet_authentication_requirements",
    400,
    hint="The essential acr cannot be reached with the means registered for this client",
    documentation=(
        "No level named by the essential acr claim exists here or can be reached by a means this "
        "client offers. Remedy: request a value of acr_values_supported, or have means added."
    ),
)
ID_TOKEN_HINT_INVALID = _add(
    "authorize.id_token_hint_invalid",
    "1028",
    "invalid_request",
    400,
    hint="id_token_hint is not an ID token that was issued here for this client",
    documentation=(
        "The hint must carry a signature of a published key, this issuer, and this client as audience; "
        "it may have expired."
    ),
)
RESPONSE_MODE_UNSIGNED = _add(
    "authorize.response_mode_unsigned",
    "1032",
    "invalid_request",
    400,
    hint="This client must ask for a signed response: response_mode=jwt",
    documentation=(
        "The client is registered with authorization_signed_response_alg, so its answers are signed (JARM, "
        "FAPI 2.0 Message Signing section 5.4.1). Remedy: response_mode jwt, query.jwt or form_post.jwt."
    ),
)
DPOP_KEY_MISMATCH = _add(
    "authorize.dpop_jkt_mismatch",
    "1033",
    "invalid_request",
    400,
    hint="dpop_jkt is no SHA-256 JWK thumbprint, or not that of the DPoP proof sent along",
    documentation="RFC 9449 section 10: dpop_jkt and the DPoP header of the pushed request name one key.",
)
RESOURCE_UNKNOWN = _add(
    "authorize.resource_unknown",
    "1034",
    "invalid_target",
    400,
    hint="resource is not a resource server this client is registered for (RFC 8707)",
    documentation="Remedy: compare with resources in the client's registration; the value must be equal.",
)

# --------------------------------------------- 10: found after identification, answered to the client

ACR_UNMET = _add(
    "authorize.acr_unmet",
    "1040",
    "unmet_authentication_requirements",
    400,
    hint="The level of assurance that was reached is not among the essential acr values",
    documentation=(
        "Core section 5.5.1.1: an essential acr that is not met is a failed authentication. Levels of "
        "schemes that are not notified never stand for notified ones."
    ),
)
SUBJECT_MISMATCH = _add(
    "authorize.subject_mismatch",
    "1041",
    "login_required",
    400,
    hint="Somebody else identified than the sub or id_token_hint of the request names",
    documentation=(
        "The request asked for one particular person (Core sections 3.1.2.2 and 5.5.1). Remedy: let "
        "that person log in, or omit the hint. A user account that was deleted and made anew is somebody else."
    ),
)
AUTHENTICATION_TOO_OLD = _add(
    "authorize.authentication_too_old",
    "1042",
    "login_required",
    400,
    hint="The source used an authentication older than max_age allows",
    documentation=(
        "A fresh authentication was demanded of the source, but the instant it states is older than "
        "max_age. Remedy: ask the source's operator why it ignores ForceAuthn."
    ),
)
