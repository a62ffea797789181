"""The checks between the files of a configuration. Each adds what it finds; none raises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connectors.eidas.settings import CountrySettings, EIDASSettings, Role
from gateway.bundle.keys import EID_PURPOSES, SAML_PURPOSES
from gateway.bundle.problems import Located, Problems
from gateway.client_settings import Client
from gateway.own_keys.loaded import LoadedKey
from gateway.settings import ConfigurationProblem, KeyPurpose, KeyState, Mode, Settings, Texts, resolve
from gateway.store.connection import SCHEMES
from gateway.web.translations import available
from trust.anchors import AnchorKind, TrustAnchor
from trust.keys import spki

_GATEWAY = "gateway.toml"
_LOOPBACK_NAMES = {"localhost"}


def check_gateway(settings: Settings, directory: Path, problems: Problems) -> None:
    """Issuer, texts, store and files of ``gateway.toml``."""
    section = settings.gateway
    production = section.mode is Mode.PRODUCTION
    if urlsplit(section.issuer).scheme == "http":
        if production:
            problems.add(_GATEWAY, "gateway.issuer", "http in production", "use https")
        elif not is_loopback(section.issuer):
            problems.add(_GATEWAY, "gateway.issuer", "http on other than loopback", "use https or localhost")
    check_texts(_GATEWAY, {"gateway.name": section.name, "gateway.operator": section.operator}, problems)
    _check_languages(section.languages, problems)
    url = settings.store.url
    if url != "embedded" and urlsplit(url).scheme not in SCHEMES:
        problems.add(_GATEWAY, "store.url", "unknown kind of store", "embedded, redis://, rediss://, ...")
    if urlsplit(url).password:
        problems.add(_GATEWAY, "store.url", "holds a password", 'set store.password = "file:..."')
    if production and urlsplit(url).scheme.split("+")[0] == "redis" and not is_loopback(url):
        problems.add(_GATEWAY, "store.url", "unencrypted connection to another machine", "use rediss")
    if settings.store.replicas and (url == "embedded" or "+cluster" in urlsplit(url).scheme):
        problems.add(_GATEWAY, "store.replicas", "needs one master with replicas", "use redis+sentinel://")
    if production and settings.registration.enabled:
        problems.add(
            _GATEWAY,
            "registration.enabled",
            "anybody could become a service in production",
            "registry/clients/<client_id>.toml",
        )
    ids = [key.id for key in settings.keys]
    problems.found += [
        ConfigurationProblem(
            file=_GATEWAY, path=f"keys[{index}].id", problem=f"{name} appears twice", remedy="rename one"
        )
        for index, name in enumerate(ids)
        if name in ids[:index]
    ]
    listen = settings.listen
    if listen.port == listen.management_port:
        problems.add(_GATEWAY, "listen.management_port", "is the public port", "the two never meet")
    if (listen.tls_certificate is None) != (listen.tls_private_key is None):
        problems.add(_GATEWAY, "listen", "tls_certificate and tls_private_key belong together", "set both")
    if listen.tls_private_key is not None and not listen.tls_private_key.startswith("file:"):
        problems.add(_GATEWAY, "listen.tls_private_key", "must be a file", 'tls_private_key = "file:..."')
    for path, file in (
        ("store.ca_file", settings.store.ca_file),
        ("http.ca_file", settings.http.ca_file),
        ("listen.tls_certificate", listen.tls_certificate),
    ):
        check_file(_GATEWAY, path, file, directory, problems)
    _check_mtls(settings, directory, problems)
    _check_console(settings, problems)


def _check_console(settings: Settings, problems: Problems) -> None:
    console, listen = settings.console, settings.listen
    if console is None:
        return
    if settings.gateway.mode is Mode.PRODUCTION and urlsplit(console.url).scheme != "https":
        problems.add(_GATEWAY, "console.url", "http in production", "use https")
    if urlsplit(console.url).netloc == urlsplit(settings.gateway.issuer).netloc:
        problems.add(_GATEWAY, "console.url", "is the origin of citizens' pages", "a host of its own")
    if console.port in {listen.port, listen.management_port, listen.mtls_port}:
        problems.add(_GATEWAY, "console.port", "is the port of another listener", "the two never meet")


def _check_mtls(settings: Settings, directory: Path, problems: Problems) -> None:
    """The listener for clients with certificates (RFC 8705)."""
    listen = settings.listen
    if (listen.mtls_port is None) != (listen.mtls_url is None):
        problems.add(_GATEWAY, "listen.mtls_url", "belongs together with mtls_port", "set both or neither")
    if listen.mtls_url is not None and urlsplit(listen.mtls_url).scheme != "https":
        problems.add(_GATEWAY, "listen.mtls_url", "must be https", "certificates are shown in TLS only")
    if listen.mtls_url is not None and urlsplit(listen.mtls_url).path:
        problems.add(_GATEWAY, "listen.mtls_url", "has a path", "it is scheme, host and port only")
    if listen.mtls_client_ca is not None and listen.tls_certificate is None:
        problems.add(
            _GATEWAY,
            "listen.mtls_client_ca",
            "needs TLS in the process",
            "set tls_certificate, or let the proxy verify",
        )
    if listen.mtls_port is not None and listen.mtls_client_ca is None and not listen.trusted_proxies:
        problems.add(
            _GATEWAY,
            "listen.trusted_proxies",
            "is empty: nobody's Client-Cert is believed",
            "name the proxy that verifies certificates, or set mtls_client_ca",
        )
    check_file(_GATEWAY, "listen.mtls_client_ca", listen.mtls_client_ca, directory, problems)


def check_anchors(
    anchors: Iterable[Located[TrustAnchor]], settings: Settings, directory: Path, problems: Problems
) -> None:
    """Each anchor says what it verifies, and no test anchor is in production."""
    for located in anchors:
        anchor, file = located.model, located.file
        if anchor.test and settings.gateway.mode is Mode.PRODUCTION:
            problems.add(file, "test", "a test anchor in production", "remove the file")
        if anchor.valid_until < anchor.valid_from:
            problems.add(file, "valid_until", "lies before valid_from", "correct the dates")
        places = (anchor.metadata.url, anchor.metadata.file, anchor.metadata.mdq)
        if sum(place is not None for place in places) != 1:
            problems.add(file, "metadata", "needs exactly one of url, file and mdq", "set one")
        if anchor.metadata.mdq is not None and (
            anchor.metadata.aggregate or len(anchor.metadata.entity_ids) != 1
        ):
            problems.add(
                file, "metadata.mdq", "is asked for exactly one entity", "one entity_ids, no aggregate"
            )
        if anchor.kind is AnchorKind.METADATA_SIGNER and anchor.certificate is None:
            problems.add(file, "certificate", "metadata-signer needs a certificate", "name the PEM file")
        if anchor.kind is AnchorKind.PINNED_METADATA and anchor.metadata_sha256 is None:
            problems.add(file, "metadata_sha256", "pinned-metadata needs a digest", "sha256sum of the file")
        if not anchor.metadata.entity_ids and not anchor.metadata.aggregate:
            problems.add(file, "metadata.entity_ids", "is empty", "list the entityIDs, or set aggregate")
        check_file(file, "metadata.file", anchor.metadata.file, directory, problems)


def check_connectors(
    connectors: Iterable[Located[EIDASSettings]],
    anchors: Mapping[str, Located[TrustAnchor]],
    problems: Problems,
) -> None:
    """The anchor of a national connector exists."""
    for located in connectors:
        settings, file = located.model, located.file
        if settings.role is Role.NATIONAL and settings.national_anchor not in anchors:
            problems.add(file, "national_anchor", "names no anchor", "add registry/anchors/<id>.toml")


def check_countries(
    countries: Sequence[Located[CountrySettings]],
    connectors: Mapping[str, Located[EIDASSettings]],
    anchors: Mapping[str, Located[TrustAnchor]],
    problems: Problems,
    *,
    check_source: Callable[[str, str, str], None],
) -> None:
    """Each country has a connector and, if that is a node, an anchor or a source that speaks for it."""
    seen: dict[tuple[str, str], str] = {}
    for located in countries:
        country, file = located.model, located.file
        key = (country.connector, country.country)
        if key in seen:
            problems.add(file, "country", f"{country.country} is also in {seen[key]}", "keep one of the two")
        seen.setdefault(key, file)
        connector = connectors.get(country.connector)
        if connector is None:
            problems.add(file, "connector", f"{country.connector} is not configured", "add the connector")
            continue
        if country.profile == "strict" and country.exceptions:
            problems.add(file, "exceptions", "have no effect in profile strict", 'set profile = "lenient"')
        if connector.model.role is not Role.NODE:
            continue
        if country.source is not None:
            if country.anchor is not None:
                problems.add(file, "source", "is there beside anchor", "keep one of the two")
            check_source(country.country, country.source, file)
            continue
        anchor = anchors.get(country.anchor or "")
        if anchor is None:
            problems.add(file, "anchor", "names no anchor", "add registry/anchors/<id>.toml")
        elif country.country not in anchor.model.countries:
            problems.add(
                file, "anchor", f"{anchor.model.id} does not speak for {country.country}", "other anchor"
            )
        if country.entity_id is None:
            problems.add(file, "entity_id", "is missing", "entityID of the country's node")
        elif (
            anchor
            and not anchor.model.metadata.aggregate
            and country.entity_id not in anchor.model.metadata.entity_ids
        ):
            problems.add(file, "entity_id", f"is not one of anchor {anchor.model.id}", "correct one of them")


def check_keys(
    keys: Mapping[KeyPurpose, Sequence[LoadedKey]],
    *,
    connectors: Mapping[str, Collection[KeyPurpose]],
    clients: Iterable[Client],
    problems: Problems,
) -> None:
    """Every purpose that is needed has exactly what it needs; ``connectors``: each with what it needs."""
    _wanted(KeyPurpose.OIDC_SIGNING, keys.get(KeyPurpose.OIDC_SIGNING, ()), "", problems)
    for purpose in sorted(SAML_PURPOSES | EID_PURPOSES):
        users = {name for name, needed in connectors.items() if purpose in needed}
        common = [key for key in keys.get(purpose, ()) if not key.connectors]
        own = {name for key in keys.get(purpose, ()) for name in key.connectors}
        for name in sorted(own - set(connectors)):
            problems.add(_GATEWAY, "keys", f"{purpose} for {name}, which is not configured", "correct it")
        for name in sorted(own & set(connectors) - users):
            problems.add(_GATEWAY, "keys", f"{purpose} for {name}, which does not use it", "correct it")
        if users - own:
            _wanted(purpose, common, "", problems)
        for name in sorted(own & users):
            theirs = [key for key in keys[purpose] if name in key.connectors]
            _wanted(purpose, theirs, f" for {name}", problems)
    signing = {spki(key.key.public_key) for key in keys.get(KeyPurpose.SAML_SIGNING, ())}
    for key in keys.get(KeyPurpose.SAML_DECRYPTION, ()):
        if spki(key.key.public_key) in signing:
            problems.add(_GATEWAY, "keys", f"{key.id} signs and decrypts", "one key, one purpose")
    active: dict[str, list[str]] = {}
    for key in keys.get(KeyPurpose.OIDC_SIGNING, ()):
        algorithm = _token_algorithm(key)
        if algorithm is None:
            problems.add(_GATEWAY, "keys", f"{key.id} is neither RSA nor P-256", "tokens are ES256 or RS256")
        elif key.state is KeyState.ACTIVE:
            active.setdefault(algorithm, []).append(key.id)
    for algorithm, names in active.items():
        if len(names) > 1:
            problems.add(
                _GATEWAY, "keys", f"two active keys for {algorithm}: {', '.join(names)}", "retire one"
            )
    for client in clients:
        for algorithm in {client.id_token_signed_response_alg, client.userinfo_signed_response_alg} - {None}:
            if algorithm not in active and active:
                problems.add(
                    _GATEWAY,
                    "keys",
                    f"client {client.client_id} wants {algorithm}",
                    f"add an {algorithm} key",
                )


def _wanted(purpose: KeyPurpose, keys: Iterable[LoadedKey], whose: str, problems: Problems) -> None:
    if not any(key.state is KeyState.ACTIVE for key in keys):
        remedy = f"make one with: eid-gateway keys new --purpose {purpose}"
        problems.add(_GATEWAY, "keys", f"no active key of purpose {purpose}{whose}", remedy)


def is_web_address(url: str) -> bool:
    """Whether a citizen can follow ``url``."""
    return (
        url.startswith(("https://", "http://")) and bool(host(url)) and url.isprintable() and " " not in url
    )


def host(url: str) -> str:
    """The host of ``url``, empty if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""  # said elsewhere


def is_loopback(url: str) -> bool:
    """Whether the host of ``url`` is this machine by its name or address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


def _token_algorithm(key: LoadedKey) -> str | None:
    public = key.key.public_key
    if isinstance(public, rsa.RSAPublicKey):
        return "RS256"
    return "ES256" if isinstance(public.curve, ec.SECP256R1) else None


def _check_languages(languages: Sequence[str], problems: Problems) -> None:
    shipped = available()
    remedy = f"some of {', '.join(shipped)}"
    if not languages:
        problems.add(_GATEWAY, "gateway.languages", "names none", remedy)
    for language in languages:
        if language not in shipped:
            problems.add(_GATEWAY, "gateway.languages", f"no page speaks {language}", remedy)


def check_texts(file: str, texts: Mapping[str, Texts], problems: Problems) -> None:
    for path, text in texts.items():
        if not text.get("de", "").strip():
            problems.add(file, f"{path}.de", "is missing", "citizens see this text; German is mandatory")


def check_file(file: str, path: str, reference: str | None, directory: Path, problems: Problems) -> None:
    if reference is not None and not resolve(reference, directory).is_file():
        problems.add(file, path, f"{reference} does not exist", "correct the path")
