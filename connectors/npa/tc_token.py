"""The TC token: where the eID-Client goes and where it comes back to (TR-03124-1 §2.5, npa.md §3.2).

``TCTokenType`` stands in no namespace. With a pre-shared key the eID-Server is elsewhere and the
client opens TLS_RSA_PSK to it; without, the eID-Server is ours and is reached over the very TLS
session that fetched the token.
"""

from __future__ import annotations

import re

from lxml import etree

PAOS_BINDING = "urn:liberty:paos:2006-08"
PSK_PROTOCOL = "urn:ietf:rfc:4279"
"""The one name that AusweisApp takes, whichever suite it then negotiates."""

_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}", re.ASCII)


def token(
    *,
    server_address: str,
    session_identifier: str,
    refresh_address: str,
    communication_error_address: str,
    psk: str | None = None,
) -> bytes:
    """The TC token of one authentication; ``psk`` is hexadecimal, at least 16 octets.

    Raises ValueError for a key that no eID-Client can use.
    """
    if psk is not None and _HEXADECIMAL.fullmatch(psk) is None:
        raise ValueError("PSK is no hexBinary of at least 16 octets")
    root = etree.Element("TCTokenType")
    for name, value in {
        "ServerAddress": server_address,
        "SessionIdentifier": session_identifier,
        "RefreshAddress": refresh_address,
        "CommunicationErrorAddress": communication_error_address,
        "Binding": PAOS_BINDING,
    }.items():
        etree.SubElement(root, name).text = value
    if psk is not None:
        etree.SubElement(root, "PathSecurity-Protocol").text = PSK_PROTOCOL
        parameters = etree.SubElement(root, "PathSecurity-Parameters")
        etree.SubElement(parameters, "PSK").text = psk
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
