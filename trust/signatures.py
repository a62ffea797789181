"""Verify XML signatures and detached ones against pinned keys, and return what was signed.

XML-DSig as SAML profiles it (saml-core §5.4), and nothing beyond: one enveloped signature, one
reference to its own parent, exclusive canonicalisation. The order matters (security.md A.4, A.5):

1. the shape of the markup is checked by walking direct children; nothing is executed yet;
2. libxmlsec checks the signature value and digest with the one pinned key;
3. the digest is computed once more over our own canonical octets;
4. those octets are parsed again, and only that new tree is returned. A reader of the returned
   tree cannot see anything that was not signed, whatever wrapping the message tried.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import xmlsec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from trust import algorithms
from trust.algorithms import Deviations, SignatureAlgorithm
from trust.errors import VerificationError
from trust.pinned import PinnedKey
from trust.signature_markup import (
    canonicalisation_prefixes,
    require_base64,
    require_children,
    require_own_attributes,
)
from trust.xml import DS, Element, canonicalise, parse_canonical

__all__ = ["PinnedKey", "verify_detached", "verify_enveloped"]

_DS = "{" + DS + "}"
_SIGNATURE = _DS + "Signature"
_PLAIN_ID = re.compile(r"[\w.-]+")
"""Of an ``xs:ID`` what matters here: libxmlsec puts it unquoted into an XPath expression, which it then evaluates."""
_EMPTY_SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

# older ones take keys from the message
if xmlsec.get_libxmlsec_version() < (1, 3, 3):  # type: ignore[attr-defined]  # missing in the stubs
    raise ImportError("libxmlsec 1.3.3 or newer is required")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What step 1 found, all of it still unverified."""

    signature: Element
    algorithm: SignatureAlgorithm
    digest: algorithms.DigestAlgorithm
    digest_value: bytes
    inclusive_prefixes: tuple[str, ...]


def verify_enveloped(
    element: Element,
    keys: Sequence[PinnedKey],
    *,
    now: datetime,
    allow_empty_uri: bool = False,
    deviations: Deviations = algorithms.NONE,
) -> Element:
    """Verify the enveloped signature that is a direct child of ``element``.

    Returns the root of a new tree parsed from exactly the octets that were signed (without the
    Signature). ``keys`` are tried in turn: several are normal during a roll-over.
    ``allow_empty_uri`` accepts ``URI=""`` where ``element`` is the document element, which the
    reference node writes in metadata (eidas.md §6.2).

    Raises VerificationError: ``signature.*``, ``key.*``, ``certificate.*``.
    """
    shape = _check_shape(element, allow_empty_uri=allow_empty_uri, now=now, deviations=deviations)
    _verify_with_any(shape, element, keys, now=now, deviations=deviations)
    octets = _canonical_without(element, shape)
    digest = hashlib.new(shape.digest.name, octets).digest()
    if not hmac.compare_digest(digest, shape.digest_value):
        raise VerificationError("signature.digest")
    return parse_canonical(octets)


def verify_detached(
    data: bytes,
    signature: bytes,
    algorithm_uri: str,
    keys: Sequence[PinnedKey],
    *,
    now: datetime,
    deviations: Deviations = algorithms.NONE,
) -> None:
    """Verify a detached signature over ``data`` (HTTP-Redirect, saml-bindings §3.4.4.1).

    Raises VerificationError.
    """
    row = algorithms.permit(
        algorithms.SIGNATURES,
        algorithm_uri,
        now=now,
        deviations=deviations,
        reason="signature.algorithm",
    )
    failure = VerificationError("signature.no-key")
    for key in keys:
        try:
            _require_fit(key, row, now=now, deviations=deviations)
            _verify_octets(key, data, signature, row)
        except VerificationError as error:
            failure = error
        else:
            return
    raise failure


def _require_fit(key: PinnedKey, row: SignatureAlgorithm, *, now: datetime, deviations: Deviations) -> None:
    algorithms.require_scheme_fits(key.public_key, row.scheme)
    key.require_usable(now=now, deviations=deviations)
    key.require_may_sign()


def _verify_octets(key: PinnedKey, data: bytes, signature: bytes, row: SignatureAlgorithm) -> None:
    digest = row.scheme.hash()
    public = key.public_key
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            size = (public.curve.key_size + 7) // 8
            if len(signature) != 2 * size:
                raise VerificationError("signature.invalid")
            der = encode_dss_signature(
                int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            )
            public.verify(der, data, ec.ECDSA(digest))
        elif row.scheme.family == "pss":
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            public.verify(signature, data, pss, digest)
        else:
            public.verify(signature, data, padding.PKCS1v15(), digest)
    except InvalidSignature as error:
        raise VerificationError("signature.invalid") from error


