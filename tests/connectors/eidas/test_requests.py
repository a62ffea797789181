"""Our AuthnRequest as a foreign node reads it (message format 1.4 §2.3, §2.4, §4; eidas.md §2)."""

import base64
import re
import secrets
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier

from connectors.assurance import EIDAS_LEVELS
from connectors.contract import FormDispatch, RedirectDispatch, Service
from connectors.eidas.registry import DEFINITIONS, LEGAL, NATURAL, SECTOR_ATTRIBUTES
from connectors.errors import RequestNotPossible
from connectors.identity import PersonKind
from connectors.saml.keys import SAMLKeys
from tests.connectors.eidas.saml_schemas import saml_schema
from tests.connectors.national_peer import install_national
from tests.support.saml_peer import (
    EIDAS,
    LOA,
    SAML,
    SAMLP,
    SERVICE,
    Node,
    authentication_request,
    begin,
    install,
    own_key,
    read_request,
)
from tests.support.xml_signing import NOW, ec_key, rsa_key

EXTENSION_SCHEMA = Path(__file__).parents[4] / "shared/data/eidas/xsd/saml_eidas_extension.xsd"
NN = "http://eidas.europa.eu/NotNotified/LoA/"
FORMATS = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
REQUESTER_ID = "http://eidas.europa.eu/entity-attributes/termsofaccess/requesterid"
MDS = [NATURAL + n for n in ("PersonIdentifier", "CurrentFamilyName", "CurrentGivenName", "DateOfBirth")]
LEGAL_MDS = [LEGAL + n for n in ("LegalPersonIdentifier", "LegalName")]
NATURAL_ONLY = frozenset({PersonKind.NATURAL})
LEGAL_ONLY = frozenset({PersonKind.LEGAL})
PRIVATE = Service(
    client_id="shop", names={"de": "Laden"}, sector="private", requester_id="https://shop.example/eid"
)
SCOPE = "http://data.europa.eu/p4s/attributes/PowerOfRepresentationScope"


@pytest.fixture
def ask(tmp_path):
    """Begin a login with ``node`` and return the request element as the node reads it."""

    def asked(node=None, *, settings=None, country=None, **changes):
        installed = install(node or Node(), config_dir=tmp_path, settings=settings, country=country)
        return begin(installed, authentication_request(**changes)).request.root

    return asked


def refusal(ask, *arguments, **keywords):
    with pytest.raises(RequestNotPossible) as caught:
        ask(*arguments, **keywords)
    return caught.value.reason


def requested(root):
    return {e.get("Name"): e for e in root.iter(f"{{{EIDAS}}}RequestedAttribute")}


def names(root):
    return [etree.QName(child).localname for child in root]


def texts(root, tag):
    return [e.text for e in root.iter(tag)]


# ------------------------------------------------------------------------------ root and order


def test_the_attributes_of_the_root_are_those_of_the_message_format(ask):
    """eidas.md §13 number 1, §2.1: ForceAuthn true, IsPassive written as false; no ACS URL, no binding."""
    root = ask()
    assert root.tag == f"{{{SAMLP}}}AuthnRequest"
    assert dict(root.attrib) == {
        "ID": root.get("ID"),
        "Version": "2.0",
        "IssueInstant": "2026-11-23T12:00:00Z",
        "Destination": "https://eidas.el.example/sso",
        "ForceAuthn": "true",
        "IsPassive": "false",
    }


def test_the_id_is_unpredictable_and_fresh(ask):
    """eidas.md §2.1: an xs:ID, unique per transaction; security.md: at least 128 random bits."""
    first, second = ask().get("ID"), ask().get("ID")
    assert first != second
    assert re.fullmatch(r"_[0-9a-f]{40}", first)


def test_the_children_stand_in_schema_order(tmp_path):
    """saml-core §3.4.1; eidas.md §2.2."""
    installed = install(Node(bindings=("POST",)), config_dir=tmp_path)
    root = begin(installed).request.root
    assert names(root) == [
        "Issuer",
        "Signature",
        "Extensions",
        "NameIDPolicy",
        "RequestedAuthnContext",
        "Scoping",
    ]
    assert names(root.find(f"{{{SAMLP}}}Extensions")) == ["SPType", "RequestedAttributes"]


