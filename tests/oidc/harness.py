"""A provider around a real Valkey, in which every citizen logs in at once and releases everything.

``Bench`` speaks HTTP to it through Starlette's test client. The journey is replaced by a function, the
pages by plain text; everything else is the product.
"""

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from connectors.assurance import LevelOfAssurance
from connectors.contract import RedirectDispatch
from connectors.identity import LEGAL_ATTRIBUTES, NATURAL_ATTRIBUTES
from gateway.client_certificate import FromProxy
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.jose import KeyRing, KeyStage, PublicKeySet, SigningKey
from gateway.oidc import discovery, jwks
from gateway.oidc.authorization_code import CodeIssuer
from gateway.oidc.authorize import authorize
from gateway.oidc.client_keys import ClientKeys
from gateway.oidc.errors import LOGIN_REQUIRED
from gateway.oidc.introspection import introspect
from gateway.oidc.offers import offers
from gateway.oidc.provider import Provider
from gateway.oidc.push import push
from gateway.oidc.respond import Responder
from gateway.oidc.revocation import revoke
from gateway.oidc.subject import SubjectKey
from gateway.oidc.token import token
from gateway.oidc.userinfo import userinfo
from gateway.settings import LimitsSection
from gateway.store import Store, connect, new_journey_number
from tests.oidc.persons import NATURAL
from tests.oidc.tokens import compact, jwk, key_set, signer
from trust.keys import InMemoryKey

