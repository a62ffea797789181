"""Send a citizen to a German account and take the answer.

One flow for all of them; ``profiles`` declares what tells them apart. ``begin`` refuses a request
that the account would answer with a page of its own: from such a page nobody ever comes back.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from connectors.accounts import akdb_answer, dataport, lint, muk, presentation, publication, status
from connectors.accounts import request as account_request
from connectors.accounts.asked import Asked, Reading
from connectors.accounts.profile import Dialect, Profile
from connectors.accounts.settings import AccountSettings
from connectors.assurance import Assurance
from connectors.contract import (
    Answer,
    AuthenticationRequest,
    FormDispatch,
    Option,
    PeerStatus,
    PendingExchange,
    PublishedDocument,
    Start,
    TokenSource,
    Verified,
)
from connectors.errors import InvalidAnswer, LevelTooLow, PeerUnavailable, RequestNotPossible
from connectors.identity import Identity, Source
from connectors.peer_facts import PeerFacts
from connectors.saml import bindings
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import HTTP_POST, send
from connectors.saml.response import VerifiedAssertion, receive
from connectors.saml.validation import Expectation
from trust.algorithms import Deviation, Deviations
from trust.errors import MetadataError
from trust.metadata import PeerMetadata
from trust.metadata_registry import MetadataRegistry
from trust.metadata_source import SourceStatus

_REASONS = {
    "account.level-not-offered": "level",
    "account.methods-empty": "level",
    "account.person-not-offered": "person",
    "account.person-undecided": "person",
    "account.attribute-not-offered": "attributes",
}
"""Why an account cannot serve a request, in the words of ``Option.reason``; else ``service``."""


@dataclass(frozen=True, slots=True)
class AccountConnector:
    """Implements ``connectors.contract.Connector`` and ``connectors.peer_facts.TellsPeers``."""

    settings: AccountSettings
    profile: Profile
    registry: MetadataRegistry
    keys: SAMLKeys
    issuer_url: str
    """Base of our own URLs, without trailing slash."""
    development: bool
    test_anchor: bool = False

    @property
    def id(self) -> str:
        return self.settings.id

    @property
    def entity_id(self) -> str:
        return self.settings.entity_id

    @property
    def acs_url(self) -> str:
        return f"{self.issuer_url}/connectors/{self.id}/acs"

    def with_keys(self, keys: SAMLKeys) -> Self:
        """The same after a roll-over, with all it knows of its peer."""
        return replace(self, keys=keys)

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        reason, since = self._why_not(request, now), None
        if reason == "down":
            since = next((row.since for row in self.registry.status(now)), None)
        return [
            Option(
                connector=self.id,
                country=None,
                available=reason is None,
                reason=reason,
                down_since=since,
                highest=max(self.profile.offered),
                scheme_names=self._methods(request),
                test=self.test_anchor,
            )
        ]

    def _why_not(self, request: AuthenticationRequest, now: datetime) -> str | None:
        try:
            self._peer(now)
        except PeerUnavailable:
            return "down"
        reasons = [self._why_not_person(replace(request, persons=frozenset({p}))) for p in request.persons]
        return None if None in reasons else next((r for r in reasons if r != "person"), "person")

    def _why_not_person(self, request: AuthenticationRequest) -> str | None:
        """Every rule that ``begin`` applies, without building and signing the message."""
        try:
            self._require_possible(request)
            account_request.one_person(request, self.profile)
            account_request.fields(request, self.profile)
        except RequestNotPossible as error:
            return _REASONS.get(error.reason, "service")
        return None

    def _methods(self, request: AuthenticationRequest) -> tuple[str, ...]:
        """Login methods that remain at this level, in the account's words; none if it is impossible."""
        try:
            shown = presentation.of(request.service, self.settings)
            return account_request.methods(request.minimum, shown, self.settings, self.profile)
        except RequestNotPossible:
            return ()

    def _require_possible(self, request: AuthenticationRequest) -> None:
        """What the message itself cannot show; raises RequestNotPossible."""
        if request.minimum > max(self.profile.offered):
            raise RequestNotPossible("account.level-not-offered")
        shown = presentation.of(request.service, self.settings)
        account_request.methods(request.minimum, shown, self.settings, self.profile)
        lint.require_clean(tuple(lint.certificate(request.minimum, shown, self.settings, self.profile)))
        if self.profile.extended and not shown.online_service_id:
            raise RequestNotPossible("account.request", "online-service-id-missing")

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        peer = self._peer(now)
        self._require_possible(request)
        prepared = account_request.build(
            request, self.settings, self.profile, acs_url=self.acs_url, now=now, random=random
        )
        location = peer.sso_location(HTTP_POST)
        if location is None:
            raise PeerUnavailable("account.metadata.endpoints")
        dispatch = send(
            prepared.message,
            self.keys.signer,
            relay_state,
            redirect=None,  # the extension makes long URLs (interface description 8.1)
            post=location,
            pkcs1=self.settings.request_signature == "pkcs1" and Deviation.RSA_PKCS1 in self._deviations(now),
        )
        if isinstance(dispatch, FormDispatch):
            lint.require_clean(lint.message(base64.b64decode(dispatch.fields[0][1]), self.settings))
        return Start(
            dispatch=dispatch,
            pending=PendingExchange(
                connector=self.id,
                peer=peer.entity_id,
                message_id=prepared.message.id,
                deadline=now + timedelta(seconds=self.settings.exchange_seconds),
                state=prepared.asked.state(),
            ),
        )

    def relay_state(self, answer: Answer) -> str:
        return bindings.read_relay_state(answer.fields)

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        if answer.method != "POST":
            raise InvalidAnswer("saml.binding.method")
        if pending.connector != self.id:
            raise InvalidAnswer("saml.connector")
        message = bindings.read_post(answer.fields)
        if now > pending.deadline:
            raise InvalidAnswer("saml.deadline")
        asked = Asked.of(pending)
        peer = self._peer(now)  # today's trust decides, not that of the request
        if peer.entity_id != pending.peer:
            raise InvalidAnswer("saml.issuer", "peer changed")
        assertion = receive(message.octets, self._expectation(asked, peer, now))
        return Verified(identity=self._identity(assertion, asked, peer), replay_keys=assertion.replay_keys)

    def _expectation(self, asked: Asked, peer: PeerMetadata, now: datetime) -> Expectation:
        return Expectation(
            issuer=peer.entity_id,
            keys=peer.signing_keys,
            decrypters=self.keys.decrypters,
            acs_url=self.acs_url,
            audience=self.entity_id,
            request_id=asked.request_id,
            requested_at=asked.requested_at,
            now=now,
            skew=timedelta(seconds=self.settings.clock_skew_seconds),
            response_signature_required=self.profile.response_signature_required,
            assertion_signature_required=self.profile.assertion_signature_required,
            encryption_required=self.profile.encryption_required,
            deviations=self._deviations(now),
            failure=status.failure,
        )

    def _identity(self, assertion: VerifiedAssertion, asked: Asked, peer: PeerMetadata) -> Identity:
        reading = self._read(assertion, asked)
        if reading.level < asked.minimum:
            raise LevelTooLow("account.level.too-low", achieved=reading.level, required=asked.minimum)
        return Identity(
            source=Source(
                connector=self.id,
                scheme=self.profile.name,
                issuer=peer.entity_id,
                country="DE",  # who says it; whose means was used is in the account's facts
                authenticated_at=assertion.authn_instant,
                statement_id=assertion.assertion_id,
            ),
            # a German account stands under German law; Article 9 concerns means of other states
            assurance=Assurance(level=reading.level),
            subject=reading.subject,
            account=reading.account,
        )

    def _read(self, assertion: VerifiedAssertion, asked: Asked) -> Reading:
        match self.profile.dialect:
            case Dialect.OID:
                return akdb_answer.read(
                    assertion, asked, self.profile, above_login=self.settings.trust_above_login
                )
            case Dialect.OSI:
                return dataport.read(assertion, asked, self.profile)
            case Dialect.EKONA:
                return muk.read(
                    assertion,
                    asked,
                    self.profile,
                    test_accounts=self.settings.test_accounts and self.development,
                    unstated_level=self.settings.unstated_level,
                )

    def _peer(self, now: datetime) -> PeerMetadata:
        try:
            return self.registry.peer(self.settings.peer, now, anchor=self.settings.anchor)
        except MetadataError as error:
            raise PeerUnavailable(error.reason) from error

    def _deviations(self, now: datetime) -> Deviations:
        return frozenset(e.kind for e in self.settings.exceptions if now.date() <= e.until)

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        return [publication.document(self.settings, self.profile, self.keys, acs_url=self.acs_url, now=now)]

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        self.registry.refresh(now)
        return self.peers(now=now)

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        return [publication.peer_status(self.settings, self.registry, now)]

    def sources(self, *, now: datetime) -> Sequence[SourceStatus]:
        return self.registry.status(now)

    def peer_facts(self) -> Sequence[PeerFacts]:
        return [PeerFacts.of_metadata(peer) for peer in self.registry.held()]
