"""What is read from one entity, and that a broken one spoils no other (eidas.md §6, §13 number 16 and 17)."""

import base64
import hashlib
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.metadata_maker import (
    ENTITY_ID,
    MD,
    NOW,
    POST,
    REDIRECT,
    Node,
    aggregate,
    aggregate_policy,
    anchor,
    document,
    instant,
    issue,
    key,
    key_descriptor,
    policy,
    rsa_key,
    sign,
    with_invalid_printable_string,
    with_null_parameters,
    with_unknown_version,
)
from trust.anchors import MetadataLocation
from trust.errors import VerificationError
from trust.metadata import MetadataDocument, MetadataRole, PeerMetadata
from trust.metadata_document import DocumentPolicy, verify_document
from trust.pinned import PinnedKey

IDP = MetadataRole.IDENTITY_PROVIDER
SP = MetadataRole.SERVICE_PROVIDER
BROKEN = Node(entity_id="https://node.pt.example/metadata", country="PT").xml()
STRANGERS = key_descriptor(issue("stranger", key("stranger")))
GOOD = key_descriptor(issue("message signer", key("message signer")))


def read(node: Node, **changes: object) -> MetadataDocument:
    return verify_document(sign(document(node)), policy(**changes), now=NOW)


def peer(node: Node, **changes: object) -> PeerMetadata:
    found = read(node, **changes)
    assert found.dropped == ()
    return found.peers[node.entity_id, IDP]


def dropped(node: Node, **changes: object) -> str:
    found = read(node, **changes)
    assert (node.entity_id, IDP) not in found.peers
    assert [d.entity_id for d in found.dropped] == [node.entity_id]
    return found.dropped[0].reason


def test_everything_a_login_needs_is_read() -> None:
    """eidas.md §6.1."""
    encryption = issue("encryption", rsa_key(3072))
    gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
    found = peer(Node(keys=(GOOD, key_descriptor(encryption, use="encryption", methods=(gcm,)))))
    assert found.entity_id == ENTITY_ID
    assert found.anchor == "se-node"
    assert (found.node_country, found.node_code) == ("SE", "SE")
    assert found.protocol_versions == ("1.4", "1.3")
    assert found.application_identifier == "SE:node:2.9.0"
    assert found.levels == ("http://eidas.europa.eu/LoA/high",)
    assert found.supported_attributes == {"http://eidas.europa.eu/attributes/naturalperson/PersonIdentifier"}
    assert found.name_id_formats == ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",)
    assert found.sso_location(POST) == found.sso_location(REDIRECT) == "https://node.eidas.se.example/sso"
    assert found.sso_location("urn:oasis:names:tc:SAML:2.0:bindings:SOAP") is None
    assert found.want_authn_requests_signed
    assert found.signing_algorithms == ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",)
    assert found.signing_keys == (PinnedKey.from_public_key(key("message signer").public_key()),)
    assert [k.methods for k in found.encryption_keys] == [(gcm,)]
    assert found.alerts == ()
    assert not found.hidden
    assert not found.requester_id_required


def test_encryption_key_is_no_signing_key() -> None:
    """security.md A.2: a key listed with ``use="encryption"`` verifies nothing."""
    found = peer(Node(keys=(GOOD, key_descriptor(issue("other", key("other")), use="encryption"))))
    assert PinnedKey.from_public_key(key("other").public_key()) not in found.signing_keys


def test_second_signing_key_is_kept_for_the_roll_over() -> None:
    """eidas.md §6.1: try all ``use="signing"`` keys."""
    found = peer(Node(keys=(GOOD, key_descriptor(issue("next", key("next"))))))
    assert [k.public_key for k in found.signing_keys] == [
        key("message signer").public_key(),
        key("next").public_key(),
    ]


def test_same_key_in_two_certificates_is_one_key() -> None:
    """security.md D.1: key equality is SPKI equality."""
    found = peer(Node(keys=(GOOD, key_descriptor(issue("renewed", key("message signer"))))))
    assert len(found.signing_keys) == 1


def test_key_without_use_is_ignored() -> None:
    """eidas.md §6.1: ``use`` MUST; separate keys for signing and encryption."""
    found = peer(Node(keys=(GOOD, key_descriptor(issue("any", key("any")), use=None))))
    assert len(found.signing_keys) == 1
    assert found.alerts == ("key.use",)


def test_expired_message_certificate_is_reported_but_kept() -> None:
    """eidas.md §6.2: verified metadata vouch for the key; the operator is alerted."""
    expired = issue("expired", key("expired"), end=NOW - timedelta(days=1))
    found = peer(Node(keys=(key_descriptor(expired),)))
    assert found.signing_keys[0].not_after == NOW - timedelta(days=1)
    assert found.alerts == ("signing:certificate.expired",)


