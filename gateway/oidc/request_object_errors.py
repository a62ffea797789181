"""Catalogue entries of family 10 on requests by value (RFC 9101) and by reference (RFC 9126).

Hints are for integrators: what was wrong and which rule says so, never a value that was sent.
"""

from __future__ import annotations

from gateway.errors import CATALOGUE

_add = CATALOGUE.add

# ------------------------------------------------------- shown as a page

REQUEST_URI_INVALID = _add(
    "authorize.request_uri_invalid",
    "1004",
    "invalid_request_uri",
    400,
    to_client=False,
    hint="request_uri is unknown, expired, used, or was pushed by another client",
    documentation=(
        "A request_uri lives for the expires_in seconds of the push and ends when its code is issued (RFC "
        "9126 section 4). Remedy: push the request anew and send the browser at once."
    ),
)
REQUEST_URI_PUSHED = _add(
    "authorize.request_uri_pushed",
    "1036",
    "invalid_request",
    400,
    to_client=False,
    hint="A pushed request must not contain request_uri (RFC 9126 section 2.1)",
    documentation="Remedy: push the parameters themselves, or a request object as parameter request.",
)

# --------------------------------------------------- answered to the client

REQUEST_OBJECT_UNSIGNED = _add(
    "authorize.request_unsupported",
    "1015",
    "request_not_supported",
    400,
    hint="An unsigned request object (alg none) is not supported; sign it or send plain parameters",
    documentation=(
        "Request objects must be signed with the registered request_object_signing_alg (RFC 9101 section "
        "10.5). See request_object_signing_alg_values_supported in discovery."
    ),
)
REQUEST_URI_UNSUPPORTED = _add(
    "authorize.request_uri_unsupported",
    "1016",
    "request_uri_not_supported",
    400,
    hint="The request_uri parameter is not supported; send plain parameters",
    documentation="Requests by reference (Core section 6.2) are not offered and never fetched.",
)
PUSH_REQUIRED = _add(
    "authorize.push_required",
    "1029",
    "invalid_request",
    400,
    hint="This client must push its authorization request (RFC 9126)",
    documentation=(
        "Clients of class fapi2, and those with require_pushed_authorization_requests, send their "
        "parameters to pushed_authorization_request_endpoint first and come with client_id and request_uri."
    ),
)
REQUEST_OBJECT_REQUIRED = _add(
    "authorize.request_object_required",
    "1030",
    "invalid_request",
    400,
    hint="This client must send a signed request object (require_signed_request_object)",
    documentation=(
        "FAPI 2.0 Message Signing section 5.3.1: all parameters in one JWT, parameter request, signed with "
        "a key of the registered key set."
    ),
)
REQUEST_OBJECT_INVALID = _add(
    "authorize.request_object_invalid",
    "1031",
    "invalid_request_object",
    400,
    hint="The request object is invalid: iss = client_id, aud = issuer, nbf, exp, registered algorithm",
    documentation=(
        "Checked: the registered algorithm, a kid of the registered key set, iss = client_id inside, aud is "
        "or contains the issuer, typ oauth-authz-req+jwt or none, no sub equal to client_id, no request or "
        "request_uri inside; for signed-request clients nbf at most 60 minutes ago and exp at most 60 "
        "minutes after it (FAPI 2.0 Message Signing section 5.3.1)."
    ),
)
REQUEST_URI_SPENT = _add(
    "authorize.request_uri_spent",
    "1035",
    "invalid_request_uri",
    400,
    hint="A code was already issued for this request_uri",
    documentation=(
        "A pushed request gives one code (RFC 9126 section 4). Remedy: push the request anew for each login."
    ),
)
