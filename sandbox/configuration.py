"""Writes the gateway's configuration directory for the sandbox.

It plays the operator: what the gateway must know of each partner (anchor, address, exceptions with
an end date, client registration) is written down here as an operator would, in the gateway's
documented format. Nothing of the gateway is imported.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from sandbox.accounts.accounts import accounts
from sandbox.accounts.configuration import write_accounts
from sandbox.addresses import Addresses
from sandbox.eid_service import material
from sandbox.eid_service.saml_world import EIDAS_CONNECTOR, partner_section
from sandbox.nodes import directory
from sandbox.nodes.countries import Country, countries, national
from sandbox.nodes.world import anchor_file
from sandbox.npa.configuration import write_cards
from sandbox.operator_files import CONTACTS, anchor, exceptions, source
from sandbox.services import epaybl
from sandbox.services.registrations import Service, services
from sandbox.toml_text import document


def write_configuration(
    state: Path, addresses: Addresses, credentials: Mapping[str, str | dict[str, object]]
) -> None:
    """Write ``<state>/config`` anew, keeping ``keys/`` and ``var/``.

    ``credentials`` holds for each client the SHA-256 of its secret or its public key set.
    """
    config = state / "config"
    registry = config / "registry"
    for found in registry.glob("*"):
        if found.name != "partners":  # what was handed over, not written by us
            shutil.rmtree(found)
    for folder in ("anchors", "connectors", "countries", "clients", "sources"):
        (registry / folder).mkdir(parents=True)
    (config / "var").mkdir(exist_ok=True)
    (config / "gateway.toml").write_text(_gateway(state, addresses), encoding="utf-8")
    for node in (*countries().values(), national()):
        _write_anchor(state, registry, addresses, node)
    _write_sources(state, registry, addresses)
    _write_connectors(registry, addresses)
    write_accounts(state, registry, addresses)
    write_cards(state, registry, addresses)
    for country in countries().values():
        _write_country(registry, addresses, country)
    for service in services().values():
        _write_client(registry, addresses, service, credentials[service.client_id])
    _write_payment_component(registry, addresses, credentials[epaybl.CLIENT_ID])
    if (state / "clients").is_dir():  # registrations of somebody who connects a service of their own
        shutil.copytree(state / "clients", registry / "clients", dirs_exist_ok=True)


def _gateway(state: Path, addresses: Addresses) -> str:
    certificate = state / "tls" / "server.crt"
    key = state / "tls" / "server.key"
    tls = addresses.tls
    return document(
        {},
        {
            "gateway": {
                "issuer": addresses.gateway,
                "mode": "development",
                "name": {"de": "eID-Gateway (Sandbox)", "en": "eID Gateway (sandbox)"},
                "operator": {"de": "Niemand, zum Ausprobieren", "en": "Nobody, for trying out"},
                "languages": ["de", "en"],
            },
            "listen": {
                "host": "127.0.0.1",
                "port": addresses.gateway_port,
                "management_port": addresses.management_port,
                "tls_certificate": str(certificate.resolve()) if tls else None,
                "tls_private_key": f"file:{key.resolve()}" if tls else None,
                "mtls_port": addresses.certificate_port if tls else None,
                "mtls_url": addresses.certificate_gateway if tls else None,
                "mtls_client_ca": _client_certificates(state) if tls else None,
            },
            "http": {
                "allow_private_addresses": True,
                "ca_file": str((state / "ca.pem").resolve()) if tls else None,
            },
            "registration": {"enabled": True},
            # Only where somebody looks at it: tests ask for each probe.
            "probes": {"enabled": addresses.probes},
            **_console(addresses),
            # Everybody in the sandbox has the same address, and tests are quick.
            "rate": {"authorize": 0, "callback": 0, "token": 0},
        },
        {
            "keys": [
                _key("oidc-es256", "oidc-signing"),
                _key("oidc-rs256", "oidc-signing"),
                _key("saml-signing", "saml-signing", certificate=True),
                _key("saml-decryption", "saml-decryption", certificate=True),
                _key("saml-metadata", "saml-metadata-signing", certificate=True),
                _key("subject", "subject"),
                _account_key("account-signing", "saml-signing"),
                _account_key("account-decryption", "saml-decryption"),
                # The key after the next roll-over: account systems take weeks to load a new file.
                _account_key("account-decryption-next", "saml-decryption") | {"state": "next"},
                *material.gateway_keys(),
            ]
        },
    )


def _console(addresses: Addresses) -> dict[str, dict[str, object]]:
    if not addresses.console:
        return {}
    return {"console": {"url": addresses.console_url, "port": addresses.console_port}}


def _client_certificates(state: Path) -> str:
    """What clients may show: certificates of the sandbox's authority, and those beside a registration."""
    own = sorted((state / "clients").glob("*.crt"))
    path = state / "tls" / "clients.pem"
    path.write_bytes(b"".join(file.read_bytes() for file in (state / "ca.pem", *own)))
    return str(path.resolve())


def _key(name: str, purpose: str, *, certificate: bool = False) -> dict[str, object]:
    return {
        "id": name,
        "purpose": purpose,
        "private_key": f"file:keys/{name}.key",
        "certificate": f"keys/{name}.crt" if certificate else None,
    }


def _account_key(name: str, purpose: str) -> dict[str, object]:
    """A key of our own for the account systems, which know RSA only."""
    return _key(name, purpose, certificate=True) | {"connectors": list(accounts())}


