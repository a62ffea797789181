"""Put the SOAP way together from its section, our keys and the files it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.npa.operations import Operation
from connectors.npa.soap.exchange import EIDInterface
from connectors.npa.soap.names import schema
from connectors.npa.soap.rights import RightsWatch
from connectors.npa.soap.service import SOAPService
from connectors.npa.soap.settings import SignerPin, SOAPSection
from connectors.npa.soap.tls import client_context
from connectors.npa.way import ServiceKeys, Surroundings, Way
from connectors.peer_facts import KeyUse, PeerFacts, PeerKey
from connectors.saml.keys import OwnKey
from trust.errors import KeyUnavailable, VerificationError
from trust.keys import SignerDecrypter
from trust.pinned import PinnedKey


def assemble(
    section: SOAPSection, rights: Sequence[Operation], keys: ServiceKeys, surroundings: Surroundings
) -> Way:
    """The way with everything it needs; nothing is sent yet.

    Raises KeyUnavailable, or ValueError for an unusable file or address.
    """
    signer = _active(keys.signing, "eid-signing")
    tls_key = _active(keys.tls, "eid-tls")
    if signer.certificate is None:
        raise KeyUnavailable("key.certificate", "the key that signs for the eID service needs a certificate")
    server_ca = surroundings.config_dir / section.server_ca
    try:
        context = client_context(tls_key, server_ca)
    except OSError as error:  # an ssl.SSLError is one
        raise ValueError(f"{section.server_ca}: no usable authority: {error}") from error
    pins = [(pin, _pinned(pin, surroundings.config_dir)) for pin in section.signers]
    interface = EIDInterface(
        section=section,
        signer=signer,
        pins=pins,
        context=context,
        policy=surroundings.fetch_policy,
    )
    schema()  # compiled now, not in the first citizen's login
    service = SOAPService(interface=interface)
    watch = RightsWatch(
        service=service,
        rights=frozenset(rights),
        every=timedelta(seconds=section.server_info_seconds),
        valid_until=_valid_until(signer, tls_key, pins),
    )
    facts = PeerFacts(
        peer=section.address,
        country="DE",
        anchor=None,
        keys=(
            *(
                PeerKey(use=KeyUse.SIGNING, key=key, ends=None if pin.until is None else pin.ends(None))
                for pin, key in pins
            ),
            *(PeerKey(use=KeyUse.TLS_AUTHORITY, key=key) for key in _authorities(server_ca)),
        ),
        addresses=(section.address,),
    )
    return Way(
        service=service, peer=section.address, peers=watch.peers, facts=(facts,), refresh=watch.refresh
    )


def _active(keys: Sequence[OwnKey], purpose: str) -> SignerDecrypter:
    found = next((key.key for key in keys if key.state == "active"), None)
    if found is None:
        raise KeyUnavailable("key.missing", f"no active key of purpose {purpose}")
    return found


def _valid_until(
    signer: SignerDecrypter, tls_key: SignerDecrypter, pins: Sequence[tuple[SignerPin, PinnedKey]]
) -> datetime:
    ours = [key.certificate.not_valid_after_utc for key in (signer, tls_key) if key.certificate is not None]
    return min(*ours, max(pin.ends(key.not_after) for pin, key in pins))


def _authorities(file: Path) -> Iterator[PinnedKey]:
    """For people to look at: TLS itself has taken the file already."""
    for certificate in x509.load_pem_x509_certificates(file.read_bytes()):
        try:
            yield PinnedKey.from_certificate(certificate.public_bytes(Encoding.DER))
        except VerificationError:  # a kind of key that signs no messages, Ed25519 for one
            continue


def _pinned(pin: SignerPin, directory: Path) -> PinnedKey:
    try:
        return PinnedKey.from_certificate((directory / pin.certificate).read_bytes())
    except OSError as error:
        raise ValueError(f"{pin.certificate}: cannot be read: {error.strerror}") from error
    except VerificationError as error:
        raise ValueError(f"{pin.certificate}: {error}") from error
