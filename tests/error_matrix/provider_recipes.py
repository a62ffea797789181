"""How to provoke each refusal of the endpoints of the OpenID Provider (families 10 and 11), over HTTP.

One function per catalogue entry; it gets the bench and gives the response.
"""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from connectors.assurance import Assurance, LevelOfAssurance
from gateway.jose import thumbprint
from tests.oidc.harness import CLIENT_EC, CLIENT_RSA, SECRET, VERIFIER, basic, client
from tests.oidc.persons import NATURAL
from tests.oidc.tokens import jwk
from trust.errors import KeyUnavailable, MetadataError

HIGH = json.dumps({"id_token": {"acr": {"essential": True, "values": ["http://eidas.europa.eu/LoA/high"]}}})
PAY = "https://pay.example/"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def _ask(**changes):
    return lambda bench: bench.authorize(**changes)


def _redeem(**changes):
    return lambda bench: bench.token("no-such-code", **changes)


def _post(path, client_id="portal", **form):
    headers = {"Authorization": basic(client_id, SECRET)}
    return lambda bench: bench.http.post(path, data=form, headers=headers)


def _unsigned_object():
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"none"}', b"{}"))
    return f"{head}.{body}."


def _repeated(bench):
    return bench.http.get("/authorize?" + urlencode([*bench.parameters().items(), ("scope", "openid")]))


def _out_of_reach(bench):
    bench.highest = LevelOfAssurance.LOW
    return bench.authorize(claims=HIGH)


def _unmet(bench):
    bench.fresh(replace(NATURAL, assurance=Assurance(level=LevelOfAssurance.LOW)))
    return bench.authorize(claims=HIGH)


def _too_old(bench):
    long_ago = bench.now - timedelta(hours=2)
    bench.identity = replace(NATURAL, source=replace(NATURAL.source, authenticated_at=long_ago))
    return bench.authorize(max_age="60")


def _spent(bench):
    bench.held = True
    request_uri = bench.pushed("key-es")
    for _ in range(2):
        bench.come_with(request_uri)
    assert "code" in bench.finish(0)
    return bench.http.get("/finish/1")


def _replayed_assertion(bench):
    assertion = bench.assertion()
    bench.token_by_assertion(assertion, code="x")
    return bench.token_by_assertion(assertion, code="x")


def _no_keys(bench):
    def fetch(url):
        raise MetadataError("fetch.connection")

    bench.fetch = fetch
    return bench.token_by_assertion(bench.assertion("key-uri"), code="x", client_id="key-uri")


def _unsignable(bench):
    code = bench.code()

    def locked(alg):
        raise KeyUnavailable("key.module")

    bench.provider.keys.active = locked
    return bench.token(code)


def _no_encryption_key(bench):
    keys = {"keys": [jwk(CLIENT_EC, kid="e")]}
    bench.register(client("enc", id_token_encrypted_response_alg="ECDH-ES", jwks=keys))
    return bench.token(bench.code(client_id="enc"), client_id="enc")


def _proof_twice(bench):
    proof = {"DPoP": bench.proof()}
    bench.token("x", client_id="dpop", headers=proof)
    return bench.token("x", client_id="dpop", headers=proof)


def _other_key(bench):
    code = bench.code(client_id="dpop", dpop_jkt=thumbprint(jwk(CLIENT_EC)))
    return bench.token(code, client_id="dpop", headers={"DPoP": bench.proof(key=CLIENT_RSA, alg="PS256")})


def _bound_as_bearer(bench):
    code = bench.code(client_id="dpop")
    tokens = bench.token(code, client_id="dpop", headers={"DPoP": bench.proof()}).json()
    return bench.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})