@pytest.mark.parametrize("bindings", [("POST",), ("Redirect",)])
@pytest.mark.parametrize("persons", [NATURAL_ONLY, LEGAL_ONLY])
def test_the_request_is_valid_against_the_schemas(tmp_path, bindings, persons):
    """Interoperability architecture §7.5: a node validates before it verifies; its own extensions, too."""
    installed = install(Node(bindings=bindings), config_dir=tmp_path)
    every = frozenset(d.field for d in DEFINITIONS.values())
    root = begin(installed, authentication_request(persons=persons, optional=every)).request.root
    saml_schema().assertValid(root)
    if not EXTENSION_SCHEMA.exists():
        pytest.skip("no shared schemas")
    extensions = etree.XMLSchema(etree.parse(EXTENSION_SCHEMA))
    for extension in root.find(f"{{{SAMLP}}}Extensions"):
        extensions.assertValid(etree.fromstring(etree.tostring(extension)))


def test_the_issuer_is_the_url_of_our_metadata(ask):
    """Interoperability architecture §6.4."""
    issuer = ask().find(f"{{{SAML}}}Issuer")
    assert issuer.text == "https://gateway.example/connectors/eidas/metadata"
    assert dict(issuer.attrib) == {"Format": FORMATS + "entity"}


def test_nothing_is_sent_that_a_node_refuses(ask):
    """eidas.md §2.2: neither NodeCountry nor SPCountry stands in a request."""
    root = ask()
    for forbidden in ("NodeCountry", "SPCountry"):
        assert root.find(f".//{{{EIDAS}}}{forbidden}") is None


# ---------------------------------------------------------------------------------------- SPType


@pytest.mark.parametrize("service", [SERVICE, PRIVATE])
def test_sp_type_stands_once_in_the_request_and_not_in_metadata(tmp_path, service):
    """eidas.md §13 number 2: one connector for public and private services puts it in each request."""
    installed = install(config_dir=tmp_path)
    root = begin(installed, authentication_request(service=service)).request.root
    assert texts(root, f"{{{EIDAS}}}SPType") == [service.sector]
    metadata = etree.fromstring(installed.connector.documents(now=NOW)[0].content)
    assert texts(metadata, f"{{{EIDAS}}}SPType") == []


@pytest.mark.parametrize(("service", "sector"), [(SERVICE, "public"), (PRIVATE, "private")])
def test_sp_type_stands_once_in_metadata_and_not_in_the_request(tmp_path, service, sector):
    """eidas.md §13 number 2: never both, never neither (reference node errors 202016 and 202017)."""
    installed = install(config_dir=tmp_path, settings={"sp_type": f"metadata-{sector}"})
    root = begin(installed, authentication_request(service=service)).request.root
    assert texts(root, f"{{{EIDAS}}}SPType") == []
    metadata = etree.fromstring(installed.connector.documents(now=NOW)[0].content)
    assert texts(metadata, f"{{{EIDAS}}}SPType") == [sector]


@pytest.mark.parametrize(("service", "sector"), [(PRIVATE, "public"), (SERVICE, "private")])
def test_a_service_of_the_other_sector_cannot_use_a_connector_that_declares_one(ask, service, sector):
    """eidas.md §13 number 2; message format §4.1: metadata speak for all requests."""
    settings = {"sp_type": f"metadata-{sector}"}
    assert refusal(ask, settings=settings, service=service) == "eidas.sp-type"


# ---------------------------------------------------------------------------------- attributes


@pytest.mark.parametrize(
    ("persons", "mds"), [(NATURAL_ONLY, MDS), (LEGAL_ONLY, LEGAL_MDS)], ids=["natural", "legal"]
)
def test_the_whole_minimum_data_set_is_requested_whatever_the_service_needs(ask, persons, mds):
    """Message format §2.3.2: all mandatory attributes, and of this kind of person only."""
    assert list(requested(ask(persons=persons))) == mds