def _write_anchor(state: Path, registry: Path, addresses: Addresses, node: Country) -> None:
    name = f"{node.path}-node"
    shutil.copyfile(state / "nodes" / anchor_file(node), registry / "anchors" / f"{name}.crt")
    metadata = f"{addresses.nodes}/{node.path}/metadata"
    everybody = ["DE", *(c.code for c in countries().values())]
    speaks_for = everybody if node.path == "national" else [node.code]
    text = anchor(
        name,
        "metadata-signer",
        speaks_for,
        {"certificate": f"registry/anchors/{name}.crt"},
        {"url": metadata, "entity_ids": [metadata]},
    )
    (registry / "anchors" / f"{name}.toml").write_text(text, encoding="utf-8")


def _write_sources(state: Path, registry: Path, addresses: Addresses) -> None:
    """Two countries are known by somebody who knows all the nodes, instead of by an anchor of their own."""
    certificate = "registry/sources/directory.crt"
    shutil.copyfile(state / "nodes" / f"{directory.KEY}.crt", registry / "sources" / "directory.crt")
    for path, name in directory.COUNTRIES.items():
        country = countries()[path]
        queried = name == "sandbox-query"
        entity = {"country": country.code, "entity_id": f"{addresses.nodes}/{path}/metadata"}
        text = source(
            name,
            "mdq" if queried else "mdsl",
            [country.code],
            {
                "url": addresses.nodes + (directory.QUERY_PATH if queried else directory.LIST_PATH),
                "certificates": [certificate],
            },
            [entity] if queried else [],
        )
        (registry / "sources" / f"{name}.toml").write_text(text, encoding="utf-8")


def _write_connectors(registry: Path, addresses: Addresses) -> None:
    node = {
        "kind": "eidas",
        "id": "eidas",
        "role": "node",
        "name": {"de": "Europäische eID", "en": "European eID"},
        "node_country": "DE",
        "contacts": CONTACTS,
    }
    through_national = node | {
        "id": "eidas-national",
        "role": "national",
        "name": {
            "de": "Europäische eID über einen nationalen Konnektor",
            "en": "European eID through a national connector",
        },
        "national_peer": f"{addresses.nodes}/national/metadata",
        "national_anchor": "national-node",
        "national_requester_id": "extension",
    }
    through_eid_server = node | {
        "id": EIDAS_CONNECTOR,
        "role": "esaml",
        "name": {"de": "Europäische eID über einen eID-Server", "en": "European eID through an eID-Server"},
    }
    for settings, sections in (
        (node, {}),
        (through_national, {}),
        (through_eid_server, {"esaml": partner_section(addresses, "esaml")}),
    ):
        path = registry / "connectors" / f"{settings['id']}.toml"
        path.write_text(document(settings, sections), encoding="utf-8")


def _write_country(registry: Path, addresses: Addresses, country: Country) -> None:
    facts = dict(country.gateway)
    dated = exceptions(facts.pop("lenient", ()))
    direct = {
        "country": country.code,
        "anchor": f"{country.path}-node",
        "entity_id": f"{addresses.nodes}/{country.path}/metadata",
        **facts,
    }
    if country.path in directory.COUNTRIES:
        del direct["anchor"], direct["entity_id"]
        direct["source"] = directory.COUNTRIES[country.path]
    if country.node_code != country.code:
        direct["node_code"] = country.node_code
    text = document(direct, _probe(country), {"exceptions": dated})
    (registry / "countries" / f"{country.path}.toml").write_text(text, encoding="utf-8")
    if not country.notified:
        return
    for name, connector in (("national", "eidas-national"), ("esaml", EIDAS_CONNECTOR)):
        through = {
            "country": country.code,
            "connector": connector,
            "schemes": facts.get("schemes", []),
            "persons": list(country.persons),
            "levels": list(country.levels),
        }
        path = registry / "countries" / f"{name}-{country.path}.toml"
        path.write_text(document(through, _probe(country)), encoding="utf-8")


def _probe(country: Country) -> dict[str, dict[str, object]]:
    """The sections of a probe login with the first test citizen who answers."""
    citizen = next(c for c in country.citizens if c.kind == "natural" and c.decides == "answer")
    answers: dict[str, object] = {"citizen": citizen.id, "fault": "", "decision": "answer"}
    return {
        "probe": {"every_seconds": 900, "level": citizen.level, "expected": citizen.level},
        "probe.answers": answers,
    }


def _write_client(
    registry: Path, addresses: Addresses, service: Service, credential: str | dict[str, object]
) -> None:
    base = f"{addresses.services}/{service.client_id}"
    fields: dict[str, object] = {
        "client_id": service.client_id,
        "home_url": f"{base}/",
        "redirect_uris": [f"{base}/callback"],
        "token_endpoint_auth_method": service.authentication,
        **service.registration,
    }
    if service.calls:
        fields["resources"] = [f"{addresses.services}/{name}/" for name in service.calls]
    if isinstance(credential, str):
        fields["client_secret_sha256"] = credential
    else:
        name = f"{service.client_id}.jwks.json"
        (registry / "clients" / name).write_text(json.dumps(credential), encoding="utf-8")
        fields["jwks_file"] = f"registry/clients/{name}"
    (registry / "clients" / f"{service.client_id}.toml").write_text(document(fields), encoding="utf-8")


def _write_payment_component(
    registry: Path, addresses: Addresses, credential: str | dict[str, object]
) -> None:
    """A resource server is registered, too: it may ask about tokens for its own identifier."""
    base = epaybl.base_of(addresses)
    fields = {
        "client_id": epaybl.CLIENT_ID,
        "home_url": f"{base}/",
        "redirect_uris": [f"{base}/callback"],  # nobody ever logs in there
        "resource": epaybl.resource_of(addresses),
        "client_secret_sha256": credential,
        **epaybl.REGISTRATION,
    }
    (registry / "clients" / f"{epaybl.CLIENT_ID}.toml").write_text(document(fields), encoding="utf-8")
