"""Which documents are believed: security.md D.2, eidas.md §6.2 and §13 number 16."""

import base64
import hashlib
import re
import ssl
from datetime import UTC, date, timedelta

import pytest
from lxml import etree
from signxml import SignatureMethod

from tests.trust.metadata_maker import (
    DS,
    ENTITY_ID,
    MD,
    NOW,
    Node,
    aggregate,
    aggregate_policy,
    anchor,
    document,
    instant,
    issue,
    key,
    policy,
    rsa_key,
    sign,
    signer_certificate,
)
from trust.algorithms import Deviation
from trust.anchors import AnchorKind, AnchorState, MetadataLocation
from trust.certificates import ChainMode
from trust.errors import MetadataError, TrustError, VerificationError
from trust.metadata import DatedDeviation, MetadataRole
from trust.metadata_document import DocumentPolicy, verify_document

IDP = MetadataRole.IDENTITY_PROVIDER


def refused(octets: bytes, rules: DocumentPolicy | None = None) -> str:
    """The reason for which ``octets`` are refused."""
    with pytest.raises(TrustError) as caught:
        verify_document(octets, rules or policy(), now=NOW)
    return caught.value.reason


@pytest.mark.parametrize("empty_uri", [False, True], ids=["by-ID", "empty-URI"])
def test_signed_document_is_read(empty_uri: bool) -> None:
    """security.md D.2; the reference node writes ``URI=""`` (eidas.md §6.2)."""
    octets = sign(document(), empty_uri=empty_uri)
    assert (b'URI=""' in octets) is empty_uri
    found = verify_document(octets, policy(), now=NOW)
    assert set(found.peers) == {(ENTITY_ID, IDP)}
    assert found.valid_until == NOW + timedelta(days=1)
    assert found.sha256 == hashlib.sha256(octets).hexdigest()
    assert found.dropped == ()


def test_rsa_pss_signature_is_accepted() -> None:
    """eidas.md §7.1: RSASSA-PSS from 3072 bits."""
    signer = rsa_key(3072)
    certificate = issue("rsa signer", signer)
    octets = sign(document(), signer, (certificate,))
    assert verify_document(octets, policy(certificate=certificate), now=NOW).peers


def test_anchor_certificate_may_be_pem_and_renewed_on_the_same_key() -> None:
    """security.md D.1: key equality is SPKI equality."""
    renewed = issue("metadata signer renewed", key("metadata signer"))
    octets = sign(document(), certificates=(renewed,))
    assert verify_document(octets, policy(), now=NOW).peers


def test_unsigned_document_is_refused() -> None:
    """security.md D.2; pysaml2 issue 1037 accepts it."""
    assert refused(document().encode()) == "signature.missing"


def test_stranger_signature_is_refused() -> None:
    """eidas.md §13 number 16: untrusted signer, its certificate only in KeyInfo."""
    stranger = issue("stranger", key("stranger"))
    octets = sign(document(), key("stranger"), (stranger,))
    assert refused(octets) == "certificate.no-path"


def test_stranger_who_shows_the_anchor_certificate_is_refused() -> None:
    """security.md A.9: KeyInfo is a hint at most."""
    octets = sign(document(), key("stranger"), (signer_certificate(),))
    assert refused(octets) == "signature.invalid"


def test_modified_document_is_refused() -> None:
    """eidas.md §13 number 16."""
    octets = sign(document()).replace(b"node.eidas.se.example/sso", b"node.eidas.se.example/evl")
    assert refused(octets) == "signature.invalid"


def test_signature_over_an_inner_element_is_refused() -> None:
    """security.md D.2: the signed element must be the document element."""
    inner = sign(document()).decode()
    root = aggregate(inner).encode()
    assert refused(root, aggregate_policy("SE")) == "signature.missing"


def test_signed_entity_moved_under_a_foreign_root_is_refused() -> None:
    """security.md A.1 applied to metadata: the original travels inside the forged document."""
    original = etree.fromstring(sign(document()))
    forged = etree.fromstring(
        document(Node(location="https://evil.example/sso", identifier="_evil")).encode()
    )
    signature = original.find(f"{{{DS}}}Signature")
    assert signature is not None
    original.remove(signature)
    forged.insert(0, signature)
    extensions = forged.find(f"{{{MD}}}Extensions")
    assert extensions is not None
    extensions.append(original)
    assert refused(etree.tostring(forged)) == "signature.reference"


