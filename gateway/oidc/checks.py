"""One small function per parameter of the authorization request, in the order of Core §3.1.2.1.

Each looks at one thing in the ``Draft`` and either fills in what it found or raises an entry of the
catalogue. ``STEPS`` says in which order they run; all of them run with client and redirect
URI already proven, so every refusal here may go to the client.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.country_codes import ISO_OF_EU_CODE
from connectors.identity import PersonKind
from gateway.jose import InvalidToken, parse_object
from gateway.oidc import errors, request_object_errors
from gateway.oidc.acr import known
from gateway.oidc.assurance.request import well_formed
from gateway.oidc.claims_parameter import claim_requests
from gateway.oidc.draft import STATE_LENGTH, Draft
from gateway.oidc.id_token_hint import read_hint
from gateway.oidc.request import AcrRequest, ClaimsRequest, ResponseMode

PROMPT_VALUES = ("none", "login", "consent", "select_account")

_LENGTHS = {"state": STATE_LENGTH, "nonce": 512, "claims": 16_384, "id_token_hint": 16_384}
_LENGTH = 2048
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_HINTED_COUNTRY = re.compile(r"(?:(?:eidas:)?country:)?([A-Za-z]{2})", re.ASCII)


def response_mode(draft: Draft) -> None:
    """First of all, because every later error travels by it (Form Post Response Mode §2, JARM §2.3)."""
    signed = draft.client.authorization_signed_response_alg is not None
    value = draft.parameters.get("response_mode")
    if value is None:
        draft.response_mode = ResponseMode.QUERY_JWT if signed else ResponseMode.QUERY
    elif value == "jwt":
        draft.response_mode = ResponseMode.QUERY_JWT
    else:
        try:
            draft.response_mode = ResponseMode(value)
        except ValueError:
            raise errors.RESPONSE_MODE_UNSUPPORTED() from None
    if signed and not (value and draft.response_mode.signed):
        draft.response_mode = ResponseMode.QUERY_JWT
        raise errors.RESPONSE_MODE_UNSIGNED()


def no_parameter_is_repeated(draft: Draft) -> None:
    """RFC 6749 §3.1."""
    if draft.parameters.repeated:
        raise errors.PARAMETER_REPEATED()


def parameters_are_short_enough(draft: Draft) -> None:
    """Bounds on everything we keep or echo."""
    for name, value in draft.parameters.values.items():
        if len(value) > _LENGTHS.get(name, _LENGTH):
            raise errors.PARAMETER_TOO_LONG()


def request_came_as_registered(draft: Draft) -> None:
    """Pushed where the class or the registration says so (RFC 9126 §6), signed likewise (RFC 9101 §10.5)."""
    if draft.client.pushes and not (draft.pushed or draft.pushing):
        raise request_object_errors.PUSH_REQUIRED()
    if draft.client.require_signed_request_object and not draft.signed:
        raise request_object_errors.REQUEST_OBJECT_REQUIRED()


def nothing_by_reference(draft: Draft) -> None:
    """Core §6.2, §7.2.1: what we do not support is refused by its own error, never ignored."""
    if draft.parameters.get("request_uri") is not None:
        raise request_object_errors.REQUEST_URI_UNSUPPORTED()
    if draft.parameters.get("registration") is not None:
        raise errors.REGISTRATION_UNSUPPORTED()


def response_type(draft: Draft) -> None:
    value = draft.parameters.get("response_type")
    if value is None:
        raise errors.RESPONSE_TYPE_MISSING()
    if value != "code":
        raise errors.RESPONSE_TYPE_UNSUPPORTED()


def scope(draft: Draft) -> None:
    """``openid`` must be there; unknown scopes mean nothing (Core §3.1.2.1)."""
    draft.scope = tuple(dict.fromkeys((draft.parameters.get("scope") or "").split()))
    if "openid" not in draft.scope:
        raise errors.SCOPE_WITHOUT_OPENID()


def code_challenge(draft: Draft) -> None:
    """PKCE with S256 (RFC 7636 §4.3, RFC 9700 §2.1.1), for everybody whose registration does not excuse it."""
    challenge = draft.parameters.get("code_challenge")
    if challenge is None:
        if draft.client.require_pkce or draft.parameters.get("code_challenge_method") is not None:
            raise errors.PKCE_MISSING()
        return
    if draft.parameters.get("code_challenge_method") != "S256":
        raise errors.PKCE_METHOD_UNSUPPORTED()
    if _CHALLENGE.fullmatch(challenge) is None:
        raise errors.PKCE_CHALLENGE_MALFORMED()
    draft.code_challenge = challenge


def dpop_key(draft: Draft) -> None:
    """``dpop_jkt`` binds the code to a key (RFC 9449 §10); it must be that of a proof sent along."""
    named = draft.parameters.get("dpop_jkt")
    if named is None:
        return
    if _CHALLENGE.fullmatch(named) is None or draft.dpop_jkt not in {None, named}:
        raise errors.DPOP_KEY_MISMATCH()
    draft.dpop_jkt = named


def resources(draft: Draft) -> None:
    """Resource servers the client is registered for (RFC 8707 §2)."""
    if not set(draft.parameters.resources) <= set(draft.client.resources):
        raise errors.RESOURCE_UNKNOWN()
    draft.resources = tuple(dict.fromkeys(draft.parameters.resources))


def nonce(draft: Draft) -> None:
    """Optional in the code flow."""
    draft.nonce = draft.parameters.get("nonce")


def prompt(draft: Draft) -> None:
    """What they mean is decided where the session is known (``login.session``); here only nonsense is refused."""
    draft.prompt = tuple(dict.fromkeys((draft.parameters.get("prompt") or "").split()))
    if not set(draft.prompt) <= set(PROMPT_VALUES) or ("none" in draft.prompt and len(draft.prompt) > 1):
        raise errors.PROMPT_INVALID()


def max_age(draft: Draft) -> None:
    value = draft.parameters.get("max_age")
    if value is None:
        draft.max_age = draft.client.default_max_age
    elif _SECONDS.fullmatch(value) is None:
        raise errors.MAX_AGE_INVALID()
    else:
        draft.max_age = int(value)


def ui_locales(draft: Draft) -> None:
    """Tags in the citizen's order; what is no tag or not supported is no error."""
    tags = (draft.parameters.get("ui_locales") or "").split()
    draft.ui_locales = tuple(tag for tag in tags if _LANGUAGE_TAG.fullmatch(tag))[:10]


