"""A service provider of our own for the sandbox's account systems."""

from __future__ import annotations

import base64
import copy
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xmlsec
from cryptography.hazmat.primitives import serialization
from lxml import etree
from starlette.applications import Starlette
from starlette.testclient import TestClient

from sandbox.accounts.accounts import accounts
from sandbox.accounts.app import AccountPages
from sandbox.accounts.keys import make_keys
from sandbox.accounts.names import AKDB, CLASSIC_UI, MDUI, OIDS
from sandbox.accounts.world import World, load_world
from sandbox.addresses import Addresses
from sandbox.authority import KeyPair, KeyStore, private_pem
from sandbox.saml.names import BINDING_POST, NSMAP, tag
from sandbox.saml.signing import certificate_text, method_for, sign

USUAL = ("bPK2", "surname", "givenName", "EID-CITIZEN-QAA-LEVEL", "AssertionProvedBy")
SERVICE_IDS = {"bundid": "BMI-1234", "bayernid": "12345678901-DE"}


@dataclass
class Portal:
    """A service provider as an account system sees it."""

    world: World
    client: TestClient
    published: dict[str, bytes]
    signing: KeyPair
    encryption: KeyPair
    second: KeyPair
    acs: str
    entity_id: str = "https://portal.example"

    def hand_in(self, account: str, **changes: str) -> None:
        """Put metadata where the account system takes them from; ``changes`` replace texts in it."""
        document = self.metadata()
        for old, new in changes.items():
            marker = MARKERS[old]
            assert marker in document, old
            document = document.replace(marker, new)
        self.published[f"/connectors/{account}/metadata"] = document.encode()

    def metadata(self) -> str:
        keys = "".join(
            f'<md:KeyDescriptor use="{use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
            f"{certificate_text(pair.certificate)}"
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            for use, pair in (
                ("signing", self.signing),
                ("encryption", self.encryption),
                ("encryption", self.second),
            )
        )
        return f"""<md:EntityDescriptor xmlns:md="{NSMAP["md"]}" xmlns:ds="{NSMAP["ds"]}"
             xmlns:mdui="{MDUI}" entityID="{self.entity_id}">
          <md:SPSSODescriptor protocolSupportEnumeration="{NSMAP["saml2p"]}">
            <md:Extensions><mdui:UIInfo><mdui:DisplayName xml:lang="de">Portal</mdui:DisplayName>
              <mdui:Description xml:lang="de">Ein Portal</mdui:Description></mdui:UIInfo></md:Extensions>
            {keys}
            <md:AssertionConsumerService index="0" isDefault="true" Binding="{BINDING_POST}"
               Location="{self.acs}"/>
            <md:AttributeConsumingService index="0" isDefault="true">
              <md:ServiceName xml:lang="de">Portal</md:ServiceName>
              <md:ServiceDescription xml:lang="de">Ein Portal</md:ServiceDescription>
            </md:AttributeConsumingService>
          </md:SPSSODescriptor>
          <md:Organization><md:OrganizationName xml:lang="de">Stadt</md:OrganizationName>
            <md:OrganizationDisplayName xml:lang="de">Stadt</md:OrganizationDisplayName>
            <md:OrganizationURL xml:lang="de">https://portal.example</md:OrganizationURL></md:Organization>
          <md:ContactPerson contactType="technical"><md:GivenName>T</md:GivenName>
            <md:EmailAddress>t@example.org</md:EmailAddress></md:ContactPerson>
          <md:ContactPerson contactType="support"><md:GivenName>S</md:GivenName>
            <md:EmailAddress>s@example.org</md:EmailAddress></md:ContactPerson>
        </md:EntityDescriptor>"""

    def sso(self, account: str) -> str:
        return f"{self.world.addresses.nodes}/{account}/{accounts()[account].sso_post}"

    def request(
        self,
        account: str,
        *,
        context: str | None = "STORK-QAA-Level-1",
        extension: str | None = "",
    ) -> etree._Element:
        """A request in order, unsigned; ``extension`` None leaves the AKDB extension out."""
        akdb = accounts()[account].profile == "akdb" and extension is not None
        inner = (extension or akdb_extension(account)) if akdb else ""
        asked = (
            f'<saml2p:RequestedAuthnContext Comparison="minimum"><saml2:AuthnContextClassRef>{context}'
            "</saml2:AuthnContextClassRef></saml2p:RequestedAuthnContext>"
            if context
            else ""
        )
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return etree.fromstring(
            f"""<saml2p:AuthnRequest xmlns:saml2p="{NSMAP["saml2p"]}" xmlns:saml2="{NSMAP["saml2"]}"
                 ID="_{secrets.token_hex(16)}" Version="2.0" IssueInstant="{now}"
                 Destination="{self.sso(account)}" ForceAuthn="true" IsPassive="false"
                 AssertionConsumerServiceURL="{self.acs}" ProtocolBinding="{BINDING_POST}">
              <saml2:Issuer>{self.entity_id}</saml2:Issuer>
              {f"<saml2p:Extensions>{inner}</saml2p:Extensions>" if inner else ""}
              <saml2p:NameIDPolicy AllowCreate="true"/>{asked}
            </saml2p:AuthnRequest>"""
        )

    def send(self, account: str, request: etree._Element, *, method: str = "", key: KeyPair | None = None):
        """Sign and send; the page it ends on, after the redirect to an error page if there is one."""
        pair = key or self.signing
        signed = sign(request, pair, method=method or method_for(pair), digest="sha256")
        return self.send_as_it_is(account, signed)

    def send_as_it_is(self, account: str, request: etree._Element):
        fields = {
            "SAMLRequest": base64.b64encode(etree.tostring(request)).decode(),
            "RelayState": "relay",
        }
        page = self.client.post(f"/{account}/{accounts()[account].sso_post}", data=fields)
        return self.client.get(page.headers["location"]) if page.status_code == 303 else page

    def decide(self, account: str, page, *, citizen: str = "", fault: str = "", decision: str = "answer"):
        """Press a button of the login page."""
        handle = re.findall(r'name="exchange" value="([^"]+)"', page.text)[0]
        form = {"exchange": handle, "citizen": citizen, "fault": fault, "decision": decision}
        return self.client.post(f"/{account}/answer", data=form)

    def log_in(self, account: str, citizen: str, *, fault: str = "", context: str | None = "", **extension):
        """A whole login; the Response."""
        usual = {"akdb": "STORK-QAA-Level-1", "dataport": "http://eidas.europa.eu/LoA/low", "muk": None}
        asked = usual[accounts()[account].profile] if context == "" else context
        inner = akdb_extension(account, **extension) if accounts()[account].profile == "akdb" else None
        page = self.send(account, self.request(account, context=asked, extension=inner))
        assert page.status_code == 200, page.text
        done = self.decide(account, page, citizen=citizen, fault=fault)
        assert done.status_code == 200, done.text
        return message(done.text)

    def verify(self, element: etree._Element, account: str) -> None:
        """Raises xmlsec.Error unless the element's own signature is the account's; xmlsec judges."""
        xmlsec.tree.add_ids(element, ["ID"])
        context = xmlsec.SignatureContext()
        pem = (
            self.world.signing[account]
            .key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
        signature = element.find(tag("ds:Signature"))
        assert signature is not None
        context.verify(signature)

    def assertion(self, response: etree._Element, *, key: KeyPair | None = None) -> etree._Element:
        """The assertion, decrypted by xmlsec where it is encrypted."""
        plain = response.find(tag("saml2:Assertion"))
        if plain is not None:
            return plain
        manager = xmlsec.KeysManager()
        pem = private_pem((key or self.encryption).key)
        manager.add_key(xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem))
        # Decryption replaces the element: the response itself must stay what it was.
        data = copy.deepcopy(response).find(f"{tag('saml2:EncryptedAssertion')}/{tag('xenc:EncryptedData')}")
        assert data is not None
        return xmlsec.EncryptionContext(manager).decrypt(data)