def test_each_requested_attribute_is_named_as_the_schema_wants(ask):
    """eidas.md §2.3: Name, NameFormat and isRequired always; isRequired exactly for the minimum data set."""
    found = requested(ask(required=frozenset({"gender"}), optional=frozenset({"address", "birth_name"})))
    assert set(found) == {*MDS, *(NATURAL + n for n in ("Gender", "CurrentAddress", "BirthName"))}
    for uri, element in found.items():
        definition = DEFINITIONS[uri]
        assert dict(element.attrib) == {
            "Name": uri,
            "NameFormat": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
            "FriendlyName": definition.friendly_name,
            "isRequired": "true" if uri in MDS else "false",
        }


@pytest.mark.parametrize(
    "definition", [d for d in DEFINITIONS.values() if not d.representative and not d.mandatory],
    ids=lambda d: f"{d.person.value}-{d.friendly_name}",
)  # fmt: skip
def test_every_attribute_can_be_asked_for(ask, definition):
    """eidas.md §5.1, §5.2."""
    root = ask(persons=frozenset({definition.person}), optional=frozenset({definition.field}))
    assert definition.uri in requested(root)


def test_an_unpublished_optional_attribute_is_left_out(ask):
    """eidas.md §2.3: only what the target publishes; a node of set 1.2 knows no Nationality."""
    node = Node(attributes=(*MDS, NATURAL + "Gender"), protocol_versions=("1.2",))
    assert list(requested(ask(node, optional=frozenset({"gender", "nationalities"})))) == [
        *MDS,
        NATURAL + "Gender",
    ]


def test_an_unpublished_indispensable_attribute_ends_the_login_early(ask):
    """eidas.md §2.3: nothing leaves the house."""
    node = Node(attributes=tuple(MDS))
    assert refusal(ask, node, required=frozenset({"nationalities"})) == "eidas.attribute-not-offered"


@pytest.mark.parametrize("missing", MDS)
def test_a_node_without_the_whole_minimum_data_set_does_not_offer_the_person(ask, missing):
    """eidas.md §2.3."""
    node = Node(attributes=tuple(uri for uri in MDS if uri != missing))
    assert refusal(ask, node) == "eidas.person-not-offered"
    assert refusal(ask, node, persons=LEGAL_ONLY) == "eidas.person-not-offered"


@pytest.mark.parametrize("name", ["title", "birth_family_name"])
def test_what_eidas_does_not_know_cannot_be_indispensable(ask, name):
    """Attribute profile §2.2: no node of any country has it."""
    assert refusal(ask, required=frozenset({name})) == "eidas.attribute-not-offered"
    assert list(requested(ask(optional=frozenset({name})))) == MDS


def test_representative_attributes_are_never_requested(ask):
    """Attribute profile §2.8; reference node error 203024. Even where the node publishes them."""
    node = Node(attributes=tuple(DEFINITIONS))
    every = frozenset(d.field for d in DEFINITIONS.values())
    for persons in (NATURAL_ONLY, LEGAL_ONLY):
        root = ask(node, persons=persons, optional=every, accept_representation=True)
        assert len(requested(root)) > 10
        assert not any("/representative/" in uri for uri in requested(root))


@pytest.mark.parametrize("persons", [frozenset(), frozenset(PersonKind)])
def test_a_request_is_about_exactly_one_kind_of_person(ask, persons):
    """eidas.md §13 number 3; message format §2.3.2: the citizen has chosen before."""
    assert refusal(ask, persons=persons) == "eidas.person-undecided"


MIXED = {
    "profile": "lenient",
    "exceptions": [{"kind": "mixed-request", "until": "2027-06-30", "reason": "agreed with the operator"}],
}


@pytest.mark.parametrize("versions", [("1.2",), ("1.2", "1.3"), ()])
def test_a_mixed_request_needs_a_dated_exception(ask, versions):
    """Formats up to 1.3 allowed it; the natural person in it is who acts (eidas.md §2.3)."""
    node = Node(protocol_versions=versions)
    wish = {"persons": LEGAL_ONLY, "accept_representation": True}
    assert list(requested(ask(node, **wish))) == LEGAL_MDS
    assert list(requested(ask(node, country=MIXED, **wish))) == [*LEGAL_MDS, *MDS]