def hints(draft: Draft) -> None:
    """Country, means and kind of person, from ``login_hint`` or a scope ``eidas:country:xx``.

    A hint that says nothing to us is ignored: it is only a hint.
    """
    for name in draft.scope:
        if name == "eidas" or name.startswith("eidas:"):
            _means(draft, "eidas")
            if name.startswith("eidas:country:"):
                _country(draft, name)
    for token in (draft.parameters.get("login_hint") or "").split():
        if token in {"person:natural", "person:legal"}:
            kind = token.removeprefix("person:")
            if kind in draft.client.persons:
                draft.person = PersonKind(kind)
        elif token.startswith("means:"):
            _means(draft, token.removeprefix("means:"))
        else:
            if token.startswith("eidas:"):
                _means(draft, "eidas")
            _country(draft, token)


def _means(draft: Draft, connector: str) -> None:
    if connector in draft.client.means:
        draft.means = connector


def _country(draft: Draft, token: str) -> None:
    match = _HINTED_COUNTRY.fullmatch(token)
    if match is not None:
        code = match[1].upper()
        draft.country = ISO_OF_EU_CODE.get(code, code)


def claims(draft: Draft) -> None:
    """The ``claims`` parameter (Core §5.5); unknown top members and claims mean nothing."""
    text = draft.parameters.get("claims")
    if text is None:
        return
    try:
        document = parse_object(text)
    except ValueError as error:
        raise errors.CLAIMS_MALFORMED() from error
    parts = {}
    verified = {}
    for place in ("userinfo", "id_token"):
        wanted = document.get(place)
        if wanted is not None and not isinstance(wanted, dict):
            raise errors.CLAIMS_MALFORMED()
        rest = dict(wanted or {})
        verified[place] = well_formed(rest.pop("verified_claims")) if "verified_claims" in rest else ()
        parts[place] = claim_requests(rest, errors.CLAIMS_MALFORMED)
    draft.claims = ClaimsRequest(
        userinfo=parts["userinfo"],
        id_token=parts["id_token"],
        verified_userinfo=verified["userinfo"],
        verified_id_token=verified["id_token"],
    )