def test_expired_document_is_refused() -> None:
    """saml-metadata §2.3.2 ``validUntil``."""
    assert refused(sign(document(valid=timedelta(seconds=-1)))) == "metadata.expired"


def test_document_without_valid_until_is_refused() -> None:
    """eidas.md §6.1: validUntil MUST."""
    assert refused(sign(document(valid=None))) == "metadata.valid-until"


def test_document_valid_for_ten_years_is_refused() -> None:
    """security.md D.2: at most 14 days ahead."""
    assert refused(sign(document(valid=timedelta(days=3650)))) == "metadata.valid-until"


def test_thirty_days_are_taken_when_the_anchor_allows_them() -> None:
    """security.md D.2: P30D by setting."""
    location = MetadataLocation(url=ENTITY_ID, entity_ids=(ENTITY_ID,), max_valid_days=30)
    octets = sign(document(valid=timedelta(days=30)))
    assert refused(octets) == "metadata.valid-until"
    assert verify_document(octets, policy(anchor=anchor(metadata=location)), now=NOW).peers


@pytest.mark.parametrize("value", ["tomorrow", "2026-11-24", "2026-13-24T00:00:00Z", ""])
def test_unreadable_valid_until_is_refused(value: str) -> None:
    """XML Schema dateTime; nothing is guessed."""
    assert refused(sign(document(valid=None, attributes=f' validUntil="{value}"'))) == "xml.datetime"


def test_other_entity_id_is_refused() -> None:
    """security.md D.2: entityID equals the configured one."""
    octets = sign(document(Node(entity_id="https://other.example/metadata")))
    assert refused(octets) == "metadata.entity-id"


def test_aggregate_where_one_entity_is_configured_is_refused() -> None:
    """saml-metadata §2.3.1: an anchor for one node does not speak for a federation."""
    assert refused(sign(aggregate(document()))) == "metadata.root"


def test_one_entity_where_an_aggregate_is_configured_is_refused() -> None:
    """The other way round."""
    assert refused(sign(document()), aggregate_policy("SE")) == "metadata.root"


def test_document_above_the_size_limit_is_refused() -> None:
    """security.md D.2: 20 MiB."""
    padding = "<!--" + "x" * (20 * 1024 * 1024) + "-->"
    assert refused(sign(document()) + padding.encode()) == "xml.size"
    assert refused(sign(document()), policy(maximum_bytes=500)) == "xml.size"


def test_large_aggregate_within_the_limit_is_read() -> None:
    """A limit of 20 MiB must be usable, also beyond libxml2's 10 MB thresholds."""
    padding = "".join(f"<!--{'x' * 1_000_000}-->" for _ in range(12))
    octets = sign(aggregate(document(), extensions=padding))
    assert len(octets) > 12_000_000
    assert verify_document(octets, aggregate_policy("SE"), now=NOW).peers


def test_document_with_doctype_is_refused() -> None:
    """security.md A.3."""
    octets = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + sign(document())
    assert refused(octets) == "xml.doctype"


def test_pkcs1_signature_needs_a_dated_exception() -> None:
    """eidas.md §7.1: rsa-sha256 only as a dated exception, and not after its date."""
    signer = rsa_key(3072)
    certificate = issue("rsa signer", signer)
    octets = sign(document(), signer, (certificate,), algorithm=SignatureMethod.RSA_SHA256)
    assert refused(octets, policy(certificate=certificate)) == "signature.algorithm"
    ended = (DatedDeviation(kind=Deviation.RSA_PKCS1, until=date(2026, 11, 22)),)
    assert refused(octets, policy(certificate=certificate, deviations=ended)) == "signature.algorithm"
    dated = (DatedDeviation(kind=Deviation.RSA_PKCS1, until=date(2026, 11, 23)),)
    assert verify_document(octets, policy(certificate=certificate, deviations=dated), now=NOW).peers