MARKERS = {
    "id": "<md:EntityDescriptor ",
    "entity_id": 'entityID="https://portal.example"',
    "display_name": '<mdui:DisplayName xml:lang="de">Portal</mdui:DisplayName>',
    "service": '<md:ServiceName xml:lang="de">Portal</md:ServiceName>',
    "support": 'contactType="support"',
}


MALFORMED = {
    "akdb-extension-v1-deprecated": {"version": ' Version="1"'},
    "requested-attributes-missing-name": {"attributes": '<akdb:RequestedAttribute Name=""/>'},
    "empty-authentication-methods": {
        "methods": "<akdb:AuthnMethods><akdb:eID><akdb:Enabled>false</akdb:Enabled></akdb:eID></akdb:AuthnMethods>"
    },
    "organization-display-name-missing": {"display": None},
    "purpose-does-not-support-restricted-html": {
        "more": "<cui:Purpose>Antrag &lt;b&gt;stellen&lt;/b&gt;</cui:Purpose>"
    },
}
"""Each documented mistake that one argument of ``akdb_extension`` can make, by its code."""


def akdb_extension(
    account: str,
    *,
    attributes: str = "",
    usual: tuple[str, ...] = USUAL,
    required: tuple[str, ...] = (),
    methods: str = "",
    version: str = ' Version="2"',
    detail: bool = True,
    display: str | None = "Amt24: Antrag",
    more: str = "",
    service_id: str = "",
) -> str:
    """The extension as text, to be bent by a test."""
    listed = attributes or "".join(
        f'<akdb:RequestedAttribute Name="{OIDS[a]}" RequiredAttribute="{str(a in required).lower()}"/>'
        for a in (*usual, *(r for r in required if r not in usual))
    )
    name = f"<cui:OrganizationDisplayName>{display}</cui:OrganizationDisplayName>" if display else ""
    return f"""<akdb:AuthenticationRequest xmlns:akdb="{AKDB}" xmlns:cui="{CLASSIC_UI}"{version}{
        ' EnableStatusDetail="true"' if detail else ""
    }>{methods}<akdb:RequestedAttributes>{listed}</akdb:RequestedAttributes>
      <akdb:DisplayInformation><cui:Version>{name}{more}
      <cui:OnlineServiceId>{service_id or SERVICE_IDS[account]}</cui:OnlineServiceId></cui:Version>
      </akdb:DisplayInformation></akdb:AuthenticationRequest>"""


