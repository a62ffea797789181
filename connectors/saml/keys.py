"""Our own SAML keys in their roll-over states (security.md D.7).

A new signing key is first published (``next``), then used (``active``), then kept in the metadata
for messages still under way (``retired``). A decryption key that was active keeps decrypting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trust.errors import KeyUnavailable
from trust.keys import Decrypter, Signer, SignerDecrypter, spki


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    id: str
    state: Literal["next", "active", "retired"]
    key: SignerDecrypter


@dataclass(frozen=True, slots=True, kw_only=True)
class SAMLKeys:
    """Everything a SAML connector signs and decrypts with.

    Raises KeyUnavailable when a purpose has no active key, a certificate is missing, or one key
    serves both signing and encryption (eIDAS cryptographic requirements §3.5.2).
    """

    signing: Sequence[OwnKey]
    decryption: Sequence[OwnKey]
    metadata: Sequence[OwnKey]

    def __post_init__(self) -> None:
        for purpose, keys in (
            ("signing", self.signing),
            ("decryption", self.decryption),
            ("metadata", self.metadata),
        ):
            if not any(k.state == "active" for k in keys):
                raise KeyUnavailable("key.missing", f"no active SAML {purpose} key")
            if any(k.key.certificate is None for k in keys):
                raise KeyUnavailable("key.certificate", f"SAML {purpose} keys need certificates")
        signing = {spki(k.key.public_key) for k in self.signing}
        if signing & {spki(k.key.public_key) for k in self.decryption}:
            raise KeyUnavailable("key.shared", "one key for signing and encryption")

    @property
    def signer(self) -> Signer:
        return _active(self.signing)

    @property
    def metadata_signer(self) -> Signer:
        return _active(self.metadata)

    @property
    def decrypters(self) -> tuple[Decrypter, ...]:
        """Active ones first: they are tried first."""
        return tuple(k.key for k in sorted(self.decryption, key=lambda k: k.state != "active"))

    @property
    def published_signing(self) -> tuple[Signer, ...]:
        return tuple(k.key for k in sorted(self.signing, key=lambda k: k.state != "active"))

    @property
    def announced_encryption(self) -> tuple[Decrypter, ...]:
        """Active ones first, then those to come: for peers that load metadata by hand and take
        weeks over it, so that the roll-over needs no second appointment."""
        return tuple(k.key for state in ("active", "next") for k in self.decryption if k.state == state)

    @property
    def published_encryption(self) -> tuple[Decrypter, ...]:
        """Only active ones: peers encrypt to whatever they find first."""
        return tuple(k.key for k in self.decryption if k.state == "active")


def _active(keys: Sequence[OwnKey]) -> SignerDecrypter:
    return next(k.key for k in keys if k.state == "active")
