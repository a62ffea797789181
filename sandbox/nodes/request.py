"""An AuthnRequest as a node takes it: decode, verify, then every rule of eidas.md §2.

A request that breaks a rule ends in ``Refused`` with the rule in words and the number that the
reference node uses, so that a developer sees the reason at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from sandbox.nodes.attributes import AttributeName
from sandbox.nodes.requester import Requester, Requesters, UnknownRequester
from sandbox.saml.names import tag
from sandbox.saml.request import Incoming, Message, Unreadable, read_message
from sandbox.saml.signing import BadSignature

LIMIT = 131_072
"""NODE takes no longer SAMLRequest."""


class Refused(Exception):
    """The request breaks ``rule``; ``requester`` is None while nobody can be answered."""

    def __init__(
        self, number: str, rule: str, *, second: str | None = None, requester: Requester | None = None
    ) -> None:
        super().__init__(f"{number}: {rule}")
        self.number = number
        self.rule = rule
        self.second = second
        self.requester = requester
        self.in_response_to: str | None = None
        self.relay_state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that the node accepts."""

    id: str
    requester: Requester
    consumer: str
    relay_state: str | None
    comparison: str
    levels: tuple[str, ...]
    name_id_format: str | None
    attributes: tuple[AttributeName, ...]
    requester_id: str | None
    provider_name: str | None
    sp_type: str

    @property
    def persons(self) -> frozenset[str]:
        return frozenset(a.person for a in self.attributes)

    def satisfied_by(self, level: str) -> bool:
        """Whether an answer with this LoA URI meets RequestedAuthnContext (eidas.md §2.4)."""
        if self.comparison == "exact":
            return level in self.levels
        order = [f"http://eidas.europa.eu/LoA/{word}" for word in ("low", "substantial", "high")]
        return level in order and order.index(level) >= order.index(self.levels[0])


def take(incoming: Incoming, requesters: Requesters) -> tuple[etree._Element, Requester]:
    """Decode and verify; the element read is the one the signature covers. Raises Refused."""
    if len(incoming.saml_request) > LIMIT:
        raise Refused("202002", "SAMLRequest longer than 131072 characters")
    if incoming.relay_state is not None and len(incoming.relay_state) > 80:
        raise Refused("202002", "RelayState longer than 80 characters")
    try:
        message = read_message(incoming)
    except Unreadable as error:
        raise Refused("203007", str(error)) from error
    if incoming.query is not None and message.element.find(tag("ds:Signature")) is not None:
        raise Refused("203015", "a Redirect message carries no ds:Signature (Bindings 3.4.4.1)")
    return _verified(message, requesters)


def _verified(message: Message, requesters: Requesters) -> tuple[etree._Element, Requester]:
    reason = ""
    for fresh in (False, True):  # the second round with fresh metadata: the keys may be new
        try:
            requester = requesters.find(message.issuer, fresh=fresh)
        except UnknownRequester as error:
            raise Refused("003009", f"requester not known: {error}") from error
        try:
            return message.verified(requester.signing), requester
        except BadSignature as error:
            reason = str(error)
    raise Refused("203015", f"signature of the request: {reason}")
