"""A German eID-Server in memory that speaks SAML (TR-03130-1 §4, §5), and our two connectors in front of it.

It answers with ``tests.support.saml_peer.Reply``, so everything it writes can be made wrong on purpose.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from cryptography import x509
from lxml import etree

from connectors.contract import (
    Answer,
    ClientAddresses,
    PendingExchange,
    RedirectDispatch,
    TokenSource,
    Verified,
)
from connectors.eidas import ESAMLConnector, assemble
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.npa.assembly import assemble as assemble_npa
from connectors.npa.flow import NPAConnector
from connectors.npa.settings import NPASettings
from connectors.npa.way import ServiceKeys
from connectors.saml.keys import SAMLKeys
from sandbox.saml.decryption import decrypt
from tests.support import xml_signing
from tests.support.saml_peer import (
    ISSUER_URL,
    Node,
    Reply,
    Request,
    authentication_request,
    ec_pair,
    own_keys,
    read_request,
    rsa_pair,
    surroundings,
)
from tests.support.xml_signing import METHODS, NOW, SAML, Pair

EID = "http://bsi.bund.de/eID/"
ISSUER = "https://eid-server.example/saml/metadata"
ADDRESS = "https://eid-server.example/saml"
SMARTCARD_PKI = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"


@dataclass(frozen=True, kw_only=True)
class EIDServerPeer:
    """Its two key pairs: one signs, the other decrypts."""

    signer: Pair = field(default_factory=lambda: rsa_pair("eid server signing"))
    decrypter: Pair = field(default_factory=lambda: ec_pair("eid server encryption", "brainpoolP256r1"))

    def section(self, config_dir: Path, **changes: object) -> dict[str, object]:
        """Section ``[saml]`` or ``[esaml]``, its files beside it."""
        (config_dir / "signing.pem").write_bytes(self.signer.pem)
        (config_dir / "encryption.pem").write_bytes(self.decrypter.pem)
        return {
            "address": ADDRESS,
            "issuer": ISSUER,
            "signing_certificates": ["signing.pem"],
            "encryption_certificate": "encryption.pem",
            **changes,
        }

    def extension(self, request: Request) -> etree._Element:
        """``AuthnRequestExtension`` in the clear."""
        data = request.root.find(f".//{{{EID}}}EncryptedAuthnRequestExtension")[0]
        return etree.fromstring(decrypt(data, self.decrypter.key))

    def asked(self, request: Request) -> dict[str, bool]:
        """Attribute to whether it is required."""
        return {
            attribute.get("Name"): attribute.get(f"{{{EID}}}RequiredAttribute") == "true"
            for attribute in self.extension(request).iter(f"{{{SAML}}}Attribute")
        }

    def value(self, request: Request, name: str) -> etree._Element:
        """The value of a requested attribute."""
        return self.extension(request).find(f".//{{{SAML}}}Attribute[@Name='{name}']")[0]


def attribute(name: str, content: str = "", kind: str | None = "xs:string", marks: str = "") -> str:
    """One attribute; ``content`` is the XML inside its value. Kind None: no value at all."""
    value = ""
    if kind is not None:
        value = f'<saml2:AttributeValue xmlns:eid="{EID}" xsi:type="{kind}">{content}</saml2:AttributeValue>'
    return f'<saml2:Attribute Name="{name}"{marks}>{value}</saml2:Attribute>'


def text(name: str, content: str) -> str:
    return attribute(name, escape(content))


def not_on_chip(name: str) -> str:
    return attribute(name, kind=None, marks=' AttributeNotOnChip="true"')


def date_of_birth(digits: str, value: str | None = None) -> str:
    complete = "" if value is None else f"<eid:DateValue>{value}</eid:DateValue>"
    return attribute(
        "DateOfBirth", f"<eid:DateString>{digits}</eid:DateString>{complete}", "eid:GeneralDateType"
    )


def place(name: str, inner: str) -> str:
    return attribute(name, inner, "eid:GeneralPlaceType")


def restricted_id(octets: bytes, second: bytes | None = None) -> str:
    more = "" if second is None else f"<eid:ID2>{second.hex()}</eid:ID2>"
    return attribute("RestrictedID", f"<eid:ID>{octets.hex().upper()}</eid:ID>{more}", "eid:RestrictedIDType")


def validity(status: str = "VALID", day: str = "2026-11-23", version: str = "1") -> str:
    inner = f"<eid:ReferenceDate>{day}</eid:ReferenceDate><eid:Status>{status}</eid:Status>"
    return attribute("DocumentValidity", inner, "eid:DocumentValidityResultType").replace(
        "xsi:type=", f'Version="{version}" xsi:type='
    )


def eidas_extension(level: str | None = "http://eidas.europa.eu/LoA/high", state: str | None = "GR") -> str:
    inner = "" if level is None else f"<eid:LevelOfAssurance>{level}</eid:LevelOfAssurance>"
    inner += "" if state is None else f"<eid:SendingMemberState>{state}</eid:SendingMemberState>"
    return attribute("EidasExtension", inner, "eid:EidasExtensionType")


def verified_question(name: str, question: str, verdict: str) -> str:
    result = f"<eid:Result><eid:FulfilsRequest>{verdict}</eid:FulfilsRequest></eid:Result>"
    return attribute(name, f"<eid:Request>{question}</eid:Request>{result}", f"eid:{name}ResultType")


def statement(*attributes: str) -> str:
    return f"<saml2:AttributeStatement>{''.join(attributes)}</saml2:AttributeStatement>"


def tr_reply(
    peer: EIDServerPeer, request: Request, *, acs_url: str, audience: str, recipient: x509.Certificate
) -> Reply:
    """The genuine frame of an answer; the attributes are the caller's."""
    return Reply(
        node=Node(entity_id=ISSUER, signer=peer.signer),
        acs_url=acs_url,
        audience_entity=audience,
        request_id=request.id,
        recipient_key=recipient,
        issuer_attributes="",
        name_id=f'<saml2:NameID Format="{TRANSIENT}">once</saml2:NameID>',
        confirmation_address="192.0.2.7",
        more_conditions="<saml2:OneTimeUse/>",
        authn_statement=authn_statement(),
    )