def test_a_mixed_request_wants_no_more_of_who_acts_than_the_minimum(ask):
    """Telephone is a word of both vocabularies; the service means the subject's."""
    node, wish = Node(protocol_versions=("1.2",)), {"persons": LEGAL_ONLY, "accept_representation": True}
    found = requested(ask(node, country=MIXED, optional=frozenset({"phone_number"}), **wish))
    assert set(found) == {*LEGAL_MDS, *MDS, LEGAL + "LegalPhoneNumber"}


@pytest.mark.parametrize("versions", [("1.4",), ("1.2", "1.3", "1.4"), ("1.4.1", "1.3"), ("2.0", "1.3")])
def test_no_mixed_request_goes_to_a_peer_of_format_1_4(ask, versions):
    """eidas.md §13 number 3: not even with the exception."""
    root = ask(
        Node(protocol_versions=versions), country=MIXED, persons=LEGAL_ONLY, accept_representation=True
    )
    assert list(requested(root)) == LEGAL_MDS


@pytest.mark.parametrize(
    ("change", "wish"),
    [
        ({"profile": "strict"}, {"accept_representation": True}),
        (
            {"exceptions": [{"kind": "mixed-request", "until": "2026-11-22", "reason": "over"}]},
            {"accept_representation": True},
        ),
        ({}, {"accept_representation": False}),
    ],
    ids=["strict", "over", "no representation"],
)
def test_a_mixed_request_is_not_sent_in_vain(ask, change, wish):
    """Strict, after its date, or for a service that would refuse the answer: the plain request."""
    root = ask(Node(protocol_versions=("1.2",)), country={**MIXED, **change}, persons=LEGAL_ONLY, **wish)
    assert list(requested(root)) == LEGAL_MDS


def test_the_last_day_of_an_exception_counts(ask):
    """A dated exception holds until its date, that day included."""
    until = [{"kind": "mixed-request", "until": str(NOW.date()), "reason": "last day"}]
    country = {**MIXED, "exceptions": until}
    node = Node(protocol_versions=("1.2",))
    root = ask(node, country=country, persons=LEGAL_ONLY, accept_representation=True)
    assert list(requested(root)) == [*LEGAL_MDS, *MDS]


def test_sector_attributes_are_asked_for_by_uri_where_published(ask):
    """eidas.md §5.9: only by agreement, never because a node has them."""
    node = Node(attributes=(*LEGAL_MDS, *MDS, *SECTOR_ATTRIBUTES))
    assert list(requested(ask(node, persons=LEGAL_ONLY))) == LEGAL_MDS
    found = requested(ask(node, persons=LEGAL_ONLY, optional=frozenset(SECTOR_ATTRIBUTES)))
    assert list(found) == [
        *LEGAL_MDS,
        SCOPE,
        "http://e-justice.europa.eu/attributes/legalperson/eJusticeLegalPersonRole",
    ]
    assert found[SCOPE].get("isRequired") == "false"
    assert refusal(ask, persons=LEGAL_ONLY, required=frozenset({SCOPE})) == "eidas.attribute-not-offered"


# ------------------------------------------------------------------------------------------ levels


def context(root):
    element = root.find(f"{{{SAMLP}}}RequestedAuthnContext")
    return element.get("Comparison"), texts(element, f"{{{SAML}}}AuthnContextClassRef")


@pytest.mark.parametrize("minimum", EIDAS_LEVELS)
def test_a_notified_level_is_asked_as_minimum(ask, minimum):
    """eidas.md §13 number 4, §2.4."""
    assert context(ask(minimum=minimum)) == ("minimum", [LOA + minimum.word])