@pytest.mark.parametrize("spoil", [with_invalid_printable_string, with_null_parameters, with_unknown_version])
def test_certificate_that_parses_only_leniently_still_gives_its_key(spoil) -> None:
    """eidas.md §6.4: Portugal's certificates, and those of old keytools."""
    odd = spoil(issue("message signer", key("message signer")))
    found = peer(Node(keys=(key_descriptor(odd),)))
    assert found.signing_keys == (PinnedKey.from_public_key(key("message signer").public_key()),)


@pytest.mark.parametrize("spoil", [with_invalid_printable_string, lambda der: der])
def test_key_policy_holds_on_both_parsing_paths(spoil) -> None:
    """security.md A.12: a 1024-bit key listed in metadata is refused."""
    weak = spoil(issue("weak", rsa_key(1024)))
    found = peer(Node(keys=(GOOD, key_descriptor(weak))))
    assert [k.public_key for k in found.signing_keys] == [key("message signer").public_key()]
    assert found.alerts == ("signing:key.size",)


def test_certificate_not_meant_for_signatures_gives_no_signing_key() -> None:
    """security.md A.12: key usage digitalSignature, if present."""
    transport = issue("transport", key("transport"), usage="key_encipherment")
    found = peer(Node(keys=(GOOD, key_descriptor(transport))))
    assert [k.public_key for k in found.signing_keys] == [key("message signer").public_key()]
    assert found.alerts == ("signing:certificate.usage",)


def test_curve_below_256_bits_is_refused() -> None:
    """eidas.md §7.3."""
    small = issue("small", ec.generate_private_key(ec.SECP224R1()))
    found = peer(Node(keys=(GOOD, key_descriptor(small))))
    assert len(found.signing_keys) == 1
    assert found.alerts == ("signing:key.curve",)


def test_rsa_2048_is_kept_for_a_dated_exception_and_reported() -> None:
    """eidas.md §6.4 (the Czech key); the message verifier decides at the time of use."""
    found = peer(Node(keys=(GOOD, key_descriptor(issue("cz", rsa_key(2048))))))
    assert len(found.signing_keys) == 2
    assert found.alerts == ("signing:key.size",)


def test_key_descriptor_with_two_different_keys_is_ignored() -> None:
    """saml-metadata-iop §2.5.1: one key per KeyDescriptor."""
    both = key_descriptor(issue("one", key("one")), issue("two", key("two")))
    found = peer(Node(keys=(GOOD, both)))
    assert len(found.signing_keys) == 1
    assert found.alerts == ("signing:key.ambiguous",)


@pytest.mark.parametrize("octets", [b"", b"garbage", b"\x30\x82\xff\xff", b"\x30\x03\x02\x01\x05"])
def test_unreadable_certificate_costs_only_its_key(octets: bytes) -> None:
    """eidas.md §13 number 16."""
    found = peer(Node(keys=(GOOD, key_descriptor(octets))))
    assert len(found.signing_keys) == 1
    assert [a.partition(":")[0] for a in found.alerts] == ["signing"]


def test_entity_without_a_usable_signing_key_is_dropped() -> None:
    """Nothing it sends could be verified."""
    assert dropped(Node(keys=(key_descriptor(b"garbage"),))) == "entity.signing-key"


def test_greek_code_is_translated() -> None:
    """eidas.md §6.1: Greece writes EL."""
    found = peer(Node(country="EL"), anchor=anchor(countries=("GR",)))
    assert (found.node_country, found.node_code) == ("GR", "EL")
    assert peer(Node(country="EL"), anchor=anchor(countries=("EL",))).node_country == "GR"


@pytest.mark.parametrize(
    ("country", "reason"),
    [
        (None, "entity.country-missing"),
        ("DK", "entity.country-not-covered"),
        ("EL", "entity.country-not-covered"),
        ("se", "entity.country-malformed"),
        ("SWE", "entity.country-malformed"),
    ],
)
def test_anchor_speaks_only_for_its_countries(country: str | None, reason: str) -> None:
    """security.md D.3; eidas.md §13 number 16: country missing."""
    assert dropped(Node(country=country)) == reason


def test_national_connector_need_not_name_a_country() -> None:
    """Role A: its metadata are no node metadata (eidas.md §10)."""
    assert peer(Node(country=None), country_required=False).node_country is None


def test_hidden_node_and_requester_id_are_recognised() -> None:
    """eidas.md §1: entity categories."""
    found = peer(
        Node(
            categories=(
                "http://refeds.org/category/hide-from-discovery",
                "http://eidas.europa.eu/entity-attributes/termsofaccess/requesterid",
            )
        )
    )
    assert found.hidden
    assert found.requester_id_required


