"""Keys of the eID service and what its operator hands to us: authority, certificates, authorisation.

::

    eid-service/             its TLS authority, TLS and signing keys
    eid-pki/                 trial authorisation certificate (eid_server.pki); the same for every way, so
                             that a card has the same pseudonym whichever way it comes
    eid-cards/               the authority that makes test cards (sandbox.card.issuer)
    config/registry/partners/eid-service/   what the operator sends by e-mail: two certificates
    config/keys/eid-*.key    our keys towards it
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from eid_server.chat import SELECTOR_RIGHTS, rights_of
from eid_server.description import CertificateDescription
from eid_server.errors import EIDServerError
from eid_server.pki import TrialPKI, comm_certificates
from sandbox.addresses import Addresses
from sandbox.authority import KeyPair, KeyStore

HOSTS = ("localhost", "127.0.0.1", "::1")
RENEW_BEFORE = timedelta(days=7)
HANDED_OVER = "registry/partners/eid-service"
"""Below the configuration: what an object of the registry names lies there."""
Say = Callable[[str], None]


def store(directory: Path, say: Say = lambda _: None) -> KeyStore:
    """The eID service's own keys below the state directory."""
    return KeyStore(directory / "eid-service", say)


def pki_directory(directory: Path) -> Path:
    return directory / "eid-pki"


def cards_directory(directory: Path) -> Path:
    """Where test cards are made."""
    return directory / "eid-cards"


def prepare(directory: Path, addresses: Addresses, say: Say) -> None:
    """Make what is missing; renew the authorisation certificate when it ends or its addresses change."""
    keys = store(directory, say)
    authority = keys.obtain("authority", "p256", "Sandbox eID service authority", authority=True)
    keys.obtain("tls", "p256", "Sandbox eID service", authority, hosts=HOSTS)
    # TLS_RSA_PSK names its key exchange: RSA
    paos = keys.obtain("paos", "rsa-3072", "Sandbox eID-Server", authority, hosts=HOSTS)
    keys.obtain("signing", "rsa-3072", "Sandbox eID service signing")
    ours = KeyStore(directory / "config" / "keys", say)
    ours.obtain("eid-signing", "p256" if addresses.profile == "ec" else "rsa-3072", "Gateway eid-signing")
    ours.obtain("eid-tls", "p256", "Gateway eid-tls", authority)
    handed = directory / "config" / HANDED_OVER
    handed.mkdir(parents=True, exist_ok=True)
    for name in ("authority", "signing"):
        shutil.copyfile(keys.path(name, "crt"), handed / f"{name}.pem")
    certificates = [_der(paos)]
    if addresses.tls:
        certificates.append(_der(KeyStore(directory / "tls", say).load("server")))
    _authorise(pki_directory(directory), addresses, certificates, say)


def soap_section(addresses: Addresses) -> dict[str, object]:
    """Section ``[soap]`` of the connector, as an operator writes it."""
    return {
        "address": addresses.eid_soap,
        "server_ca": f"{HANDED_OVER}/authority.pem",
        "signers": [{"certificate": f"{HANDED_OVER}/signing.pem"}],
    }


def gateway_keys() -> list[dict[str, object]]:
    """Our keys towards the eID service, as entries of ``[[keys]]``."""
    return [
        {
            "id": name,
            "purpose": name,
            "private_key": f"file:keys/{name}.key",
            "certificate": f"keys/{name}.crt",
        }
        for name in ("eid-signing", "eid-tls")
    ]


def _authorise(directory: Path, addresses: Addresses, certificates: list[bytes], say: Say) -> None:
    today = datetime.now(UTC).date()
    description = CertificateDescription(
        issuer_name="eID Gateway sandbox",
        issuer_url=addresses.gateway,
        subject_name="Niemand, zum Ausprobieren",
        subject_url=addresses.gateway,
        terms_of_usage="Only for trying out; the card is a simulated one.",
        comm_certificates=comm_certificates(certificates),
    )
    rights = rights_of(*SELECTOR_RIGHTS)
    try:
        pki = TrialPKI.load(directory)
        if _lasts(pki, today) and pki.terminal.description == description.encoded:
            return
        pki = pki.renewed(today=today, description=description, rights=rights)
    except (FileNotFoundError, EIDServerError):
        say("trial PKI for the Online-Ausweis")
        pki = TrialPKI.create(today=today, description=description, rights=rights)
    pki.save(directory)


def _lasts(pki: TrialPKI, today: date) -> bool:
    certificates = (pki.terminal.certificate, pki.document_verifier.certificate, pki.cvca.certificate)
    return all(certificate.expiry > today + RENEW_BEFORE for certificate in certificates)


def _der(pair: KeyPair) -> bytes:
    return pair.certificate.public_bytes(Encoding.DER)
