"""The public key of a private key in a token, as the token tells it.

It is not proof of anything: ``HardwareKey.check`` finds out whether it is the private key's.
"""

from __future__ import annotations

import pkcs11
from asn1crypto.core import OctetString
from asn1crypto.keys import ECDomainParameters, PublicKeyAlgorithm, PublicKeyInfo
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11 import exceptions as ck

from trust.errors import KeyUnavailable


def public_key_of(session: pkcs11.Session, private: pkcs11.PrivateKey) -> object:
    """The public key beside ``private``, found by its ``CKA_ID`` or else its label.

    Raises KeyUnavailable.
    """
    if private.key_type not in {KeyType.RSA, KeyType.EC}:
        raise KeyUnavailable("key.type", "neither RSA nor EC")
    holder: pkcs11.Object = private
    if private.key_type is KeyType.EC:
        # The point stands in the public object only; an RSA private key knows its modulus.
        holder = _public_object(session, private)
    try:
        if private.key_type is KeyType.RSA:
            numbers = (_number(holder[Attribute.PUBLIC_EXPONENT]), _number(holder[Attribute.MODULUS]))
            return rsa.RSAPublicNumbers(*numbers).public_key()
        return _ec_key(holder[Attribute.EC_PARAMS], holder[Attribute.EC_POINT])
    except (ck.AttributeTypeInvalid, ValueError, TypeError) as error:
        raise KeyUnavailable(
            "key.public", "the token's public key cannot be read: name a certificate"
        ) from error


def check_modulus(private: pkcs11.PrivateKey, certified: rsa.RSAPublicKey) -> None:
    """Whether an RSA key is that of its certificate, as far as the token tells. Raises KeyUnavailable.

    Before the probe: what is encrypted for a larger modulus looks to a token like its own failure.
    """
    try:
        modulus = _number(private[Attribute.MODULUS])
    except (ck.PKCS11Error, ValueError, TypeError):
        return  # it does not tell; the probe finds out
    if modulus != certified.public_numbers().n:
        raise KeyUnavailable("key.unreliable", "the certificate is that of another key")


def _public_object(session: pkcs11.Session, private: pkcs11.PrivateKey) -> pkcs11.Object:
    wanted = {Attribute.ID: private.id} if private.id else {Attribute.LABEL: private.label}
    found = list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, **wanted}))
    if len(found) != 1:
        raise KeyUnavailable("key.public", "the token holds no public key beside it: name a certificate")
    return found[0]


def _number(value: object) -> int:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(str(value))


def _ec_key(parameters: bytes, point: bytes) -> object:
    algorithm = PublicKeyAlgorithm({"algorithm": "ec", "parameters": ECDomainParameters.load(parameters)})
    # v2.40 §2.3.3: a DER OCTET STRING; some tokens give the point itself
    raw = OctetString.load(point).native if point[1:2] != b"" and _is_wrapped(point) else point
    return load_der_public_key(PublicKeyInfo({"algorithm": algorithm, "public_key": raw}).dump())


def _is_wrapped(point: bytes) -> bool:
    """0x04 begins both an OCTET STRING and an uncompressed point; only one has a matching length."""
    try:
        return point[:1] == b"\4" and len(OctetString.load(point, strict=True).native) % 2 == 1
    except ValueError:
        return False
