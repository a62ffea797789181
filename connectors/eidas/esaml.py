"""Role *esaml*: foreign eIDs through a German eID-Server (TR-03130-1 §5; eidas.md §11.2).

The eID-Server is the receiving connector, we are its eService. HTTP-POST both ways, and the user agent
is the browser; the level and the sending state stand in ``EidasExtension``, not in the context.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.contract import (
    Answer,
    AuthenticationRequest,
    Option,
    PeerStatus,
    PendingExchange,
    PublishedDocument,
    Start,
    TokenSource,
    Verified,
)
from connectors.country_codes import ISO_OF_EU_CODE
from connectors.eidas import esaml_answer, esaml_attributes, levels
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.errors import AuthenticationFailed, InvalidAnswer, RequestNotPossible
from connectors.identity import Identity, PersonKind, Source
from connectors.peer_facts import PeerFacts
from connectors.saml import bindings
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import AuthnRequest, new_id, send
from connectors.saml.response import VerifiedAssertion, receive
from connectors.saml.tr03130 import extension
from connectors.saml.tr03130.partner import Partner
from connectors.saml.tr03130.profile import expectation
from connectors.saml.tr03130.publication import OwnDocument, facts, status
from connectors.saml.tr03130.values import Attributes
from trust.errors import VerificationError
from trust.metadata_source import SourceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ESAMLConnector:
    """Implements ``connectors.contract.Connector`` and ``connectors.peer_facts.TellsPeers``."""

    settings: EIDASSettings
    countries: Mapping[str, CountrySettings]
    """By ISO code."""
    partner: Partner
    keys: SAMLKeys = field(repr=False)
    own: OwnDocument
    test: bool = False
    """Development mode: the eID-Server is a test system."""

    @property
    def id(self) -> str:
        return self.settings.id

    @property
    def entity_id(self) -> str:
        return self.own.entity_id

    @property
    def acs_url(self) -> str:
        return self.own.acs_url

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        down = self.partner.why_down(now) is not None
        shown = [country for country in self.countries.values() if not country.hidden]
        return [self._option(request, country, down=down) for country in shown]

    def _option(self, request: AuthenticationRequest, country: CountrySettings, *, down: bool) -> Option:
        reason = "down" if down else self._why_not(request, country)
        return Option(
            connector=self.id,
            country=country.country,
            available=reason is None,
            reason=reason,
            highest=_highest(country),
            scheme_names=country.schemes,
            test=self.test,
        )

    def _why_not(self, request: AuthenticationRequest, country: CountrySettings) -> str | None:
        highest = _highest(country)
        if highest is None or request.minimum > highest:
            return "level"
        persons = [person for person in request.persons if person.value in country.persons]
        if not persons:
            return "person"
        for person in persons:
            try:
                esaml_attributes.select(request, person)
            except RequestNotPossible:
                continue
            return None
        return "attributes"

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        country = self._country(request.country)
        recipient = self.partner.recipient(now)
        if len(request.persons) != 1:
            raise RequestNotPossible("eidas.person-undecided")
        person = next(iter(request.persons))
        reason = self._why_not(request, country)
        if reason is not None:
            raise RequestNotPossible(_NOT_POSSIBLE[reason])
        asked = esaml_attributes.select(request, person)
        flavour = esaml_attributes.flavour(person, accept_representation=request.accept_representation)
        wanted = esaml_attributes.requested(
            asked, flavour, minimum=request.minimum, member_state=country.node_code or country.country
        )
        message = AuthnRequest(
            id=new_id(random),
            issued_at=now,
            issuer=self.entity_id,
            issuer_format=None,
            name_id_format=None,
            extensions=[extension.encrypted(wanted, recipient, random=random, named=True)],
            provider_name=request.service.names["de"],
            acs_url=self.acs_url,
            forced=False,
        )
        return Start(
            dispatch=send(
                message, self.keys.signer, relay_state, redirect=None, post=self.partner.section.address
            ),
            pending=PendingExchange(
                connector=self.id,
                peer=self.partner.issuer,
                message_id=message.id,
                deadline=now + timedelta(seconds=self.settings.exchange_seconds),
                state={
                    "request_id": message.id,
                    "requested_at": now.isoformat(),
                    "country": country.country,
                    "person": person.value,
                    "minimum": request.minimum.word,
                    "accept_representation": request.accept_representation,
                    "asked": asked,
                },
            ),
        )

    def _country(self, code: str | None) -> CountrySettings:
        found = self.countries.get(code or "")
        if found is None:
            raise RequestNotPossible("eidas.country-unknown")
        return found

    def relay_state(self, answer: Answer) -> str:
        _require_post(answer)
        return bindings.read_relay_state(answer.fields)

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        _require_post(answer)
        if pending.connector != self.id:
            raise InvalidAnswer("saml.connector")
        message = bindings.read_post(answer.fields)
        if now > pending.deadline:
            raise InvalidAnswer("saml.deadline")
        if pending.peer != self.partner.issuer:
            raise InvalidAnswer("saml.issuer", "peer changed")
        state = cast("dict[str, Any]", pending.state)  # written by begin, sealed since
        expected = expectation(
            self.partner,
            self.keys,
            acs_url=self.acs_url,
            audience=self.entity_id,
            request_id=state["request_id"],
            requested_at=datetime.fromisoformat(state["requested_at"]),
            now=now,
        )
        assertion = receive(message.octets, expected)
        try:
            identity = self._identity(assertion, state, now)
        except VerificationError as error:
            raise InvalidAnswer(error.reason, error.detail) from error
        return Verified(identity=identity, replay_keys=assertion.replay_keys)

    def _identity(self, assertion: VerifiedAssertion, state: dict[str, Any], now: datetime) -> Identity:
        country = self._country(state["country"])
        attributes = Attributes.of(assertion.attributes)
        attributes.require_valid_document(now, AuthenticationFailed("eidas.esaml.not-valid"))
        assurance = self._assurance(attributes, country, LevelOfAssurance.parse(state["minimum"]))
        subject, representative = esaml_answer.read(
            attributes,
            esaml_answer.Expected(
                person=PersonKind(state["person"]),
                asked=state["asked"],
                country=country.wire_code,
                destination=self.settings.wire_code,
                level=assurance.level,
                stability=country.identifier_stability,
                accept_representation=state["accept_representation"],
            ),
        )
        return Identity(
            source=Source(
                connector=self.id,
                scheme="eidas",
                issuer=assertion.issuer,
                country=country.country,
                authenticated_at=assertion.authn_instant,
                statement_id=assertion.assertion_id,
            ),
            assurance=assurance,
            subject=subject,
            representative=representative,
        )

    def _assurance(
        self, attributes: Attributes, country: CountrySettings, minimum: LevelOfAssurance
    ) -> Assurance:
        """Both members of ``EidasExtension`` are mandatory in an answer (TR-03130-1 §5.2).

        Raises InvalidAnswer ``eidas.esaml.*`` and ``eidas.level.*``, LevelTooLow.
        """
        if not attributes.delivered("EidasExtension"):
            raise InvalidAnswer("eidas.esaml.extension")
        members = attributes.members("EidasExtension")
        if not {"LevelOfAssurance", "SendingMemberState"} <= members.keys():
            raise InvalidAnswer("eidas.esaml.extension", "incomplete")
        stated = members["SendingMemberState"]
        if ISO_OF_EU_CODE.get(stated, stated) != country.country:
            raise InvalidAnswer("eidas.esaml.member-state")
        published = [levels.uri(Assurance(level=LevelOfAssurance.parse(word))) for word in country.levels]
        return levels.achieved(
            members["LevelOfAssurance"], minimum=minimum, accept_non_notified=False, published=published
        )

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        return self.own.documents(now)

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        return self.peers(now=now)

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        return [status(self.partner, code, now) for code in self.countries]

    def sources(self, *, now: datetime) -> Sequence[SourceStatus]:
        del now  # keys exchanged by hand: no metadata
        return ()

    def peer_facts(self) -> Sequence[PeerFacts]:
        return [facts(self.partner, None)]


_NOT_POSSIBLE = {
    "level": "eidas.level-not-offered",
    "person": "eidas.person-not-offered",
    "attributes": "eidas.attribute-not-offered",
}


def _highest(country: CountrySettings) -> LevelOfAssurance | None:
    return max(map(LevelOfAssurance.parse, country.levels), default=None)


def _require_post(answer: Answer) -> None:
    """Unlike the national profile, eSAML answers by HTTP-POST (TR-03130-1 §5.1)."""
    if answer.method != "POST":
        raise InvalidAnswer("saml.binding.method")
