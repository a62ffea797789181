"""A message by HTTP-Redirect: DEFLATE, Base64, and a signature over the query (Bindings §3.4.4.1)."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from sandbox.authority import PrivateKey
from sandbox.saml.names import signature_uri

_SHA1_RSA = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"


def redirect_url(
    address: str, parameter: str, message: bytes, relay_state: str | None, key: PrivateKey | None, method: str
) -> str:
    """``address`` with the message; ``method`` is the fragment of the algorithm. No key: no signature."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressed = deflater.compress(message) + deflater.flush()
    fields = {parameter: base64.b64encode(compressed).decode()}
    if relay_state is not None:
        fields["RelayState"] = relay_state
    joiner = "&" if "?" in address else "?"
    if key is None:
        return f"{address}{joiner}{urlencode(fields)}"
    fields["SigAlg"] = _SHA1_RSA if method == "rsa-sha1" else signature_uri(method)
    query = urlencode(fields)
    signature = base64.b64encode(raw_signature(key, query.encode(), method)).decode()
    return f"{address}{joiner}{query}&{urlencode({'Signature': signature})}"


def raw_signature(key: PrivateKey, data: bytes, method: str) -> bytes:
    """By the fragment of the algorithm: ``sha256-rsa-MGF1``, ``rsa-sha1``, ``ecdsa-sha256`` …"""
    bits = next(n for n in ("1", "256", "384", "512") if f"sha{n}" in method.split("-"))
    chosen: hashes.HashAlgorithm = {
        "1": hashes.SHA1(),  # noqa: S303  (the error menu has to be able to send it)
        "256": hashes.SHA256(),
        "384": hashes.SHA384(),
        "512": hashes.SHA512(),
    }[bits]
    if isinstance(key, rsa.RSAPrivateKey):
        padding: AsymmetricPadding = (
            PSS(MGF1(chosen), chosen.digest_size) if method.endswith("MGF1") else PKCS1v15()
        )
        return key.sign(data, padding, chosen)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(chosen)))
    half = (key.key_size + 7) // 8
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")
