"""Keys of the eID service towards SAML eServices, and who is registered with it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.addresses import Addresses
from sandbox.authority import KeyPair, certificates_handed_over
from sandbox.eid_service.material import HANDED_OVER, Say, store
from sandbox.eid_service.saml_request import Registration

SIGNING: Final = "saml-signing"
ENCRYPTION: Final = "saml-encryption"
NATIONAL_CONNECTOR: Final = "npa-saml"
EIDAS_CONNECTOR: Final = "eidas-esaml"


def make_keys(directory: Path, say: Say) -> None:
    """Create the two pairs where they are missing: what signs never decrypts (TR-03130-1 §4).

    The certificates go to the gateway's operator, as those of the other interfaces do.
    """
    keys = store(directory, say)
    keys.obtain(SIGNING, "rsa-3072", "Sandbox eID service SAML signing")
    keys.obtain(ENCRYPTION, "p256", "Sandbox eID service SAML encryption")
    handed = directory / "config" / HANDED_OVER
    handed.mkdir(parents=True, exist_ok=True)
    for name in (SIGNING, ENCRYPTION):
        shutil.copyfile(keys.path(name, "crt"), handed / f"{name}.pem")


def partner_section(addresses: Addresses, path: str) -> dict[str, object]:
    """What the gateway's operator writes down about us; ``path`` takes the requests."""
    return {
        "address": f"{addresses.eid_saml}/{path}",
        "issuer": f"{addresses.eid_saml}/saml/metadata",
        "signing_certificates": [f"{HANDED_OVER}/{SIGNING}.pem"],
        "encryption_certificate": f"{HANDED_OVER}/{ENCRYPTION}.pem",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SAMLWorld:
    """What SAML processor and eSAML know."""

    base: str
    signing: KeyPair
    decryption: KeyPair
    registrations: Mapping[str, Registration]
    """Of the eService by connector."""

    @property
    def issuer(self) -> str:
        return f"{self.base}/saml/metadata"

    @property
    def processor(self) -> str:
        return f"{self.base}/saml"

    @property
    def esaml(self) -> str:
        return f"{self.base}/esaml"

    def registered(self, connector: str) -> Mapping[str, Registration]:
        """By issuer, only that one: a request for one interface is none for the other."""
        found = self.registrations[connector]
        return {found.issuer: found}


def load_saml_world(addresses: Addresses, state: Path) -> SAMLWorld:
    """Read what was prepared; raises FileNotFoundError when it was not.

    The eService's certificates were handed over, as TR-03130-1 §4 has no metadata. Its operator encrypts to
    the newest one, which the eService has to reckon with from the day it hands it over.
    """
    own = store(state)
    signing, *next_signing = certificates_handed_over(state, "saml-signing")
    *_, encryption = certificates_handed_over(state, "saml-decryption")
    return SAMLWorld(
        base=addresses.eid_saml,
        signing=own.load(SIGNING),
        decryption=own.load(ENCRYPTION),
        registrations={
            connector: Registration(
                issuer=f"{addresses.gateway}/connectors/{connector}/metadata",
                consumer=f"{addresses.gateway}/connectors/{connector}/acs",
                signing=signing,
                encryption=encryption,
                next_signing=tuple(next_signing),
            )
            for connector in (NATIONAL_CONNECTOR, EIDAS_CONNECTOR)
        },
    )