def _check_shape(element: Element, *, allow_empty_uri: bool, now: datetime, deviations: Deviations) -> _Shape:
    signatures = element.findall(_SIGNATURE)
    if not signatures:
        raise VerificationError("signature.missing")
    if len(signatures) > 1:
        raise VerificationError("signature.structure", "several signatures")
    signature = signatures[0]
    require_children(
        signature,
        required=("SignedInfo", "SignatureValue"),
        optional=("KeyInfo",),
    )
    signed_info = signature[0]
    require_own_attributes(signed_info)
    require_children(signed_info, required=("CanonicalizationMethod", "SignatureMethod", "Reference"))
    canonicalisation_prefixes(signed_info[0])
    method = signed_info[1]
    if len(method):  # HMACOutputLength and algorithm parameters (CVE-2009-0217)
        raise VerificationError("signature.structure", "parameters in SignatureMethod")
    algorithm = algorithms.permit(
        algorithms.SIGNATURES,
        method.get("Algorithm"),
        now=now,
        deviations=deviations,
        reason="signature.algorithm",
    )
    require_base64(signature[1], "SignatureValue")
    return _check_reference(
        signed_info[2],
        element,
        signature,
        algorithm,
        allow_empty_uri=allow_empty_uri,
        now=now,
        deviations=deviations,
    )


def _check_reference(
    reference: Element,
    element: Element,
    signature: Element,
    algorithm: SignatureAlgorithm,
    *,
    allow_empty_uri: bool,
    now: datetime,
    deviations: Deviations,
) -> _Shape:
    require_children(reference, required=("Transforms", "DigestMethod", "DigestValue"))
    identifier = element.get("ID")
    uri = reference.get("URI")
    if uri == "" and allow_empty_uri:
        if element.getparent() is not None:
            raise VerificationError("signature.reference", "empty URI inside a document")
    elif not identifier or _PLAIN_ID.fullmatch(identifier) is None or uri != f"#{identifier}":
        raise VerificationError("signature.reference", "does not name its parent")
    elif sum(1 for other in element.getroottree().iter() if other.get("ID") == identifier) != 1:
        raise VerificationError("signature.reference", "ambiguous ID")
    prefixes = _check_transforms(reference[0])
    digest = algorithms.permit(
        algorithms.DIGESTS,
        reference[1].get("Algorithm"),
        now=now,
        deviations=deviations,
        reason="signature.digest-algorithm",
    )
    if len(reference[1]):
        raise VerificationError("signature.structure", "parameters in DigestMethod")
    value = require_base64(reference[2], "DigestValue")
    if base64.b64encode(value).decode() == _EMPTY_SHA256:
        raise VerificationError("signature.digest", "digest of nothing")
    return _Shape(
        signature=signature,
        algorithm=algorithm,
        digest=digest,
        digest_value=value,
        inclusive_prefixes=prefixes,
    )


def _check_transforms(transforms: Element) -> tuple[str, ...]:
    """Enveloped signature, then at most one exclusive canonicalisation (saml-core §5.4.4)."""
    if not 1 <= len(transforms) <= 2 or any(child.tag != _DS + "Transform" for child in transforms):
        raise VerificationError("signature.transform", "number of transforms")
    if transforms[0].get("Algorithm") != algorithms.ENVELOPED_SIGNATURE or len(transforms[0]):
        raise VerificationError("signature.transform", "enveloped-signature must come first")
    if len(transforms) == 1:
        # without it, XML-DSig falls back to inclusive canonicalisation, which we refuse
        raise VerificationError("signature.transform", "exclusive canonicalisation is missing")
    return canonicalisation_prefixes(transforms[1], reason="signature.transform")


def _verify_with_any(
    shape: _Shape,
    element: Element,
    keys: Sequence[PinnedKey],
    *,
    now: datetime,
    deviations: Deviations,
) -> None:
    failure = VerificationError("signature.no-key")
    for key in keys:
        try:
            _require_fit(key, shape.algorithm, now=now, deviations=deviations)
            _verify_once(shape, element, key)
        except VerificationError as error:
            failure = error
        else:
            return
    raise failure


def _verify_once(shape: _Shape, element: Element, key: PinnedKey) -> None:
    context = xmlsec.SignatureContext()
    context.key = key.xmlsec_key  # set first: a context without a key looks for others
    context.set_enabled_key_data([])
    if element.get("ID") is not None:
        context.register_id(element, "ID")
    try:
        context.verify(shape.signature)
    except xmlsec.Error as error:
        raise VerificationError("signature.invalid") from error


def _canonical_without(element: Element, shape: _Shape) -> bytes:
    """Our own canonical octets of ``element`` without its signature; the tree is left as it was."""
    signature = shape.signature
    position = element.index(signature)
    tail = signature.tail or ""
    previous = signature.getprevious()
    before = element.text if previous is None else previous.tail
    if previous is None:
        element.text = (before or "") + tail
    else:
        previous.tail = (before or "") + tail
    signature.tail = None
    element.remove(signature)
    try:
        return canonicalise(element, inclusive_prefixes=shape.inclusive_prefixes)
    finally:
        element.insert(position, signature)
        signature.tail = tail or None
        if previous is None:
            element.text = before
        else:
            previous.tail = before