ISSUER = "https://id.example.org"
MTLS = "https://mtls.id.example.org"
CALLBACK = "https://portal.example/cb"
SECRET = "s3cret & more+%/ü"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""RFC 7636 appendix B."""

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 3072)
RETIRED_KEY = ec.generate_private_key(ec.SECP256R1())
CLIENT_EC = ec.generate_private_key(ec.SECP256R1())
CLIENT_RSA = rsa.generate_private_key(65537, 3072)
CLIENT_ED = ed25519.Ed25519PrivateKey.generate()
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def client(client_id="portal", **changes):
    values = {
        "client_id": client_id,
        "name": {"de": "Portal"},
        "operator": {"de": "Land"},
        "purpose": {"de": "Antrag"},
        "home_url": "https://portal.example/",
        "redirect_uris": (CALLBACK, "https://portal.example/cb?tenant=a"),
        "client_secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
        "required": ("family_name", "given_name", "date_of_birth", "legal_name"),
        "optional": tuple(
            dict.fromkeys(
                name
                for name in (*NATURAL_ATTRIBUTES, *LEGAL_ATTRIBUTES)
                if name not in {"family_name", "given_name", "date_of_birth", "legal_name"}
            )
        ),
        "persons": ("natural", "legal"),
        "representation": "accept",
        **changes,
    }
    return Client(**values)


def keyed(client_id, alg="ES256", **changes):
    return client(
        client_id,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg=alg,
        client_secret_sha256=None,
        jwks_file="keys.json",
        **changes,
    )


CLIENTS = {
    one.client_id: one
    for one in (
        client(),
        client("other", redirect_uris=("https://other.example/cb",)),
        client("rs256", id_token_signed_response_alg="RS256", userinfo_signed_response_alg="RS256"),
        client("timed", require_auth_time=True, default_max_age=60),
        client("strict", minimum_level="substantial"),
        client("tolerant", accept_non_notified=True),
        client("raw", raw_identifier=True),
        client("basic", minimum_level="basic"),
        client(
            "forms",
            raw_identifier=True,
            account_facts=("proved_by", "multi_factor", "mailbox_handle", "acting_person", "company"),
            attribute_assurance=True,
            fim_fields=True,
        ),
        client("sparse", required=("family_name",), optional=("given_name",), representation="refuse"),
        client("fapi", client_class="fapi2"),
        client("resourceful", resources=("https://pay.example/", "https://post.example/")),
        client("pay", resource="https://pay.example/"),
        client("post", resource="https://post.example/", resource_subject="pairwise"),
        client("jarm", authorization_signed_response_alg="ES256"),
        client("dpop", dpop_bound_access_tokens=True),
        keyed("key-fapi-es", client_class="fapi2", dpop_bound_access_tokens=True),
        keyed("key-jar", require_signed_request_object=True),
        client("with:colon"),
        keyed("key-es"),
        keyed("key-ps", "PS256"),
        keyed("key-ed", "EdDSA"),
        keyed("key-rs", "RS256"),
        keyed("key-old", token_endpoint_audience=True, client_assertion_seconds=3600),
        keyed("key-fapi", "RS256", client_class="fapi2"),
        keyed("key-uri").model_copy(update={"jwks_file": None, "jwks_uri": "https://portal.example/jwks"}),
    )
}

CLIENT_KEYS = PublicKeySet.parse(
    key_set(jwk(CLIENT_EC, kid="e"), jwk(CLIENT_RSA, kid="r"), jwk(CLIENT_ED, kid="d"))
)


class RecordedAudit:
    def __init__(self):
        self.events = []
        self.failure = None

    async def record(self, *events, now):
        if self.failure is not None:
            raise self.failure
        self.events += events

    def names(self):
        return [type(event).__name__ for event in self.events]


class PlainPages:
    def error(self, request, error, *, client):
        return PlainTextResponse(error.entry.code, status_code=error.entry.http_status)

    def form(self, form, *, client, languages):
        return JSONResponse({"action": form.action, "fields": dict(form.fields)})


PROXY = "192.0.2.1"
"""Where the connections come from."""


class Listeners:
    """The public listener, and under another name the one behind a proxy that asks for certificates."""

    def __init__(self, app):
        self.app = app
        self.behind_proxy = FromProxy(app, [PROXY])

    async def __call__(self, scope, receive, send):
        headers = dict(scope.get("headers", ()))
        app = self.behind_proxy if headers.get(b"host") == urlsplit(MTLS).netloc.encode() else self.app
        await app(scope, receive, send)


class Bench:
    """One provider under test and the browser and back channel of its clients."""

    def __init__(self, address):
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.identity = NATURAL
        self.released = None
        self.highest = LevelOfAssurance.HIGH
        self.failure = None
        self.held = False
        self.fetched = []
        self.fetch = lambda url: key_set(jwk(CLIENT_EC, kid="e"))
        self.opened = []
        self.audit = RecordedAudit()
        self.store = Store(connect(address), clock=self._seconds)
        limits = LimitsSection()
        self.issuer = CodeIssuer(
            issuer=ISSUER,
            store=self.store,
            subject_key=SubjectKey(b"k" * 32),
            clients=CLIENTS,
            limits=limits,
            random=secrets.token_bytes,
        )
        keys = KeyRing(
            [
                SigningKey.of(InMemoryKey(EC_KEY), "ES256"),
                SigningKey.of(InMemoryKey(RSA_KEY), "RS256"),
                SigningKey.of(InMemoryKey(RETIRED_KEY), "ES256", KeyStage.RETIRED),
            ]
        )
        self.provider = Provider(
            issuer=ISSUER,
            clients=dict(CLIENTS),
            client_keys=ClientKeys(
                {name: CLIENT_KEYS for name in CLIENTS if name.startswith("key-") and name != "key-uri"},
                self._fetch,
            ),
            keys=keys,
            respond=Responder(ISSUER, keys),
            mtls_url=MTLS,
            random=secrets.token_bytes,
            store=self.store,
            audit=self.audit,
            pages=PlainPages(),
            open_journey=self._open,
            reach=lambda client, request, now: self.highest,
            limits=limits,
            languages=("de", "en"),
            clock=lambda: self.now,
        )
        self.http = TestClient(
            Listeners(Starlette(routes=self._routes(), exception_handlers={GatewayError: self._page})),
            base_url=ISSUER,
            follow_redirects=False,
            client=(PROXY, 50_000),
        )

    def _routes(self):
        configuration = json.dumps(discovery.discovery_document(self.provider)).encode()
        keys = jwks.jwks_octets(self.provider.keys)

        def serve(octets, max_age):
            async def endpoint(request):
                return jwks.published(octets, max_age)

            return endpoint

        def at(step):
            async def endpoint(request):
                return await step(self.provider, request)

            return endpoint

        return [
            Route("/.well-known/openid-configuration", serve(configuration, discovery.MAX_AGE)),
            Route("/jwks", serve(keys, jwks.MAX_AGE)),
            Route("/authorize", at(authorize), methods=["GET", "POST"]),
            Route("/finish/{number}", self._finish),
            Route("/par", at(push), methods=["POST"]),
            Route("/token", at(token), methods=["POST"]),
            Route("/introspect", at(introspect), methods=["POST"]),
            Route("/revoke", at(revoke), methods=["POST"]),
            Route("/userinfo", at(userinfo), methods=["GET", "POST"]),
        ]

    def _page(self, request, error):
        if isinstance(error, HTTPException):
            raise error
        return PlainTextResponse(error.entry.code, status_code=error.entry.http_status)

    def _seconds(self):
        return self.now.timestamp()

    def _fetch(self, url):
        self.fetched.append(url)
        return self.fetch(url)

    async def _open(self, client, request, *, http, now):
        if request.prompt == ("none",):
            raise LOGIN_REQUIRED()
        if self.failure is not None:
            raise self.failure
        self.opened.append(request)
        if self.held:
            return PlainTextResponse("a page of the journey")
        return await self._complete(client, request, now)

    async def _finish(self, request):
        """The citizen releases, in the journey of that number."""
        opened = self.opened[int(request.path_params["number"])]
        return await self._complete(self.provider.clients[opened.client_id], opened, self.now)

    async def _complete(self, client, request, now):
        keys = self.released
        if keys is None:
            keys = frozenset(offer.key for offer in offers(client, request, self.identity))
        try:
            code = await self.issuer.issue(
                client, request, self.identity, released=keys, journey=new_journey_number(secrets.token_bytes),
                now=now,
            )  # fmt: skip
        except GatewayError as error:
            dispatch = self.provider.respond.error(request.return_address, error, now=now)
        else:
            dispatch = self.provider.respond.success(request.return_address, code, now=now)
        if isinstance(dispatch, RedirectDispatch):
            return RedirectResponse(dispatch.url, status_code=303)
        return self.provider.pages.form(dispatch, client=client, languages=())

    def fresh(self, identity):
        """The same identity, authenticated a second ago on the bench's clock."""
        from dataclasses import replace

        self.identity = replace(
            identity, source=replace(identity.source, authenticated_at=self.now - timedelta(seconds=1))
        )

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)

    def register(self, client):
        self.provider.clients[client.client_id] = client

    def finish(self, number):
        """The answer to the client after the release in journey ``number`` (with ``held``)."""
        return self.answer_to(self.http.get(f"/finish/{number}"))

    # ------------------------------------------------------------------------------- front channel

    def parameters(self, **changes):
        values = {
            "client_id": "portal",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile",
            "state": "st",
            "nonce": "no",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        if values["client_id"] == "other":
            values["redirect_uri"] = changes.get("redirect_uri", "https://other.example/cb")
        return {name: value for name, value in values.items() if value is not None}

    def authorize(self, **changes):
        return self.http.get("/authorize?" + urlencode(self.parameters(**changes)))

    def answer(self, **changes):
        """The parameters that came back to the client."""
        response = self.authorize(**changes)
        assert response.status_code == 303, response.text
        return {
            name: value for name, (value,) in parse_qs(urlsplit(response.headers["location"]).query).items()
        }

    def code(self, **changes):
        return self.answer(**changes)["code"]

    # -------------------------------------------------------------------------------- back channel

    def token(self, code=None, *, auth="basic", client_id="portal", secret=SECRET, headers=None, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK if client_id != "other" else "https://other.example/cb",
            "code_verifier": VERIFIER,
            **changes,
        }
        sent = dict(headers or {})
        if auth == "basic":
            sent["Authorization"] = basic(client_id, secret)
        form = {name: value for name, value in form.items() if value is not None}
        return self.http.post("/token", data=form, headers=sent)

    def tokens(self, client_id="portal", **changes):
        """A whole login: the token response, checked to be one."""
        response = self.token(self.code(client_id=client_id, **changes), client_id=client_id)
        assert response.status_code == 200, response.text
        return response.json()

    def id_token(self, client_id="portal", **changes):
        """The verified claims of the ID token, read by joserfc with the published keys."""
        return self.read(self.tokens(client_id, **changes)["id_token"]).claims

    def read(self, text):
        keys = KeySet.import_key_set(self.http.get("/jwks").json())
        return jwt.decode(text, keys, algorithms=["ES256", "RS256"])

    def userinfo(self, client_id="portal", **changes):
        tokens = self.tokens(client_id, **changes)
        response = self.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert response.status_code == 200, response.text
        return response.json()

    def assertion(self, client_id="key-es", key=CLIENT_EC, alg="ES256", kid="e", header=(), **changes):
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": ISSUER,
            "jti": secrets.token_hex(8),
            "iat": int(self.now.timestamp()),
            "exp": int(self.now.timestamp()) + 60,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return compact({"alg": alg, "kid": kid, **dict(header)}, claims, signer(key, alg))

    def by_assertion(self, client_id="key-es", **changes):
        """The client authentication parameters of a form."""
        return {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(client_id, **changes),
        }

    def proof(self, path="/token", method="POST", *, key=CLIENT_EC, alg="ES256", header=(), **changes):
        """A DPoP proof by ``key`` for our endpoint ``path``."""
        claims = {
            "jti": secrets.token_hex(8),
            "htm": method,
            "htu": f"{ISSUER}{path}",
            "iat": int(self.now.timestamp()),
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        shown = {name: value for name, value in jwk(key).items() if name not in {"kid", "use", "alg"}}
        return compact(
            {"typ": "dpop+jwt", "alg": alg, "jwk": shown, **dict(header)}, claims, signer(key, alg)
        )

    def request_object(self, sender="key-es", key=CLIENT_EC, alg="ES256", kid="e", header=(), **changes):
        instant = int(self.now.timestamp())
        claims = {
            "iss": sender,
            "aud": ISSUER,
            "nbf": instant,
            "exp": instant + 300,
            **self.parameters(client_id=sender),
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return compact({"alg": alg, "kid": kid, "typ": "oauth-authz-req+jwt", **dict(header)}, claims,
                       signer(key, alg))  # fmt: skip

    def push(self, client_id="key-es", *, proofs=(), only=None, **changes):
        """Push an authorization request; ``only`` replaces all parameters but the authentication."""
        asked = self.parameters(client_id=client_id, **changes) if only is None else only
        headers = [("DPoP", proof) for proof in proofs]
        if client_id.startswith("key-"):
            asked = {**self.by_assertion(client_id), **asked}
        else:
            headers.append(("Authorization", basic(client_id, SECRET)))
        return self.http.post("/par", data=asked, headers=headers)

    def pushed(self, client_id="key-es", **changes):
        """The ``request_uri`` of a pushed request."""
        response = self.push(client_id, **changes)
        assert response.status_code == 201, response.text
        return response.json()["request_uri"]

    def authorize_with(self, query, client_id="key-es"):
        """Exactly these parameters, beside the client's identifier."""
        sent = {name: value for name, value in query.items() if value is not None}
        return self.http.get("/authorize?" + urlencode({"client_id": client_id, **sent}))

    def come_with(self, request_uri, client_id="key-es", **outside):
        """The browser comes with a pushed request."""
        query = {"client_id": client_id, "request_uri": request_uri, **outside}
        return self.http.get("/authorize?" + urlencode(query))

    def answer_to(self, response):
        """What a redirect says to the client."""
        assert response.status_code == 303, response.text
        query = parse_qs(urlsplit(response.headers["location"]).query)
        return {name: value for name, (value,) in query.items()}

    def token_by_assertion(self, assertion, code=None, client_id="key-es", **changes):
        return self.token(
            code or self.code(client_id=client_id),
            auth=None,
            **{"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **changes},
        )


def basic(client_id, secret):
    from urllib.parse import quote_plus

    text = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(text.encode()).decode()


def claims_parameter(**parts):
    return json.dumps(parts)