def authn_statement(declaration: str = SMARTCARD_PKI, instant: str = "2026-11-23T12:00:00Z") -> str:
    return (
        f'<saml2:AuthnStatement AuthnInstant="{instant}"><saml2:AuthnContext><saml2:AuthnContextDeclRef>'
        f"{declaration}</saml2:AuthnContextDeclRef></saml2:AuthnContext></saml2:AuthnStatement>"
    )


def redirect_query(
    octets: bytes,
    signer: Pair | None,
    *,
    relay_state: str = "handle",
    method: str | None = None,
    more: str = "",
) -> bytes:
    """A response in a query string; no signer: neither SigAlg nor Signature."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    encoded = base64.b64encode(maker.compress(octets) + maker.flush()).decode()
    query = f"SAMLResponse={quote(encoded, safe='')}&RelayState={quote(relay_state, safe='')}"
    if signer is not None:
        method = method or xml_signing.default_method(signer.key)
        query += f"&SigAlg={quote(METHODS[method], safe='')}"
        value = base64.b64encode(xml_signing.raw_signature(signer.key, query.encode(), method)).decode()
        query += f"&Signature={quote(value, safe='')}"
    return (query + more).encode()


# ---------------------------------------------------------------------------------- role esaml

ESAML_IDENTIFIER = "EL/DE/9f2c-Ελένη=+/7"
ESAML_CITIZEN = (
    text("GivenNames", "Eleni Maria"),
    text("FamilyNames", "Papadopoulou"),
    date_of_birth("19850228", "1985-02-28"),
    restricted_id(ESAML_IDENTIFIER.encode()),
)
ESAML_COMPANY = (text("LegalName", "Olive Oil A.E."), text("LegalPersonIdentifier", "EL/DE/company-1"))


@dataclass(frozen=True, kw_only=True)
class ESAMLInstalled:
    connector: ESAMLConnector
    peer: EIDServerPeer
    keys: SAMLKeys


def install_esaml(
    config_dir: Path,
    *,
    peer: EIDServerPeer | None = None,
    keys: SAMLKeys | None = None,
    section: dict[str, object] | None = None,
    country: dict[str, object] | None = None,
    countries: Sequence[str] = ("GR", "SE"),
) -> ESAMLInstalled:
    """Our connector in role *esaml*."""
    peer, keys = peer or EIDServerPeer(), keys or own_keys()
    settings = {"kind": "eidas", "id": "esaml", "role": "esaml"}
    connector = assemble(
        EIDASSettings.model_validate({**settings, "esaml": peer.section(config_dir, **(section or {}))}),
        [
            CountrySettings.model_validate({"country": code, "connector": "esaml", **(country or {})})
            for code in countries
        ],
        {},
        keys,
        surroundings(config_dir),
        now=NOW,
    )
    assert isinstance(connector, ESAMLConnector)
    return ESAMLInstalled(connector=connector, peer=peer, keys=keys)


@dataclass(frozen=True, kw_only=True)
class ESAMLExchange:
    """A citizen's browser stands at the eID-Server."""

    installed: ESAMLInstalled
    request: Request
    pending: PendingExchange

    def reply(self, *attributes: str, **changes: object) -> Reply:
        """The genuine answer; without ``attributes``, that of the citizen."""
        own = self.installed.connector.own
        base = tr_reply(
            self.installed.peer,
            self.request,
            acs_url=own.acs_url,
            audience=own.entity_id,
            recipient=self.installed.keys.decrypters[0].certificate,
        )
        told = attributes or (*ESAML_CITIZEN, validity(), eidas_extension())
        return replace(base, attribute_statement=statement(*told), **changes)

    def finish(self, octets: bytes, *, now: datetime = NOW) -> Verified:
        fields = (("SAMLResponse", base64.b64encode(octets).decode()), ("RelayState", "handle"))
        answer = Answer(method="POST", fields=fields)
        return self.installed.connector.finish(self.pending, answer, now=now)

    def complete(self, *attributes: str, **changes: object) -> Verified:
        return self.finish(self.reply(*attributes, **changes).octets())