def test_non_notified_levels_are_listed_exactly(ask):
    """eidas.md §13 number 4: every acceptable one, and all higher notified ones."""
    node = Node(levels=(LOA + "substantial", NN + "substantial", NN + "low", LOA + "test"))
    assert context(ask(node, accept_non_notified=True)) == (
        "exact",
        [LOA + "substantial", LOA + "high", NN + "substantial"],
    )
    assert context(ask(node)) == ("minimum", [LOA + "substantial"])


@pytest.mark.parametrize("levels", [(LOA + "low",), (NN + "high",), ("High", LOA + "LOW", LOA + "test"), ()])
def test_a_level_the_node_does_not_publish_is_not_asked(ask, levels):
    """eidas.md §2.4: refused early; eidas.md §13 number 5: such words are no levels."""
    assert refusal(ask, Node(levels=levels)) == "eidas.level-not-offered"


# ---------------------------------------------------------------------- NameID, RequesterID, Scoping


@pytest.mark.parametrize(
    ("published", "chosen"),
    [
        ((), FORMATS + "persistent"),
        ((FORMATS + "transient", FORMATS + "persistent"), FORMATS + "persistent"),
        ((UNSPECIFIED,), UNSPECIFIED),
        ((FORMATS + "transient",), FORMATS + "transient"),
        (("urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos",), UNSPECIFIED),
    ],
)
def test_the_name_id_format_is_one_the_node_publishes(ask, published, chosen):
    """eidas.md §2.5: the German Middleware offers only unspecified."""
    policy = ask(Node(name_id_formats=published)).find(f"{{{SAMLP}}}NameIDPolicy")
    assert dict(policy.attrib) == {"Format": chosen, "AllowCreate": "true"}


@pytest.mark.parametrize("categories", [(), (REQUESTER_ID,)])
@pytest.mark.parametrize("service", [SERVICE, PRIVATE])
def test_the_relying_party_is_named_whatever_its_type(ask, categories, service):
    """eidas.md §13 number 18, §2.2: private services must be named where the node wants it."""
    root = ask(Node(categories=categories), service=service)
    scoping = root.find(f"{{{SAMLP}}}Scoping")
    assert texts(scoping, f"{{{SAMLP}}}RequesterID") == [service.requester_id]
    assert names(scoping) == ["RequesterID"]


NO_SCOPING = {
    "profile": "lenient",
    "exceptions": [{"kind": "skip-scoping", "until": "2027-06-30", "reason": "its node cannot"}],
}


def test_scoping_is_left_out_for_listed_countries(ask):
    """eidas.md §13 number 18: the Danish node could not process Scoping."""
    assert ask(country=NO_SCOPING).find(f"{{{SAMLP}}}Scoping") is None
    over = {**NO_SCOPING, "exceptions": [{"kind": "skip-scoping", "until": "2026-11-22", "reason": "over"}]}
    assert ask(country=over).find(f"{{{SAMLP}}}Scoping") is not None


def test_a_private_service_is_not_sent_nameless_where_names_are_required(ask):
    """eidas.md §13 number 18: the two rules cannot both be kept, so nothing leaves the house."""
    node = Node(categories=(REQUESTER_ID,))
    assert refusal(ask, node, country=NO_SCOPING, service=PRIVATE) == "eidas.requester-id"
    assert ask(node, country=NO_SCOPING, service=SERVICE).find(f"{{{SAMLP}}}Scoping") is None


def test_nobody_but_the_service_is_named(ask):
    """eidas.md §2.1: no ProviderName, no names of the service in any language."""
    octets = etree.tostring(ask(), encoding="unicode")
    assert "ProviderName" not in octets
    assert SERVICE.names["de"] not in octets


# ----------------------------------------------------------------------------- binding and signature


def ec_keys(curve="secp256r1"):
    return SAMLKeys(
        signing=(own_key(f"sign {curve}", ec_key(f"own signing {curve}", curve)),),
        decryption=(own_key("decrypt", rsa_key("own decryption")),),
        metadata=(own_key("metadata", ec_key("own metadata")),),
    )


def start(installed, **changes):
    return installed.connector.begin(
        authentication_request(**changes), relay_state="abc.def&x=1", now=NOW, random=secrets.token_bytes
    ).dispatch


