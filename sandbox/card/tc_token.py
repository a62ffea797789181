"""The TC token (TR-03124-1 §2.6; npa.md §3.2): read strictly, as AusweisApp does."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.card.paos import UnreadableMessage, parse

PAOS_BINDING = "urn:liberty:paos:2006-08"
PSK_PROTOCOL = "urn:ietf:rfc:4279"
_KNOWN = {
    "ServerAddress",
    "SessionIdentifier",
    "RefreshAddress",
    "CommunicationErrorAddress",
    "Binding",
    "PathSecurity-Protocol",
    "PathSecurity-Parameters",
}
_NEEDED = ("ServerAddress", "SessionIdentifier", "RefreshAddress", "Binding")


class NoToken(Exception):
    """What came instead of a token, or what is wrong with it.

    ``error_address``: where to go all the same, if the token said so.
    """

    def __init__(self, reason: str, error_address: str = "") -> None:
        super().__init__(reason)
        self.error_address = error_address


@dataclass(frozen=True, slots=True, kw_only=True)
class TCToken:
    server_address: str
    session_identifier: str
    refresh_address: str
    communication_error_address: str
    psk: bytes | None

    @property
    def attached(self) -> bool:
        """The eID-Server is where the token came from: no key, same TLS session."""
        return self.psk is None


def parse_token(body: bytes) -> TCToken:
    """Raises NoToken: no XML, unknown element, missing element, other binding, bad key."""
    try:
        root = parse(body)
    except UnreadableMessage as error:
        raise NoToken(str(error)) from error
    if root.tag != "TCTokenType":
        raise NoToken("no TCTokenType")
    values: dict[str, str] = {}
    for child in root:
        name = str(child.tag)
        if name not in _KNOWN or name in values:
            raise NoToken(f"element {name!r} unknown or twice")
        values[name] = "".join(str(text) for text in child.itertext()).strip()
    error_address = values.get("CommunicationErrorAddress", "")
    if not any(values.get(name) for name in _NEEDED):
        raise NoToken("the eService could not make a token", error_address)
    missing = [name for name in _NEEDED if not values.get(name)]
    if missing:
        raise NoToken(f"missing: {', '.join(missing)}", error_address)
    if values["Binding"] != PAOS_BINDING:
        raise NoToken("another binding than PAOS", error_address)
    return TCToken(
        server_address=values["ServerAddress"],
        session_identifier=values["SessionIdentifier"],
        refresh_address=values["RefreshAddress"],
        communication_error_address=error_address,
        psk=_psk(values, error_address),
    )


def _psk(values: dict[str, str], error_address: str) -> bytes | None:
    protocol, text = values.get("PathSecurity-Protocol"), values.get("PathSecurity-Parameters")
    if not protocol and not text:
        return None
    if protocol != PSK_PROTOCOL:
        raise NoToken("another path security than RFC 4279", error_address)
    try:
        key = bytes.fromhex(text or "")
    except ValueError:
        key = b""
    if not key:
        raise NoToken("the pre-shared key is no hexadecimal number", error_address)
    return key
