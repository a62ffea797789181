"""Who makes the test cards: a country signing CA, a document signer, and EF.CardSecurity.

Everything is throw-away and lies below one directory::

    csca.crt, csca.crl       for the eID-Server's trust list
    csca.key, signer.crt, signer.key
    <citizen>.json           the chip's three private keys
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import algos, cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.authority import write_private
from sandbox.card import curve, names
from sandbox.card.document import Document, documents
from sandbox.card.objects import write

CHIP_KEY = 41
REVOCATION_KEY, PSEUDONYM_KEY = 1, 2
CARD_INFO = "http://bsi.bund.de/cif/npa.xml"
CSCA_YEARS, SIGNER_YEARS = 15, 11

_EID_TYPES = {
    "CardCertified": f"{names.CARD_EID_TYPE}.1",
    "SECertified": f"{names.MOBILE_EID_TYPE}.1",
    "SEEndorsed": f"{names.MOBILE_EID_TYPE}.2",
    "HWKeyStore": f"{names.MOBILE_EID_TYPE}.3",
}


@dataclass(frozen=True, slots=True)
class ChipKeys:
    """Private numbers of one chip: for chip authentication and twice for restricted identification."""

    chip: int
    restricted: dict[int, int]


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class CardIssuer:
    """Makes what is missing, reads what is there; never overwrites."""

    def __init__(self, directory: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        self.authority = self._obtain("csca", None, now, CSCA_YEARS, say)
        self._signer = self._obtain("signer", self.authority, now, SIGNER_YEARS, say)
        if not self.revocations.exists():
            self.revocations.write_bytes(_revocations(self.authority, now))

    @property
    def trust_point(self) -> Path:
        """The CSCA certificate (PEM), for the eID-Server's trust list."""
        return self._directory / "csca.crt"

    @property
    def revocations(self) -> Path:
        """An empty list of revoked document signers (DER)."""
        return self._directory / "csca.crl"

    def _obtain(
        self, name: str, issuer: Signed | None, now: datetime, years: int, say: Callable[[str], None]
    ) -> Signed:
        key_file, file = self._directory / f"{name}.key", self._directory / f"{name}.crt"
        if file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise TypeError(f"{key_file}: not an EC key")
            return Signed(x509.load_pem_x509_certificate(file.read_bytes()), key)
        say(f"card issuer: {name}")
        made = _certify(name, issuer, now, years)
        write_private(key_file, _pem(made.key))
        file.write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
        return made

    def keys(self, document: Document) -> ChipKeys:
        """The chip's keys, made once per citizen: the pseudonym stays as long as they do."""
        file = self._directory / f"{document.id}.json"
        if not file.exists():
            fresh = {name: f"{curve.scalar():x}" for name in ("chip", "revocation", "pseudonym")}
            write_private(file, json.dumps(fresh).encode())
        stored = {name: int(text, 16) for name, text in json.loads(file.read_text(encoding="utf-8")).items()}
        restricted = {REVOCATION_KEY: stored["revocation"], PSEUDONYM_KEY: stored["pseudonym"]}
        return ChipKeys(stored["chip"], restricted)

    def blocked(self, sector_public: bytes) -> list[bytes]:
        """Identifiers of all revoked cards in a terminal's sector, for its block list."""
        sector = curve.point(sector_public)
        revoked = (d for d in documents().values() if d.revoked)
        secrets_ = (self.keys(d).restricted[REVOCATION_KEY] for d in revoked)
        return [hashlib.sha256(curve.multiply(s, sector).x_octets).digest() for s in secrets_]

    def card_security(self, document: Document) -> bytes:
        """EF.CardSecurity: the security infos in a signature of the document signer."""
        keys = self.keys(document)
        infos = [*_public_infos(), _chip_public(keys.chip), *_restricted_infos()]
        if document.eid_type != "CardCertified":
            infos.append(_sequence(_oid(_EID_TYPES[document.eid_type]), b"\x05\x00"))
        return _signed_data(write(0x31, *infos), self._signer)