def test_short_rsa_key_is_refused() -> None:
    """eidas.md §7.1: RSA 2048 is too short for metadata, too."""
    certificate = issue("short signer", rsa_key(2048))
    octets = sign(document(), rsa_key(2048), (certificate,))
    assert refused(octets, policy(certificate=certificate)) == "key.size"


def test_expired_anchor_certificate_is_refused() -> None:
    """eidas.md §13 number 16: expired signer; a dated exception may tolerate it."""
    certificate = issue("metadata signer", key("metadata signer"), end=NOW - timedelta(days=1))
    octets = sign(document(), certificates=(certificate,))
    assert refused(octets, policy(certificate=certificate)) == "certificate.expired"
    dated = (DatedDeviation(kind=Deviation.EXPIRED_CERTIFICATE, until=date(2026, 12, 31)),)
    assert verify_document(octets, policy(certificate=certificate, deviations=dated), now=NOW).peers


class TestChain:
    """Documents signed below the anchor (IA §6.3, RFC 5280 §6.1)."""

    ROOT = issue("root", key("root"), authority=True, usage="key_cert_sign")
    MIDDLE = issue("middle", key("middle"), "root", key("root"), authority=True, usage="key_cert_sign")
    LEAF = issue("leaf", key("leaf"), "middle", key("middle"), usage="digital_signature")

    @pytest.mark.parametrize("with_root", [False, True])
    def test_signer_with_a_path_is_accepted(self, with_root: bool) -> None:
        """IA §6.3: the chain is included, with or without the anchor, in any order."""
        shown = (self.ROOT, self.MIDDLE, self.LEAF) if with_root else (self.LEAF, self.MIDDLE)
        octets = sign(document(), key("leaf"), shown)
        assert verify_document(octets, policy(certificate=self.ROOT), now=NOW).peers

    def test_signer_with_a_broken_path_is_refused(self) -> None:
        """The middle certificate is missing."""
        octets = sign(document(), key("leaf"), (self.LEAF,))
        assert refused(octets, policy(certificate=self.ROOT)) == "certificate.no-path"

    @pytest.mark.parametrize("order", ["theirs first", "ours first", "DER first"])
    def test_hint_that_is_two_certificates_opens_nothing(self, order: str) -> None:
        """One parser would find a path for the node's real signer, the other take the stranger's key for it."""
        stranger = issue("stranger", key("stranger"))
        label = ssl.DER_cert_to_PEM_cert(stranger).replace("CERTIFICATE", "NOTE").encode()
        real = ssl.DER_cert_to_PEM_cert(self.LEAF).encode()
        hint = {"theirs first": label + real, "ours first": real + label, "DER first": stranger + real}[order]
        octets = sign(document(), key("stranger"), (stranger, self.MIDDLE))
        shown = re.sub(rb"(<ds:X509Certificate>)[^<]+", rb"\1" + base64.b64encode(hint), octets, count=1)
        assert shown != octets
        with pytest.raises(TrustError):
            verify_document(shown, policy(certificate=self.ROOT), now=NOW)

    def test_signer_with_an_expired_certificate_is_refused(self) -> None:
        """eidas.md §13 number 16."""
        leaf = issue("leaf", key("leaf"), "middle", key("middle"), end=NOW - timedelta(days=1))
        octets = sign(document(), key("leaf"), (leaf, self.MIDDLE))
        assert refused(octets, policy(certificate=self.ROOT)) == "certificate.expired"

    def test_certification_authority_key_signs_no_metadata(self) -> None:
        """Key usage of the root is keyCertSign only."""
        octets = sign(document(), key("root"), (self.ROOT,))
        assert refused(octets, policy(certificate=self.ROOT)) == "certificate.usage"

    def test_signer_certificate_issues_no_other_signers(self) -> None:
        """An anchor that is an end entity vouches for nobody (RFC 5280 §4.2.1.9)."""
        forged = issue("forged", key("forged"), "metadata signer", key("metadata signer"))
        octets = sign(document(), key("forged"), (forged,))
        assert refused(octets) == "certificate.authority"

    def test_pkcs1_inside_the_chain_is_refused_in_strict_mode(self) -> None:
        """eidas.md §7.5: strict mode and default mode."""
        root = issue("rsa root", rsa_key(3072), authority=True)
        leaf = issue("leaf", key("leaf"), "rsa root", rsa_key(3072))
        octets = sign(document(), key("leaf"), (leaf,))
        strict = policy(certificate=root, chain_mode=ChainMode.STRICT)
        assert refused(octets, strict) == "certificate.algorithm"
        assert verify_document(octets, policy(certificate=root), now=NOW).peers


