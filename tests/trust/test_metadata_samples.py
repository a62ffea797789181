"""Real metadata from other implementations behave as ``../shared/data/eidas/INDEX.md`` says."""

import base64
import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree

from trust.algorithms import Deviation
from trust.anchors import AnchorKind, AnchorState, MetadataLocation, TrustAnchor
from trust.errors import TrustError
from trust.metadata import DatedDeviation, MetadataDocument, MetadataRole
from trust.metadata_document import DocumentPolicy, verify_document

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "eidas" / "metadata"
_CERTIFICATE = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not here")


def octets(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def embedded_signer(name: str) -> bytes:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    first = next(etree.fromstring(octets(name), parser).iter(_CERTIFICATE))
    return base64.b64decode("".join((first.text or "").split()))


def trusted(entity_id: str, country: str = "EE", **changes: object) -> TrustAnchor:
    values: dict[str, object] = {
        "id": "sample",
        "kind": AnchorKind.METADATA_SIGNER,
        "state": AnchorState.ACTIVE,
        "countries": (country,),
        "metadata": MetadataLocation(url=entity_id, entity_ids=(entity_id,)),
        "valid_from": date(2015, 1, 1),
        "valid_until": date(2035, 1, 1),
        "source": "sample",
        "evidence": "none",
    }
    return TrustAnchor.model_validate({**values, **changes})


def read(
    name: str, at: datetime, anchor: TrustAnchor, *deviations: Deviation, content: bytes | None = None
) -> MetadataDocument:
    rules = DocumentPolicy(
        anchor=anchor,
        certificate=embedded_signer(name),
        deviations=tuple(DatedDeviation(kind=kind, until=date(2035, 1, 1)) for kind in deviations),
        country_required=False,
        allow_http_loopback=True,
    )
    return verify_document(content or octets(name), rules, now=at)


def refused(name: str, at: datetime, anchor: TrustAnchor, *deviations: Deviation) -> str:
    with pytest.raises(TrustError) as caught:
        read(name, at, anchor, *deviations)
    return caught.value.reason


def test_estonian_service_provider_is_accepted_in_its_time() -> None:
    """ECDSA-SHA512, signed by its anchor, before 2025-10-08."""
    entity_id = "https://localhost:9999/metadata"
    name, anchor = "ee-sp1-valid-metadata.xml", trusted("https://localhost:9999/metadata")
    found = read(name, datetime(2025, 10, 5, tzinfo=UTC), anchor)
    assert set(found.peers) == {(entity_id, MetadataRole.SERVICE_PROVIDER)}
    assert found.peers[entity_id, MetadataRole.SERVICE_PROVIDER].sp_type == "public"
    assert refused(name, datetime(2025, 10, 9, tzinfo=UTC), anchor) == "metadata.expired"


def test_missing_valid_until_is_refused() -> None:
    """Signature verified, no validUntil."""
    name, anchor = "ee-sp-missing-valid-until.xml", trusted("https://localhost:8888/metadata")
    at = datetime(2025, 10, 5, tzinfo=UTC)
    assert refused(name, at, anchor, Deviation.EXPIRED_CERTIFICATE) == "metadata.valid-until"


def test_reference_node_connector_verifies_but_is_expired() -> None:
    """RSA-PSS-SHA384, ``URI=""``; the signer's certificate ended in 2016, the document in 2020."""
    anchor = trusted("http://localhost:8080/EidasNode/ConnectorMetadata", "CA")
    name, then = "eu-connector-metadata-valid-signature.xml", datetime(2020, 3, 21, tzinfo=UTC)
    assert refused(name, then, anchor) == "certificate.expired"
    found = read(name, then, anchor, Deviation.EXPIRED_CERTIFICATE)
    # the signature is fine; the only endpoint is plain http, where no browser may be sent
    assert [entity.reason for entity in found.dropped] == ["entity.endpoint"]
    today = datetime(2026, 11, 23, tzinfo=UTC)
    assert refused(name, today, anchor, Deviation.EXPIRED_CERTIFICATE) == "metadata.expired"


def test_edited_reference_node_service_is_refused_but_can_be_parsed_when_pinned() -> None:
    """Its signature does not verify; entity attributes, levels and attributes are read all the same."""
    name, entity_id = (
        "eu-service-metadata-requesterid-flag.xml",
        "http://localhost:8081/EidasNode/ServiceMetadata",
    )
    at = datetime(2026, 11, 23, tzinfo=UTC)
    anchor = trusted(entity_id, "CA")
    assert refused(name, at, anchor, Deviation.EXPIRED_CERTIFICATE) == "signature.invalid"
    content = octets(name).replace(b'Location="http:', b'Location="https:')
    pinned = trusted(
        entity_id,
        "CA",
        kind=AnchorKind.PINNED_METADATA,
        metadata_sha256=hashlib.sha256(content).hexdigest(),
    )
    peer = read(name, at, pinned, content=content).peers[entity_id, MetadataRole.IDENTITY_PROVIDER]
    assert peer.requester_id_required
    assert peer.levels == ("http://eidas.europa.eu/LoA/substantial",)
    assert "http://eidas.europa.eu/attributes/naturalperson/PersonIdentifier" in peer.supported_attributes
    assert peer.want_authn_requests_signed


def test_external_entity_is_refused_before_parsing() -> None:
    """DOCTYPE with an external entity on a local file."""
    anchor = trusted("classpath:idp-metadata.xml")
    at = datetime(2026, 11, 23, tzinfo=UTC)
    assert refused("ee-idp-metadata-xxe.xml", at, anchor) == "xml.doctype"
