"""The SAML processor of an eID service (TR-03130-1 §4): HTTP-Redirect there and back.

The eID-Client asks for its TC token and is sent on to the processor with our request; after the card
it is led back to our ACS, and the browser brings the response from there. Nothing but that response
speaks: no session is asked for, no query parameter believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.contract import (
    Answer,
    ClientAddresses,
    ClientOpened,
    TokenSource,
)
from connectors.errors import ConnectorError, InvalidAnswer, RequestNotPossible
from connectors.npa import failures
from connectors.npa.eid_service import EIDRequest, EIDResult
from connectors.npa.saml import answer as saml_answer
from connectors.npa.saml import request as saml_request
from connectors.npa.saml import status
from connectors.npa.saml.settings import SAMLSection
from connectors.npa.way import ServiceKeys, Surroundings, Way
from connectors.saml import bindings
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import HTTP_REDIRECT, AuthnRequest, new_id
from connectors.saml.response import receive_redirect
from connectors.saml.tr03130 import extension
from connectors.saml.tr03130.partner import Partner, load
from connectors.saml.tr03130.profile import expectation
from connectors.saml.tr03130.publication import OwnDocument, facts
from connectors.saml.tr03130.publication import status as status_of
from trust.errors import KeyUnavailable, VerificationError


@dataclass(frozen=True, slots=True)
class SAMLService:
    """Implements ``connectors.npa.eid_service.EIDService``."""

    partner: Partner
    keys: SAMLKeys = field(repr=False)
    entity_id: str
    acs_url: str

    def open(
        self,
        request: EIDRequest,
        *,
        relay_state: str,
        addresses: ClientAddresses,
        now: datetime,
        random: TokenSource,
    ) -> ClientOpened:
        """The 303 to the SAML processor; no network I/O. Raises PeerUnavailable, RequestNotPossible."""
        del addresses  # ours alone: response and error come to the ACS
        recipient = self.partner.recipient(now)
        try:
            asked = extension.encrypted(
                saml_request.requested(request), recipient, random=random, named=False
            )
        except VerificationError as error:
            raise RequestNotPossible("npa.request", error.reason) from error
        message = AuthnRequest(
            id=new_id(random),
            issued_at=now,
            issuer=self.entity_id,
            issuer_format=None,
            name_id_format=None,
            extensions=[asked],
            acs_url=self.acs_url,
            response_binding=HTTP_REDIRECT,
            forced=False,
        )
        destination = self.partner.section.address
        reply = bindings.send_redirect(
            destination, message.octets(destination), relay_state, self.keys.signer
        )
        return ClientOpened(reply=reply, session={"request_id": message.id, "requested_at": now.isoformat()})

    def result(
        self, request: EIDRequest, session: Mapping[str, object], answer: Answer, *, now: datetime
    ) -> EIDResult:
        """Verify the response that came with the browser."""
        if b"SAMLResponse=" not in answer.query:
            raise _no_result()
        message = bindings.read_redirect(answer.query)
        try:
            expected = expectation(
                self.partner,
                self.keys,
                acs_url=self.acs_url,
                audience=self.entity_id,
                request_id=str(session["request_id"]),
                requested_at=datetime.fromisoformat(str(session["requested_at"])),
                now=now,
                failure=status.failure,
            )
        except (KeyError, ValueError) as error:
            raise InvalidAnswer("npa.state") from error
        return saml_answer.read(receive_redirect(message, expected), request, now=now)


def assemble(
    section: SAMLSection, connector: str, keys: ServiceKeys, surroundings: Surroundings, *, name: str = ""
) -> Way:
    """The way of the connector called ``connector``; ``name`` is how we call ourselves in the metadata.

    Raises KeyUnavailable without SAML keys, OSError and VerificationError for the partner's files.
    """
    if keys.saml is None:
        raise KeyUnavailable("key.missing", "SAML keys")
    base = f"{surroundings.issuer_url}/connectors/{connector}"
    service = SAMLService(
        partner=load(section, surroundings.config_dir),
        keys=keys.saml,
        entity_id=section.entity_id or f"{base}/metadata",
        acs_url=f"{base}/acs",
    )
    own = OwnDocument(
        keys=keys.saml,
        entity_id=service.entity_id,
        acs_url=service.acs_url,
        acs_binding=HTTP_REDIRECT,
        name=name or connector,
        url=surroundings.issuer_url,
    )
    return Way(
        service=service,
        peer=section.issuer,
        documents=own.documents,
        peers=lambda now: [status_of(service.partner, "DE", now)],
        facts=(facts(service.partner, "DE"),),
    )


def _no_result() -> ConnectorError:
    """The browser came without a response: whatever the client hints at is the connector's business."""
    return failures.of_minor(f"{failures.SERVER_MINOR}/getResult#noResultYet")
