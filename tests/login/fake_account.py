"""A user account for tests of the journey: BundID or a company account, answers are words, nothing is signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from connectors.accounts import AccountSettings
from connectors.assurance import Assurance, LevelOfAssurance
from connectors.contract import Answer, AuthenticationRequest, Option, PendingExchange, Verified
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelNotReached,
    LevelTooLow,
    PeerRefused,
    PeerUnavailable,
)
from connectors.identity import (
    AccountFacts,
    Attested,
    Identifier,
    Identity,
    LegalPerson,
    Name,
    NaturalPerson,
    PersonKind,
)
from tests.login.fake_source import FakeSource, identity

ACCOUNTS = {
    "bundid": AccountSettings(
        kind="account",
        id="bundid",
        profile="bundid",
        name={"de": "BundID", "en": "BundID"},
        entity_id="https://id.example",
        peer="https://account.example/idp",
        anchor="bundid",
    ),
    "muk": AccountSettings(
        kind="account",
        id="muk",
        profile="muk",
        name={"de": "Mein Unternehmenskonto"},
        entity_id="https://id.example",
        peer="https://elster.example",
        anchor="muk",
    ),
}
BPK2 = "MHNpSZ1p0e3jxbq8lXjVqYnrqSTcjPBkXHv6iTYwRrw"
MAILBOX = "2f1c4b1e-6c1f-4c7e-9e5d-0b6b1f6d2a11"
ACTING = "Kluge"
FAILURES: dict[str, ConnectorError] = {
    "cancelled": Cancelled("account.status.cancelled"),
    "failed": AuthenticationFailed("account.status.authentication-failed"),
    "level": LevelTooLow(
        "account.level.too-low", achieved=LevelOfAssurance.BASIC, required=LevelOfAssurance.HIGH
    ),
    "no-level": LevelNotReached("account.status.no-authn-context"),
    "required": AttributeMissing("account.required-attributes", "urn:oid:2.5.4.42"),
    "missing": AttributeMissing("account.attribute.missing", "family_name"),
    "trust-level": InvalidAnswer("account.trust-level"),
    "attribute-name": InvalidAnswer("account.attribute-name"),
    "attribute-twice": InvalidAnswer("account.attribute-twice"),
    "test-account": InvalidAnswer("account.test-account"),
    "guest": InvalidAnswer("account.guest"),
    "foreign": InvalidAnswer("saml.in-response-to"),
    "foreign-confirmation": InvalidAnswer("saml.subject-confirmation.in-response-to"),
    "forged": InvalidAnswer("signature.invalid"),
    "encryption": InvalidAnswer("encryption.missing"),
    "down": PeerUnavailable("metadata.expired"),
    "refused": PeerRefused("account.status.detail"),
}


class FakeAccount(FakeSource):
    """Implements ``connectors.contract.Connector`` for one kind of person."""

    def __init__(self, name: str, person: PersonKind = PersonKind.NATURAL) -> None:
        super().__init__()
        self.id = name
        self.person = person
        self.methods = ("eID", "Elster", "eIDAS", "Benutzername") if name == "bundid" else ()
        self.facts = AccountFacts(proved_by="eID", mailbox_handle=MAILBOX)
        self.level = LevelOfAssurance.HIGH

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        fits = self.person in request.persons
        return [
            Option(
                connector=self.id,
                country=None,
                available=fits,
                reason=None if fits else "person",
                highest=LevelOfAssurance.HIGH,
                scheme_names=self.methods,
            )
        ]

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        word = dict(answer.fields).get("answer", "")
        if word in FAILURES:
            self.finished += 1
            raise FAILURES[word]
        verified = super().finish(pending, answer, now=now)
        return replace(verified, identity=self._identity(now, verified.identity.source.statement_id))

    def _identity(self, now: datetime, assertion: str) -> Identity:
        made = identity(now, assertion, connector=self.id, level=self.level)
        facts = self.facts
        identifier = None if facts.guest else Identifier(value=BPK2)
        subject: NaturalPerson | LegalPerson = replace(made.subject, identifier=identifier)
        if self.person is PersonKind.LEGAL:
            name = Attested(value=Name(latin="Muster Bau AG"), level=self.level)
            subject = LegalPerson(identifier=identifier, legal_name=name)
        return replace(
            made,
            source=replace(made.source, scheme=self.id, country="DE"),
            assurance=Assurance(level=self.level),
            subject=subject,
            account=facts,
        )
