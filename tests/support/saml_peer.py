"""A foreign eIDAS Proxy-Service in memory, and our connector wired to it.

The node publishes signed metadata, reads our AuthnRequest and answers with a signed Response that
holds one encrypted Assertion, as the Message Format 1.4 wants. Everything it writes can be
replaced: values by the fields of ``Reply``, markup by its ``edit_*`` hooks, which run before the
next layer is put around (so a test can be wrong inside and genuinely signed outside).

    installed = install(Node(), config_dir=tmp_path)
    verified = login(installed)
    login(installed, audience="https://other.example")      # genuinely signed, wrong audience
"""

from __future__ import annotations

import base64
import secrets
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from lxml import etree

from connectors.assurance import LevelOfAssurance
from connectors.contract import (
    Answer,
    AuthenticationRequest,
    FormDispatch,
    PendingExchange,
    RedirectDispatch,
    Service,
    Verified,
)
from connectors.eidas.assembly import Surroundings, assemble
from connectors.eidas.flow import EIDASConnector
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.identity import PersonKind
from connectors.saml.keys import OwnKey, SAMLKeys
from tests.support import xml_encryption, xml_signing
from tests.support.xml_encryption import Envelope
from tests.support.xml_signing import DS, NOW, SAML, Key, Pair, Recipe, ec_key, pair, rsa_key
from trust.anchors import AnchorKind, AnchorState, MetadataLocation, TrustAnchor
from trust.fetch import FetchPolicy
from trust.keys import InMemoryKey

SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
EIDAS = "http://eidas.europa.eu/saml-extensions"
NATURAL = "http://eidas.europa.eu/attributes/naturalperson/"
LEGAL = "http://eidas.europa.eu/attributes/legalperson/"
LOA = "http://eidas.europa.eu/LoA/"
URI_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
_XS = "http://www.w3.org/2001/XMLSchema"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"

ISSUER_URL = "https://gateway.example"

Edit = Callable[[etree._Element], None]
Octets = Callable[[bytes], bytes]

NATURAL_NAMES = (
    "PersonIdentifier", "CurrentFamilyName", "CurrentGivenName", "DateOfBirth", "BirthName", "PlaceOfBirth",
    "CurrentAddress", "Gender", "Nationality", "CountryOfBirth", "TownOfBirth", "CountryOfResidence",
    "PhoneNumber", "EmailAddress",
)  # fmt: skip
LEGAL_NAMES = (
    "LegalPersonIdentifier", "LegalName", "LegalPersonAddress", "VATRegistrationNumber", "TaxReference",
    "D-2012-17-EUIdentifier", "LEI", "EORI", "SEED", "SIC", "LegalPhoneNumber", "LegalEmailAddress",
)  # fmt: skip
FRIENDLY = {
    "CurrentFamilyName": "FamilyName",
    "CurrentGivenName": "FirstName",
    "LegalPersonAddress": "LegalAddress",
    "VATRegistrationNumber": "VATRegistration",
}
"""Where the friendly name is not the last part of the URI (eidas.md §5)."""


def rsa_pair(name: str, bits: int = 3072) -> Pair:
    """A certificate on an RSA key, one per name and test run."""
    return pair(f"{name} {bits}", rsa_key(name, bits))


