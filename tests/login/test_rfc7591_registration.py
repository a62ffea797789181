"""Dynamic client registration (RFC 7591) and management (RFC 7592), whole gateways on one database."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.settings import ListenSection, RegistrationSection
from gateway.store import StoreAddress
from tests.login.installation import Installation, authorize_path, install
from tests.oidc.test_rfc8705_mutual_tls import OURS
from tests.oidc.tokens import jwk

pytestmark = pytest.mark.anyio

LOCAL = "http://localhost:8400"
TOKEN = "the initial access token"
CALLBACK = "https://suite.example/test/a/callback"
KEYS = {"keys": [jwk(ec.generate_private_key(ec.SECP256R1()), kid="k")]}
RSA_KEYS = {"keys": [jwk(rsa.generate_private_key(65537, 3072), kid="r")]}
MINIMAL: dict[str, Any] = {"redirect_uris": [CALLBACK]}


@pytest.fixture
async def opened(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    """A gateway in development mode that lets anybody register."""
    running = install(tmp_path, address, issuer=LOCAL, registration=RegistrationSection(enabled=True))
    yield running
    await running.application.stop()


async def send(
    installation: Installation,
    method: str = "POST",
    path: str = "/register",
    body: object = None,
    *,
    token: str | None = None,
    content: bytes | None = None,
    media_type: str = "application/json",
) -> httpx.Response:
    transport = httpx.ASGITransport(app=installation.application.public, client=("203.0.113.9", 4711))
    headers = {"content-type": media_type}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(transport=transport, base_url=installation.issuer) as http:
        if content is None and body is not None:
            content = json.dumps(body).encode()
        return await http.request(method, path, content=content, headers=headers)


async def registered(installation: Installation, **members: object) -> dict[str, Any]:
    response = await send(installation, body={**MINIMAL, **members})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def path_of(client: dict[str, Any]) -> str:
    return str(client["registration_client_uri"]).removeprefix(LOCAL)


async def authenticates(installation: Installation, client_id: str, secret: str) -> bool:
    """Whether the token endpoint knows client and secret: it then goes on to the code."""
    basic = b64encode(f"{client_id}:{secret}".encode()).decode()
    response = await installation.browser().post(
        "/token",
        {
            "grant_type": "authorization_code",
            "code": "x",
            "redirect_uri": CALLBACK,
            "code_verifier": "v" * 43,
        },
        headers={"authorization": f"Basic {basic}"},
    )
    assert response.json()["error"] in {"invalid_client", "invalid_grant"}
    return bool(response.json()["error"] == "invalid_grant")


# ------------------------------------------------------------------------------------ registration


async def test_client_in_a_minute_gets_identifier_secret_and_effective_metadata(opened: Installation) -> None:
    """RFC 7591 §3.2.1; Reg §3.2: secret once, both tokens, all metadata with their defaults."""
    response = await send(opened, body={**MINIMAL, "client_name": "Suite", "unheard_of": {"a": 1}})
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    client = response.json()
    assert client["client_secret_expires_at"] == 0
    assert len(client["client_secret"]) >= 43
    assert client["registration_client_uri"] == f"{LOCAL}/register/{client['client_id']}"
    assert client["token_endpoint_auth_method"] == "client_secret_basic"
    assert client["response_types"] == ["code"]
    assert client["grant_types"] == ["authorization_code"]
    assert client["redirect_uris"] == [CALLBACK]
    assert client["client_name"] == "Suite"
    assert "unheard_of" not in client
    assert await authenticates(opened, client["client_id"], client["client_secret"])
    assert not await authenticates(opened, client["client_id"], "wrong")


async def test_registered_client_may_ask_for_a_login_at_once(opened: Installation) -> None:
    client = await registered(opened)
    response = await opened.browser().get(
        authorize_path(client_id=client["client_id"], redirect_uri=CALLBACK)
    )
    assert response.status_code == 303
    assert response.headers["location"].startswith(("/login/", CALLBACK))


async def test_client_of_the_basic_profile_needs_no_challenge_and_fapi2_always_does(
    opened: Installation,
) -> None:
    """The plan of OpenID Connect's Basic profile sends no PKCE; FAPI 2.0 SP §5.3.2.2."""
    client = await registered(opened)
    assert client["require_pkce"] is False
    path = authorize_path(client_id=client["client_id"], redirect_uri=CALLBACK)
    plain = "&".join(part for part in path.split("&") if "code_challenge" not in part)
    response = await opened.browser().get(plain)
    assert "error=" not in response.headers["location"]
    fapi2 = {"client_class": "fapi2", "dpop_bound_access_tokens": True, "jwks": KEYS}
    strict = await registered(opened, token_endpoint_auth_method="private_key_jwt", **fapi2)
    assert strict["require_pkce"] is True