def test_bare_levels_are_ignored() -> None:
    """eidas.md §6.4: the Dutch node lists ``High`` beside the URIs."""
    high = "http://eidas.europa.eu/LoA/high"
    assert peer(Node(levels=("High", high, "Low", "//[x"))).levels == (high,)


def test_joined_protocol_versions_are_split() -> None:
    """Node settings write ``1.4;1.3;1.2``."""
    assert peer(Node(protocol_versions=("1.4;1.3", "1.2"))).protocol_versions == ("1.4", "1.3", "1.2")


@pytest.mark.parametrize(
    "location",
    [
        "http://node.eidas.se.example/sso",
        "javascript:alert(1)",
        "https://user@node.eidas.se.example/sso",
        "/sso",
        "http://localhost/sso",
        "https://node.eidas.se.example\\.evil.example/sso",
        "https://node.eidas.se.example/\tsso",
        "https://node.eidas.se.example\n.evil.example/sso",
    ],
)
def test_endpoint_no_browser_may_be_sent_to_is_dropped(location: str) -> None:
    """security.md A.14: TLS only."""
    assert dropped(Node(location=location)) == "entity.endpoint"


def test_loopback_endpoint_needs_development_mode() -> None:
    """The sandbox without TLS."""
    assert peer(Node(location="http://localhost:8420/se/sso"), allow_http_loopback=True).single_sign_on


def test_roles_of_one_entity_are_separate_peers() -> None:
    """Keys and endpoints belong to a role (saml-metadata §2.4.1)."""
    found = read(Node(with_connector=True))
    assert set(found.peers) == {(ENTITY_ID, IDP), (ENTITY_ID, SP)}
    assert found.peers[ENTITY_ID, SP].single_sign_on == ()
    assert [e.is_default for e in found.peers[ENTITY_ID, SP].assertion_consumers] == [True]


def test_entity_without_a_saml_role_is_dropped() -> None:
    """protocolSupportEnumeration names SAML 2.0 (saml-metadata §2.4.1)."""
    octets = sign(document().replace("SAML:2.0:protocol", "SAML:1.1:protocol"))
    found = verify_document(octets, policy(), now=NOW)
    assert [d.reason for d in found.dropped] == ["entity.no-role"]


def test_values_split_by_comments_are_never_shortened() -> None:
    """security.md A.7: exclusive canonicalisation removes the comment, the whole value is read."""
    octets = sign(document(Node(country="S<!-- -->E")))
    assert verify_document(octets, policy(), now=NOW).peers[ENTITY_ID, IDP].node_country == "SE"


