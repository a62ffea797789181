"""RFC 8705: clients that authenticate with a TLS certificate, and tokens bound to it."""

import base64
import hashlib
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.jose import PublicKeySet, base64url
from tests.oidc.harness import CALLBACK, CHALLENGE, ISSUER, MTLS, PROXY, client
from tests.oidc.tokens import jwk, key_set
from tests.support.self_signed import self_signed

KEY = ec.generate_private_key(ec.SECP256R1())
SAN = [
    x509.DNSName("portal.example"),
    x509.UniformResourceIdentifier("urn:portal"),
    x509.IPAddress(ip_address("2001:db8::1")),
    x509.RFC822Name("portal@example.org"),
]


def certificate(common_name="portal", key=KEY, names=SAN):
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Land"),
        ]
    )
    built = self_signed(key, name, x509.SubjectAlternativeName(names))
    return built.public_bytes(serialization.Encoding.DER)


OURS, THIEFS = certificate(), certificate("thief", ec.generate_private_key(ec.SECP256R1()), SAN[:1])


@pytest.fixture
def mtls(bench):
    """The provider as it is reached through a proxy that verified the certificate (RFC 9440)."""
    for method, field, value in NAMES:
        bench.register(
            client(
                f"tls-{field}",
                client_class="fapi2",
                token_endpoint_auth_method=method,
                client_secret_sha256=None,
                tls_client_certificate_bound_access_tokens=True,
                **({} if field == "self" else {f"tls_client_auth_{field}": value}),
            )
        )
    x5c = [base64.b64encode(OURS).decode()]
    bench.provider.client_keys._files["tls-self"] = PublicKeySet.parse(key_set(jwk(KEY, x5c=x5c)))
    return bench


NAMES = [
    ("tls_client_auth", "subject_dn", "O=Land,CN=portal"),
    ("tls_client_auth", "san_dns", "Portal.example"),
    ("tls_client_auth", "san_uri", "urn:portal"),
    ("tls_client_auth", "san_ip", "2001:db8:0::1"),
    ("tls_client_auth", "san_email", "portal@example.org"),
    ("self_signed_tls_client_auth", "self", None),
]


def header(der):
    return {} if der is None else {"Client-Cert": f":{base64.b64encode(der).decode()}:"}


def push(bench, client_id, der, **changes):
    return bench.http.post(
        f"{MTLS}/par", data=bench.parameters(client_id=client_id, **changes), headers=header(der)
    )


def tokens(bench, client_id, der=OURS, token_certificate=OURS):
    request_uri = push(bench, client_id, der).json()["request_uri"]
    code = bench.answer_to(bench.come_with(request_uri, client_id))["code"]
    form = {"grant_type": "authorization_code", "client_id": client_id, "code": code, "redirect_uri": CALLBACK,
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}  # fmt: skip
    return bench.http.post(f"{MTLS}/token", data=form, headers=header(token_certificate))


@pytest.mark.parametrize("field", [field for _, field, _ in NAMES])
def test_client_logs_in_with_the_registered_certificate_and_its_token_is_bound(mtls, field):
    """§2.1.2, §2.2, §3: every way of naming the certificate."""
    response = tokens(mtls, f"tls-{field}")
    assert (response.status_code, response.json()["token_type"]) == (200, "Bearer")
    bearer = {"Authorization": f"Bearer {response.json()['access_token']}"}
    assert mtls.http.get(f"{MTLS}/userinfo", headers=bearer | header(OURS)).json()["sub"]


@pytest.mark.parametrize("field", [field for _, field, _ in NAMES if field != "san_dns"])
@pytest.mark.parametrize("der", [THIEFS, None, b"no certificate"], ids=["another", "none", "rubbish"])
def test_another_certificate_or_none_is_refused(mtls, field, der):
    refused = push(mtls, f"tls-{field}", der)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_stolen_bound_token_is_useless_without_the_certificate(mtls):
    """§3: over the plain listener, with another certificate."""
    bearer = {"Authorization": f"Bearer {tokens(mtls, 'tls-subject_dn').json()['access_token']}"}
    for attempt in (
        mtls.http.get("/userinfo", headers=bearer),
        mtls.http.get(f"{MTLS}/userinfo", headers=bearer),
        mtls.http.get(f"{MTLS}/userinfo", headers=bearer | header(THIEFS)),
    ):
        assert attempt.status_code == 401
        assert "sub" not in attempt.json()


