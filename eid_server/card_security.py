"""EF.CardAccess and EF.CardSecurity: which keys the chip really has (TR-03110-3 A.1.2, TR-03110-2 3.4).

EF.CardAccess is read before anything is authenticated and is only a proposal. EF.CardSecurity is
signed and holds all of EF.CardAccess again (TR-03110-3 A.1.2.2); what is missing in it was changed on
the way (TR-03130-4 C1_2_04).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import curves
from eid_server.errors import InvalidDocument, Malformed, ProtocolViolation
from eid_server.passive_authentication import ID_SECURITY_OBJECT, CardTrust, verify_signed
from eid_server.security_infos import (
    ChipAuthentication,
    EIDType,
    RestrictedIdentification,
    SecurityInfos,
)

CHIP_AUTHENTICATION_PROTOCOLS = (
    "0.4.0.127.0.7.2.2.3.2.4",
    "0.4.0.127.0.7.2.2.3.2.3",
    "0.4.0.127.0.7.2.2.3.2.2",
)
"""id-CA-ECDH-AES-CBC-CMAC-256, -192, -128, strongest first; 3DES is not accepted (TR-03110-3 A.4.1.3)."""
RESTRICTED_IDENTIFICATION_PROTOCOL = "0.4.0.127.0.7.2.2.5.2.3"
"""id-RI-ECDH-SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSecurity:
    """What the document signer says about the chip."""

    chip_authentication: ChipAuthentication
    """As chosen from EF.CardAccess, now confirmed."""
    chip_key: ec.EllipticCurvePublicKey
    restricted_identification: tuple[RestrictedIdentification, ...]
    eid_type: EIDType

    @property
    def revocation_key(self) -> RestrictedIdentification | None:
        """The key for the block list: usable by every authenticated terminal (TR-03110-2 3.6)."""
        return self._restricted_identification(authorized_only=False)

    @property
    def pseudonym_key(self) -> RestrictedIdentification | None:
        """The key for pseudonyms: needs the right to restricted identification."""
        return self._restricted_identification(authorized_only=True)

    def _restricted_identification(self, *, authorized_only: bool) -> RestrictedIdentification | None:
        keys = [
            key
            for key in self.restricted_identification
            if key.authorized_only is authorized_only and key.protocol == RESTRICTED_IDENTIFICATION_PROTOCOL
        ]
        return keys[0] if keys else None


def parse_card_access(octets: bytes) -> SecurityInfos:
    """Raises Malformed."""
    return SecurityInfos.parse(octets)


def choose_chip_authentication(card_access: SecurityInfos) -> ChipAuthentication:
    """Strongest protocol that both sides know: the ephemeral key is made on its domain.

    Raises ProtocolViolation when the chip offers none of ours.
    """
    for protocol in CHIP_AUTHENTICATION_PROTOCOLS:
        for offered in card_access.chip_authentication:
            if offered.protocol == protocol:
                return offered
    raise ProtocolViolation("the chip offers no chip authentication that is accepted")


def verify_card_security(
    octets: bytes, card_access: SecurityInfos, trust: CardTrust, now: datetime
) -> CardSecurity:
    """Passive authentication of EF.CardSecurity and its agreement with EF.CardAccess.

    Raises InvalidDocument for anything wrong with either, Misconfigured for our own lists.
    """
    content = verify_signed(octets, ID_SECURITY_OBJECT, trust, now)
    try:
        signed = SecurityInfos.parse(content)
        chosen = choose_chip_authentication(card_access)
        if not card_access.announced <= signed.announced:
            raise Malformed("EF.CardAccess holds what EF.CardSecurity does not confirm")
        if chosen.key_id not in signed.chip_keys:
            raise Malformed("EF.CardSecurity holds no key for the chip authentication chosen")
        if signed.chip_key_domains[chosen.key_id] != chosen.domain:
            raise Malformed("the chip's key lies on another curve than announced")
        chip_key = curves.public_key(chosen.domain, signed.chip_keys[chosen.key_id])
    except ProtocolViolation as reason:
        raise InvalidDocument(f"EF.CardSecurity: {reason}") from reason
    return CardSecurity(
        chip_authentication=chosen,
        chip_key=chip_key,
        restricted_identification=signed.restricted_identification,
        eid_type=signed.eid_type,
    )