def card_access() -> bytes:
    """EF.CardAccess, readable by everybody: which protocols, which domain (TR-03110-3 A.1.2)."""
    return write(0x31, *_public_infos())


def _sequence(*parts: bytes) -> bytes:
    return write(0x30, *parts)


def _oid(dotted: str) -> bytes:
    return write(0x06, names.oid(dotted))


def _integer(number: int) -> bytes:
    return write(0x02, bytes([number]))


def _domain() -> bytes:
    return _sequence(_oid(names.STANDARDIZED_DOMAIN), _integer(names.BRAINPOOL_P256R1_ID))


def _public_infos() -> list[bytes]:
    return [
        _sequence(_oid(names.PACE_ECDH_GM_AES_128), _integer(2), _integer(names.BRAINPOOL_P256R1_ID)),
        _sequence(_oid(names.TA), _integer(2)),
        _sequence(_oid(names.CA_ECDH_AES_128), _integer(2), _integer(CHIP_KEY)),
        _sequence(_oid(names.CA_ECDH), _domain(), _integer(CHIP_KEY)),
        _sequence(_oid(names.CARD_INFO), write(0x16, CARD_INFO.encode())),
    ]


def _chip_public(secret: int) -> bytes:
    public = write(0x03, b"\0", curve.multiply(secret).octets)
    return _sequence(_oid(names.PK_ECDH), _sequence(_domain(), public), _integer(CHIP_KEY))


def _restricted_infos() -> list[bytes]:
    """Key 1 may be used by every terminal, key 2 by those with the right (TR-03110-3 A.1.1.5)."""
    keys = [
        _sequence(
            _oid(names.RI_ECDH_SHA_256),
            _sequence(_integer(1), _integer(key), write(0x01, b"\xff" if key == PSEUDONYM_KEY else b"\0")),
        )
        for key in (REVOCATION_KEY, PSEUDONYM_KEY)
    ]
    return [*keys, _sequence(_oid(names.RI_ECDH), _domain())]


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certify(name: str, issuer: Signed | None, now: datetime, years: int) -> Signed:
    """A CSCA, or with an issuer a document signer (ICAO 9303-12 §7.1)."""
    key = ec.generate_private_key(ec.BrainpoolP384R1() if issuer is None else ec.BrainpoolP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "eID Gateway sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Sandbox card {name}"),
        ]
    )
    signer = issuer.key if issuer else key
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    ) | {"encipher_only": False, "decipher_only": False}
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + timedelta(days=365 * years))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=issuer is not None, key_cert_sign=not issuer, crl_sign=not issuer, **usage
            ),
            critical=True,
        )
    )
    if issuer is None:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Signed(builder.sign(signer, hashes.SHA384() if issuer is None else hashes.SHA256()), key)


def _revocations(authority: Signed, now: datetime) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - timedelta(minutes=10))
        .next_update(now + timedelta(days=365 * CSCA_YEARS))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
    )
    return builder.sign(authority.key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


def _signed_data(content: bytes, signer: Signed) -> bytes:
    """CMS SignedData around the security infos (TR-03110-3 A.1.2.4, RFC 5652 §5)."""
    certificate = asn1_x509.Certificate.load(signer.certificate.public_bytes(serialization.Encoding.DER))
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": [names.SECURITY_OBJECT]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
        ]
    )
    digest = algos.DigestAlgorithm({"algorithm": "sha256"})
    info = cms.SignerInfo(
        {
            "version": "v3",
            "sid": cms.SignerIdentifier({"subject_key_identifier": certificate.key_identifier}),
            "digest_algorithm": digest,
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            "signature": signer.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
        }
    )
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [digest],
            "encap_content_info": {"content_type": names.SECURITY_OBJECT, "content": content},
            "certificates": [certificate],
            "signer_infos": [info],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())
