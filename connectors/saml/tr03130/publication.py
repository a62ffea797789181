"""What an eID-Server's operator registers of us, and how it stands with the eID-Server."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.contract import PeerStatus, PublishedDocument
from connectors.peer_facts import KeyUse, PeerFacts, PeerKey
from connectors.saml import metadata
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import NAME_ID_TRANSIENT
from connectors.saml.tr03130.partner import Partner

_VALID = timedelta(days=7)
_RENEW = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class OwnDocument:
    """SAML metadata of ours: TR-03130 asks for none, and nothing says addresses and keys better."""

    keys: SAMLKeys = field(repr=False)
    entity_id: str
    acs_url: str
    acs_binding: str
    name: str
    url: str
    contacts: Sequence[metadata.Contact] = ()
    _made: tuple[datetime, bytes] | None = None

    def documents(self, now: datetime) -> Sequence[PublishedDocument]:
        """The one document, signed anew every hour."""
        if self._made is None or now - self._made[0] > _RENEW:
            description = metadata.ServiceProvider(
                entity_id=self.entity_id,
                acs_url=self.acs_url,
                acs_binding=self.acs_binding,
                valid=_VALID,
                organization_name=self.name,
                organization_url=self.url,
                contacts=self.contacts,
                name_id_formats=(NAME_ID_TRANSIENT,),
            )
            octets = metadata.build(description, self.keys, now=now, random=secrets.token_bytes)
            self._made = (now, octets)
        return [
            PublishedDocument(
                name="metadata",
                content=self._made[1],
                content_type=metadata.CONTENT_TYPE,
                max_age=int(_RENEW.total_seconds()),
            )
        ]


def status(partner: Partner, country: str, now: datetime) -> PeerStatus:
    """One line for health, dashboard and country page; nothing is fetched, so only certificates end."""
    reason = partner.why_down(now)
    return PeerStatus(
        peer=partner.issuer,
        country=country,
        state="ok" if reason is None else "down",
        valid_until=partner.valid_until,
        reason=reason,
    )


def facts(partner: Partner, country: str | None) -> PeerFacts:
    """Its keys and address, as its operator told us."""
    return PeerFacts(
        peer=partner.issuer,
        country=country,
        anchor=None,
        valid_until=partner.valid_until,
        keys=(
            *(PeerKey(use=KeyUse.SIGNING, key=key) for key in partner.signing),
            PeerKey(use=KeyUse.ENCRYPTION, key=partner.encryption),
        ),
        addresses=(partner.section.address,),
    )
