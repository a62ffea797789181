"""German accounts in memory, and our connector wired to one of them.

The account side of ``saml_peer``: its ``Reply`` writes the Response, with the attributes, levels and
signatures of BundID, another AKDB account, Dataport or Mein Unternehmenskonto::

    installed = install_account("bundid", tmp_path)
    verified = login(installed)
    login(installed, authn_context="STORK-QAA-Level-3")
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from connectors.accounts import AccountSettings, assemble
from connectors.accounts.imported import peer_document
from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest, Service, Verified
from connectors.identity import PersonKind
from connectors.saml.keys import SAMLKeys
from tests.support import saml_peer
from tests.support.saml_peer import ISSUER_URL, Attribute, Exchange, Installed, Reply, own_keys, rsa_pair
from tests.support.xml_signing import NOW, Pair, Recipe
from trust.anchors import AnchorKind, AnchorState, MetadataLocation, TrustAnchor

AKDB = "https://www.akdb.de/request/2018/09"
EKONA = "http://www.elster.de/schema/ekona/saml/extensions"
BASIC_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
EXTENSION = "1.3.6.1.4.1.25484.494450."
BPK2 = EXTENSION + "3"
LEVEL = "1.2.40.0.10.2.1.1.261.94"
PROVED_BY = EXTENSION + "2"
VERSION = EXTENSION + "1"
MFA = EXTENSION + "7"
ISSUING_COUNTRY = EXTENSION + "10.1"
MAILBOX = "2.5.4.18"
PSEUDONYM = "k2jBT0cykDVqiKWia1VMzqmntTu-EwGskIYlcCIGt_8"


@dataclass(frozen=True, kw_only=True)
class Levelled(Attribute):
    """An attribute with ``akdb:TrustLevel``; None leaves it out."""

    trust: str | None = None

    def xml(self) -> str:
        plain = super().xml()
        if self.trust is None:
            return plain
        level = f' xmlns:akdb="{AKDB}" akdb:TrustLevel={quoteattr(self.trust)}'
        return plain.replace("<saml2:Attribute", "<saml2:Attribute" + level, 1)


def oid(number: str, *values: str, trust: str | None = "HOCH", friendly: str | None = None) -> Levelled:
    """An attribute of an AKDB account."""
    return Levelled(name=f"urn:oid:{number}", values=values, friendly=friendly, trust=trust)


def basic(name: str, *values: str) -> Attribute:
    """An attribute with a plain name."""
    return Attribute(name=name, values=values, name_format=BASIC_FORMAT)


def structured(name: str, xsi_type: str = "", namespace: str = EKONA, /, **parts: str) -> Attribute:
    """An attribute with element content."""
    kind = f' xsi:type="e:{xsi_type}"' if xsi_type else ""
    inner = "".join(f"<e:{tag}>{escape(text)}</e:{tag}>" for tag, text in parts.items())
    return basic(name, f'<saml2:AttributeValue xmlns:e="{namespace}"{kind}>{inner}</saml2:AttributeValue>')


def technical(
    level: int = 4, method: str | None = "eID", *, pseudonym: str | None = PSEUDONYM
) -> tuple[Levelled, ...]:
    """What every answer of an AKDB account carries."""
    found = [
        oid(LEVEL, f"STORK-QAA-Level-{level}", trust="NORMAL"),
        oid(VERSION, "2020.2.1", trust=None),
        oid(MFA, "true", trust=None),
    ]
    if method is not None:
        found.append(oid(PROVED_BY, method, trust=None))
    if pseudonym is not None:
        found.append(oid(BPK2, pseudonym, trust="NORMAL"))
    return tuple(found)


CITIZEN = (
    oid("2.5.4.42", "ERIKA"),
    oid("2.5.4.4", "MUSTERMANN"),
    oid("1.2.40.0.10.2.1.1.55", "1964-08-12"),
)
PERSONAL = ("ERIKA", "MUSTERMANN", "1964", PSEUDONYM, "Bohrtechnik", "du-0a1b", "Petersen")
"""What must never be found in an exception."""

COMPANY = (
    basic("DatenuebermittlerPseudonymId", "du-" + "0a1b" * 10),
    basic("DatenkranzTyp", "StNr"),
    basic("PersTyp", "NNatPers"),
    basic("Firmenname", "Bohrtechnik Elbe 3000 AG"),
    basic("Rechtsform", "310"),
    basic("RechtsformText", "Aktiengesellschaft"),
    basic("Registerart", "HRB"),
    basic("Registergericht", "Dresden"),
    basic("Registernummer", "12345"),
    structured("Unternehmensanschrift", "AdresseType", Typ="Ausland", Strasse="Egtoftevej", Hausnummer="55",
               Ort="Vedbæk", Land="DK"),
    structured("HandelndePerson", "HandelndePersonType", AkademischerGrad="Dr.", Namensvorsatz="von",
               Vorname="Maren", Nachname="Petersen", Geburtsdatum="05.09.1970"),
    basic("ElsterVertrauensniveauIdentifizierung", "substanziell"),
    basic("ElsterVertrauensniveauAuthentifizierung", "substanziell"),
    basic("IstTestkonto", "false"),
)  # fmt: skip
DATAPORT_CITIZEN = (
    basic("PrincipalType", "1"),
    basic("GivenNames", "ERIKA"),
    basic("FamilyNames", "MUSTERMANN"),
    basic("DateOfBirth", "1964-08-12"),
    basic("EmailAddress", "erika@example.org"),
    structured("PlaceOfBirth", "", "urn:q1", Freetext="BERLIN"),
    structured("PlaceOfResidence", "", "urn:p3", StreetAddress="Heidestraße 17", ZipCode="24103", City="Kiel",
               Country="DE"),
    basic("InboxReference", "inbox-1"),
)  # fmt: skip

PERSISTENT = (
    '<saml2:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ek-77</saml2:NameID>'
)
TRANSIENT = '<saml2:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">_t</saml2:NameID>'


@dataclass(frozen=True, kw_only=True)
class Account:
    """The other side: who answers, and how genuine answers look."""

    entity_id: str
    location: str
    reply: dict[str, Any]
    settings: dict[str, Any]
    signer: Pair = field(default_factory=lambda: rsa_pair("node message"))
    published: tuple[Pair, ...] | None = None
    country: str = "DE"

    def metadata(self) -> bytes:
        return peer_document(self.entity_id, self.location, [self.signer.pem])


def _akdb(entity_id: str) -> Account:
    return Account(
        entity_id=entity_id,
        location=f"{entity_id}/profile/SAML2/POST/SSO",
        reply={
            "attributes": (*technical(), *CITIZEN),
            "authn_context": "STORK-QAA-Level-4",
            "name_id": TRANSIENT,
            "issuer_attributes": "",
        },
        settings={"entity_id": ISSUER_URL, "authorisation_certificate": "stored 2026-05-04"},
    )


def accounts() -> dict[str, Account]:
    """One of each profile."""
    return {
        "bundid": _akdb("https://int.id.bund.de/idp"),
        "akdb": _akdb("https://pre-id.bayernportal.de/idp"),
        "dataport": Account(
            entity_id="urn:dataport:osi:servicekonto:idp:rz2:stage:sh",
            location="https://idp.stage.example/webidp/SamlWebSso/AuthnRequestPostBinding",
            reply={
                "attributes": DATAPORT_CITIZEN,
                "authn_context": "http://eidas.europa.eu/LoA/high",
                "name_id": PERSISTENT,
                "issuer_attributes": "",
                "sign_response": False,
                "sign_assertion": True,
                "encrypted": False,
                "assertion_recipe": Recipe(method="pkcs1-256"),
            },
            settings={
                "entity_id": "urn:example:gateway",
                "exceptions": [{"kind": "rsa-pkcs1", "until": "2027-06-30", "reason": "as configured there"}],
            },
        ),
        "muk": Account(
            entity_id="https://e4k-portal.een.elster.de",
            location="https://e4k-portal.een.elster.de/ekona/sso",
            reply={
                "attributes": COMPANY,
                "authn_context": "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
                "name_id": PERSISTENT,
                "issuer_attributes": "",
            },
            settings={"entity_id": "https://gateway.example/muk"},
        ),
    }


def install_account(
    profile: str,
    config_dir: Path,
    *,
    account: Account | None = None,
    keys: SAMLKeys | None = None,
    development: bool = False,
    now: datetime = NOW,
    refresh: bool = True,
    **settings: object,
) -> Installed:
    """Our connector for one account, its metadata pinned from a file; ``settings`` override."""
    account = account or accounts()[profile]
    octets = account.metadata()
    (config_dir / f"{profile}.xml").write_bytes(octets)
    anchor = TrustAnchor(
        id=f"{profile}-2026",
        kind=AnchorKind.PINNED_METADATA,
        state=AnchorState.ACTIVE,
        countries=(),
        metadata_sha256=hashlib.sha256(octets).hexdigest(),
        metadata=MetadataLocation(file=f"{profile}.xml", entity_ids=(account.entity_id,)),
        valid_from=date(2026, 1, 1),
        valid_until=date(2028, 12, 31),
        source="made by a test",
        evidence="none",
    )
    keys = keys or own_keys()
    values = {
        "kind": "account", "id": profile, "profile": profile, "peer": account.entity_id, "anchor": anchor.id,
        "name": {"de": profile}, **account.settings, **settings,
    }  # fmt: skip
    connector = assemble(
        AccountSettings.model_validate(values),
        {anchor.id: anchor},
        keys,
        saml_peer.surroundings(config_dir, development=development),
        now=now,
    )
    if refresh:
        connector.refresh(now=now)
    return Installed(connector=connector, nodes={"DE": account}, keys=keys)  # type: ignore[arg-type]  # as far as an exchange looks


def service(client_id: str = "amt24", **presentation: str) -> Service:
    """A service registered at every account."""
    shown = {"online_service_id": "BMI-X0000", **presentation}
    akdb = {"online_service_id": "12345678901-DE", **presentation}
    return Service(
        client_id=client_id,
        names={"de": "Amt24: Bohranzeige", "en": "Amt24: drilling"},
        sector="public",
        requester_id=f"https://gateway.example/clients/{client_id}",
        presentation={"bundid": shown, "akdb": akdb, "dataport": {}, "muk": {}},
    )


def ask(profile: str = "bundid", **changes: object) -> AuthenticationRequest:
    """What a service asks for where nothing else is said."""
    legal = profile == "muk"
    base = AuthenticationRequest(
        service=service(),
        minimum=LevelOfAssurance.SUBSTANTIAL,
        persons=frozenset({PersonKind.LEGAL if legal else PersonKind.NATURAL}),
        required=frozenset({"legal_name"} if legal else {"family_name", "given_name"}),
        optional=frozenset() if legal else frozenset({"date_of_birth"}),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # free keywords of tests


class AccountExchange(Exchange):
    """A citizen at the account."""

    def reply(self, **changes: object) -> Reply:
        account: Any = self.node
        return super().reply(**{**account.reply, **changes})


def begin(
    installed: Installed, request: AuthenticationRequest | None = None, *, now: datetime = NOW
) -> AccountExchange:
    """Send the citizen away."""
    request = request or ask(installed.connector.settings.profile)  # type: ignore[arg-type,attr-defined]  # an AccountConnector
    start = installed.connector.begin(
        request, relay_state="JOURNEY.handle", now=now, random=secrets.token_bytes
    )
    return AccountExchange(
        installed=installed,
        node=installed.nodes["DE"],
        request=saml_peer.read_request(start.dispatch),
        pending=start.pending,
    )


def login(
    installed: Installed,
    *,
    request: AuthenticationRequest | None = None,
    mutate: Callable[[bytes], bytes] | None = None,
    now: datetime = NOW,
    **changes: object,
) -> Verified:
    """A whole login; ``changes`` are fields of ``Reply``."""
    return begin(installed, request, now=now).complete(mutate=mutate, now=now, **changes)


def without(attributes: tuple[Attribute, ...], *names: str) -> tuple[Attribute, ...]:
    """``attributes`` but those with these names (an OID may be written as a bare number)."""
    return tuple(a for a in attributes if a.name.removeprefix("urn:oid:") not in names)


def encode(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
