"""Catalogue entries of HTTP itself (50)."""

from __future__ import annotations

from gateway.errors import CATALOGUE

HTTP_NOT_FOUND = CATALOGUE.add(
    "http.not_found",
    "5001",
    "invalid_request",
    404,
    to_client=False,
    hint="There is nothing at this address",
    documentation="Unknown path.",
)
HTTP_METHOD = CATALOGUE.add(
    "http.method",
    "5002",
    "invalid_request",
    405,
    to_client=False,
    hint="This address does not accept the method",
    documentation="For instance a GET where only POST is answered.",
)
HTTP_TOO_LARGE = CATALOGUE.add(
    "http.too_large",
    "5003",
    "invalid_request",
    413,
    to_client=False,
    hint="The body is larger than the gateway reads",
    documentation="Limit: [limits] body_bytes, less for most routes. The rest of the body was not read.",
)
HTTP_HOST = CATALOGUE.add(
    "http.host",
    "5004",
    "invalid_request",
    400,
    to_client=False,
    hint="The host name is not that of the issuer",
    documentation="The Host header must be that of [gateway] issuer; check the proxy.",
)
HTTP_RATE = CATALOGUE.add(
    "http.rate",
    "5005",
    "temporarily_unavailable",
    429,
    to_client=False,
    hint="Too many requests from this address; see Retry-After",
    documentation="Limits per minute and address: section [rate].",
)
HTTP_BAD_REQUEST = CATALOGUE.add(
    "http.bad_request",
    "5006",
    "invalid_request",
    400,
    to_client=False,
    hint="The request did not arrive as a whole",
    documentation="The body took longer than 30 seconds to arrive; the gateway waits no longer.",
)
HTTP_MEDIA_TYPE = CATALOGUE.add(
    "http.media_type",
    "5007",
    "invalid_request",
    415,
    to_client=False,
    hint="This address does not accept the content type",
    documentation="For instance a PAOS message that does not call itself application/vnd.paos+xml.",
)