def ec_pair(name: str, curve: str = "secp256r1") -> Pair:
    """A certificate on an EC key, one per name and test run."""
    return pair(f"{name} {curve}", ec_key(name, curve))


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One attribute of an assertion."""

    name: str
    """URI."""
    values: tuple[str, ...]
    """XML of each ``saml2:AttributeValue``, or plain text."""
    friendly: str | None = None
    name_format: str | None = URI_FORMAT

    def xml(self) -> str:
        friendly = "" if self.friendly is None else f" FriendlyName={quoteattr(self.friendly)}"
        name_format = "" if self.name_format is None else f" NameFormat={quoteattr(self.name_format)}"
        values = "".join(v if v.startswith("<saml2:AttributeValue") else value(v) for v in self.values)
        return (
            f"<saml2:Attribute{friendly} Name={quoteattr(self.name)}{name_format}>{values}</saml2:Attribute>"
        )


def value(text: str, *, latin: str | None = None, qualified: bool = True, xsi_type: str | None = None) -> str:
    """One ``saml2:AttributeValue``; ``latin`` is the LatinScript flag."""
    attributes = "" if xsi_type is None else f' xsi:type="{xsi_type}"'
    if latin is not None:
        attributes += f' {"np:" if qualified else ""}LatinScript="{latin}"'
    return f"<saml2:AttributeValue{attributes}>{escape(text)}</saml2:AttributeValue>"


def natural(suffix: str, *values: str, representative: bool = False) -> Attribute:
    """An attribute of the natural person with its friendly name."""
    friendly = FRIENDLY.get(suffix, suffix)
    prefix = NATURAL + ("representative/" if representative else "")
    return Attribute(
        name=prefix + suffix, values=values, friendly=("Representative" if representative else "") + friendly
    )


def legal(suffix: str, *values: str, representative: bool = False) -> Attribute:
    """An attribute of the legal person with its friendly name."""
    friendly = FRIENDLY.get(suffix, suffix)
    prefix = LEGAL + ("representative/" if representative else "")
    return Attribute(
        name=prefix + suffix, values=values, friendly=("Representative" if representative else "") + friendly
    )


IDENTIFIER = "EL/DE/9f2c-Ελένη=+/7"
CITIZEN = (
    natural("PersonIdentifier", IDENTIFIER),
    natural("CurrentFamilyName", value("Papadopoulou"), value("Παπαδοπούλου", latin="false")),
    natural("CurrentGivenName", "Eleni Maria"),
    natural("DateOfBirth", "1985-02-28"),
)
"""The minimum data set of the citizen who logs in where nothing else is said."""
PERSONAL = ("Papadopoulou", "Παπαδοπούλου", "Eleni", "1985-02-28", "9f2c-Ελένη")
"""What must never be found in an exception."""
COMPANY = (
    legal("LegalPersonIdentifier", "EL/DE/company-1"),
    legal("LegalName", "Olive Oil A.E."),
)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A Proxy-Service: its registration, its keys and what it publishes."""

    country: str = "GR"
    wire_code: str = "EL"
    entity_id: str = "https://eidas.el.example/metadata"
    signer: Pair = field(default_factory=lambda: rsa_pair("node message"))
    published: tuple[Pair, ...] | None = None
    """Signing keys in its metadata; None: ``signer``."""
    published_encryption: tuple[Pair, ...] = ()
    """Keys in its metadata with ``use="encryption"``."""
    metadata_signer: Pair = field(default_factory=lambda: ec_pair("node metadata"))
    levels: tuple[str, ...] = (LOA + "low", LOA + "substantial", LOA + "high")
    protocol_versions: tuple[str, ...] = ("1.2", "1.3", "1.4")
    categories: tuple[str, ...] = ()
    attributes: tuple[str, ...] = (*(NATURAL + n for n in NATURAL_NAMES), *(LEGAL + n for n in LEGAL_NAMES))
    name_id_formats: tuple[str, ...] = ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",)
    bindings: tuple[str, ...] = ("POST", "Redirect")
    location: str = "https://eidas.el.example/sso"
    valid: timedelta = timedelta(days=7)

    def metadata(self, now: datetime = NOW) -> bytes:
        """The signed document."""
        return self.sign_metadata(self.metadata_xml(now))

    def sign_metadata(self, xml: str) -> bytes:
        root = etree.fromstring(xml.encode())
        xml_signing.sign(root, self.metadata_signer)
        return etree.tostring(root)

    def metadata_xml(self, now: datetime = NOW) -> str:
        """The document before it is signed."""
        keys = [("signing", p) for p in (self.published if self.published is not None else (self.signer,))]
        keys += [("encryption", p) for p in self.published_encryption]
        descriptors = "".join(
            f'<md:KeyDescriptor use="{use}"><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>'
            f"{p.text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            for use, p in keys
        )
        entity_attributes = "".join(
            _entity_attribute(name, values)
            for name, values in (
                ("http://eidas.europa.eu/entity-attributes/protocol-version", self.protocol_versions),
                ("http://eidas.europa.eu/entity-attributes/application-identifier", ("TEST:node:1.0",)),
                ("urn:oasis:names:tc:SAML:attribute:assurance-certification", self.levels),
                ("http://macedir.org/entity-category", self.categories),
            )
            if values
        )
        return (
            f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:eidas="{EIDAS}" xmlns:saml2="{SAML}"'
            ' xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute"'
            f' entityID={quoteattr(self.entity_id)} ID="_md" validUntil="{stamp(now + self.valid)}">'
            f"<md:Extensions><mdattr:EntityAttributes>{entity_attributes}</mdattr:EntityAttributes>"
            '</md:Extensions><md:IDPSSODescriptor WantAuthnRequestsSigned="true"'
            f' protocolSupportEnumeration="{SAMLP}"><md:Extensions><eidas:NodeCountry>{self.wire_code}'
            f"</eidas:NodeCountry></md:Extensions>{descriptors}"
            + "".join(f"<md:NameIDFormat>{f}</md:NameIDFormat>" for f in self.name_id_formats)
            + "".join(
                f'<md:SingleSignOnService Binding="{_BINDING}{b}" Location={quoteattr(self.location)}/>'
                for b in self.bindings
            )
            + "".join(f'<saml2:Attribute Name="{n}" NameFormat="{URI_FORMAT}"/>' for n in self.attributes)
            + "</md:IDPSSODescriptor></md:EntityDescriptor>"
        )


