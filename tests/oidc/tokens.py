"""Hand-made JOSE: written with bare cryptography, so that it can be as wrong as a test needs it."""

import base64
import json

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def compact(header, claims, sign):
    """A compact JWS; header and claims may be dicts or raw JSON text."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    signed = ".".join(b64(part.encode()) for part in parts)
    return f"{signed}.{b64(sign(signed.encode()))}"


def signer(key, alg):
    """Octets to signature with ``key``; ``alg`` may disagree with the key's nature."""

    def ecdsa(data):
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        size = (key.curve.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    if isinstance(key, bytes):

        def mac(data):
            context = hmac.HMAC(key, hashes.SHA256())
            context.update(data)
            return context.finalize()

        return mac
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ecdsa
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    if alg == "PS256":
        return lambda data: key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    return lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def jwk(key, **members):
    """The public JWK of a private key."""
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        size = (public.curve.key_size + 7) // 8
        names = {"secp256r1": "P-256", "secp384r1": "P-384", "secp256k1": "secp256k1"}
        point = public.public_numbers()
        found = {
            "kty": "EC",
            "crv": names.get(public.curve.name, public.curve.name),
            "x": number(point.x, size),
            "y": number(point.y, size),
        }
    elif isinstance(public, rsa.RSAPublicKey):
        found = {"kty": "RSA", "n": number(public.public_numbers().n), "e": number(public.public_numbers().e)}
    else:
        found = {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}
    return {**found, **members}


def key_set(*keys):
    return json.dumps({"keys": list(keys)}).encode()
