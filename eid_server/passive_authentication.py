"""Passive authentication: whose signature stands under what a chip or a list says (ICAO Doc 9303-11 §5.1).

CMS SignedData with exactly one signer; the signer's certificate is inside and must have been issued
by a country signing CA of the configured list, or be pinned by its hash. Everything that can be
wrong is ``InvalidDocument``: the eID-Interface knows no finer answer (TR-03130-1 §3.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import new as new_hash
from hmac import compare_digest
from typing import Any

from asn1crypto import cms

from eid_server import certificates, tlv
from eid_server.certificates import Certificate, RevocationList
from eid_server.errors import InvalidDocument, Malformed

ID_SECURITY_OBJECT = "0.4.0.127.0.7.3.2.1"
ID_BLACK_LIST = "0.4.0.127.0.7.3.2.2"
ID_ICAO_MASTER_LIST = "2.23.136.1.1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTrust:
    """Whom to believe that a card is genuine."""

    authorities: tuple[Certificate, ...] = ()
    """Country signing CAs; each believed because it is configured."""
    revocation_lists: tuple[RevocationList, ...] = ()
    pinned_signers: frozenset[bytes] = frozenset()
    """SHA-256 of document signer certificates that are believed without their CA: for test cards whose
    CA certificate is not at hand. They are not looked up in any revocation list."""

    @classmethod
    def of(
        cls,
        *,
        authorities: Iterable[bytes] = (),
        revocation_lists: Iterable[bytes] = (),
        pinned_signers: Iterable[bytes] = (),
    ) -> CardTrust:
        """From the octets of files, DER or PEM; raises Malformed."""
        trust = cls(
            authorities=tuple(map(Certificate.load, authorities)),
            revocation_lists=tuple(map(RevocationList.load, revocation_lists)),
            pinned_signers=frozenset(pinned_signers),
        )
        for authority in trust.authorities:
            authority.require_authority()
        for revocations in trust.revocation_lists:
            certificates.issuer_of(revocations, trust.authorities)
        return trust

    def require_signer(self, signer: Certificate, now: datetime) -> None:
        """Raises Malformed for a signer that is not to be believed, Misconfigured for a stale CRL."""
        signer.require_signer()
        signer.require_known_extensions()
        signer.require_valid_at(now)
        if signer.fingerprint in self.pinned_signers:
            return
        certificates.issuer_of(signer, self.authorities).require_valid_at(now)
        for revocations in self.revocation_lists:
            if revocations.issuer == signer.issuer:
                revocations.require_current(now)
                if revocations.revokes(signer):
                    raise Malformed("the document signer's certificate is revoked")


def verify_signed(octets: bytes, content_type: str, trust: CardTrust, now: datetime) -> bytes:
    """The content of ``octets``, once its signature and its signer are found good.

    Raises InvalidDocument; Misconfigured when our own lists are at fault.
    """
    try:
        return _verified_content(octets, content_type, trust, now)
    except Malformed as reason:
        raise InvalidDocument(f"passive authentication: {reason}") from reason
    except certificates.DECODING_ERRORS as reason:
        # asn1crypto decodes late in places; what it stumbles over there is as wrong as anywhere
        raise InvalidDocument("passive authentication: damaged") from reason


def read_master_list(octets: bytes, trust: CardTrust, now: datetime) -> tuple[Certificate, ...]:
    """Country signing CAs of a master list (Doc 9303-12 §9), signed under an authority already believed.

    Raises InvalidDocument.
    """
    content = verify_signed(octets, ID_ICAO_MASTER_LIST, trust, now)
    try:
        return _authorities(content)
    except Malformed as reason:
        raise InvalidDocument(f"master list: {reason}") from reason


def _authorities(content: bytes) -> tuple[Certificate, ...]:
    version, authorities = tlv.sequence(tlv.one(content, 0x30).value, 0x02, 0x31)
    if tlv.unsigned(version.value) != 0:
        raise Malformed("another version of a master list")
    loaded = tuple(Certificate.load(element.encoded) for element in authorities.children())
    for authority in loaded:
        authority.require_authority()
    return loaded


def _verified_content(octets: bytes, content_type: str, trust: CardTrust, now: datetime) -> bytes:
    signed = _signed_data(octets)
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].dotted != content_type:
        raise Malformed("the signed content is of another type")
    content = bytes(encapsulated["content"])
    if len(signed["signer_infos"]) != 1:
        raise Malformed("not exactly one signer")
    info = signed["signer_infos"][0]
    signer = _signer(signed, info)
    trust.require_signer(signer, now)
    _verify_signature(info, signer, content, content_type)
    return content


def _signed_data(octets: bytes) -> Any:
    whole = tlv.first(octets)
    if octets[len(whole.encoded) :].strip(b"\0"):
        raise Malformed("octets behind the signed object")
    try:
        info = cms.ContentInfo.load(whole.encoded, strict=True)
        if info["content_type"].native != "signed_data":
            raise Malformed("not CMS SignedData")
        info.native  # noqa: B018 -- asn1crypto decodes lazily; whatever is wrong shall be wrong here
        return info["content"]
    except certificates.DECODING_ERRORS:
        raise Malformed("damaged CMS SignedData") from None


def _signer(signed: Any, info: Any) -> Certificate:
    """The embedded certificate that the SignerInfo names."""
    identifier = info["sid"]
    for choice in signed["certificates"]:
        if choice.name != "certificate":
            raise Malformed("an embedded certificate of another kind")
        certificate = Certificate.load(choice.chosen.dump())
        if identifier.name == "issuer_and_serial_number":
            named = identifier.chosen
            is_named = (named["issuer"].dump(), named["serial_number"].native) == (
                certificate.issuer,
                certificate.serial_number,
            )
        else:
            is_named = identifier.chosen.native == certificate.parsed.key_identifier
        if is_named:
            return certificate
    raise Malformed("the signer's certificate is not inside")


def _verify_signature(info: Any, signer: Certificate, content: bytes, content_type: str) -> None:
    """RFC 5652 §5.4 to 5.6; signed attributes are required, unsigned ones forbidden (TR-03110-3 A.1.2.5)."""
    digest = info["digest_algorithm"]["algorithm"].native
    if digest not in certificates.HASHES:
        raise Malformed("a digest algorithm outside the accepted list")
    if len(info["unsigned_attrs"]):
        raise Malformed("unsigned attributes in a security object")
    attributes = [(attribute["type"].native, list(attribute["values"])) for attribute in info["signed_attrs"]]
    found = {name: values[0] for name, values in attributes if len(values) == 1}
    if len(found) != len(attributes) or not {"content_type", "message_digest"} <= found.keys():
        raise Malformed("signed attributes missing or twice")
    if found["content_type"].dotted != content_type:
        raise Malformed("the signed type is not that of the content")
    if not compare_digest(bytes(found["message_digest"]), new_hash(digest, content).digest()):
        raise Malformed("the content is not what was signed")
    algorithm = info["signature_algorithm"]["algorithm"].native
    if certificates.ECDSA.get(algorithm) != digest:
        raise Malformed("digest and signature algorithm do not fit")
    certificates.verify(
        signer.public_key(), bytes(info["signature"]), info["signed_attrs"].untag().dump(), algorithm
    )
