"""The state directory ``.sandbox/``: what is made once and kept, and what is written at each start.

::

    .sandbox/
      ca.pem, tls/         sandbox authority and server certificate (SANDBOX_TLS=1)
      nodes/               keys of the foreign nodes
      accounts/            keys of BundID and the other accounts
      eid-service/         keys of the eID service
      eid-pki/             trial authorisation certificate for the Online-Ausweis
      eid-cards/           keys of whoever makes the test cards, and of their chips
      services/            secrets and keys of the demo services
      config/              the gateway's configuration, as an operator would have it
      state.json           what is running where
      *.log                output of the four processes

Keys are kept between starts; ``config/`` is written anew, because addresses may change.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey

from sandbox.accounts.keys import make_keys as make_account_keys
from sandbox.addresses import Addresses
from sandbox.authority import KeyStore, certificate_pem, write_private
from sandbox.card.driver import Drawer
from sandbox.configuration import write_configuration
from sandbox.eid_service import material, saml_world
from sandbox.nodes.world import make_keys
from sandbox.npa.configuration import prepare_cards
from sandbox.services import epaybl
from sandbox.services.registrations import Service, services
from sandbox.services.relying_party import RelyingParty

GATEWAY_KEYS = ("saml-signing", "saml-decryption", "saml-metadata", "oidc-es256", "oidc-rs256")
ACCOUNT_KEYS = ("account-signing", "account-decryption", "account-decryption-next")
"""Of the gateway towards account systems, which know RSA only."""


@dataclass(frozen=True, slots=True)
class State:
    """One sandbox on disk."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "config"

    @property
    def authority(self) -> Path:
        return self.directory / "ca.pem"

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def prepare(self, addresses: Addresses, say: Callable[[str], None]) -> None:
        """Make what is missing, write the configuration anew."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        self._gateway_keys(addresses, say)
        make_keys(KeyStore(self.directory / "nodes", say))
        make_account_keys(KeyStore(self.directory / "accounts", say))
        if addresses.tls:
            self._tls(say)
        material.prepare(self.directory, addresses, say)
        saml_world.make_keys(self.directory, say)
        prepare_cards(self.directory)
        for service in services().values():
            self._service_secret(service, say)
        if not self._payment_secret.exists():
            write_private(self._payment_secret, secrets.token_urlsafe(32).encode())
        write_configuration(self.directory, addresses, self._credentials())

    def _gateway_keys(self, addresses: Addresses, say: Callable[[str], None]) -> None:
        store = KeyStore(self.config / "keys", say)
        kind = "p256" if addresses.profile == "ec" else "rsa-3072"
        for name in GATEWAY_KEYS:
            fixed = {"oidc-es256": "p256", "oidc-rs256": "rsa-3072"}
            store.obtain(name, fixed.get(name, kind), f"Gateway {name}")
        for name in ACCOUNT_KEYS:
            store.obtain(name, "rsa-3072", f"Gateway {name}")
        subject = self.config / "keys" / "subject.key"
        if not subject.exists():
            write_private(subject, secrets.token_bytes(32))

    def _tls(self, say: Callable[[str], None]) -> None:
        store = KeyStore(self.directory / "tls", say)
        authority = store.obtain("authority", "p256", "Sandbox authority", authority=True)
        store.obtain("server", "p256", "localhost", authority, hosts=("localhost", "127.0.0.1", "::1"))
        self.authority.write_bytes(certificate_pem(authority.certificate))

    @property
    def tls_files(self) -> tuple[Path, Path]:
        """Certificate and key of the servers."""
        return self.directory / "tls" / "server.crt", self.directory / "tls" / "server.key"

    @property
    def drawer(self) -> Drawer:
        """The test cards."""
        root = material.pki_directory(self.directory) / "cvca.cvcert"
        return Drawer(material.cards_directory(self.directory), root)

    def _secret_file(self, service: Service) -> Path:
        suffix = "jwk.json" if service.authentication == "private_key_jwt" else "secret"
        return self.directory / "services" / f"{service.client_id}.{suffix}"

    @property
    def _payment_secret(self) -> Path:
        return self.directory / "services" / f"{epaybl.CLIENT_ID}.secret"

    def payment_component(self, addresses: Addresses) -> epaybl.PaymentComponent:
        """The resource server, ready to serve."""
        return epaybl.PaymentComponent(
            addresses.gateway,
            epaybl.resource_of(addresses),
            self._payment_secret.read_text(),
            self.authority if addresses.tls else None,
        )

    def _service_secret(self, service: Service, say: Callable[[str], None]) -> None:
        path = self._secret_file(service)
        if path.exists():
            return
        say(f"credentials: {service.client_id}")
        if service.authentication == "private_key_jwt":
            key = ECKey.generate_key("P-256", {"kid": f"{service.client_id}-1", "use": "sig"}, private=True)
            write_private(path, json.dumps(key.as_dict(private=True)).encode())
        else:
            write_private(path, secrets.token_urlsafe(32).encode())

    def credential(self, service: Service) -> str | ECKey:
        """The service's secret, or its key."""
        content = self._secret_file(service).read_text()
        if service.authentication == "private_key_jwt":
            return ECKey.import_key(json.loads(content))
        return content

    def _credentials(self) -> dict[str, str | dict[str, object]]:
        """What the gateway's operator learns: the digest of a secret, or a public key set."""
        known: dict[str, str | dict[str, object]] = {}
        for service in services().values():
            credential = self.credential(service)
            if isinstance(credential, ECKey):
                known[service.client_id] = {"keys": [credential.as_dict(private=False)]}
            else:
                known[service.client_id] = hashlib.sha256(credential.encode()).hexdigest()
        known[epaybl.CLIENT_ID] = hashlib.sha256(self._payment_secret.read_bytes()).hexdigest()
        return known

    def relying_parties(self, addresses: Addresses) -> dict[str, RelyingParty]:
        """The demo services, ready to serve."""
        return {
            service.client_id: RelyingParty(
                service,
                addresses.gateway,
                f"{addresses.services}/{service.client_id}",
                self.credential(service),
                self.authority if addresses.tls else None,
            )
            for service in services().values()
        }