EVERY_NATURAL = frozenset(d.field for d in DEFINITIONS.values() if d.person is PersonKind.NATURAL) - {
    "identifier"
}


@pytest.mark.parametrize(
    ("bindings", "setting", "keys", "expected"),
    [
        (("POST", "Redirect"), "auto", "ec", RedirectDispatch),
        (("Redirect",), "auto", "rsa", RedirectDispatch),
        (("POST",), "auto", "ec", FormDispatch),
        (("POST", "Redirect"), "post", "ec", FormDispatch),
        (("POST", "Redirect"), "redirect", "rsa", RedirectDispatch),
        (("Redirect",), "post", "ec", RedirectDispatch),
        (("POST",), "redirect", "ec", FormDispatch),
    ],
)
def test_the_binding_is_what_the_node_offers_and_the_setting_prefers(
    tmp_path, bindings, setting, keys, expected
):
    """eidas.md §2.6: Redirect or POST; a setting never makes a country unreachable."""
    installed = install(
        Node(bindings=bindings),
        config_dir=tmp_path,
        settings={"request_binding": setting},
        keys=ec_keys() if keys == "ec" else None,
    )
    assert isinstance(start(installed), expected)


def test_a_long_redirect_becomes_a_form(tmp_path):
    """eidas.md §2.6: Redirect if the signed request is short enough."""
    installed = install(Node(location="https://eidas.el.example/sso?x=" + "y" * 900), config_dir=tmp_path)
    dispatch = start(installed, optional=EVERY_NATURAL)
    assert isinstance(dispatch, FormDispatch)
    assert len(dict(dispatch.fields)["SAMLRequest"]) < 131_072


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1", "brainpoolP256r1", "brainpoolP512r1"])
def test_a_redirect_is_signed_over_the_query_as_sent_with_ecdsa(tmp_path, curve):
    """saml-bindings §3.4.4.1, verified by hand over the octets of the URL."""
    installed = install(config_dir=tmp_path, keys=ec_keys(curve), settings={"request_binding": "redirect"})
    signed, algorithm, signature = redirect_parts(start(installed).url)
    key = installed.keys.signer.public_key
    bits = int(re.search(r"ecdsa-sha(\d+)$", algorithm)[1])
    assert bits == {256: 256, 384: 384, 512: 512}[key.key_size]
    half = len(signature) // 2
    der = encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )
    key.verify(
        der, signed, ec.ECDSA({256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}[bits])
    )


def test_a_redirect_is_signed_over_the_query_as_sent_with_pss(tmp_path):
    """The same with an RSA key: RSASSA-PSS only (cryptographic requirements §3.3)."""
    installed = install(config_dir=tmp_path, settings={"request_binding": "redirect"})
    signed, algorithm, signature = redirect_parts(start(installed).url)
    assert algorithm == "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    installed.keys.signer.public_key.verify(signature, signed, pss, hashes.SHA256())


def redirect_parts(url):
    query = urlsplit(url).query
    signed, _, signature = query.partition("&Signature=")
    assert re.fullmatch(r"SAMLRequest=[^&]+&RelayState=abc\.def%26x%3D1&SigAlg=[^&]+", signed)
    algorithm = unquote(signed.rpartition("=")[2])
    return signed.encode(), algorithm, base64.b64decode(unquote(signature))


def test_the_message_in_a_redirect_carries_no_signature_of_its_own(tmp_path):
    """saml-bindings §3.4.4.1."""
    installed = install(config_dir=tmp_path, keys=ec_keys())
    root = read_request(start(installed)).root
    assert "Signature" not in names(root)