class TestPinnedFile:
    """Unsigned middleware metadata, handed over as a file (eidas.md §6.2)."""

    def rules(self, octets: bytes, **changes: object) -> DocumentPolicy:
        digest = hashlib.sha256(octets).hexdigest()
        location = MetadataLocation(file="de.xml", entity_ids=(ENTITY_ID,))
        return DocumentPolicy(
            anchor=anchor(
                kind=AnchorKind.PINNED_METADATA, metadata_sha256=digest, metadata=location, **changes
            )
        )

    def test_exactly_the_approved_octets_are_believed(self) -> None:
        """By SHA-256 only."""
        octets = document(valid=None).encode()
        found = verify_document(octets, self.rules(octets), now=NOW)
        assert found.peers[ENTITY_ID, IDP].valid_until.date() == date(2027, 12, 31)
        assert refused(octets + b" ", self.rules(octets)) == "metadata.pinned-sha256"

    def test_valid_until_in_it_counts(self) -> None:
        """IA §6.5: all restrictions are honoured."""
        octets = document(valid=timedelta(seconds=-1)).encode()
        assert refused(octets, self.rules(octets)) == "metadata.expired"

    def test_other_entity_is_refused(self) -> None:
        """The pinned file is for a fixed entityID."""
        octets = document(Node(entity_id="https://other.example/")).encode()
        assert refused(octets, self.rules(octets)) == "metadata.entity-id"

    def test_doctype_is_refused_even_when_approved(self) -> None:
        """security.md A.3 holds for every document."""
        octets = b"<!DOCTYPE x>" + document().encode()
        assert refused(octets, self.rules(octets)) == "xml.doctype"


@pytest.mark.parametrize(
    "changes",
    [
        *({"state": state} for state in AnchorState if state is not AnchorState.ACTIVE),
        {"valid_until": date(2026, 11, 22)},
        {"valid_from": date(2026, 11, 24)},
    ],
    ids=str,
)
def test_inactive_anchor_verifies_nothing(changes: dict[str, object]) -> None:
    """security.md D.1: only ``active`` and inside its dates."""
    assert refused(sign(document()), policy(anchor=anchor(**changes))) == "metadata.anchor-inactive"


def test_peer_is_never_valid_longer_than_its_anchor() -> None:
    """security.md D.1: outside [valid_from, valid_to] nothing verifies."""
    octets = sign(document(valid=timedelta(days=10)))
    found = verify_document(octets, policy(anchor=anchor(valid_until=date(2026, 11, 25))), now=NOW)
    assert found.valid_until.date() == date(2026, 11, 25)
    assert found.peers[ENTITY_ID, IDP].valid_until == found.valid_until


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": MetadataLocation(url=ENTITY_ID)},
        {"kind": AnchorKind.PINNED_METADATA},
    ],
    ids=["no-entity-ids", "no-digest"],
)
def test_incomplete_anchor_is_refused_when_it_is_set_up(changes: dict[str, object]) -> None:
    """style.md §6: found at start, not at the first login."""
    with pytest.raises(MetadataError):
        DocumentPolicy(anchor=anchor(**changes), certificate=signer_certificate())
    with pytest.raises(MetadataError):
        DocumentPolicy(anchor=anchor(), certificate=None)


def test_refusal_names_no_content_of_the_document() -> None:
    """brief of the errors module: texts never hold message content."""
    octets = sign(document(Node(entity_id="https://secret.example/metadata")))
    with pytest.raises((MetadataError, VerificationError)) as caught:
        verify_document(octets, policy(), now=NOW)
    assert "secret" not in str(caught.value)


def test_instants_are_compared_in_utc() -> None:
    """saml-core §1.3.3."""
    until = instant((NOW + timedelta(hours=1)).astimezone(UTC)).replace("Z", "+02:00")
    octets = sign(document(valid=None, attributes=f' validUntil="{until}"'))
    assert refused(octets) == "metadata.expired"