@pytest.mark.parametrize(
    ("listed", "accepted"),
    [
        (json.dumps([CALLBACK, "https://elsewhere.example/cb"]), True),
        (json.dumps(["https://elsewhere.example/cb"]), False),
        (json.dumps({"redirect_uris": [CALLBACK]}), False),
        ("[", False),
        ("[" * 50_000, False),
    ],
)
async def test_sector_identifier_uri_lists_every_redirect_uri(
    tmp_path: Path, address: StoreAddress, monkeypatch: pytest.MonkeyPatch, listed: str, accepted: bool
) -> None:
    """Core §8.1, Reg §5: checked when the client registers; its host then is the sector."""
    asked: list[str] = []

    def get(url: str) -> bytes:
        asked.append(url)
        return listed.encode()

    monkeypatch.setattr("gateway.generation.guarded_get", lambda policy: get)
    running = install(tmp_path, address, issuer=LOCAL, registration=RegistrationSection(enabled=True))
    members = {**MINIMAL, "sector_identifier_uri": "https://sector.example/uris.json"}
    response = await send(running, body=members)
    assert asked == ["https://sector.example/uris.json"]
    assert response.status_code == (201 if accepted else 400)
    assert accepted or response.json()["error_description"].endswith("sector_identifier_uri")
    await running.application.stop()


async def test_no_secret_and_no_token_is_kept(opened: Installation) -> None:
    """Kept are hashes; neither secret nor token is in the database or the log."""
    client = await registered(opened)
    kept = b"".join(path.read_bytes() for path in opened.database.parent.glob("audit.sqlite3*"))
    for secret in (client["client_secret"], client["registration_access_token"]):
        assert secret.encode() not in kept
        assert sha256(secret.encode()).hexdigest().encode() in kept
    assert client["client_secret"] not in opened.log_text()


async def test_what_one_process_registers_another_one_knows(
    opened: Installation, tmp_path: Path, address: StoreAddress
) -> None:
    """Every worker sees a registration, a change and an end at once."""
    other = install(tmp_path, address, issuer=LOCAL, registration=RegistrationSection(enabled=True))
    client = await registered(opened)
    assert await authenticates(other, client["client_id"], client["client_secret"])
    token = client["registration_access_token"]
    assert (await send(opened, "DELETE", path_of(client), token=token)).status_code == 204
    assert not await authenticates(other, client["client_id"], client["client_secret"])
    await other.application.stop()


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://suite.example/jwks"},
        {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": KEYS,
            "client_class": "fapi2",
            "dpop_bound_access_tokens": True,
            "require_signed_request_object": True,
            "authorization_signed_response_alg": "ES256",
        },
        {"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "RS256"},
        {"request_object_signing_alg": "PS256", "jwks": RSA_KEYS},
        {"post_logout_redirect_uris": ["https://suite.example/bye"]},
        {
            "backchannel_logout_uri": "https://suite.example/backchannel",
            "backchannel_logout_session_required": True,
        },
        {"default_max_age": 60, "require_auth_time": True},
        {"grant_types": ["authorization_code"], "response_types": ["code"], "subject_type": "pairwise"},
        {"client_name#de": "Prüfung", "client_name": "Suite"},
        {"client_uri": "https://suite.example/", "policy_uri": "https://suite.example/privacy"},
    ],
)
async def test_supported_metadata_are_registered_as_asked(
    opened: Installation, members: dict[str, Any]
) -> None:
    """RFC 7591 §2, Reg §2; certification with ``client_registration=dynamic_client``."""
    client = await registered(opened, **members)
    assert {name: client[name] for name in members} == members
    assert ("client_secret" in client) == client["token_endpoint_auth_method"].startswith("client_secret")
    shown = await send(opened, "GET", path_of(client), token=client["registration_access_token"])
    assert {name: shown.json()[name] for name in members} == members


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "suite.example"},
        {
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_subject_dn": "CN=suite,O=Land",
            "tls_client_certificate_bound_access_tokens": True,
            "client_class": "fapi2",
        },
        {
            "token_endpoint_auth_method": "self_signed_tls_client_auth",
            "jwks": {"keys": [KEYS["keys"][0] | {"x5c": [b64encode(OURS).decode()]}]},
        },
    ],
)
async def test_certificates_are_registered_where_they_are_asked_for(
    tmp_path: Path, address: StoreAddress, members: dict[str, Any]
) -> None:
    """RFC 8705 §2.1.2, §2.2.2, §3.4."""
    listen = ListenSection(mtls_port=8402, mtls_url="https://localhost:8402", trusted_proxies=("127.0.0.1",))
    section = RegistrationSection(enabled=True)
    running = install(tmp_path, address, issuer=LOCAL, listen=listen, registration=section)
    client = await registered(running, **members)
    assert {name: client[name] for name in members} == members
    assert "client_secret" not in client
    await running.application.stop()


