"""From the octets of a SAMLResponse to the one assertion that may be read (security.md A.0).

``receive`` is the whole way, top to bottom. What it returns was parsed from octets whose digest
was signed, or from what was encrypted inside those octets; nothing of the message as it arrived
is ever read by anybody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.contract import ReplayKey
from connectors.errors import InvalidAnswer, OwnKeyUnavailable
from connectors.saml import decryption, status, structure, validation
from connectors.saml.bindings import Message
from connectors.saml.validation import Expectation, Parts
from trust import schemas
from trust.errors import KeyUnavailable, TrustError, VerificationError
from trust.signatures import verify_enveloped
from trust.xml import SAML, Element, only_child, parse, text

_SAML = "{" + SAML + "}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAssertion:
    """A verified assertion, reduced to what a connector needs."""

    assertion_id: str
    issuer: str
    authn_context: str
    """AuthnContextClassRef as it stands; whether it suffices is the connector's business. Or the
    declaration that was expected."""
    authn_instant: datetime
    name_id: str
    """Text of the NameID, which is a user key for some peers and noise from others."""
    name_id_format: str
    attributes: tuple[Element, ...]
    """``saml:Attribute`` elements in their order."""
    replay_keys: tuple[ReplayKey, ...]


def receive(octets: bytes, expected: Expectation) -> VerifiedAssertion:
    """Verify one SAMLResponse completely.

    Raises InvalidAnswer for everything that must not be believed, the error of
    ``Expectation.failure`` for a genuine failure response, and OwnKeyUnavailable.
    """
    try:
        return _open_envelope(_verify_response(_parse(octets), expected), expected)
    except KeyUnavailable as error:
        raise OwnKeyUnavailable(error.reason, error.detail) from error
    except TrustError as error:
        raise InvalidAnswer(error.reason, error.detail) from error


def receive_redirect(message: Message, expected: Expectation) -> VerifiedAssertion:
    """Verify one SAMLResponse of HTTP-Redirect: what is signed is the query string, nothing inside.

    A signature on the message itself is refused, because the binding wants it removed
    (saml-bindings §3.4.4.1) and nobody would verify it. Raises as ``receive`` does.
    """
    try:
        message.require_signed_query(expected.keys, now=expected.now, deviations=expected.deviations)
        root = _parse(message.octets)
        if root.find(structure.SIGNATURE) is not None:
            raise VerificationError("saml.structure", "signature on a redirected message")
        return _open_envelope(root, expected)
    except KeyUnavailable as error:
        raise OwnKeyUnavailable(error.reason, error.detail) from error
    except TrustError as error:
        raise InvalidAnswer(error.reason, error.detail) from error


def _parse(octets: bytes) -> Element:
    root = parse(octets)
    structure.require_response(root)
    schemas.validate(root)
    return root


def _open_envelope(response: Element, expected: Expectation) -> VerifiedAssertion:
    validation.response_envelope(response, expected)
    outcome = status.read(response)
    if not outcome.success:
        raise expected.failure(response, outcome)
    assertion = _verify_assertion(_open(response, expected), expected)
    parts = Parts(response=response, assertion=assertion)
    for rule in validation.RULES:
        rule(parts, expected)
    return _read(parts, expected)


def _verify_response(root: Element, expected: Expectation) -> Element:
    """The Response as signed. Its issuer is only compared here: the keys are the expected peer's."""
    validation.require_issuer(only_child(root, _SAML + "Issuer"), expected.issuer)
    signed = root.find(structure.SIGNATURE) is not None
    if expected.response_signature_required or signed:
        return verify_enveloped(root, expected.keys, now=expected.now, deviations=expected.deviations)
    if not expected.assertion_signature_required:
        raise VerificationError("signature.missing")
    return root


def _open(response: Element, expected: Expectation) -> Element:
    """The assertion: decrypted, or in the clear where the profile allows it."""
    encrypted = response.findall(structure.ENCRYPTED_ASSERTION)
    plain = response.findall(structure.ASSERTION)
    if len(encrypted) + len(plain) != 1:
        raise InvalidAnswer("saml.structure", "not exactly one assertion")
    if plain:
        if expected.encryption_required:
            raise InvalidAnswer("encryption.missing")
        return plain[0]
    inner = parse(
        decryption.decrypt(
            encrypted[0], expected.decrypters, now=expected.now, deviations=expected.deviations
        )
    )
    structure.require_assertion(inner)
    schemas.validate(inner, on_attributes=expected.on_attributes)
    return inner


def _verify_assertion(assertion: Element, expected: Expectation) -> Element:
    signed = assertion.find(structure.SIGNATURE) is not None
    if signed or expected.assertion_signature_required:
        return verify_enveloped(assertion, expected.keys, now=expected.now, deviations=expected.deviations)
    return assertion


def _read(parts: Parts, expected: Expectation) -> VerifiedAssertion:
    assertion = parts.assertion
    statement = only_child(assertion, _SAML + "AuthnStatement")
    name_id = only_child(only_child(assertion, _SAML + "Subject"), _SAML + "NameID")
    end = validation.instant(
        only_child(assertion, _SAML + "Conditions").get("NotOnOrAfter"), "saml.conditions"
    )
    until = max(end, expected.now) + expected.skew + timedelta(minutes=1)
    identifiers = (str(parts.response.get("ID")), str(assertion.get("ID")))
    return VerifiedAssertion(
        assertion_id=identifiers[1],
        issuer=expected.issuer,
        authn_context=validation.context_reference(statement, expected),
        authn_instant=validation.instant(statement.get("AuthnInstant"), "saml.authn-instant"),
        name_id=text(name_id),
        name_id_format=name_id.get("Format") or "",
        attributes=tuple(only_child(assertion, _SAML + "AttributeStatement").findall(_SAML + "Attribute")),
        replay_keys=tuple(
            ReplayKey(key=f"{expected.issuer}\0{identifier}", until=until) for identifier in identifiers
        ),
    )