def test_certificate_header_means_nothing_on_the_public_listener(mtls):
    """RFC 9440 §3: whoever can reach the public listener can write any header."""
    refused = mtls.http.post("/par", data=mtls.parameters(client_id="tls-subject_dn"), headers=header(OURS))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "value", ["", "::", "x", ":x:", f"{base64.b64encode(OURS).decode()}", ":" + "A" * 20_000 + ":"]
)
def test_malformed_certificate_header_is_no_certificate(mtls, value):
    data = mtls.parameters(client_id="tls-subject_dn")
    assert mtls.http.post(f"{MTLS}/par", data=data, headers={"Client-Cert": value}).status_code == 401


@pytest.mark.parametrize("sender", ["192.0.2.2", "testclient", None])
def test_certificate_header_of_anybody_but_the_trusted_proxy_means_nothing(mtls, sender):
    """RFC 9440 §4: whoever reaches the port past the proxy must not be able to name a certificate."""
    data = mtls.parameters(client_id="tls-subject_dn")

    async def past_the_proxy(scope, receive, send):
        await app({**scope, "client": sender and (sender, 1)}, receive, send)

    app, mtls.http.app = mtls.http.app, past_the_proxy
    mtls.http._transport.app = past_the_proxy
    spoofed = {**header(OURS), "X-Forwarded-For": PROXY, "Forwarded": f"for={PROXY}"}
    assert mtls.http.post(f"{MTLS}/par", data=data, headers=spoofed).status_code == 401


def test_two_certificate_headers_are_none(mtls):
    headers = [*header(OURS).items(), *header(THIEFS).items()]
    assert (
        mtls.http.post(
            f"{MTLS}/par", data=mtls.parameters(client_id="tls-subject_dn"), headers=headers
        ).status_code
        == 401
    )


def test_certificate_does_not_replace_the_registered_method(mtls):
    """oidc.md §9: one registered method per client, no fallback."""
    assert push(mtls, "portal", OURS).status_code == 401


def test_token_for_a_resource_server_carries_the_certificates_digest(mtls):
    """§3.1: cnf with x5t#S256."""
    name = "tls-subject_dn"
    mtls.register(mtls.provider.clients[name].model_copy(update={"resources": ("https://pay.example/",)}))
    request_uri = push(mtls, name, OURS, code_challenge=CHALLENGE).json()["request_uri"]
    code = mtls.answer_to(mtls.come_with(request_uri, name))["code"]
    form = {"grant_type": "authorization_code", "client_id": name, "code": code, "redirect_uri": CALLBACK,
            "resource": "https://pay.example/", "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}  # fmt: skip
    token = mtls.read(mtls.http.post(f"{MTLS}/token", data=form, headers=header(OURS)).json()["access_token"])
    assert token.claims["cnf"] == {"x5t#S256": base64url(hashlib.sha256(OURS).digest())}


def test_dpop_proof_on_the_certificate_listener_names_its_address(mtls):
    """RFC 9449 §4.3(9) with RFC 8705 §5: htu is the alias."""
    for url, status in ((f"{MTLS}/par", 201), (f"{ISSUER}/par", 400)):
        proof = {"DPoP": mtls.proof(htu=url)}
        data = mtls.parameters(client_id="tls-subject_dn")
        assert mtls.http.post(f"{MTLS}/par", data=data, headers=header(OURS) | proof).status_code == status


@pytest.mark.parametrize(
    ("der", "code"), [(THIEFS, "client.authentication_failed"), (OURS, "token.code_invalid")]
)
def test_refusal_names_the_client_in_the_audit_log(mtls, der, code):
    """Whoever comes with a certificate is named by ``client_id`` alone, before and after it is believed."""
    data = {"grant_type": "authorization_code", "client_id": "tls-subject_dn", "code": "x", "redirect_uri": CALLBACK,
            "code_verifier": "v" * 43}  # fmt: skip
    assert mtls.http.post(f"{MTLS}/token", data=data, headers=header(der)).status_code in {400, 401}
    assert (mtls.audit.events[-1].client, mtls.audit.events[-1].code) == ("tls-subject_dn", code)
