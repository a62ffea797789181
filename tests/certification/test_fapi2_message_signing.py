"""``fapi2-message-signing-final-test-plan``: signed request objects at PAR (JAR) and JARM, with DPoP.

The suite's names begin with ``fapi2-security-profile-final-`` here too. What this plan shares with the Security
Profile's is in ``test_fapi2_security_profile``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.certification.judge import CALLBACK, Judge, Landed, sign
from tests.certification.profiles import DPoP, request_object
from tests.login.installation import ISSUER
from tests.oidc.tokens import compact, signer

pytestmark = pytest.mark.anyio

REFUSED = ("invalid_request_object", "invalid_request")
HOUR = 3600


@pytest.fixture
def signing(judge: Judge) -> DPoP:
    return DPoP(judge, "signing", "client2")


def asked_for(signing: DPoP, **changes: Any) -> dict[str, str]:
    return signing.request(response_mode="jwt", **changes)


async def push(signing: DPoP, asked: dict[str, str], **changes: Any) -> Any:
    """Push a request object, and beside it only who the client is."""
    form = {"client_id": "signing", "request": request_object(signing.judge, asked, **changes)}
    return await signing.push(form)


async def landed(signing: DPoP, asked: dict[str, str], **changes: Any) -> Landed:
    """The whole way, and what the signed answer says in place of its JWT."""
    response = await push(signing, asked, **changes)
    assert response.status_code == 201, response.text
    return await opened(signing, await signing.visit(response.json()["request_uri"], "signing"))


async def opened(signing: DPoP, found: Landed) -> Landed:
    """The answer inside the JWT (JARM §2.1, §2.4), as the suite checks it."""
    assert found.parameters.keys() == {"response"}
    token = await signing.judge.read(found.parameters["response"], ("ES256",))
    claims = dict(token.claims)
    assert (claims.pop("iss"), claims.pop("aud")) == (ISSUER, "signing")
    assert signing.judge.now < claims.pop("exp") <= signing.judge.now + 600
    found.parameters = claims
    return found


async def complete(signing: DPoP, asked: dict[str, str], **changes: Any) -> dict[str, Any]:
    return await signing.complete(asked, await landed(signing, asked, **changes))


async def test_happy_flow(signing: DPoP) -> None:
    """happy-flow with ``fapi_request_method=signed_non_repudiation`` and ``fapi_response_mode=jarm``."""
    await complete(signing, asked_for(signing))


async def test_user_rejects_authentication(signing: DPoP) -> None:
    """user-rejects-authentication: the error travels in the JWT as well."""
    asked = asked_for(signing)
    response = await push(signing, asked)
    refused = await signing.visit(response.json()["request_uri"], "signing", decide="refuse")
    parameters = (await opened(signing, refused)).parameters
    assert (parameters["error"], parameters["state"]) == ("access_denied", asked["state"])


async def test_ensure_server_accepts_request_object_with_multiple_aud(signing: DPoP) -> None:
    """ensure-server-accepts-request-object-with-multiple-aud."""
    await complete(signing, asked_for(signing), aud=[ISSUER, "https://suite.example/other"])


async def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(signing: DPoP) -> None:
    """ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted."""
    await complete(signing, asked_for(signing), nbf=signing.judge.now + 8)


async def test_ensure_optional_parameters_may_be_absent(signing: DPoP) -> None:
    """ensure-authorization-request-without-state-success, -without-nonce-success."""
    await complete(signing, asked_for(signing, state=None))
    await complete(signing, asked_for(signing, nonce=None))


@pytest.mark.parametrize("name", ["nonce", "state"])
async def test_ensure_different_value_inside_and_outside_request_object(signing: DPoP, name: str) -> None:
    """ensure-different-nonce-inside-and-outside-request-object, -state-…: only what is inside counts."""
    asked = asked_for(signing)
    response = await push(signing, asked)
    query = {"client_id": "signing", "request_uri": response.json()["request_uri"], name: "outside"}
    found = await opened(signing, await signing.judge.walk(f"/authorize?{urlencode(query)}"))
    await signing.complete(asked, found)


async def test_state_only_outside_request_object_not_used(signing: DPoP) -> None:
    """state-only-outside-request-object-not-used: neither at PAR nor at the authorization endpoint."""
    asked = asked_for(signing, state=None)
    form = {"client_id": "signing", "state": "outside", "request": request_object(signing.judge, asked)}
    response = await signing.push(form)
    query = {"client_id": "signing", "request_uri": response.json()["request_uri"], "state": "outside"}
    found = await opened(signing, await signing.judge.walk(f"/authorize?{urlencode(query)}"))
    assert "state" not in found.parameters
    await signing.complete(asked, found)


TIMES: dict[str, Callable[[int], dict[str, Any]]] = {
    "ensure-request-object-without-exp-fails": lambda now: {"exp": None},
    "ensure-request-object-without-nbf-fails": lambda now: {"nbf": None},
    "ensure-expired-request-object-fails": lambda now: {"exp": now - 300},
    "ensure-request-object-with-bad-aud-fails": lambda now: {"aud": "https://suite.example/invalid"},
    "ensure-request-object-with-exp-over-60-fails": lambda now: {"exp": now + HOUR + 600},
    "ensure-request-object-with-nbf-over-60-fails": lambda now: {"nbf": now - HOUR - 600},
    "ensure-request-object-without-redirect-uri-fails": lambda now: {"redirect_uri": None},
    "par-authorization-request-containing-request_uri": lambda now: {
        "request_uri": "urn:ietf:params:oauth:request_uri:invalid"
    },
}


@pytest.mark.parametrize("module", TIMES)
async def test_ensure_request_object_fails(signing: DPoP, module: str) -> None:
    """ensure-request-object-… (see the identifiers): refused at PAR."""
    response = await push(signing, asked_for(signing), **TIMES[module](signing.judge.now))
    signing.judge.refused(response, *REFUSED)


async def test_ensure_signed_request_object_with_rs256_fails(signing: DPoP) -> None:
    """ensure-signed-request-object-with-RS256-fails."""
    key = rsa.generate_private_key(65537, 2048)
    claims = {**asked_for(signing), "iss": "signing", "aud": ISSUER, "nbf": signing.judge.now}
    text = compact({"alg": "RS256", "kid": "signing"}, claims, signer(key, "RS256"))
    signing.judge.refused(await signing.push({"client_id": "signing", "request": text}), *REFUSED)


async def test_ensure_request_object_signature_algorithm_is_not_none(signing: DPoP) -> None:
    """ensure-request-object-signature-algorithm-is-not-none."""
    head, body, _ = request_object(signing.judge, asked_for(signing)).split(".")
    none = sign("signing", {"alg": "none"}, {}).split(".", maxsplit=1)[0]
    assert head != none
    response = await signing.push({"client_id": "signing", "request": f"{none}.{body}."})
    signing.judge.refused(response, *REFUSED, "request_not_supported")


async def test_ensure_request_object_with_invalid_signature_fails(signing: DPoP) -> None:
    """ensure-request-object-with-invalid-signature-fails."""
    head, body, signature = request_object(signing.judge, asked_for(signing)).split(".")
    broken = signature[:8] + ("A" if signature[8] != "A" else "B") + signature[9:]
    response = await signing.push({"client_id": "signing", "request": f"{head}.{body}.{broken}"})
    signing.judge.refused(response, *REFUSED)


async def test_ensure_matching_key_in_authorization_request(signing: DPoP) -> None:
    """ensure-matching-key-in-authorization-request: signed by the second client, or by nobody known."""
    claims = {**asked_for(signing), "iss": "signing", "aud": ISSUER, "nbf": signing.judge.now}
    claims["exp"] = signing.judge.now + 60
    stranger = ec.generate_private_key(ec.SECP256R1())
    for text in (sign("client2", {}, claims), sign(stranger, {"kid": "signing"}, claims)):
        signing.judge.refused(await signing.push({"client_id": "signing", "request": text}), *REFUSED)


async def test_ensure_unsigned_request_at_par_endpoint_fails(signing: DPoP) -> None:
    """ensure-unsigned-request-at-par-endpoint-fails."""
    signing.judge.refused(await signing.push(asked_for(signing)), *REFUSED)


async def test_unsigned_answer_cannot_be_asked_for(signing: DPoP) -> None:
    """Message Signing §5.4.1: with signed responses registered, ``response_mode`` must ask for one."""
    for mode in (None, "query", "form_post"):
        asked = {**signing.request(), **({"response_mode": mode} if mode else {})}
        signing.judge.refused(await push(signing, asked), "invalid_request")


async def test_answer_by_form_is_signed_as_well(signing: DPoP) -> None:
    """JARM §2.3.3: a form with one field, sent by a button where no script runs."""
    asked = signing.request(response_mode="form_post.jwt")
    found = await landed(signing, asked)
    assert found.address == CALLBACK
    await signing.complete(asked, found)