async def test_refresh_token_grant_is_left_out_and_the_answer_says_so(opened: Installation) -> None:
    """RFC 7591 §2: the server may replace a value; there are no refresh tokens (oidc.md §10.4)."""
    client = await registered(opened, grant_types=["authorization_code", "refresh_token"])
    assert client["grant_types"] == ["authorization_code"]


async def test_algorithm_of_assertions_follows_the_keys(opened: Installation) -> None:
    client = await registered(opened, token_endpoint_auth_method="private_key_jwt", jwks=RSA_KEYS)
    assert client["token_endpoint_auth_signing_alg"] == "RS256"


@pytest.mark.parametrize(
    ("members", "error", "named"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": None}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": ["https://a.example/#x"]}, "invalid_redirect_uri", "redirect_uris[0]"),
        ({"redirect_uris": ["http://a.example/cb"]}, "invalid_redirect_uri", "redirect_uris[0]"),
        ({"redirect_uris": ["https://*.example/cb"]}, "invalid_redirect_uri", "redirect_uris[0]"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri", "redirect_uris[0]"),
        ({"redirect_uris": ["app://callback"]}, "invalid_redirect_uri", "redirect_uris[0]"),
        ({"redirect_uris": "https://a.example/cb"}, "invalid_redirect_uri", "redirect_uris"),
        ({"response_types": ["token"]}, "invalid_client_metadata", "response_types"),
        ({"response_types": ["code", "id_token"]}, "invalid_client_metadata", "response_types"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata", "grant_types"),
        ({"grant_types": ["authorization_code", "password"]}, "invalid_client_metadata", "grant_types"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata", "token_endpoint_auth_method"),
        (
            {"token_endpoint_auth_method": "client_secret_jwt"},
            "invalid_client_metadata",
            "token_endpoint_auth_method",
        ),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata", "jwks_uri"),
        (
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": KEYS,
                "jwks_uri": "https://suite.example/jwks",
            },
            "invalid_client_metadata",
            "jwks_uri",
        ),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://suite.example/jwks"},
            "invalid_client_metadata",
            "jwks_uri",
        ),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}},
            "invalid_client_metadata",
            "jwks",
        ),
        (
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [KEYS["keys"][0] | {"d": "AAAA"}]},
            },
            "invalid_client_metadata",
            "jwks",
        ),
        ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata", "id_token_signed_response_alg"),
        (
            {"id_token_signed_response_alg": "HS256"},
            "invalid_client_metadata",
            "id_token_signed_response_alg",
        ),
        ({"request_object_signing_alg": "none"}, "invalid_client_metadata", "request_object_signing_alg"),
        ({"subject_type": "public"}, "invalid_client_metadata", "subject_type"),
        ({"client_class": "fapi2"}, "invalid_client_metadata", "token_endpoint_auth_method"),
        ({"tls_client_certificate_bound_access_tokens": True}, "invalid_client_metadata", "token_endpoint"),
        ({"post_logout_redirect_uris": ["http://a.example/"]}, "invalid_client_metadata", "post_logout"),
        ({"backchannel_logout_uri": "http://a.example/"}, "invalid_client_metadata", "backchannel_logout"),
        ({"client_uri": "javascript:alert(1)"}, "invalid_client_metadata", "home_url"),
        ({"client_name": 7}, "invalid_client_metadata", "client_name"),
        ({"client_name#de": "x" * 201}, "invalid_client_metadata", "client_name#de"),
        ({"default_max_age": -1}, "invalid_client_metadata", "default_max_age"),
        ({"require_auth_time": "true"}, "invalid_client_metadata", "require_auth_time"),
        (
            {"id_token_encrypted_response_alg": "RSA1_5"},
            "invalid_client_metadata",
            "id_token_encrypted_response_alg",
        ),
        (
            {"sector_identifier_uri": "http://a.example/sector"},
            "invalid_client_metadata",
            "sector_identifier_uri",
        ),
    ],
)
async def test_wrong_metadata_are_refused_by_name(
    opened: Installation, members: dict[str, Any], error: str, named: str
) -> None:
    """RFC 7591 §3.2.2; nothing was registered."""
    response = await send(opened, body={**MINIMAL, **members})
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert named in response.json()["error_description"]
    assert opened.events()[-1] == "RegistrationRefused"
    assert "ClientRegistered" not in opened.events()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"redirect_uris": [], "redirect_uris": []}',
        b'"x"',
        b"\xff",
        b"[" * 60_000,
    ],
)
async def test_body_that_is_no_single_json_object_is_refused(opened: Installation, content: bytes) -> None:
    """RFC 7591 §3.1."""
    response = await send(opened, content=content)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


