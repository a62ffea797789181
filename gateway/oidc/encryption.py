"""To whose key an ID token or a UserInfo response is encrypted (Core §10.2, Reg §2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.client_settings import Client
from gateway.jose import CONTENT_ENCRYPTION, EncryptionKey
from gateway.oidc.provider import Provider
from gateway.oidc.token_errors import ENCRYPTION_KEY_MISSING


@dataclass(frozen=True, slots=True)
class Recipient:
    """A client's key and how the client registered to be written to."""

    key: EncryptionKey
    alg: str
    enc: str

    def encrypt(self, content: str, *, nested: bool) -> str:
        """``content`` as a JWE; ``nested``: it is a signed JWT."""
        return self.key.encrypt(content, alg=self.alg, enc=self.enc, nested=nested)


async def recipient(
    provider: Provider, client: Client, place: Literal["id_token", "userinfo"], *, now: datetime
) -> Recipient | None:
    """Whom to encrypt to; None if the client did not register for it.

    Raises GatewayError ``client.keys_unavailable``, ``client.encryption_key_missing``: what was registered
    to be encrypted is never sent in the clear.
    """
    if place == "id_token":
        alg, enc = client.id_token_encrypted_response_alg, client.id_token_encrypted_response_enc
    else:
        alg, enc = client.userinfo_encrypted_response_alg, client.userinfo_encrypted_response_enc
    if alg is None:
        return None
    key = (await provider.client_keys.of(client, now=now)).recipient(alg)
    if key is None:
        key = (await provider.client_keys.of(client, now=now, renew=True)).recipient(alg)
    if key is None:
        raise ENCRYPTION_KEY_MISSING()
    return Recipient(key, alg, enc or CONTENT_ENCRYPTION[0])
