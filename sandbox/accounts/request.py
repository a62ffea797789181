"""An AuthnRequest as an account system takes it: decode, signature, header, extension, level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from sandbox.accounts.accounts import Account
from sandbox.accounts.extension import Extension, Stopped, read_extension
from sandbox.accounts.names import LOA, STORK
from sandbox.accounts.requester import NotHandedIn, Provider, Providers
from sandbox.saml import names as n
from sandbox.saml.names import tag
from sandbox.saml.request import Incoming, Message, Unreadable, read_message
from sandbox.saml.signing import BadSignature

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
    if len(incoming.saml_request) > LIMIT:
        raise Stopped("sandbox-unreadable", "SAMLRequest is too long")
    try:
        message = read_message(incoming)
    except Unreadable as error:
        raise Stopped("sandbox-unreadable", str(error)) from error
    if not _signed(message.element, incoming):
        raise Stopped("saml-request-not-signed", "the request carries no signature")
    element, provider = _verified(account, message, providers)
    consumer = _header(element, incoming, provider)
    extension = read_extension(element, account) if account.profile == "akdb" else None
    asked, level = _level(element, account)
    return Request(
        id=element.get("ID") or "",
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


def _verified(account: Account, message: Message, providers: Providers) -> tuple[etree._Element, Provider]:
    """The element that the signature covers, and whose signature it is.

    PKCS#1 v1.5 passes: the switch to RSASSA-PSS concerned the Responses only (FAQ 10.9.2).
    """
    reason = ""
    for fresh in (False, True):  # the second round with fresh metadata: the keys may be new
        try:
            provider = providers.of(account, fresh=fresh)
        except NotHandedIn as error:
            raise Stopped("sandbox-requester-unknown", str(error)) from error
        if message.issuer != provider.entity_id:
            reason = "Issuer is not the entityID that was handed in"
            continue
        try:
            return message.verified(provider.signing, pkcs1=True), provider
        except BadSignature as error:
            reason = f"signature: {error}"
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