@pytest.mark.parametrize("keys", [None, "secp384r1"])
def test_a_form_is_signed_so_that_another_library_accepts_it(tmp_path, keys):
    """Interoperability architecture §3.2.1; verified by signxml with our certificate alone."""
    installed = install(Node(bindings=("POST",)), config_dir=tmp_path, keys=ec_keys(keys) if keys else None)
    dispatch = start(installed)
    assert [name for name, _ in dispatch.fields] == ["SAMLRequest", "RelayState"]
    fields = dict(dispatch.fields)
    assert fields["RelayState"] == "abc.def&x=1"
    octets = base64.b64decode(fields["SAMLRequest"])
    pem = installed.keys.signer.certificate.public_bytes(serialization.Encoding.PEM).decode()
    verified = XMLVerifier().verify(
        octets,
        x509_cert=pem,
        id_attribute="ID",
        expect_config=SignatureConfiguration(
            location="./",
            signature_methods=frozenset({SignatureMethod.SHA256_RSA_MGF1, SignatureMethod.ECDSA_SHA384}),
            digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384}),
        ),
    )
    assert verified.signed_xml.tag == f"{{{SAMLP}}}AuthnRequest"
    assert verified.signed_xml.get("ID") == etree.fromstring(octets).get("ID")
    assert [
        r.get("URI") for r in etree.fromstring(octets).iter("{http://www.w3.org/2000/09/xmldsig#}Reference")
    ] == ["#" + verified.signed_xml.get("ID")]


# ------------------------------------------------------------------------------------- role national


def national(tmp_path, *, settings=None, node=None, service=SERVICE, code="GR", **changes):
    keywords = {} if node is None else {"node": node}
    installed = install_national(tmp_path, settings=settings, **keywords)
    return installed.connector.begin(
        authentication_request(country=code, service=service, **changes),
        relay_state="abc.def",
        now=NOW,
        random=secrets.token_bytes,
    )


@pytest.mark.parametrize(("code", "wire"), [("GR", "EL"), ("SE", "SE")])
def test_a_national_connector_is_told_the_country_beside_the_message(tmp_path, code, wire):
    """eidas.md §10.1: POST parameter ``country``, as nodes write it."""
    dispatch = national(tmp_path, code=code).dispatch
    assert isinstance(dispatch, FormDispatch)
    assert dispatch.action == "https://connector.eidas.de.example/sso"
    assert [name for name, _ in dispatch.fields] == ["SAMLRequest", "RelayState", "country"]
    assert dict(dispatch.fields)["country"] == wire


@pytest.mark.parametrize("service", [SERVICE, PRIVATE])
def test_a_national_connector_may_want_the_requester_as_an_extension(tmp_path, service):
    """eidas.md §10.1, Estonia: eidas:RequesterID instead of Scoping."""
    dispatch = national(tmp_path, settings={"national_requester_id": "extension"}, service=service).dispatch
    root = read_request(dispatch).root
    extensions = root.find(f"{{{SAMLP}}}Extensions")
    assert names(extensions) == ["SPType", "RequesterID", "RequestedAttributes"]
    assert texts(extensions, f"{{{EIDAS}}}RequesterID") == [service.requester_id]
    assert root.find(f"{{{SAMLP}}}Scoping") is None


def test_a_national_connector_gets_scoping_by_default(tmp_path):
    """eidas.md §2.2."""
    root = read_request(national(tmp_path).dispatch).root
    assert texts(root, f"{{{SAMLP}}}RequesterID") == [SERVICE.requester_id]
    assert root.find(f".//{{{EIDAS}}}RequesterID") is None


def test_the_extension_is_for_national_connectors_only(ask):
    """The word in the configuration of a node changes nothing."""
    root = ask(settings={"national_requester_id": "extension"})
    assert root.find(f".//{{{EIDAS}}}RequesterID") is None
    assert texts(root, f"{{{SAMLP}}}RequesterID") == [SERVICE.requester_id]


def test_what_must_be_remembered_is_plain_json_without_personal_data(tmp_path):
    """design.md: the gateway seals it; the connector keeps nothing."""
    import json

    pending = national(
        tmp_path, required=frozenset({"gender"}), node=replace(Node(), country="DE", wire_code="DE")
    ).pending
    assert json.loads(json.dumps(pending.state)) == pending.state
    assert pending.deadline > NOW
    assert pending.message_id == pending.state["request_id"]
    assert date.fromisoformat(pending.state["requested_at"][:10]) == NOW.date()