async def test_body_of_another_media_type_is_refused(opened: Installation) -> None:
    response = await send(opened, body=MINIMAL, media_type="text/plain")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


async def test_client_cannot_choose_its_identifier_secret_or_what_belongs_to_the_operator(
    opened: Installation,
) -> None:
    """RFC 9700 §4.15; neither level, attributes, sector nor resource server come from strangers."""
    wished = {
        "client_id": "amt24",
        "client_secret": "secret",
        "client_secret_sha256": "0" * 64,
        "sector_identifier": "service.example",
        "raw_identifier": True,
        "resource": "https://pay.example/",
    }
    client = await registered(opened, **wished)
    assert client["client_id"] != "amt24"
    assert client["client_secret"] != "secret"
    assert not set(wished) & set(client) - {"client_id", "client_secret"}


# -------------------------------------------------------------------------------------- who may


async def test_initial_access_token_is_demanded_where_there_is_one(
    tmp_path: Path, address: StoreAddress
) -> None:
    """RFC 7591 §3, §1.2."""
    section = RegistrationSection(enabled=True)
    running = install(tmp_path, address, issuer=LOCAL, registration=section, registration_token=TOKEN)
    for token in (None, "another"):
        refused = await send(running, body=MINIMAL, token=token)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
        assert refused.headers["www-authenticate"].startswith("Bearer")
    assert (await send(running, body=MINIMAL, token=TOKEN)).status_code == 201
    await running.application.stop()


async def test_nobody_registers_where_it_is_not_enabled(installation: Installation) -> None:
    """oidc.md §13: off by default; then discovery does not name the endpoint either."""
    assert (await send(installation, body=MINIMAL)).status_code == 404
    document = (await installation.browser().get("/.well-known/openid-configuration")).json()
    assert "registration_endpoint" not in document


async def test_production_has_no_registration_even_if_it_is_enabled(
    tmp_path: Path, address: StoreAddress
) -> None:
    """Issue 5: only for the sandbox; ``check-config`` refuses it, and the application does not build it."""
    running = install(tmp_path, address, registration=RegistrationSection(enabled=True))
    assert (await send(running, body=MINIMAL)).status_code == 404
    await running.application.stop()


# ------------------------------------------------------------------------------------- management


async def test_read_shows_everything_but_the_secret(opened: Installation) -> None:
    """RFC 7592 §2.1, §3; the secret cannot be shown a second time."""
    client = await registered(opened, client_name="Suite")
    shown = await send(opened, "GET", path_of(client), token=client["registration_access_token"])
    assert shown.status_code == 200
    assert shown.json() == {name: value for name, value in client.items() if name != "client_secret"}


