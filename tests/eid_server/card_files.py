"""EF.CardAccess and EF.CardSecurity as a test wants them, right or wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from asn1crypto import algos, cms, core, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from eid_server.document_signers import Signer
from eid_server.passive_authentication import ID_SECURITY_OBJECT
from eid_server.tlv import object_identifier, write

PACE = "0.4.0.127.0.7.2.2.4.2.2"
CHIP_AUTHENTICATION = "0.4.0.127.0.7.2.2.3.2.2"
CHIP_KEY = 41
_DIGESTS = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}  # noqa: S303 -- to be refused


def oid(dotted: str) -> bytes:
    return write(0x06, object_identifier(dotted))


def integer(value: int) -> bytes:
    return write(0x02, bytes([value]))


def sequence(*parts: bytes) -> bytes:
    return write(0x30, b"".join(parts))


def standardised(number: int = 13) -> bytes:
    return sequence(oid("0.4.0.127.0.7.1.2"), integer(number))


def card_access_infos(protocol: str = CHIP_AUTHENTICATION, domain: int = 13) -> list[bytes]:
    return [
        sequence(oid(PACE), integer(2), integer(13)),
        sequence(oid("0.4.0.127.0.7.2.2.2"), integer(2)),
        sequence(oid(protocol), integer(2), integer(CHIP_KEY)),
        sequence(oid("0.4.0.127.0.7.2.2.3.2"), standardised(domain), integer(CHIP_KEY)),
    ]


def chip_key_info(point: bytes, *, key_id: int = CHIP_KEY, domain: int = 13) -> bytes:
    key = sequence(standardised(domain), write(0x03, b"\0" + point))
    return sequence(oid("0.4.0.127.0.7.2.2.1.2"), key, integer(key_id))


def restricted_identification_infos() -> list[bytes]:
    return [
        sequence(
            oid("0.4.0.127.0.7.2.2.5.2.3"),
            sequence(integer(1), integer(number), write(0x01, b"\xff" if number == 2 else b"\0")),
        )
        for number in (1, 2)
    ]


def infos(*parts: bytes) -> bytes:
    return write(0x31, b"".join(parts))


def card_access() -> bytes:
    return infos(*card_access_infos())


def signed(
    content: bytes,
    signer: Signer,
    *,
    content_type: str = ID_SECURITY_OBJECT,
    digest: str = "sha256",
    signed_type: str | None = None,
    certificates: Sequence[bytes] | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
    signers: int = 1,
    attributed: bool = True,
    by_key_identifier: bool = False,
    unsigned: bool = False,
) -> bytes:
    """CMS SignedData; every argument after the signer is there to be wrong."""
    certificate = x509.Certificate.load(signer.certificate)
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute(
                {"type": "content_type", "values": [cms.ContentType(signed_type or content_type)]}
            ),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.new(digest, content).digest()]}),
        ]
    )
    message = attributes.dump() if attributed else content
    signature = (key or signer.key).sign(message, ec.ECDSA(_DIGESTS[digest]))
    info: dict[str, object] = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            "issuer_and_serial_number",
            {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
        ),
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": digest}),
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": f"{digest}_ecdsa"}),
        "signature": signature,
    }
    if attributed:
        info["signed_attrs"] = attributes
    if by_key_identifier:
        info["version"] = "v3"
        info["sid"] = cms.SignerIdentifier("subject_key_identifier", certificate.key_identifier)
    if unsigned:
        info["unsigned_attrs"] = attributes
    embedded = [signer.certificate] if certificates is None else certificates
    data = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": digest})],
            "encap_content_info": {
                "content_type": content_type,
                "content": core.ParsableOctetString(content),
            },
            "certificates": [x509.Certificate.load(octets) for octets in embedded],
            "signer_infos": [cms.SignerInfo(info)] * signers,
        }
    )
    encoded: bytes = cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()
    return encoded