def begin_esaml(installed: ESAMLInstalled, **changes: object) -> ESAMLExchange:
    start = installed.connector.begin(
        authentication_request(**changes), relay_state="handle", now=NOW, random=bytes
    )
    return ESAMLExchange(installed=installed, request=read_request(start.dispatch), pending=start.pending)


# ---------------------------------------------------------------------------------- online ID card

CARD_RIGHTS = (
    "DocumentType", "IssuingState", "DateOfExpiry", "GivenNames", "FamilyNames", "ArtisticName",
    "AcademicTitle", "DateOfBirth", "PlaceOfBirth", "Nationality", "BirthName", "PlaceOfResidence",
    "CommunityID", "ResidencePermitI", "RestrictedID", "AgeVerification", "PlaceVerification",
)  # fmt: skip
PSEUDONYM = bytes(range(32))
CARD_HOLDER = (
    text("GivenNames", "ERIKA"),
    text("FamilyNames", "MUSTERMANN"),
    restricted_id(PSEUDONYM),
)
HOCH = text("LevelOfAssurance", "http://bsi.bund.de/eID/LoA/hoch").replace(
    "xs:string", "eid:LevelOfAssuranceType"
)
CHIP_CARD = attribute("EIDType", "<eid:CardCertified>USED</eid:CardCertified>", "eid:EIDTypeResponseType")
REFRESH = f"{ISSUER_URL}/connectors/card/acs?RelayState=handle"


@dataclass(frozen=True, kw_only=True)
class CardInstalled:
    connector: NPAConnector
    peer: EIDServerPeer
    keys: SAMLKeys


def install_card(
    config_dir: Path,
    *,
    peer: EIDServerPeer | None = None,
    keys: SAMLKeys | None = None,
    section: dict[str, object] | None = None,
    settings: dict[str, object] | None = None,
) -> CardInstalled:
    """Our Online-Ausweis connector by way of SAML."""
    peer, keys = peer or EIDServerPeer(), keys or own_keys()
    values = {
        "kind": "npa",
        "id": "card",
        "way": "saml",
        "rights": list(CARD_RIGHTS),
        "saml": peer.section(config_dir, **(section or {})),
        **(settings or {}),
    }
    connector = assemble_npa(
        NPASettings.model_validate(values),
        ServiceKeys(saml=keys),
        surroundings(config_dir),
        clock=lambda: NOW,
    )
    return CardInstalled(connector=connector, peer=peer, keys=keys)


@dataclass(frozen=True, kw_only=True)
class CardExchange:
    """The eID-Client has been sent to the SAML processor."""

    installed: CardInstalled
    redirect: RedirectDispatch
    request: Request
    pending: PendingExchange

    def reply(self, *attributes: str, **changes: object) -> Reply:
        """The genuine answer, to be signed in the query; without ``attributes``, that of the card holder."""
        base = tr_reply(
            self.installed.peer,
            self.request,
            acs_url=f"{ISSUER_URL}/connectors/card/acs",
            audience=f"{ISSUER_URL}/connectors/card/metadata",
            recipient=self.installed.keys.decrypters[0].certificate,
        )
        told = attributes or (*CARD_HOLDER, validity(), HOCH, CHIP_CARD)
        return replace(base, **{"sign_response": False, "attribute_statement": statement(*told), **changes})

    def query(self, octets: bytes, **how: object) -> bytes:
        return redirect_query(octets, self.installed.peer.signer, **how)

    def finish(self, query: bytes, *, now: datetime = NOW) -> Verified:
        answer = Answer(method="GET", query=query)
        return self.installed.connector.finish(self.pending, answer, now=now)

    def complete(self, *attributes: str, **changes: object) -> Verified:
        return self.finish(self.query(self.reply(*attributes, **changes).octets()))


def begin_card(installed: CardInstalled, *, random: TokenSource = bytes, **changes: object) -> CardExchange:
    wanted = {"country": None, "required": frozenset({"given_name", "family_name"}), **changes}
    start = installed.connector.begin(
        authentication_request(**wanted), relay_state="handle", now=NOW, random=random
    )
    opened = installed.connector.open_client(
        start.dispatch.ticket,
        relay_state="handle",
        addresses=ClientAddresses(refresh=REFRESH, paos=f"{ISSUER_URL}/connectors/card/paos"),
        now=NOW,
        random=random,
    )
    assert isinstance(opened.reply, RedirectDispatch)
    return CardExchange(
        installed=installed,
        redirect=opened.reply,
        request=read_request(opened.reply),
        pending=replace(start.pending, session=opened.session),
    )