async def test_change_replaces_the_whole_registration(opened: Installation) -> None:
    """RFC 7592 §2.2: what is left out has its default again; the secret stays."""
    client = await registered(opened, client_name="Before", require_auth_time=True)
    body = {"client_id": client["client_id"], "redirect_uris": ["https://new.example/cb"]}
    changed = await send(opened, "PUT", path_of(client), body, token=client["registration_access_token"])
    assert changed.status_code == 200, changed.text
    assert changed.json()["redirect_uris"] == ["https://new.example/cb"]
    assert changed.json()["client_name"] != "Before"
    assert changed.json()["require_auth_time"] is False
    assert "client_secret" not in changed.json()
    assert await authenticates(opened, client["client_id"], client["client_secret"])


async def test_change_to_a_secret_shows_the_new_one(opened: Installation) -> None:
    client = await registered(opened, token_endpoint_auth_method="private_key_jwt", jwks=KEYS)
    body = {**MINIMAL, "client_id": client["client_id"]}
    changed = await send(opened, "PUT", path_of(client), body, token=client["registration_access_token"])
    assert await authenticates(opened, client["client_id"], changed.json()["client_secret"])


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"client_secret": "chosen"},
        {"registration_access_token": "x"},
        {"registration_client_uri": "https://a.example/"},
        {"client_id_issued_at": 1},
        {"client_secret_expires_at": 0},
        {"redirect_uris": []},
    ],
)
async def test_change_that_oversteps_is_refused_and_changes_nothing(
    opened: Installation, changes: dict[str, Any]
) -> None:
    """RFC 7592 §2.2."""
    client = await registered(opened)
    token = client["registration_access_token"]
    body = {**MINIMAL, "client_id": client["client_id"], **changes}
    refused = await send(opened, "PUT", path_of(client), body, token=token)
    assert refused.status_code == 400
    assert (await send(opened, "GET", path_of(client), token=token)).json()["redirect_uris"] == [CALLBACK]


async def test_removed_client_is_gone_and_its_token_with_it(opened: Installation) -> None:
    """RFC 7592 §2.3."""
    client = await registered(opened)
    token = client["registration_access_token"]
    removed = await send(opened, "DELETE", path_of(client), token=token)
    assert (removed.status_code, removed.content) == (204, b"")
    assert (await send(opened, "GET", path_of(client), token=token)).status_code == 401
    assert not await authenticates(opened, client["client_id"], client["client_secret"])
    assert opened.events()[-3:] == ["ClientRegistrationEnded", "RegistrationRefused", "TokenRefused"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_registration_of_another_is_out_of_reach(opened: Installation, method: str) -> None:
    """RFC 7592 §2: the same answer for a foreign, a wrong and a missing token, and for no such client."""
    mine, other = await registered(opened), await registered(opened)
    answers = [
        await send(opened, method, path_of(other), {}, token=mine["registration_access_token"]),
        await send(opened, method, path_of(other), {}, token="wrong"),
        await send(opened, method, path_of(other), {}),
        await send(opened, method, "/register/amt24", {}, token=mine["registration_access_token"]),
        await send(opened, method, "/register/registered-0", {}, token=mine["registration_access_token"]),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


# ----------------------------------------------------------------------------------------- metadata


@pytest.mark.parametrize("issuer", [LOCAL, f"{LOCAL}/idp/land"])
async def test_authorization_server_metadata_are_found_as_rfc_8414_says(
    tmp_path: Path, address: StoreAddress, issuer: str
) -> None:
    """RFC 8414 §3.1: inserted between host and path; the same document as OpenID Discovery's."""
    section = RegistrationSection(enabled=True)
    running = install(tmp_path, address, issuer=issuer, registration=section)
    transport = httpx.ASGITransport(app=running.application.public, client=("203.0.113.9", 4711))
    base = issuer.removeprefix(LOCAL)
    async with httpx.AsyncClient(transport=transport, base_url=LOCAL) as http:
        discovery = await http.get(f"{base}/.well-known/openid-configuration")
        metadata = await http.get(f"/.well-known/oauth-authorization-server{base}")
        assert metadata.status_code == 200
        assert metadata.content == discovery.content
        assert metadata.json()["issuer"] == issuer
        assert metadata.json()["registration_endpoint"] == f"{issuer}/register"
        if base:
            elsewhere = await http.get(f"{base}/.well-known/oauth-authorization-server")
            assert elsewhere.status_code == 404
    await running.application.stop()
