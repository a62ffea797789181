"""Names of the eIDAS SAML profiles (Message Format and Attribute Profile 1.4), written down here
a second time on purpose: the sandbox shares no constant with the product."""

from __future__ import annotations

from typing import Final

NATURAL: Final = "http://eidas.europa.eu/attributes/naturalperson"
LEGAL: Final = "http://eidas.europa.eu/attributes/legalperson"

PROTOCOL_VERSION: Final = "http://eidas.europa.eu/entity-attributes/protocol-version"
APPLICATION_IDENTIFIER: Final = "http://eidas.europa.eu/entity-attributes/application-identifier"
ASSURANCE_CERTIFICATION: Final = "urn:oasis:names:tc:SAML:attribute:assurance-certification"
ENTITY_CATEGORY: Final = "http://macedir.org/entity-category"
REQUESTER_ID_REQUIRED: Final = "http://eidas.europa.eu/entity-attributes/termsofaccess/requesterid"
HIDE_FROM_DISCOVERY: Final = "http://refeds.org/category/hide-from-discovery"

LOA_PREFIX: Final = "http://eidas.europa.eu/LoA/"
NOT_NOTIFIED_PREFIX: Final = "http://eidas.europa.eu/NotNotified/LoA/"
LEVELS: Final = ("low", "substantial", "high")


def level_uri(word: str, *, notified: bool = True) -> str:
    """The LoA URI for ``low``, ``substantial`` or ``high``."""
    return (LOA_PREFIX if notified else NOT_NOTIFIED_PREFIX) + word