def subject(draft: Draft) -> None:
    """Particular persons: ``sub`` with values (Core §5.5.1), ``id_token_hint`` (Core §3.1.2.1).

    Where several places name some, only who is named in all of them may log in.
    """
    parts = (draft.claims.id_token, draft.claims.userinfo)
    named = [
        tuple(value for value in part["sub"].values if isinstance(value, str))
        for part in parts
        if "sub" in part and part["sub"].values
    ]
    if not all(named):
        raise errors.CLAIMS_MALFORMED()
    hint = draft.parameters.get("id_token_hint")
    if hint is not None:
        named.append((_subject_of_hint(draft, hint),))
    if named:
        draft.subjects = tuple(sub for sub in named[0] if all(sub in others for others in named))
        if not draft.subjects:
            raise errors.SUBJECT_MISMATCH()


def _subject_of_hint(draft: Draft, hint: str) -> str:
    clients = {draft.client.client_id: draft.client}
    try:
        _, found = read_hint(hint, issuer=draft.issuer, clients=clients, keys=draft.keys, now=draft.now)
    except InvalidToken as error:
        raise errors.ID_TOKEN_HINT_INVALID(cause=error) from error
    return str(found["sub"])


def level(draft: Draft) -> None:
    """``acr``: the essential claim decides, else ``acr_values`` are a wish (Core §5.5.1.1, oidc.md §3).

    A request that names no value has the registration's (Reg §2 ``default_acr_values``). What is asked of
    the source is the lowest level named, and never less than the registration says.
    """
    places = (draft.claims.id_token, draft.claims.userinfo)
    claims = [place["acr"] for place in places if "acr" in place and place["acr"].values]
    essential = next((claim for claim in claims if claim.essential), None)
    named = tuple((draft.parameters.get("acr_values") or "").split())
    if essential is not None or (claims and not named):
        claim = essential or claims[0]
        named = tuple(value for value in claim.values if isinstance(value, str))
    draft.acr = AcrRequest(
        values=named or (() if essential else draft.client.default_acr_values),
        essential=essential is not None,
        vocabulary=draft.client.acr_vocabulary,
    )
    wanted = [
        meaning for _, meaning in known(draft.acr) if meaning.notified or draft.client.accept_non_notified
    ]
    if draft.acr.essential and not wanted:
        raise errors.ACR_UNREACHABLE()
    lowest = min((level.level for level in wanted), default=draft.client.level)
    draft.minimum = max(lowest, draft.client.level)
    draft.accept_non_notified = draft.client.accept_non_notified and (
        not draft.acr.essential or any(not level.notified for level in wanted)
    )


STEPS: tuple[Callable[[Draft], None], ...] = (
    response_mode,
    no_parameter_is_repeated,
    parameters_are_short_enough,
    request_came_as_registered,
    nothing_by_reference,
    response_type,
    scope,
    code_challenge,
    dpop_key,
    resources,
    nonce,
    prompt,
    max_age,
    ui_locales,
    hints,
    claims,
    subject,
    level,
)
"""In this order; pushed requests are checked when they are pushed and once more when the browser comes."""
