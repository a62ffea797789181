"""An authenticator of our own: makes passkeys and assertions as a browser would hand them over (WebAuthn-3 §6)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from trust.registry import Approval, Decision, PasskeyCredential, message
from trust.registry.changes import REJECT

RP_ID = "trust.sachsen.example"
ORIGIN = f"https://{RP_ID}"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


@dataclass
class Passkey:
    """One credential; its counter counts up unless told otherwise."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = b"credential-0001"
    counter: int = 0
    rp_id: str = RP_ID
    origin: str = ORIGIN

    @property
    def cose(self) -> bytes:
        """RFC 9053 §7.1.1: EC2, ES256, P-256."""
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )

    @property
    def credential(self) -> PasskeyCredential:
        return PasskeyCredential(
            credential_id=self.credential_id,
            public_key=self.cose,
            rp_id=self.rp_id,
            origins=(self.origin,),
        )

    def registration(self, challenge: bytes, *, origin: str = ORIGIN, flags: int = PRESENT | VERIFIED) -> Any:
        """RegistrationResponseJSON with attestation ``none``."""
        data = (
            sha256(RP_ID.encode()).digest()
            + bytes([flags | ATTESTED])
            + bytes(4)
            + bytes(16)
            + len(self.credential_id).to_bytes(2, "big")
            + self.credential_id
            + self.cose
        )
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = {"type": "webauthn.create", "challenge": base64url(challenge), "origin": origin}
        return {
            "id": base64url(self.credential_id),
            "rawId": base64url(self.credential_id),
            "type": "public-key",
            "response": {
                "clientDataJSON": base64url(json.dumps(client_data).encode()),
                "attestationObject": base64url(attestation),
            },
        }

    def approve(
        self,
        change_hash: str,
        approver: str,
        *,
        challenge: bytes | None = None,
        origin: str = ORIGIN,
        rp_id: str = RP_ID,
        flags: int = PRESENT | VERIFIED,
        counter: int | None = None,
        **client: object,
    ) -> Approval:
        """The approval of a change; every parameter is something an attacker would choose."""
        if counter is None:
            self.counter += 1
            counter = self.counter
        data = sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")
        client_data = {
            "type": "webauthn.get",
            "challenge": base64url(message(change_hash) if challenge is None else challenge),
            "origin": origin,
            **client,
        }
        said = json.dumps(client_data).encode()
        signature = self.key.sign(data + sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return Approval(
            change=change_hash,
            approver=approver,
            method="webauthn",
            assertion={
                "id": base64url(self.credential_id),
                "rawId": base64url(self.credential_id),
                "type": "public-key",
                "response": {
                    "clientDataJSON": base64url(said),
                    "authenticatorData": base64url(data),
                    "signature": base64url(signature),
                },
            },
        )

    def signs(self, change_hash: str, approver: str) -> Approval:
        """The approval, at the site it was made for."""
        return self.approve(change_hash, approver, origin=self.origin, rp_id=self.rp_id)

    def reject(self, change_hash: str, approver: str) -> Approval:
        """The withdrawal of a change."""
        approval = self.approve(change_hash, approver, challenge=message(change_hash, REJECT))
        return replace(approval, decision=Decision.REJECT)
