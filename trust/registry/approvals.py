"""An approval: one person's signature over the hash of one change, by key file or by passkey.

With ``ed25519`` the assertion is ``{"signature": "<64 octets, base64url>"}``, the signed octets are
``changes.message``. With ``webauthn`` it is what the browser's ``navigator.credentials.get()`` gave
(AuthenticationResponseJSON, WebAuthn-3 §5.1.1) with those octets as challenge; the user must have been verified.

The verdict depends on the log alone, so every node comes to the same one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trust.registry.approvers import (
    Approver,
    Ed25519Credential,
    PasskeyCredential,
    base64url,
    from_base64url,
)
from trust.registry.canonical import Document
from trust.registry.changes import APPROVE, REJECT, members, message, text_of
from trust.registry.errors import ChangeRefused


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"

    @property
    def prefix(self) -> bytes:
        return APPROVE if self is Decision.APPROVE else REJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """As claimed; ``verify`` says whether it counts."""

    change: str
    """Hash of the change, hexadecimal."""
    approver: str
    method: str
    assertion: Document
    decision: Decision = Decision.APPROVE

    def as_json(self) -> Document:
        return {
            "change": self.change,
            "approver": self.approver,
            "method": self.method,
            "assertion": self.assertion,
            "decision": self.decision.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A verified approval."""

    approver: str
    credential: str
    """Fingerprint of the key: it counts while this person still has this key."""
    sign_count: int = 0


def read_approval(value: object) -> Approval:
    """The approval that ``value`` (from JSON) is; raises ChangeRefused ``registry.form``."""
    fields = members(value, "change", "approver", "method", "assertion", "decision")
    if not isinstance(fields["assertion"], Mapping) or fields["decision"] not in list(Decision):
        raise ChangeRefused("registry.form", "is no approval")
    return Approval(
        change=text_of(fields["change"]),
        approver=text_of(fields["approver"]),
        method=text_of(fields["method"]),
        assertion=fields["assertion"],
        decision=Decision(fields["decision"]),
    )


def sign(
    key: Ed25519PrivateKey, change_hash: str, *, approver: str, decision: Decision = Decision.APPROVE
) -> Approval:
    """An approval with a key that is here."""
    return detached(
        key.sign(message(change_hash, decision.prefix)), change_hash, approver=approver, decision=decision
    )


def detached(
    signature: bytes, change_hash: str, *, approver: str, decision: Decision = Decision.APPROVE
) -> Approval:
    """An approval from a signature that was made elsewhere over ``changes.message``."""
    return Approval(
        change=change_hash,
        approver=approver,
        method="ed25519",
        assertion={"signature": base64url(signature)},
        decision=decision,
    )


def verify(approval: Approval, approver: Approver, counters: Mapping[str, int]) -> Signature:
    """Check one approval against the person's enrolled keys; raises ChangeRefused ``registry.signature``.

    ``counters``: the last signature counter of each passkey, by fingerprint (WebAuthn-3 §6.1.1).
    """
    challenge = message(approval.change, approval.decision.prefix)
    if approval.method == "ed25519":
        keys = [key for key in approver.credentials if isinstance(key, Ed25519Credential)]
        return _verify_ed25519(approval, challenge, keys)
    if approval.method == "webauthn":
        return _verify_passkey(
            approval,
            challenge,
            [key for key in approver.credentials if isinstance(key, PasskeyCredential)],
            counters,
        )
    raise ChangeRefused("registry.signature", "unknown method")


def verify_sign_in(
    assertion: Document,
    challenge: bytes,
    people: Mapping[str, Approver],
    counters: Mapping[str, int],
    *,
    origin: str,
) -> Signature:
    """Whose passkey has answered ``challenge`` at ``origin``; raises ChangeRefused ``registry.signature``.

    A passkey may be enrolled for other origins, too, e.g. those of a console that has moved: whoever has such a
    host now could hand on a challenge of ours.

    The caller makes the challenge of random octets and takes it once. A message to sign is longer (``message``),
    so what signs somebody in signs no change.
    """
    for name, person in people.items():
        for key in person.credentials:
            if isinstance(key, PasskeyCredential) and base64url(key.credential_id) == assertion.get("id"):
                if origin not in key.origins:
                    raise ChangeRefused("registry.signature", "passkey: was made for another host")
                claimed = Approval(change="", approver=name, method="webauthn", assertion=assertion)
                return _verify_passkey(claimed, challenge, [replace(key, origins=(origin,))], counters)
    raise ChangeRefused("registry.signature", "is not by an enrolled passkey")


def _verify_ed25519(approval: Approval, challenge: bytes, credentials: list[Ed25519Credential]) -> Signature:
    signature = from_base64url(text_of(members(approval.assertion, "signature")["signature"]))
    for credential in credentials:
        try:
            credential.key().verify(signature, challenge)
        except InvalidSignature:
            continue
        return Signature(approver=approval.approver, credential=credential.fingerprint)
    raise ChangeRefused("registry.signature", f"is not by an enrolled key of {approval.approver}")


def _verify_passkey(
    approval: Approval,
    challenge: bytes,
    credentials: list[PasskeyCredential],
    counters: Mapping[str, int],
) -> Signature:
    # Imported here: it takes longer than everything else in this room, and key files do without.
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    identifier = approval.assertion.get("id")
    for credential in credentials:
        if base64url(credential.credential_id) != identifier:
            continue
        _same_origin(approval.assertion)
        try:
            verified = verify_authentication_response(
                credential=dict(approval.assertion),
                expected_challenge=challenge,
                expected_rp_id=credential.rp_id,
                expected_origin=list(credential.origins),
                credential_public_key=credential.public_key,
                credential_current_sign_count=counters.get(credential.fingerprint, 0),
                require_user_verification=True,
            )
        # Octets of an attacker reach parsers of CBOR, JSON and base64 in there, each with errors of its own.
        except (WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, LookupError) as error:
            raise ChangeRefused("registry.signature", f"passkey: {error}") from error
        return Signature(
            approver=approval.approver,
            credential=credential.fingerprint,
            sign_count=verified.new_sign_count,
        )
    raise ChangeRefused("registry.signature", f"is not by an enrolled passkey of {approval.approver}")


def _same_origin(assertion: Document) -> None:
    """Nobody signs inside somebody else's frame (WebAuthn-3 §5.8.1, ``crossOrigin``)."""
    try:
        data = json.loads(from_base64url(text_of(assertion["response"]["clientDataJSON"])))
        framed = data.get("crossOrigin", False) is not False or "topOrigin" in data
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ChangeRefused("registry.signature", "passkey: no client data") from error
    if framed:
        raise ChangeRefused("registry.signature", "passkey: signed inside a foreign page")


def enrol_passkey(
    response: Mapping[str, Any], *, challenge: bytes, rp_id: str, origins: tuple[str, ...]
) -> PasskeyCredential:
    """The credential of a registration (``navigator.credentials.create()``); raises ChangeRefused.

    Attestation is not asked for: whose passkey it is, is what two people sign by the change of enrolment.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = verify_registration_response(
            credential=dict(response),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            require_user_verification=True,
            supported_pub_key_algs=[
                Algorithm.ECDSA_SHA_256,
                Algorithm.EDDSA,
                Algorithm.RSASSA_PKCS1_v1_5_SHA_256,
            ],
        )
    except (WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, LookupError) as error:
        raise ChangeRefused("registry.signature", f"passkey: {error}") from error
    return PasskeyCredential(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        rp_id=rp_id,
        origins=origins,
    )