RECIPES = {
    "authorize.unreadable": lambda bench: bench.http.post("/authorize", json={}),
    "authorize.client_unknown": _ask(client_id="nobody"),
    "authorize.redirect_uri_mismatch": _ask(redirect_uri="https://portal.example/elsewhere"),
    "authorize.request_uri_invalid": lambda bench: bench.come_with(
        "urn:ietf:params:oauth:request_uri:x", "portal"
    ),
    "authorize.parameter_repeated": _repeated,
    "authorize.parameter_too_long": _ask(state="x" * 5000),
    "authorize.response_type_missing": _ask(response_type=None),
    "authorize.response_type_unsupported": _ask(response_type="token"),
    "authorize.response_mode_unsupported": _ask(response_mode="fragment"),
    "authorize.request_unsupported": _ask(request=_unsigned_object()),
    "authorize.request_uri_unsupported": _ask(request_uri="https://portal.example/request"),
    "authorize.registration_unsupported": _ask(registration="{}"),
    "authorize.scope_without_openid": _ask(scope="profile"),
    "authorize.pkce_missing": _ask(code_challenge=None),
    "authorize.pkce_method_unsupported": _ask(code_challenge_method="plain"),
    "authorize.pkce_challenge_malformed": _ask(code_challenge="x"),
    "authorize.prompt_invalid": _ask(prompt="none login"),
    "authorize.max_age_invalid": _ask(max_age="-1"),
    "authorize.claims_malformed": _ask(claims="{"),
    "authorize.verified_claims_malformed": _ask(claims='{"userinfo": {"verified_claims": {}}}'),
    "authorize.acr_unreachable": _out_of_reach,
    "authorize.id_token_hint_invalid": _ask(id_token_hint="x"),
    "authorize.push_required": _ask(client_id="key-fapi-es"),
    "authorize.request_object_required": _ask(client_id="key-jar"),
    "authorize.request_object_invalid": _ask(client_id="key-es", request="x.y.z"),
    "authorize.response_mode_unsigned": _ask(client_id="jarm", response_mode="query"),
    "authorize.dpop_jkt_mismatch": _ask(dpop_jkt="x"),
    "authorize.resource_unknown": _ask(resource="https://nobody.example/"),
    "authorize.request_uri_spent": _spent,
    "authorize.request_uri_pushed": lambda bench: bench.push("key-es", request_uri="urn:x"),
    "authorize.acr_unmet": _unmet,
    "authorize.subject_mismatch": _ask(claims='{"id_token": {"sub": {"value": "somebody"}}}'),
    "authorize.authentication_too_old": _too_old,
    "client.authentication_missing": _redeem(auth=None),
    "client.authentication_failed": _redeem(secret="wrong"),
    "client.authentication_ambiguous": _redeem(client_secret=SECRET),
    "client.assertion_invalid": lambda bench: bench.token_by_assertion("x.y.z", code="x"),
    "client.assertion_replayed": _replayed_assertion,
    "client.keys_unavailable": _no_keys,
    "client.encryption_key_missing": _no_encryption_key,
    "token.unreadable": lambda bench: bench.http.post("/token", json={}),
    "token.grant_type_missing": _redeem(grant_type=None),
    "token.grant_type_unsupported": _redeem(grant_type="password"),
    "token.code_missing": lambda bench: bench.token(None),
    "token.code_invalid": _redeem(),
    "token.code_verifier_missing": _redeem(code_verifier=None),
    "token.code_verifier_wrong": lambda bench: bench.token(bench.code(), code_verifier=VERIFIER[::-1]),
    "token.unsigned": _unsignable,
    "userinfo.token_missing": lambda bench: bench.http.get("/userinfo"),
    "userinfo.token_invalid": lambda bench: bench.http.get(
        "/userinfo", headers={"Authorization": "Bearer x"}
    ),
    "userinfo.token_misplaced": lambda bench: bench.http.get("/userinfo?access_token=x"),
    "userinfo.token_bound": _bound_as_bearer,
    "dpop.proof_invalid": _redeem(client_id="dpop", headers={"DPoP": "x"}),
    "dpop.proof_replayed": _proof_twice,
    "token.possession_missing": _redeem(client_id="dpop"),
    "token.possession_wrong": _other_key,
    "token.target_invalid": lambda bench: bench.token(bench.code(), resource="https://nobody.example/"),
    "token.exchange_unsupported": _redeem(grant_type=EXCHANGE),
    "token.subject_token_invalid": _redeem(
        client_id="resourceful",
        grant_type=EXCHANGE,
        subject_token="x",
        subject_token_type=ACCESS_TOKEN,
        resource=PAY,
    ),
    "introspection.forbidden": _post("/introspect", token="x"),
    "introspection.token_missing": _post("/introspect", "pay", token_type_hint="access_token"),
    "revocation.token_type_unsupported": _post("/revoke", token="x", token_type_hint="refresh_token"),
}
