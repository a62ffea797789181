"""The checks of each client's registration: what would only fail in a login is said at the start."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from connectors.identity import LEGAL_ATTRIBUTES, NATURAL_ATTRIBUTES
from gateway.bundle.checks import check_file, check_texts, host, is_loopback, is_web_address
from gateway.bundle.problems import Located, Problems
from gateway.client_settings import PROBE_CLIENT, Client, RepresentationPolicy
from gateway.jose import InvalidKeySet, PublicKeySet
from gateway.jose.strength import client_rsa_bits
from gateway.oidc.acr import acr_values
from gateway.settings import Mode, Settings, resolve


def check_clients(
    clients: Iterable[Located[Client]],
    connectors: Collection[str],
    settings: Settings,
    directory: Path,
    problems: Problems,
) -> None:
    """Redirect URIs, sector, authentication, means and attributes of each client."""
    production = settings.gateway.mode is Mode.PRODUCTION
    for located in clients:
        client, file = located.model, located.file
        if client.client_id == PROBE_CLIENT:
            problems.add(file, "client_id", f"{PROBE_CLIENT} is the gateway's own", "choose another")
        texts = {"name": client.name, "operator": client.operator, "purpose": client.purpose}
        check_texts(file, texts, problems)
        for index, uri in enumerate(client.redirect_uris):
            _redirect_uri(file, f"redirect_uris[{index}]", uri, production=production, problems=problems)
        for path, url in (("home_url", client.home_url), ("privacy_url", client.privacy_url)):
            if url is not None and not is_web_address(url):
                problems.add(file, path, "is no web address", "citizens follow it: https://...")
        hosts = {host(uri) for uri in client.redirect_uris}
        if len(hosts) > 1 and client.sector_identifier is None:
            problems.add(
                file, "sector_identifier", "is missing: redirect URIs have several hosts", "name one host"
            )
        _authentication(file, client, settings, directory, problems)
        _proof_of_possession(file, client, settings, problems)
        _signed_and_encrypted(file, client, problems)
        _encryption_keys(file, client, settings, directory, problems)
        for name in ("post_logout_redirect_uris", "resources"):
            for index, uri in enumerate(getattr(client, name)):
                _redirect_uri(file, f"{name}[{index}]", uri, production=production, problems=problems)
        for name in ("backchannel_logout_uri", "frontchannel_logout_uri", "resource"):
            uri = getattr(client, name)
            if uri is not None:
                _redirect_uri(file, name, uri, production=production, problems=problems)
        for index, means in enumerate(client.means):
            if means not in connectors:
                problems.add(file, f"means[{index}]", f"{means} is not configured", "add the connector")
        if not client.persons:
            problems.add(file, "persons", "is empty", 'persons = ["natural"]')
        for index, value in enumerate(client.default_acr_values):
            if value not in acr_values(client.acr_vocabulary):
                problems.add(
                    file,
                    f"default_acr_values[{index}]",
                    f"is no word of the vocabulary {client.acr_vocabulary}",
                    "the table is in docs/claims.md",
                )
        _attributes(file, client, problems)


def check_sectors(clients: Iterable[Located[Client]], problems: Problems) -> None:
    """No two services see the same ``sub`` unless both say that they want it (invariant 5)."""
    by_sector: dict[str, list[Located[Client]]] = {}
    for located in clients:
        client = located.model
        sector = client.sector_identifier or host(client.redirect_uris[0])
        by_sector.setdefault(sector.lower(), []).append(located)
    for sector, sharing in by_sector.items():
        for located in sharing:
            others = [other.model.client_id for other in sharing if other is not located]
            if others and located.model.sector_identifier is None:
                problems.add(
                    located.file,
                    "sector_identifier",
                    f"is missing: {sector} is also the sector of {', '.join(others)}, which could join citizens",
                    "name a sector of its own, or the same in all of them if they are one service",
                )


def _redirect_uri(file: str, path: str, uri: str, *, production: bool, problems: Problems) -> None:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        problems.add(file, path, "has no readable host and port", "https://service.example/callback")
        return
    del port  # reading it was the check
    if parts.scheme == "http":
        if production or not is_loopback(uri):
            problems.add(file, path, "must be https", "http is for loopback in development only")
    elif parts.scheme != "https":
        problems.add(file, path, "must be an absolute https URL", "https://service.example/callback")
    if not parts.hostname or parts.username is not None:
        problems.add(file, path, "needs a host and no user information", "https://service.example/callback")
    if "#" in uri:
        problems.add(file, path, "must have no fragment", "remove it (RFC 6749 section 3.1.2)")
    if (
        "*" in parts.netloc
        or not uri.isascii()
        or not uri.isprintable()
        or any(c in uri for c in ' "<>\\^`{|}')
    ):
        problems.add(
            file, path, "must be exact: no wildcard, only characters of a URI (RFC 3986)", "register each URI"
        )
    if not uri.startswith(f"{parts.scheme}://{parts.netloc.lower()}"):
        problems.add(file, path, "must have scheme and host in lower case", "browsers send them so")


_SECRETS = {"client_secret_basic", "client_secret_post"}
_NAMES = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)


def _authentication(
    file: str, client: Client, settings: Settings, directory: Path, problems: Problems
) -> None:
    method = client.token_endpoint_auth_method
    if client.fapi and method in _SECRETS:
        problems.add(
            file,
            "token_endpoint_auth_method",
            f"{method} is not for class fapi2",
            "private_key_jwt or a TLS certificate (FAPI 2.0 SP section 5.3.2.1)",
        )
    if method in _SECRETS:
        if client.client_secret_sha256 is None:
            problems.add(file, "client_secret_sha256", f"is missing for {method}", "hash of the secret")
        return
    if method == "tls_client_auth":
        _certificate_name(file, client, problems)
        return
    if [client.jwks_file, client.jwks_uri, client.jwks].count(None) != 2:
        problems.add(
            file, "jwks_uri", f"{method} needs exactly one of jwks_file, jwks_uri and jwks", "set one"
        )
    if client.jwks_uri is not None and urlsplit(client.jwks_uri).scheme != "https":
        problems.add(file, "jwks_uri", "must be https", "or use jwks_file")
    check_file(file, "jwks_file", client.jwks_file, directory, problems)
    keys = own_keys(file, client, settings, directory, problems)
    if keys is not None and not keys.keys:
        problems.add(
            file,
            _place(client),
            "holds no usable signature key",
            "P-256, Ed25519, or RSA from 3072 bits",
        )


def _certificate_name(file: str, client: Client, problems: Problems) -> None:
    """Exactly one name to look for in the certificate, and a readable one (RFC 8705 section 2.1.2)."""
    named = [name for name in _NAMES if getattr(client, name) is not None]
    if len(named) != 1:
        problems.add(
            file, _NAMES[0], f"{len(named)} names for tls_client_auth", f"one of {', '.join(_NAMES)}"
        )
        return
    try:
        if client.tls_client_auth_subject_dn is not None:
            x509.Name.from_rfc4514_string(client.tls_client_auth_subject_dn)
        if client.tls_client_auth_san_ip is not None:
            ip_address(client.tls_client_auth_san_ip)
    except ValueError:
        problems.add(
            file, named[0], "cannot be read", "an RFC 4514 name such as CN=portal,O=Land, or an address"
        )


def _proof_of_possession(file: str, client: Client, settings: Settings, problems: Problems) -> None:
    by_certificate = client.tls_client_certificate_bound_access_tokens
    if client.fapi and not (client.dpop_bound_access_tokens or by_certificate):
        problems.add(
            file,
            "dpop_bound_access_tokens",
            "class fapi2 has sender-constrained tokens only",
            "dpop_bound_access_tokens = true, or tls_client_certificate_bound_access_tokens = true",
        )
    if (by_certificate or "tls" in client.token_endpoint_auth_method) and settings.listen.mtls_url is None:
        problems.add(
            file,
            "token_endpoint_auth_method",
            "nobody asks for certificates here",
            "set listen.mtls_port and mtls_url",
        )


def _signed_and_encrypted(file: str, client: Client, problems: Problems) -> None:
    if client.fapi:
        if not client.require_pkce:
            problems.add(
                file, "require_pkce", "class fapi2 always sends a challenge", "remove it (SP 5.3.2.2)"
            )
        for name in (
            "token_endpoint_auth_signing_alg",
            "request_object_signing_alg",
            "id_token_signed_response_alg",
            "userinfo_signed_response_alg",
            "authorization_signed_response_alg",
            "introspection_signed_response_alg",
        ):
            unused = name == "token_endpoint_auth_signing_alg" and "tls" in client.token_endpoint_auth_method
            if getattr(client, name) == "RS256" and not unused:
                problems.add(
                    file, name, "RS256 is not for class fapi2", "ES256, PS256 or EdDSA (section 5.4.1)"
                )
    for place in ("id_token", "userinfo"):
        algorithm, enc = (getattr(client, f"{place}_encrypted_response_{part}") for part in ("alg", "enc"))
        if enc is not None and algorithm is None:
            problems.add(file, f"{place}_encrypted_response_enc", "needs the alg beside it", "or remove it")
        if algorithm is not None and not (client.jwks_file or client.jwks_uri or client.jwks):
            problems.add(
                file, f"{place}_encrypted_response_alg", "needs the client's key", "jwks_file or jwks_uri"
            )


def _encryption_keys(
    file: str, client: Client, settings: Settings, directory: Path, problems: Problems
) -> None:
    """A key for each registered encryption in the client's own file; what jwks_uri holds shows at use."""
    wanted = {client.id_token_encrypted_response_alg, client.userinfo_encrypted_response_alg} - {None}
    if not wanted:
        return
    if "key_jwt" not in client.token_endpoint_auth_method:
        check_file(file, "jwks_file", client.jwks_file, directory, problems)
    keys = own_keys(file, client, settings, directory, problems)
    if keys is None:
        return
    for algorithm in sorted(filter(None, wanted)):
        if keys.recipient(algorithm) is None:
            problems.add(
                file,
                _place(client),
                f"holds no key with use enc for {algorithm}",
                "P-256, P-384, P-521 or X25519 for ECDH-ES, RSA from 3072 bits for RSA-OAEP-256",
            )


