"""What an answer of an eID-Server must look like (TR-03130-1 §4.3, §5.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from connectors.errors import ConnectorError
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import NAME_ID_TRANSIENT
from connectors.saml.status import Status, default_failure
from connectors.saml.tr03130.partner import Partner
from connectors.saml.validation import Expectation
from trust.xml import Element

SMARTCARD_PKI = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
"""The one ``AuthnContextDeclRef``, whatever the level: that is stated elsewhere."""
NOT_ON_CHIP = "AttributeNotOnChip"
LIFETIME = timedelta(minutes=5)


def expectation(
    partner: Partner,
    keys: SAMLKeys,
    *,
    acs_url: str,
    audience: str,
    request_id: str,
    requested_at: datetime,
    now: datetime,
    failure: Callable[[Element, Status], ConnectorError] = default_failure,
) -> Expectation:
    """An encrypted, not separately signed assertion for one use within five minutes."""
    return Expectation(
        issuer=partner.issuer,
        keys=partner.signing,
        decrypters=keys.decrypters,
        acs_url=acs_url,
        audience=audience,
        request_id=request_id,
        requested_at=requested_at,
        now=now,
        skew=timedelta(seconds=partner.section.clock_skew_seconds),
        deviations=partner.deviations(now),
        failure=failure,
        declaration=SMARTCARD_PKI,
        most_valid=LIFETIME,
        most_confirmed=LIFETIME,
        one_time_use_required=True,
        confirmation_address_required=True,
        name_id_format=NAME_ID_TRANSIENT,
        on_attributes=frozenset({NOT_ON_CHIP}),
    )
