"""Where everything listens, decided once from the environment.

| variable | meaning | default |
|---|---|---|
| ``SANDBOX_PORT_BASE`` | first port; gateway +0, management +1, certificates +2 (TLS only), console +3, services +10, nodes +20, eID service +30 to +32 | 8400 |
| ``SANDBOX_TLS`` | ``1``: https everywhere, nodes on another site (``127.0.0.1``) | off |
| ``SANDBOX_PROBES`` | ``1``: the gateway logs in everywhere with test citizens, on a schedule | on for ``python -m sandbox``, else off |
| ``SANDBOX_CONSOLE`` | ``1``: the gateway has its console for security admins, and two people who decide | on for ``python -m sandbox``, else off |
| ``SANDBOX_METADATA_SECONDS`` | how long nodes and account systems keep what they have read of our metadata | 300 |
| ``SANDBOX_PROFILE`` | the gateway's keys: ``rsa`` (RSA-3072) or ``ec`` (P-256) | ``rsa`` |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Self

Profile = Literal["rsa", "ec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The addresses of one sandbox."""

    port_base: int = 8400
    tls: bool = False
    profile: Profile = "rsa"
    probes: bool = False
    console: bool = False
    metadata_seconds: int = 300

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables; raises ValueError naming the one that is wrong."""
        text = environment.get("SANDBOX_PORT_BASE") or "8400"
        if not text.isdecimal() or not 1024 <= int(text) <= 65500:
            raise ValueError(f"SANDBOX_PORT_BASE must be a port between 1024 and 65500, not {text!r}")
        seconds = environment.get("SANDBOX_METADATA_SECONDS") or "300"
        if not seconds.isdecimal():
            raise ValueError(f"SANDBOX_METADATA_SECONDS must be a number of seconds, not {seconds!r}")
        profile = environment.get("SANDBOX_PROFILE") or "rsa"
        if profile not in ("rsa", "ec"):
            raise ValueError(f"SANDBOX_PROFILE must be rsa or ec, not {profile!r}")
        tls, probes, console = (
            environment.get(f"SANDBOX_{name}", "") in ("1", "true", "yes")
            for name in ("TLS", "PROBES", "CONSOLE")
        )
        return cls(
            port_base=int(text),
            tls=tls,
            probes=probes,
            console=console,
            profile="ec" if profile == "ec" else "rsa",
            metadata_seconds=int(seconds),
        )

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    @property
    def gateway_port(self) -> int:
        return self.port_base

    @property
    def management_port(self) -> int:
        return self.port_base + 1

    @property
    def certificate_port(self) -> int:
        """With TLS only: for clients that show a certificate (RFC 8705)."""
        return self.port_base + 2

    @property
    def console_port(self) -> int:
        """Where ``console`` is on."""
        return self.port_base + 3

    @property
    def services_port(self) -> int:
        return self.port_base + 10

    @property
    def nodes_port(self) -> int:
        return self.port_base + 20

    @property
    def eid_soap_port(self) -> int:
        return self.port_base + 30

    @property
    def eid_paos_port(self) -> int:
        return self.port_base + 31

    @property
    def eid_saml_port(self) -> int:
        return self.port_base + 32

    @property
    def gateway(self) -> str:
        """The issuer."""
        return f"{self.scheme}://localhost:{self.gateway_port}"

    @property
    def certificate_gateway(self) -> str:
        """Base of ``mtls_endpoint_aliases``."""
        return f"https://localhost:{self.certificate_port}"

    @property
    def console_url(self) -> str:
        """Browsers offer passkeys on https, and on http at ``localhost``."""
        return f"{self.scheme}://localhost:{self.console_port}"

    @property
    def management(self) -> str:
        """The management listener is never TLS: it is for the machine itself."""
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def services(self) -> str:
        return f"{self.scheme}://localhost:{self.services_port}"

    @property
    def nodes(self) -> str:
        """With TLS the nodes are another site than the gateway, as in life: their answer is a
        cross-site POST, and browsers then withhold ``SameSite=Lax`` cookies."""
        host = "127.0.0.1" if self.tls else "localhost"
        return f"{self.scheme}://{host}:{self.nodes_port}"

    @property
    def eid_soap(self) -> str:
        """The eID-Interface: TLS with client certificate, whatever the others do (TR-03130-1 §3.1)."""
        return f"https://localhost:{self.eid_soap_port}/eID"

    @property
    def eid_paos(self) -> str:
        """``eCardServerAddress``: TLS_RSA_PSK, which is never plain either."""
        return f"https://localhost:{self.eid_paos_port}/paos"

    @property
    def eid_saml(self) -> str:
        """SAML processor and eSAML; another site than the gateway with TLS, as in life."""
        host = "127.0.0.1" if self.tls else "localhost"
        return f"{self.scheme}://{host}:{self.eid_saml_port}"

    def record(self) -> dict[str, object]:
        """Plain values for ``state.json``."""
        return asdict(self)
