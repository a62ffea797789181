"""The one door to JOSE (RFC 7515, 7516, 7517, 7518, 7638, 8037).

python-jose signs what we issue (``signing``), joserfc checks what others send (``verifying``); either
encrypts to clients what it can (``encrypting``).
Neither is trusted with a decision: which algorithm, which key, which header members and which
claims are acceptable is settled here, on the parsed header, before an engine sees anything.
Nothing outside this package imports ``jose`` or ``joserfc``.
"""

from gateway.jose.encrypting import CONTENT_ENCRYPTION, KEY_MANAGEMENT, EncryptionKey
from gateway.jose.errors import InvalidKeySet, InvalidToken, JOSEError, NoSuchKey
from gateway.jose.json_object import parse_object
from gateway.jose.keys import PublicKeySet, VerificationKey, base64url, header_names, public_jwk, thumbprint
from gateway.jose.signing import KeyRing, KeyStage, SigningKey
from gateway.jose.verifying import ParsedToken, TokenPolicy, numeric_date, parse

__all__ = [
    "CONTENT_ENCRYPTION",
    "KEY_MANAGEMENT",
    "EncryptionKey",
    "InvalidKeySet",
    "InvalidToken",
    "JOSEError",
    "KeyRing",
    "KeyStage",
    "NoSuchKey",
    "ParsedToken",
    "PublicKeySet",
    "SigningKey",
    "TokenPolicy",
    "VerificationKey",
    "base64url",
    "header_names",
    "numeric_date",
    "parse",
    "parse_object",
    "public_jwk",
    "thumbprint",
]
