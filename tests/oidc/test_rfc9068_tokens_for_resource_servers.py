"""RFC 8707, 9068, 8693, 7662, 9701, 7009: tokens that a resource server takes, and that name nobody."""

from dataclasses import replace

import pytest

from gateway.audit import IntrospectionRefused, TokenExchanged, TokenRevoked
from gateway.withdrawn import Withdrawn
from tests.oidc.harness import CLIENT_EC, ISSUER, SECRET, basic

PAY, POST = "https://pay.example/", "https://post.example/"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
IDENTITY = {"family_name", "given_name", "name", "birthdate", "address", "email", "person_kind"}


def for_resource(bench, resource=PAY, **changes):
    """A code redeemed for one resource server."""
    code = bench.code(client_id="resourceful", **changes)
    return bench.token(code, client_id="resourceful", resource=resource)


def exchange(bench, token, *, client_id="resourceful", headers=None, **changes):
    form = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        "resource": PAY,
        **changes,
    }
    form = {name: value for name, value in form.items() if value is not None}
    sent = {"Authorization": basic(client_id, SECRET), **(headers or {})}
    return bench.http.post("/token", data=form, headers=sent)


def introspect(bench, token, *, client_id="pay", accept="application/json"):
    headers = {"Authorization": basic(client_id, SECRET), "Accept": accept}
    return bench.http.post("/introspect", data={"token": token}, headers=headers)


def revoke(bench, token, *, client_id="resourceful", **changes):
    headers = {"Authorization": basic(client_id, SECRET)}
    return bench.http.post("/revoke", data={"token": token, **changes}, headers=headers)


def test_token_for_a_resource_server_is_a_jwt_for_it_alone_and_names_nobody(bench):
    """RFC 9068 §2.1, §2.2; RFC 8707 §2.2."""
    response = for_resource(bench)
    token = bench.read(response.json()["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert (token.claims["iss"], token.claims["aud"], token.claims["client_id"]) == (
        ISSUER,
        PAY,
        "resourceful",
    )
    assert {"exp", "iat", "jti", "sub", "acr", "auth_time"} <= set(token.claims)
    assert not IDENTITY & set(token.claims)
    id_token = bench.read(response.json()["id_token"]).claims
    assert token.claims["sub"] != id_token["sub"]
    assert response.json()["expires_in"] <= 600


def test_token_for_a_resource_server_is_worthless_elsewhere(bench):
    """UserInfo does not take it, another resource server learns nothing about it."""
    token = for_resource(bench).json()["access_token"]
    refused = bench.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert introspect(bench, token, client_id="post").json() == {"active": False}


def test_id_token_is_no_access_token(bench):
    """RFC 9068 §4: typ is at+jwt, nothing else."""
    assert introspect(bench, for_resource(bench).json()["id_token"]).json() == {"active": False}


def test_citizen_is_another_in_every_token_unless_the_resource_server_is_registered_otherwise(bench):
    """Transient by default; pairwise for a resource server that must recognise people."""
    one, two = (bench.read(for_resource(bench).json()["access_token"]).claims["sub"] for _ in range(2))
    assert one != two
    one, two = (bench.read(for_resource(bench, POST).json()["access_token"]).claims["sub"] for _ in range(2))
    assert one == two


def test_only_registered_resources_that_the_request_named_can_be_had(bench):
    """RFC 8707 §2.2: invalid_target."""
    code = bench.code(client_id="resourceful", resource=PAY)
    refused = bench.token(code, client_id="resourceful", resource=POST)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    for resource in ("https://evil.example/", "pay", PAY.rstrip("/")):
        assert for_resource(bench, resource).json()["error"] == "invalid_target"


def test_resource_registered_after_the_login_cannot_be_had_from_it(bench):
    """RFC 8707 §2.2: what the citizen's login did not know is an error with a name, not one of ours."""
    client = bench.provider.clients["resourceful"]
    code = bench.code(client_id="resourceful")
    late = "https://late.example/"
    bench.register(client.model_copy(update={"resources": (*client.resources, late)}))
    response = bench.token(code, client_id="resourceful", resource=late)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_target")


def test_code_without_resource_gives_the_token_that_opens_userinfo(bench):
    """One access token is for one place."""
    tokens = bench.tokens("resourceful")
    assert bench.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()[
        "sub"
    ]


def test_access_token_can_be_exchanged_for_one_of_a_resource_server(bench):
    """RFC 8693 §2.2: after the login, when the citizen comes to pay."""
    response = exchange(bench, bench.tokens("resourceful")["access_token"])
    assert response.json()["issued_token_type"] == ACCESS_TOKEN
    assert bench.read(response.json()["access_token"]).claims["aud"] == PAY
    assert any(isinstance(event, TokenExchanged) for event in bench.audit.events)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://evil.example/"}, "invalid_target"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": "x"}, "invalid_grant"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
    ],
)
def test_exchange_of_anything_else_is_refused(bench, changes, error):
    response = exchange(bench, **{"token": bench.tokens("resourceful")["access_token"], **changes})
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert "access_token" not in response.json()


def test_token_of_another_client_cannot_be_exchanged(bench):
    bench.register(bench.provider.clients["resourceful"].model_copy(update={"client_id": "second"}))
    response = exchange(bench, bench.tokens("resourceful")["access_token"], client_id="second")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_bound_token_is_exchanged_by_its_key_only_and_the_new_one_is_bound_too(bench):
    """RFC 9449 §6.1: cnf.jkt in the JWT and in introspection."""
    code = bench.code(client_id="resourceful")
    tokens = bench.token(code, client_id="resourceful", headers={"DPoP": bench.proof()}).json()
    assert exchange(bench, tokens["access_token"]).json()["error"] == "invalid_grant"
    exchanged = exchange(bench, tokens["access_token"], headers={"DPoP": bench.proof(key=CLIENT_EC)}).json()
    assert exchanged["token_type"] == "DPoP"
    found = introspect(bench, exchanged["access_token"]).json()
    assert (found["active"], found["token_type"], set(found["cnf"])) == (True, "DPoP", {"jkt"})