def _place(client: Client) -> str:
    return "jwks_file" if client.jwks is None else "jwks"


def own_keys(
    file: str, client: Client, settings: Settings, directory: Path, problems: Problems
) -> PublicKeySet | None:
    """The keys that are here, of ``jwks`` or ``jwks_file``; None for those behind ``jwks_uri``."""
    path = None if client.jwks_file is None else resolve(client.jwks_file, directory)
    if client.jwks is None and (path is None or not path.is_file()):
        return None
    try:
        octets = json.dumps(client.jwks).encode() if path is None else path.read_bytes()
        rsa_bits = client_rsa_bits(anybody_may_register=settings.registration.enabled)
        return PublicKeySet.parse(octets, rsa_bits=rsa_bits)
    except (InvalidKeySet, OSError) as error:
        reason = error.reason if isinstance(error, InvalidKeySet) else type(error).__name__
        problem = f"is no set of public keys ({reason})"
        if not any(found.problem == problem and found.file == file for found in problems.found):
            problems.add(file, _place(client), problem, "RFC 7517 section 5")
        return None


def _attributes(file: str, client: Client, problems: Problems) -> None:
    fitting: set[str] = set()
    if "natural" in client.persons or client.representation is not RepresentationPolicy.REFUSE:
        fitting.update(NATURAL_ATTRIBUTES)
    if "legal" in client.persons:
        fitting.update(LEGAL_ATTRIBUTES)
    for name in ("required", "optional"):
        for index, attribute in enumerate(getattr(client, name)):
            path = f"{name}[{index}]"
            if attribute not in {*NATURAL_ATTRIBUTES, *LEGAL_ATTRIBUTES}:
                problems.add(file, path, f"{attribute} is no attribute", "names are in docs/claims.md")
            elif attribute not in fitting:
                problems.add(
                    file, path, f"{attribute} does not belong to the persons accepted", "see persons"
                )
    for attribute in set(client.required) & set(client.optional):
        problems.add(file, "optional", f"{attribute} is required already", "remove it here")
