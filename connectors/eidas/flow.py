"""The eIDAS connector: send a citizen to the node of a country and take the answer.

``begin`` and ``finish`` are the two halves of one exchange, each readable top to bottom. In role
*node* the peer is the country's Proxy-Service or Middleware, in role *national* it is one
national connector that is told the country (eidas.md §10.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self, cast

from connectors.assurance import LevelOfAssurance
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
from connectors.eidas import attributes, levels, publication
from connectors.eidas import request as eidas_request
from connectors.eidas.countries import Countries, deviations, exceptions
from connectors.eidas.settings import CountrySettings, EIDASSettings, PeerExceptionKind, Role
from connectors.errors import InvalidAnswer, PeerUnavailable, RequestNotPossible
from connectors.identity import Identity, PersonKind, Source
from connectors.peer_facts import PeerFacts
from connectors.saml import bindings
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import HTTP_POST, HTTP_REDIRECT, send
from connectors.saml.response import VerifiedAssertion, receive
from connectors.saml.validation import Expectation
from trust.metadata import PeerMetadata
from trust.metadata_source import SourceStatus


@dataclass(frozen=True, slots=True)
class EIDASConnector:
    """Implements ``connectors.contract.Connector`` and ``connectors.peer_facts.TellsPeers``."""

    settings: EIDASSettings
    countries: Countries
    keys: SAMLKeys
    issuer_url: str
    """Base of our own URLs, without trailing slash."""
    random: TokenSource
    """For the ID of the published document."""
    _published: publication.Cache = field(default_factory=publication.Cache)

    @property
    def id(self) -> str:
        return self.settings.id

    @property
    def entity_id(self) -> str:
        return self.settings.entity_id or f"{self.issuer_url}/connectors/{self.id}/metadata"

    @property
    def acs_url(self) -> str:
        return f"{self.issuer_url}/connectors/{self.id}/acs"

    def with_keys(self, keys: SAMLKeys) -> Self:
        """The same after a roll-over, with all it knows of its peers; what we publish is made anew."""
        return replace(self, keys=keys, _published=publication.Cache())

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        return self.countries.options(request, now)

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        country = self.countries.get(request.country)
        peer = self.countries.peer(country, now)
        person = _one_person(request)
        kinds = exceptions(country, now)
        # the natural person beside the legal one is whoever acts for it
        mixed = (
            PeerExceptionKind.MIXED_REQUEST in kinds
            and person is PersonKind.LEGAL
            and request.accept_representation
            and eidas_request.may_mix(peer)
        )
        asked = eidas_request.select(request, person, peer, mixed=mixed)
        message = eidas_request.build(
            request,
            peer,
            self.settings,
            entity_id=self.entity_id,
            attributes=asked,
            skip_scoping=PeerExceptionKind.SKIP_SCOPING in kinds,
            now=now,
            random=random,
        )
        redirect, post = self._locations(peer)
        dispatch = send(
            message,
            self.keys.signer,
            relay_state,
            redirect=redirect,
            post=post,
            pkcs1=PeerExceptionKind.SIGN_RSA_PKCS1 in kinds,
        )
        if self.settings.role is Role.NATIONAL and isinstance(dispatch, FormDispatch):
            # the national connector is told the country beside the message (eidas.md §10.1)
            fields = (*dispatch.fields, ("country", country.wire_code))
            dispatch = FormDispatch(action=dispatch.action, fields=fields)
        pending = PendingExchange(
            connector=self.id,
            peer=peer.entity_id,
            message_id=message.id,
            deadline=now + timedelta(seconds=self.settings.exchange_seconds),
            state={
                "request_id": message.id,
                "requested_at": now.isoformat(),
                "country": country.country,
                "person": person.value,
                "minimum": request.minimum.word,
                "accept_non_notified": request.accept_non_notified,
                "accept_representation": request.accept_representation,
                "requested": [definition.uri for definition in asked],
                "required": sorted(request.required),
                "mixed": mixed,
            },
        )
        return Start(dispatch=dispatch, pending=pending)

    def _locations(self, peer: PeerMetadata) -> tuple[str | None, str | None]:
        """SingleSignOnService locations for Redirect and POST that may be used."""
        redirect, post = peer.sso_location(HTTP_REDIRECT), peer.sso_location(HTTP_POST)
        if self.settings.role is Role.NATIONAL or (self.settings.request_binding == "post" and post):
            redirect = None
        if self.settings.request_binding == "redirect" and redirect:
            post = None
        if redirect is None and post is None:
            raise PeerUnavailable("eidas.metadata.endpoints")
        return redirect, post

    def relay_state(self, answer: Answer) -> str:
        _require_post(answer)
        return bindings.read_relay_state(answer.fields)

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        _require_post(answer)
        if pending.connector != self.id:
            raise InvalidAnswer("saml.connector")
        message = bindings.read_post(answer.fields)
        asked = _Asked.of(pending)
        if now > pending.deadline:
            raise InvalidAnswer("saml.deadline")
        country = self.countries.get(asked.country)
        peer = self.countries.peer(country, now)  # today's trust decides, not that of the request
        if peer.entity_id != pending.peer:
            raise InvalidAnswer("saml.issuer", "peer changed")
        expected = self._expectation(asked, country, peer, now)
        assertion = receive(message.octets, expected)
        return Verified(
            identity=self._identity(assertion, asked, country, peer),
            replay_keys=assertion.replay_keys,
        )

    def _expectation(
        self, asked: _Asked, country: CountrySettings, peer: PeerMetadata, now: datetime
    ) -> Expectation:
        kinds = exceptions(country, now)
        skew = country.clock_skew_seconds
        if skew is None:
            skew = self.settings.clock_skew_seconds
        return Expectation(
            issuer=peer.entity_id,
            keys=peer.signing_keys,
            decrypters=self.keys.decrypters,
            acs_url=self.acs_url,
            audience=self.entity_id,
            request_id=asked.request_id,
            requested_at=asked.requested_at,
            now=now,
            skew=timedelta(seconds=skew),
            assertion_signature_required=self.settings.role is Role.NATIONAL,
            subject_confirmation_required=PeerExceptionKind.MISSING_SUBJECT_CONFIRMATION not in kinds,
            deviations=deviations(kinds),
        )

    def _identity(
        self, assertion: VerifiedAssertion, asked: _Asked, country: CountrySettings, peer: PeerMetadata
    ) -> Identity:
        assurance = levels.achieved(
            assertion.authn_context,
            minimum=asked.minimum,
            accept_non_notified=asked.accept_non_notified,
            published=peer.levels,
        )
        persons = attributes.read(
            assertion.attributes,
            attributes.Expected(
                person=asked.person,
                country=country.wire_code,
                destination=self.settings.wire_code,
                assurance=assurance,
                requested=asked.requested,
                required=asked.required,
                accept_representation=asked.accept_representation,
                stability=country.identifier_stability,
                mixed=asked.mixed,
            ),
        )
        return Identity(
            source=Source(
                connector=self.id,
                scheme="eidas",
                issuer=peer.entity_id,
                country=country.country,
                authenticated_at=assertion.authn_instant,
                statement_id=assertion.assertion_id,
            ),
            assurance=assurance,
            subject=persons.subject,
            representative=persons.representative,
            sector_attributes=persons.sector,
        )

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        description = publication.describe(self.settings, entity_id=self.entity_id, acs_url=self.acs_url)
        return [self._published.document(description, self.keys, now=now, random=self.random)]

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        self.countries.registry.refresh(now)
        return self.peers(now=now)

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        return publication.peers(self.countries, now)

    def sources(self, *, now: datetime) -> Sequence[SourceStatus]:
        return self.countries.registry.status(now)

    def peer_facts(self) -> Sequence[PeerFacts]:
        return [PeerFacts.of_metadata(peer) for peer in self.countries.registry.held()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What ``begin`` remembered."""

    request_id: str
    requested_at: datetime
    country: str
    person: PersonKind
    minimum: LevelOfAssurance
    accept_non_notified: bool
    accept_representation: bool
    requested: frozenset[str]
    required: frozenset[str]
    mixed: bool

    @classmethod
    def of(cls, pending: PendingExchange) -> _Asked:
        state = cast("dict[str, Any]", pending.state)  # written by begin, sealed since
        return cls(
            request_id=state["request_id"],
            requested_at=datetime.fromisoformat(state["requested_at"]),
            country=state["country"],
            person=PersonKind(state["person"]),
            minimum=LevelOfAssurance.parse(state["minimum"]),
            accept_non_notified=state["accept_non_notified"],
            accept_representation=state["accept_representation"],
            requested=frozenset(state["requested"]),
            required=frozenset(state["required"]),
            mixed=state["mixed"],
        )


def _require_post(answer: Answer) -> None:
    """Answers come by HTTP-POST only (interoperability architecture 1.4 §3.2.2.1)."""
    if answer.method != "POST":
        raise InvalidAnswer("saml.binding.method")


def _one_person(request: AuthenticationRequest) -> PersonKind:
    """Format 1.4 allows one person type per request; the citizen has chosen before."""
    if len(request.persons) != 1:
        raise RequestNotPossible("eidas.person-undecided")
    return next(iter(request.persons))
