"""Catalogue entries of family 12: dynamic client registration (RFC 7591 §3.2.2, RFC 7592)."""

from __future__ import annotations

from gateway.errors import CATALOGUE

_add = CATALOGUE.add

REGISTRATION_TOKEN_INVALID = _add(
    "registration.token_invalid",
    "1201",
    "invalid_token",
    401,
    to_client=False,
    hint="Send the initial access token, or the registration access token of this client, as bearer token",
    documentation=(
        "RFC 7591 section 3: the operator may demand an initial access token. RFC 7592 section 2: whoever reads, "
        "changes or removes a client sends the registration_access_token that came with its registration. "
        "A client that does not exist any more gets this answer, too."
    ),
)
REGISTRATION_UNREADABLE = _add(
    "registration.unreadable",
    "1202",
    "invalid_client_metadata",
    400,
    to_client=False,
    hint="The body must be one JSON object of at most 64 KiB, sent as application/json",
    documentation="RFC 7591 section 3.1. Members that appear twice and other ambiguous JSON are refused, too.",
)
REDIRECT_URI_INVALID = _add(
    "registration.redirect_uri_invalid",
    "1203",
    "invalid_redirect_uri",
    400,
    to_client=False,
    hint="A redirect URI is missing or not an exact https address",
    documentation=(
        "redirect_uris is a list of 1 to 32 absolute https addresses without fragment and wildcard, host in "
        "lower case; http only for loopback in development. error_description names the place."
    ),
)
CLIENT_METADATA_INVALID = _add(
    "registration.metadata_invalid",
    "1204",
    "invalid_client_metadata",
    400,
    to_client=False,
    hint="The client metadata are invalid",
    documentation=(
        "error_description names the member. Supported values are in the discovery document; members that the "
        "gateway does not know are ignored (RFC 7591 section 2)."
    ),
)