def _entity_attribute(name: str, values: Sequence[str]) -> str:
    inner = "".join(f"<saml2:AttributeValue>{escape(v)}</saml2:AttributeValue>" for v in values)
    return f'<saml2:Attribute Name="{name}" NameFormat="{URI_FORMAT}">{inner}</saml2:Attribute>'


def stamp(moment: datetime) -> str:
    """``xs:dateTime`` in UTC with milliseconds, as the reference node writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. ``None`` leaves an attribute or element out; defaults are genuine."""

    node: Node
    acs_url: str
    audience_entity: str
    request_id: str
    recipient_key: x509.Certificate
    now: datetime = NOW

    # Response
    response_id: str | None = field(default_factory=lambda: "_" + secrets.token_hex(16))
    response_version: str | None = "2.0"
    issue_instant: str | None = ""
    """Empty string: now."""
    destination: str | None = ""
    in_response_to: str | None = ""
    issuer: str | None = ""
    issuer_attributes: str = f' Format="{ENTITY}"'
    status: str | None = STATUS + "Success"
    second_status: str | None = None
    status_message: str | None = None
    extensions: str = ""

    # Assertion
    assertion_id: str | None = field(default_factory=lambda: "_" + secrets.token_hex(16))
    assertion_version: str | None = "2.0"
    assertion_issue_instant: str | None = ""
    assertion_issuer: str | None = ""
    name_id: str = (
        '<saml2:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">x</saml2:NameID>'
    )
    subject_confirmation: str | None = None
    """XML instead of the one bearer confirmation."""
    method: str | None = BEARER
    recipient: str | None = ""
    confirmation_in_response_to: str | None = ""
    confirmation_not_before: str | None = None
    confirmation_not_on_or_after: str | None = ""
    confirmation_address: str | None = None
    conditions: str | None = None
    """XML instead of the whole ``Conditions``."""
    not_before: str | None = ""
    not_on_or_after: str | None = ""
    audience: str | None = ""
    more_conditions: str = ""
    authn_statement: str | None = None
    """XML instead of the one statement."""
    authn_instant: str | None = ""
    session_not_on_or_after: str | None = None
    authn_context: str | None = LOA + "high"
    attributes: tuple[Attribute, ...] = CITIZEN
    attribute_statement: str | None = None
    """XML instead of the one statement."""
    more_statements: str = ""

    # Layers
    sign_response: bool = True
    sign_assertion: bool = False
    encrypted: bool = True
    signer: Pair | None = None
    """Instead of the node's."""
    recipe: Recipe = xml_signing.STANDARD
    assertion_recipe: Recipe = xml_signing.STANDARD
    envelope: Envelope = xml_encryption.STANDARD
    edit_assertion: Edit | None = None
    """Before the assertion is signed or encrypted."""
    edit_signed_assertion: Edit | None = None
    edit_plain: Octets | None = None
    """The octets that are encrypted."""
    edit_encrypted: Edit | None = None
    """The EncryptedAssertion."""
    edit_response: Edit | None = None
    """The Response before it is signed."""
    edit_signed: Edit | None = None
    """The Response after it was signed."""
    edit_octets: Octets | None = None
    """The message as octets."""

    def octets(self) -> bytes:
        """The complete message."""
        root = self.response()
        octets = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        return self.edit_octets(octets) if self.edit_octets else octets

    def response(self) -> etree._Element:
        """The complete message as a tree."""
        root = etree.fromstring(self._response_xml().encode())
        if self.status == STATUS + "Success":
            root.append(self.enclosed())
        if self.edit_response:
            self.edit_response(root)
        if self.sign_response:
            xml_signing.sign(root, self.signer or self.node.signer, self.recipe)
        if self.edit_signed:
            self.edit_signed(root)
        return root

    def enclosed(self) -> etree._Element:
        """EncryptedAssertion, or the bare Assertion if not ``encrypted``."""
        assertion = self.assertion()
        if not self.encrypted:
            return assertion
        plain = etree.tostring(assertion)
        if self.edit_plain:
            plain = self.edit_plain(plain)
        encrypted = xml_encryption.encrypt(plain, self.recipient_key, self.envelope)
        if self.edit_encrypted:
            self.edit_encrypted(encrypted)
        return encrypted

    def assertion(self) -> etree._Element:
        """The Assertion, signed if asked."""
        assertion = etree.fromstring(self._assertion_xml().encode())
        if self.edit_assertion:
            self.edit_assertion(assertion)
        if self.sign_assertion:
            xml_signing.sign(assertion, self.signer or self.node.signer, self.assertion_recipe)
        if self.edit_signed_assertion:
            self.edit_signed_assertion(assertion)
        return assertion

    def _response_xml(self) -> str:
        attributes = _attributes(
            ID=self.response_id,
            Version=self.response_version,
            IssueInstant=_default(self.issue_instant, stamp(self.now)),
            Destination=_default(self.destination, self.acs_url),
            InResponseTo=_default(self.in_response_to, self.request_id),
        )
        return (
            f'<saml2p:Response xmlns:saml2p="{SAMLP}" xmlns:saml2="{SAML}"{attributes}>'
            f"{self._issuer(self.issuer)}{self.extensions}{self._status()}</saml2p:Response>"
        )

    def _issuer(self, text: str | None) -> str:
        text = _default(text, self.node.entity_id)
        return "" if text is None else f"<saml2:Issuer{self.issuer_attributes}>{escape(text)}</saml2:Issuer>"

    def _status(self) -> str:
        if self.status is None:
            return ""
        second = "" if self.second_status is None else f'<saml2p:StatusCode Value="{self.second_status}"/>'
        message = (
            ""
            if self.status_message is None
            else f"<saml2p:StatusMessage>{escape(self.status_message)}</saml2p:StatusMessage>"
        )
        return (
            f'<saml2p:Status><saml2p:StatusCode Value="{self.status}">{second}</saml2p:StatusCode>'
            f"{message}</saml2p:Status>"
        )

    def _assertion_xml(self) -> str:
        attributes = _attributes(
            ID=self.assertion_id,
            Version=self.assertion_version,
            IssueInstant=_default(self.assertion_issue_instant, stamp(self.now)),
        )
        return (
            f'<saml2:Assertion xmlns:saml2="{SAML}" xmlns:xs="{_XS}" xmlns:xsi="{_XSI}"'
            f' xmlns:np="{NATURAL.rstrip("/")}"{attributes}>'
            f"{self._issuer(self.assertion_issuer)}"
            f"<saml2:Subject>{self.name_id}{self._confirmation()}</saml2:Subject>{self._conditions()}"
            f"{self._authn_statement()}{self._attribute_statement()}{self.more_statements}</saml2:Assertion>"
        )

    def _confirmation(self) -> str:
        if self.subject_confirmation is not None:
            return self.subject_confirmation
        return confirmation(
            method=self.method,
            Address=self.confirmation_address,
            InResponseTo=_default(self.confirmation_in_response_to, self.request_id),
            NotBefore=self.confirmation_not_before,
            NotOnOrAfter=_default(self.confirmation_not_on_or_after, stamp(self.now + timedelta(minutes=5))),
            Recipient=_default(self.recipient, self.acs_url),
        )

    def _conditions(self) -> str:
        if self.conditions is not None:
            return self.conditions
        attributes = _attributes(
            NotBefore=_default(self.not_before, stamp(self.now)),
            NotOnOrAfter=_default(self.not_on_or_after, stamp(self.now + timedelta(minutes=5))),
        )
        audience = _default(self.audience, self.audience_entity)
        restriction = "" if audience is None else audience_restriction(audience)
        return f"<saml2:Conditions{attributes}>{restriction}{self.more_conditions}</saml2:Conditions>"

    def _authn_statement(self) -> str:
        if self.authn_statement is not None:
            return self.authn_statement
        attributes = _attributes(
            AuthnInstant=_default(self.authn_instant, stamp(self.now)),
            SessionNotOnOrAfter=self.session_not_on_or_after,
        )
        reference = (
            ""
            if self.authn_context is None
            else f"<saml2:AuthnContextClassRef>{escape(self.authn_context)}</saml2:AuthnContextClassRef>"
        )
        return (
            f"<saml2:AuthnStatement{attributes}><saml2:AuthnContext>{reference}</saml2:AuthnContext>"
            "</saml2:AuthnStatement>"
        )

    def _attribute_statement(self) -> str:
        if self.attribute_statement is not None:
            return self.attribute_statement
        return f"<saml2:AttributeStatement>{''.join(a.xml() for a in self.attributes)}</saml2:AttributeStatement>"


