"""Whatever arrives, parsers give an answer of theirs and never another exception (style.md §7)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import CATALOGUE, GatewayError
from gateway.jose import InvalidKeySet, InvalidToken, PublicKeySet, parse, parse_object
from gateway.oidc import errors
from gateway.oidc.authorize import STEPS
from gateway.oidc.client import claimed_client
from gateway.oidc.draft import Draft
from gateway.oidc.parameters import Parameters, Unreadable, parse_parameters
from tests.oidc.harness import CALLBACK, CHALLENGE, CLIENTS, EC_KEY, ISSUER
from tests.oidc.persons import AUTHENTICATED
from tests.oidc.tokens import b64
from trust.keys import InMemoryKey

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "scope", "response_type", "response_mode", "state", "nonce", "prompt", "max_age", "ui_locales",
        "login_hint", "claims", "acr_values", "code_challenge", "code_challenge_method", "id_token_hint",
        "request", "request_uri", "registration", "display",
    ]
)  # fmt: skip
VALUES = st.text() | st.sampled_from(
    [
        "openid",
        "code",
        "S256",
        CHALLENGE,
        "none",
        "GR",
        '{"userinfo":{"verified_claims":{}}}',
        '{"id_token":{"acr":{}}}',
    ]
)


def ring():
    from gateway.jose import KeyRing, SigningKey

    return KeyRing([SigningKey.of(InMemoryKey(EC_KEY), "ES256")])


RING = ring()


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_parameters_are_read_or_refused(octets):
    try:
        found = parse_parameters(octets, limit=1000)
    except Unreadable:
        return
    assert all(found.values.values())


@settings(deadline=None)
@given(
    st.text()
    | st.tuples(JSON, JSON).map(lambda parts: ".".join(b64(repr(p).encode()) for p in parts) + ".AA")
)
def test_token_is_parsed_or_refused(text):
    try:
        parse(text)
    except InvalidToken:
        return


@settings(deadline=None)
@given(st.binary() | st.text())
def test_json_is_read_or_refused(text):
    try:
        assert isinstance(parse_object(text), dict)
    except ValueError:
        return


@settings(deadline=None)
@given(JSON)
def test_key_set_is_read_or_refused(value):
    import json

    with pytest.raises(InvalidKeySet):
        PublicKeySet.parse(json.dumps({"keys": [value, 1]}).encode())


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, VALUES.filter(bool)))
def test_request_is_checked_or_refused_with_an_entry_of_the_catalogue(values):
    """Also the hints and the claims parameter."""
    base = {
        "scope": "openid",
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    draft = Draft(
        parameters=Parameters({**base, **values}, frozenset()),
        client=CLIENTS["portal"],
        redirect_uri=CALLBACK,
        issuer=ISSUER,
        keys=RING,
        now=AUTHENTICATED,
    )
    try:
        for step in STEPS:
            step(draft)
        checked = draft.request()
    except GatewayError as refusal:
        entry = refusal.entry
    else:
        assert type(checked).from_record(checked.to_record()) == checked
        return
    assert entry.to_client


@settings(deadline=None)
@given(
    st.text(),
    st.dictionaries(
        st.sampled_from(["client_assertion", "client_assertion_type", "client_secret"]), st.text(min_size=1)
    ),
)
def test_credentials_are_read_or_refused(authorization, values):
    claimed_client(authorization, Parameters(values, frozenset()), None)


def test_hints_of_the_catalogue_can_be_sent_as_error_description():
    """RFC 6749 §4.1.2.1: %x20-21 / %x23-5B / %x5D-7E."""
    mine = [entry for entry in CATALOGUE if entry.number[:2] in {"10", "11"}]
    assert errors.CLIENT_UNKNOWN in mine
    for entry in mine:
        assert all(" " <= letter <= "~" and letter not in {chr(34), chr(92)} for letter in entry.hint)
        assert entry.documentation
