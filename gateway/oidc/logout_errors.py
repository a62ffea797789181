"""Catalogue entries of family 13: logout. All are shown as a page: nothing leaves for an unproven URI."""

from __future__ import annotations

from gateway.errors import CATALOGUE

_add = CATALOGUE.add

LOGOUT_UNREADABLE = _add(
    "logout.unreadable",
    "1301",
    "invalid_request",
    400,
    to_client=False,
    hint="The logout request is not a well-formed query or form, or repeats a parameter",
    documentation="RP-Initiated Logout section 2: parameters in the query or a form, each once.",
)
LOGOUT_HINT_INVALID = _add(
    "logout.hint_invalid",
    "1302",
    "invalid_request",
    400,
    to_client=False,
    hint="id_token_hint is not an ID token that was issued here, or not for client_id",
    documentation=(
        "The hint must carry a signature of a published key and this issuer; it may have expired. With "
        "client_id, both must name one client."
    ),
)
LOGOUT_CLIENT_UNKNOWN = _add(
    "logout.client_unknown",
    "1303",
    "invalid_request",
    400,
    to_client=False,
    hint="client_id of the logout request is not registered here",
    documentation="Remedy: compare client_id with the file name in registry/clients/.",
)
LOGOUT_REDIRECT_URI_MISMATCH = _add(
    "logout.redirect_uri_mismatch",
    "1304",
    "invalid_request",
    400,
    to_client=False,
    hint="post_logout_redirect_uri is not exactly a registered one of the client named by hint or client_id",
    documentation=(
        "Compared octet by octet with post_logout_redirect_uris of the registration; without id_token_hint "
        "or client_id nobody knows whose it is. Remedy: register the URI as the service sends it."
    ),
)