class TestAggregate:
    """One signed file of many nodes (eidas.md §6.2)."""

    @staticmethod
    def node(name: str, **changes) -> str:
        entity_id = f"https://node.{name.lower()}.example/metadata"
        return Node(**{"entity_id": entity_id, "country": name, **changes}).xml()

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ({"keys": (key_descriptor(b"garbage"),)}, "entity.signing-key"),
            ({"country": None}, "entity.country-missing"),
            ({"valid_until": NOW - timedelta(days=1)}, "entity.expired"),
            ({"extra": "<eidas:NodeCountry>PT</eidas:NodeCountry>"}, "xml.cardinality"),
            ({"location": "https://x.example/ sso"}, "entity.endpoint"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_broken_entity_never_spoils_the_rest(self, broken: dict[str, object], reason: str) -> None:
        """design.md §3 invariant 10; eidas.md §13 number 16."""
        octets = sign(aggregate(self.node("SE"), self.node("PT", **broken), self.node("DK")))
        found = verify_document(octets, aggregate_policy("SE", "PT", "DK"), now=NOW)
        assert {p.node_country for p in found.peers.values()} == {"SE", "DK"}
        assert [(d.entity_id, d.reason) for d in found.dropped] == [
            ("https://node.pt.example/metadata", reason)
        ]

    def test_schema_violation_drops_only_its_entity(self) -> None:
        """security.md D.2, the schema filter: an entity without role descriptors."""
        empty = f'<md:EntityDescriptor xmlns:md="{MD}" entityID="https://empty.example/"/>'
        found = verify_document(sign(aggregate(empty, self.node("SE"))), aggregate_policy("SE"), now=NOW)
        assert len(found.peers) == 1
        assert [d.reason for d in found.dropped] == ["xml.schema"]

    def test_country_outside_the_anchor_is_dropped(self) -> None:
        """security.md D.3: an import source is restricted to countries."""
        found = verify_document(
            sign(aggregate(self.node("SE"), self.node("FR"))), aggregate_policy("SE"), now=NOW
        )
        assert [p.node_country for p in found.peers.values()] == ["SE"]

    def test_same_entity_twice_is_nobody(self) -> None:
        """Which of the two is meant cannot be known."""
        twice = aggregate(self.node("SE"), self.node("SE", location="https://evil.example/"), self.node("DK"))
        found = verify_document(sign(twice), aggregate_policy("SE", "DK"), now=NOW)
        assert [p.node_country for p in found.peers.values()] == ["DK"]
        assert [d.reason for d in found.dropped] == ["entity.duplicate"]

    def test_only_listed_entities_are_taken(self) -> None:
        """Shibboleth's include filter."""
        location = MetadataLocation(
            url="https://a.example", aggregate=True, entity_ids=("https://node.dk.example/metadata",)
        )
        rules = aggregate_policy("SE", "DK")
        rules = policy(anchor=rules.anchor.model_copy(update={"metadata": location}))
        found = verify_document(sign(aggregate(self.node("SE"), self.node("DK"))), rules, now=NOW)
        assert [p.node_country for p in found.peers.values()] == ["DK"]

    def test_validity_narrows_from_outside_to_inside(self) -> None:
        """saml-metadata §2.3.1: nested groups and entities may shorten it, never prolong it."""
        soon = NOW + timedelta(hours=2)
        later = NOW + timedelta(days=9)
        group = (
            f'<md:EntitiesDescriptor xmlns:md="{MD}" validUntil="{instant(soon)}">'
            f"{self.node('SE', valid_until=later)}</md:EntitiesDescriptor>"
        )
        found = verify_document(
            sign(aggregate(group, self.node("DK", valid_until=later))), aggregate_policy("SE", "DK"), now=NOW
        )
        assert {p.node_country: p.valid_until for p in found.peers.values()} == {
            "SE": soon,
            "DK": NOW + timedelta(days=1),
        }

    def test_signature_of_an_entity_does_not_replace_that_of_the_aggregate(self) -> None:
        """security.md D.2: the signed element is the document element."""
        octets = sign(aggregate(sign(document()).decode(), self.node("DK")))
        assert len(verify_document(octets, aggregate_policy("SE", "DK"), now=NOW).peers) == 2


@pytest.mark.parametrize("padding", ["\u00a0", "\u2003", "\u3000", "\u2028", "\x85", " ", "\n"])
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside-the-genuine"])
def test_padded_entity_id_is_no_entity_of_ours(padding: str, alone: bool) -> None:
    """security.md A.16: whoever collects metadata keeps the two apart, so both may have been registered."""
    stranger = Node(entity_id=ENTITY_ID + padding, keys=(STRANGERS,))
    entities = [stranger.xml()] if alone else [stranger.xml(), Node().xml()]
    found = verify_document(sign(aggregate(*entities)), aggregate_policy("SE"), now=NOW)
    assert [d.reason for d in found.dropped] == ["entity.entity-id"]
    assert set(found.peers) == (set() if alone else {(ENTITY_ID, IDP)})
    assert all(
        peer.signing_keys[0].spki != PinnedKey.from_public_key(key("stranger").public_key()).spki
        for peer in found.peers.values()
    )


def test_certificate_text_with_line_breaks_is_read() -> None:
    """xmlschema-2 §3.2.16: white space in base64."""
    der = issue("message signer", key("message signer"))
    broken = base64.encodebytes(der).decode()
    whole = base64.b64encode(der).decode()
    octets = sign(document().replace(whole, broken))
    assert verify_document(octets, policy(), now=NOW).peers


@given(data=st.data())
@settings(max_examples=250, derandomize=True, deadline=None, database=None)
def test_whatever_is_inside_an_entity_the_others_stay(data: st.DataObject) -> None:
    """design.md §3 invariant 10 as a property: any change of any value in one entity."""
    values = [match.span(1) for match in re.finditer(r'"([^"]*)"|>([^<>]+)<', BROKEN) if match.group(1)]
    begin, end = data.draw(st.sampled_from(values))
    foreign = data.draw(st.text(st.characters(min_codepoint=32, exclude_characters='<>&"'), max_size=30))
    spoilt = BROKEN[:begin] + foreign + BROKEN[end:]
    octets = aggregate(TestAggregate.node("SE"), spoilt).encode()
    location = MetadataLocation(file="all.xml", aggregate=True)
    rules = DocumentPolicy(
        anchor=anchor(
            kind="pinned-metadata",
            metadata_sha256=hashlib.sha256(octets).hexdigest(),
            metadata=location,
            countries=("SE", "PT"),
        )
    )
    try:
        found = {entity_id for entity_id, _ in verify_document(octets, rules, now=NOW).peers}
    except VerificationError as error:
        # a change that leaves no acceptable XML at all: the whole file, before anything is read
        found = {error.reason}
    assert "https://node.se.example/metadata" in found or found <= {
        "xml.malformed",
        "xml.namespace",
        "xml.encoding",
        "xml.id",
    }
