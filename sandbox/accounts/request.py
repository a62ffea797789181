"""An AuthnRequest as an account system takes it: decode, signature, header, extension, level."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from sandbox.accounts.accounts import Account
from sandbox.accounts.extension import Extension, Stopped, read_extension
from sandbox.accounts.names import LOA, STORK
from sandbox.accounts.requester import NotHandedIn, Provider, Providers
from sandbox.nodes import names as n
from sandbox.nodes.names import tag
from sandbox.nodes.request import Incoming, inflate, verify_query
from sandbox.nodes.signing import BadSignature, parse, verify

LIMIT = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that the account system accepts."""

    id: str
    provider: Provider
    consumer: str
    relay_state: str | None
    level: int | None
    """STORK level asked for as minimum; None when no known class is asked for."""
    asked_context: bool
    """Whether there was a RequestedAuthnContext at all."""
    extension: Extension | None


def take(account: Account, incoming: Incoming, providers: Providers) -> Request:
    """Decode, verify and judge; raises Stopped with the code for the error page."""
    redirect = incoming.query is not None
    if len(incoming.saml_request) > LIMIT:
        raise Stopped("sandbox-unreadable", "SAMLRequest is too long")
    try:
        octets = base64.b64decode(incoming.saml_request, validate=True)
        document = inflate(octets) if redirect else octets
        message = parse(document)
    except (binascii.Error, zlib.error, BadSignature) as error:
        raise Stopped("sandbox-unreadable", "SAMLRequest cannot be read") from error
    if message.tag != tag("saml2p:AuthnRequest"):
        raise Stopped("sandbox-unreadable", "not an AuthnRequest")
    if not _signed(message, incoming):
        raise Stopped("saml-request-not-signed", "the request carries no signature")
    message, provider = _verified(account, incoming, document, message, providers)
    consumer = _header(message, incoming, provider)
    extension = read_extension(message, account) if account.profile == "akdb" else None
    asked, level = _level(message, account)
    return Request(
        id=message.get("ID") or "",
        provider=provider,
        consumer=consumer,
        relay_state=incoming.relay_state,
        level=level,
        asked_context=asked,
        extension=extension,
    )


def _signed(message: etree._Element, incoming: Incoming) -> bool:
    if incoming.query is None:
        return message.find(tag("ds:Signature")) is not None
    return any(part.startswith(b"Signature=") for part in incoming.query.split(b"&"))


def _verified(
    account: Account, incoming: Incoming, document: bytes, message: etree._Element, providers: Providers
) -> tuple[etree._Element, Provider]:
    """The element that the signature covers, and whose signature it is.

    PKCS#1 v1.5 passes: the switch to RSASSA-PSS concerned the Responses only (FAQ 10.9.2).
    """
    issuer = (message.findtext(tag("saml2:Issuer")) or "").strip()
    reason = ""
    for fresh in (False, True):  # the second round with fresh metadata: the keys may be new
        try:
            provider = providers.of(account, fresh=fresh)
        except NotHandedIn as error:
            raise Stopped("sandbox-requester-unknown", str(error)) from error
        if issuer != provider.entity_id:
            reason = "Issuer is not the entityID that was handed in"
            continue
        try:
            if incoming.query is None:
                return verify(document, provider.signing, pkcs1=True), provider
            verify_query(incoming.query, provider.signing, pkcs1=True)
        except BadSignature as error:
            reason = f"signature: {error}"
            continue
        return message, provider
    code = "sandbox-bad-signature" if reason.startswith("signature") else "sandbox-requester-unknown"
    raise Stopped(code, reason)


def _header(message: etree._Element, incoming: Incoming, provider: Provider) -> str:
    """The rules every SAML IdP has; gives the address for the answer."""
    if not message.get("ID") or message.get("Version") != "2.0":
        raise Stopped("sandbox-request", "ID or Version missing")
    if message.get("Destination") != incoming.destination:
        raise Stopped("sandbox-request", "Destination is not the address it was sent to")
    try:
        issued = datetime.fromisoformat(message.get("IssueInstant") or "")
    except ValueError as error:
        raise Stopped("sandbox-request", "IssueInstant must be xs:dateTime") from error
    if issued.tzinfo is None or abs(datetime.now(UTC) - issued) > timedelta(minutes=5):
        raise Stopped("sandbox-request", "IssueInstant must be UTC and not older than five minutes")
    if message.get("ProtocolBinding") not in (None, n.BINDING_POST):
        raise Stopped("sandbox-request", "the answer goes by HTTP-POST only")
    consumer = message.get("AssertionConsumerServiceURL") or provider.consumers[0]
    if consumer not in provider.consumers:
        raise Stopped("sandbox-request", "AssertionConsumerServiceURL is not in the metadata handed in")
    return consumer


def _level(message: etree._Element, account: Account) -> tuple[bool, int | None]:
    """Whether a context was asked for, and its STORK level; raises Stopped for other comparisons."""
    context = message.find(tag("saml2p:RequestedAuthnContext"))
    if context is None:
        return False, None
    if account.profile != "muk" and context.get("Comparison") != "minimum":
        raise Stopped("sandbox-request", "minimum is the only supported Comparison (IF 5.1)")
    asked = [(c.text or "").strip() for c in context.findall(tag("saml2:AuthnContextClassRef"))]
    if len(asked) != 1:
        return True, None
    if account.profile == "akdb" and asked[0] in STORK:
        return True, STORK.index(asked[0]) + 1
    if account.profile == "dataport" and asked[0] in LOA:
        return True, LOA.index(asked[0]) + 2
    return True, None