def confirmation(*, method: str | None = BEARER, **data: str | None) -> str:
    """A ``SubjectConfirmation``."""
    return (
        f"<saml2:SubjectConfirmation{_attributes(Method=method)}>"
        f"<saml2:SubjectConfirmationData{_attributes(**data)}/></saml2:SubjectConfirmation>"
    )


def audience_restriction(*audiences: str) -> str:
    inner = "".join(f"<saml2:Audience>{escape(a)}</saml2:Audience>" for a in audiences)
    return f"<saml2:AudienceRestriction>{inner}</saml2:AudienceRestriction>"


def _attributes(**attributes: str | None) -> str:
    return "".join(f" {name}={quoteattr(text)}" for name, text in attributes.items() if text is not None)


def _default(chosen: str | None, genuine: str) -> str | None:
    return genuine if chosen == "" else chosen


@dataclass(frozen=True, kw_only=True)
class Request:
    """Our AuthnRequest as the node reads it."""

    root: etree._Element
    relay_state: str
    destination: str

    @property
    def id(self) -> str:
        return str(self.root.get("ID"))


def read_request(dispatch: RedirectDispatch | FormDispatch) -> Request:
    """What the browser carries to the node. The signature is not looked at here."""
    if isinstance(dispatch, FormDispatch):
        fields = dict(dispatch.fields)
        octets, destination = base64.b64decode(fields["SAMLRequest"]), dispatch.action
    else:
        split = urlsplit(dispatch.url)
        fields = {name: values[0] for name, values in parse_qs(split.query).items()}
        octets = zlib.decompress(base64.b64decode(fields["SAMLRequest"]), -15)
        destination = split._replace(query="").geturl()
    return Request(
        root=etree.fromstring(octets), relay_state=fields.get("RelayState", ""), destination=destination
    )


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A connector and the nodes it knows by country, the first one being the default."""

    connector: EIDASConnector
    nodes: dict[str, Node]
    keys: SAMLKeys

    @property
    def node(self) -> Node:
        return next(iter(self.nodes.values()))

    def encryption_certificate(self) -> x509.Certificate:
        """The first certificate our own metadata offer for encryption."""
        root = etree.fromstring(self.connector.documents(now=NOW)[0].content)
        found = root.findtext(f".//{{{MD}}}KeyDescriptor[@use='encryption']//{{{DS}}}X509Certificate")
        return x509.load_der_x509_certificate(base64.b64decode(found or ""))


def own_key(identifier: str, key: Key, state: str = "active") -> OwnKey:
    made = pair(f"own {identifier}", key)
    return OwnKey(id=identifier, state=state, key=InMemoryKey(key, made.certificate))  # type: ignore[arg-type]  # free word of a test


def own_keys(*, decryption: Sequence[OwnKey] | None = None) -> SAMLKeys:
    """Our keys: RSA-3072 for messages and decryption, P-256 for metadata."""
    return SAMLKeys(
        signing=(own_key("sign", rsa_key("own signing")),),
        decryption=decryption or (own_key("decrypt", rsa_key("own decryption")),),
        metadata=(own_key("metadata", ec_key("own metadata")),),
    )


def install(
    *nodes: Node,
    config_dir: Path,
    settings: dict[str, object] | None = None,
    country: dict[str, object] | None = None,
    keys: SAMLKeys | None = None,
    now: datetime = NOW,
    refresh: bool = True,
) -> Installed:
    """A connector that knows ``nodes`` from metadata files in ``config_dir``.

    ``settings`` and ``country`` override fields of EIDASSettings and of every CountrySettings.
    """
    nodes = nodes or (Node(),)
    anchors, countries = {}, []
    for node in nodes:
        name = node.country.lower()
        (config_dir / f"{name}.xml").write_bytes(node.metadata(now))
        (config_dir / f"{name}.pem").write_bytes(node.metadata_signer.pem)
        anchors[name] = TrustAnchor(
            id=name,
            kind=AnchorKind.METADATA_SIGNER,
            state=AnchorState.ACTIVE,
            countries=(node.country,),
            certificate=f"{name}.pem",
            metadata=MetadataLocation(file=f"{name}.xml", entity_ids=(node.entity_id,)),
            valid_from=date(2026, 1, 1),
            valid_until=date(2028, 12, 31),
            source="made by a test",
            evidence="none",
        )
        values: dict[str, object] = {"country": node.country, "anchor": name, "entity_id": node.entity_id}
        countries.append(CountrySettings.model_validate({**values, **(country or {})}))
    keys = keys or own_keys()
    connector = assemble(
        EIDASSettings.model_validate({"kind": "eidas", **(settings or {})}),
        countries,
        anchors,
        keys,
        surroundings(config_dir),
        now=now,
    )
    if refresh:
        connector.refresh(now=now)
    return Installed(connector=connector, nodes={n.country: n for n in nodes}, keys=keys)


def surroundings(config_dir: Path, *, development: bool = False) -> Surroundings:
    """A gateway that reads files from ``config_dir`` and keeps nothing."""
    return Surroundings(
        issuer_url=ISSUER_URL,
        config_dir=config_dir,
        state_dir=None,
        fetch_policy=FetchPolicy(),
        development=development,
    )


SERVICE = Service(
    client_id="demo",
    names={"de": "Demo"},
    sector="public",
    requester_id="https://demo.example",
)


def authentication_request(**changes: object) -> AuthenticationRequest:
    """A natural person at ``substantial`` from Greece."""
    base = AuthenticationRequest(
        service=SERVICE,
        minimum=LevelOfAssurance.SUBSTANTIAL,
        persons=frozenset({PersonKind.NATURAL}),
        country="GR",
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # free keywords of tests


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A login under way: the browser stands at the node."""

    installed: Installed
    node: Node
    request: Request
    pending: PendingExchange

    def reply(self, **changes: object) -> Reply:
        """The genuine answer with ``changes``."""
        base = Reply(
            node=self.node,
            acs_url=self.installed.connector.acs_url,
            audience_entity=self.installed.connector.entity_id,
            request_id=self.request.id,
            recipient_key=self.installed.encryption_certificate(),
        )
        return replace(base, **changes)  # type: ignore[arg-type]  # free keywords of tests

    def finish(self, octets: bytes, *, now: datetime = NOW) -> Verified:
        """Hand ``octets`` to the connector as the browser would."""
        return self.installed.connector.finish(self.pending, self.answer(octets), now=now)

    def complete(self, *, mutate: Octets | None = None, now: datetime = NOW, **changes: object) -> Verified:
        """Reply and finish; ``mutate`` changes the finished octets, ``changes`` are fields of ``Reply``."""
        octets = self.reply(now=now, **changes).octets()
        return self.finish(mutate(octets) if mutate else octets, now=now)

    def answer(self, octets: bytes) -> Answer:
        fields = (
            ("SAMLResponse", base64.b64encode(octets).decode()),
            ("RelayState", self.request.relay_state),
        )
        return Answer(method="POST", fields=fields)


def begin(
    installed: Installed, request: AuthenticationRequest | None = None, *, now: datetime = NOW
) -> Exchange:
    """Send the citizen away."""
    request = request or authentication_request(country=installed.node.country)
    start = installed.connector.begin(
        request, relay_state="JOURNEY.handle", now=now, random=secrets.token_bytes
    )
    return Exchange(
        installed=installed,
        node=installed.nodes[str(request.country)],
        request=read_request(start.dispatch),
        pending=start.pending,
    )


def login(
    installed: Installed,
    *,
    request: AuthenticationRequest | None = None,
    mutate: Octets | None = None,
    now: datetime = NOW,
    **changes: object,
) -> Verified:
    """A whole login; ``mutate`` changes the finished octets, ``changes`` are fields of ``Reply``."""
    return begin(installed, request, now=now).complete(mutate=mutate, now=now, **changes)