def test_resource_server_learns_by_introspection_what_the_token_says(bench):
    """RFC 7662 §2.2."""
    found = introspect(bench, for_resource(bench).json()["access_token"])
    assert found.headers["cache-control"] == "no-store"
    body = found.json()
    assert (body["active"], body["aud"], body["client_id"]) == (True, PAY, "resourceful")
    assert not IDENTITY & set(body)


def test_signed_introspection_is_evidence_and_no_access_token(bench):
    """RFC 9701 §5: media type, typ, no top-level sub or exp."""
    media_type = "application/token-introspection+jwt"
    response = introspect(bench, for_resource(bench).json()["access_token"], accept=media_type)
    assert response.headers["content-type"].startswith(media_type)
    token = bench.read(response.text)
    assert token.header["typ"] == "token-introspection+jwt"
    assert set(token.claims) == {"iss", "aud", "iat", "token_introspection"}
    assert (token.claims["aud"], token.claims["token_introspection"]["active"]) == ("pay", True)


@pytest.mark.parametrize("token", ["x", "a.b.c", "AAAAAAAAAA." + "A" * 43])
def test_unknown_token_is_inactive_and_nothing_else_is_said(bench, token):
    """RFC 7662 §2.2."""
    assert introspect(bench, token).json() == {"active": False}


def test_token_that_opens_userinfo_is_nobodys_to_introspect(bench):
    assert introspect(bench, bench.tokens("resourceful")["access_token"]).json() == {"active": False}


def test_expired_token_is_inactive(bench):
    token = for_resource(bench).json()["access_token"]
    bench.advance(601)
    assert introspect(bench, token).json() == {"active": False}


def test_plain_client_cannot_introspect(bench):
    """MS §6.2."""
    response = introspect(bench, for_resource(bench).json()["access_token"], client_id="resourceful")
    assert (response.status_code, response.json()["error"]) == (403, "unauthorized_client")
    assert isinstance(bench.audit.events[-1], IntrospectionRefused)


def test_introspection_and_revocation_ask_who_calls(bench):
    for path in ("/introspect", "/revoke"):
        assert bench.http.post(path, data={"token": "x"}).status_code == 401


def test_token_parameter_is_required(bench):
    for path, client_id in (("/introspect", "pay"), ("/revoke", "resourceful")):
        response = bench.http.post(path, data={"a": "b"}, headers={"Authorization": basic(client_id, SECRET)})
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_revoked_token_of_a_resource_server_is_inactive(bench):
    """RFC 7009 §2: the resource server learns it by introspection."""
    token = for_resource(bench).json()["access_token"]
    assert revoke(bench, token).status_code == 200
    assert introspect(bench, token).json() == {"active": False}
    assert TokenRevoked(client="resourceful") in bench.audit.events


@pytest.mark.parametrize("way", ["code", "exchange"])
def test_token_of_a_login_whose_source_was_suspended_is_inactive(bench, way):
    """RFC 7662 §2.2, security.md D.7: a resource server that asks learns it at once."""
    found = (
        for_resource(bench) if way == "code" else exchange(bench, bench.tokens("resourceful")["access_token"])
    )
    token = found.json()["access_token"]
    assert introspect(bench, token).json()["active"] is True
    bench.provider = replace(bench.provider, withdrawn=Withdrawn(ways={("eidas", None): bench.now}))
    assert introspect(bench, token).json() == {"active": False}


def test_token_of_a_suspended_client_is_inactive(bench):
    token = for_resource(bench).json()["access_token"]
    clients = {name: client for name, client in bench.provider.clients.items() if name != "resourceful"}
    bench.provider = replace(bench.provider, clients=clients)
    assert introspect(bench, token).json() == {"active": False}


def test_revoked_token_opens_userinfo_no_more(bench):
    token = bench.tokens("resourceful")["access_token"]
    assert revoke(bench, token).status_code == 200
    assert bench.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_revoking_what_is_unknown_or_not_ones_own_changes_nothing(bench):
    """RFC 7009 §2.1, §2.2: 200 all the same."""
    token = bench.tokens("resourceful")["access_token"]
    assert revoke(bench, "unknown").status_code == 200
    assert revoke(bench, token, client_id="portal").status_code == 200
    assert bench.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    jwt = for_resource(bench).json()["access_token"]
    assert revoke(bench, jwt, client_id="portal").status_code == 200
    assert introspect(bench, jwt).json()["active"]


def test_refresh_tokens_cannot_be_revoked_because_there_are_none(bench):
    """RFC 7009 §2.2.1."""
    response = revoke(bench, "x", token_type_hint="refresh_token")
    assert (response.status_code, response.json()["error"]) == (400, "unsupported_token_type")


def test_code_that_comes_twice_voids_the_token_of_the_resource_server(bench):
    """RFC 6749 §4.1.2; oidcc-codereuse."""
    code = bench.code(client_id="resourceful")
    token = bench.token(code, client_id="resourceful", resource=PAY).json()["access_token"]
    assert bench.token(code, client_id="resourceful", resource=PAY).json()["error"] == "invalid_grant"
    assert introspect(bench, token).json() == {"active": False}