def message(page: str) -> etree._Element:
    """The SAMLResponse in a page."""
    found = re.findall(r'name="SAMLResponse" value="([^"]+)"', page)
    assert found, page
    return etree.fromstring(base64.b64decode(found[-1]))


@pytest.fixture(scope="session")
def account_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the keys of the account systems are kept, made once."""
    directory = tmp_path_factory.mktemp("accounts-state")
    make_keys(KeyStore(directory / "accounts", lambda _: None))
    return directory


@pytest.fixture
def portal(asker, account_state: Path, keys: dict[str, KeyPair]):
    """A service provider known to every account system."""
    world = load_world(Addresses(port_base=asker.port), account_state)
    application = Starlette(routes=AccountPages(world).routes())
    with TestClient(application, follow_redirects=False) as client:
        result = Portal(
            world,
            client,
            asker.published,
            keys["p256"],
            keys["rsa-3072"],
            keys["second"],
            f"http://localhost:{asker.port}/acs",
        )
        for account in accounts():
            result.hand_in(account)
        yield result


@pytest.fixture(scope="session")
def keys():
    """Key pairs, made once; ``second`` is the one for after a roll-over."""
    from sandbox.authority import certify, make_key

    made = {kind: certify(f"portal {kind}", make_key(kind)) for kind in ("rsa-3072", "p256", "p384")}
    return made | {"second": certify("portal second", make_key("rsa-3072"))}
