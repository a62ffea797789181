"""What may stand where in a SAML message (security.md A.0 steps 5 and 6, A.1).

Most signature wrapping lives in places where the schemas allow anything. A message that carries
a SAML or encryption element outside its one place is refused before any key is touched.
"""

from __future__ import annotations

from trust.errors import VerificationError
from trust.xml import DS, DSIG11, SAML, SAMLP, XENC, Element

_SAML = "{" + SAML + "}"
_SAMLP = "{" + SAMLP + "}"
_DS = "{" + DS + "}"
_XENC = "{" + XENC + "}"

RESPONSE = _SAMLP + "Response"
ASSERTION = _SAML + "Assertion"
ENCRYPTED_ASSERTION = _SAML + "EncryptedAssertion"
SIGNATURE = _DS + "Signature"
ENCRYPTED_DATA = _XENC + "EncryptedData"
ENCRYPTED_KEY = _XENC + "EncryptedKey"

_REFERENCES = frozenset(
    {
        _DS + "Reference",
        _DS + "RetrievalMethod",
        "{" + DSIG11 + "}KeyInfoReference",
        _XENC + "CipherReference",
        _XENC + "DataReference",
        _XENC + "KeyReference",
    }
)
"""Elements with a URI that somebody's library might follow; ours never does."""

_ONCE_AND_HERE = {
    RESPONSE: None,
    ASSERTION: RESPONSE,
    ENCRYPTED_ASSERTION: RESPONSE,
    ENCRYPTED_DATA: ENCRYPTED_ASSERTION,
}
"""Element to the only parent it may have in a Response; None: the root only."""

_NEVER = frozenset(
    _SAML + name
    for name in ("EncryptedID", "EncryptedAttribute", "Advice", "AssertionIDRef", "AssertionURIRef")
) | frozenset(
    _SAMLP + name for name in ("AuthnRequest", "ArtifactResponse", "LogoutResponse", "LogoutRequest")
)


def require_response(root: Element) -> None:
    """The root is a Response and nothing stands outside its place.

    Raises VerificationError ``saml.structure``.
    """
    if root.tag != RESPONSE:
        raise VerificationError("saml.structure", "not a Response")
    assertions = 0
    for element in root.iter():
        tag = element.tag
        _require_local(element)
        if tag in _ONCE_AND_HERE:
            _require_parent(element, root)
            assertions += tag in {ASSERTION, ENCRYPTED_ASSERTION}
        elif tag == SIGNATURE:
            _require_signature_place(element, root)
        elif tag == ENCRYPTED_KEY:
            _require_ancestor(element, ENCRYPTED_ASSERTION)
        elif tag in _NEVER or tag == _DS + "Object":
            raise VerificationError("saml.structure", "forbidden element")
    if assertions > 1:
        raise VerificationError("saml.structure", "several assertions")


def require_assertion(root: Element) -> None:
    """A decrypted assertion: it is the root, and nothing inside is encrypted or another message.

    Raises VerificationError ``saml.structure``.
    """
    if root.tag != ASSERTION:
        raise VerificationError("saml.structure", "not an Assertion")
    for element in root.iter():
        tag = element.tag
        _require_local(element)
        if tag in _NEVER or tag == _DS + "Object":
            raise VerificationError("saml.structure", "forbidden element")
        if (tag in _ONCE_AND_HERE or tag == ENCRYPTED_KEY) and element is not root:
            raise VerificationError("saml.structure", "nested element")
        if tag == SIGNATURE:
            _require_signature_place(element, root)


def _require_parent(element: Element, root: Element) -> None:
    parent = element.getparent()
    wanted = _ONCE_AND_HERE[str(element.tag)]
    if wanted is None:
        if element is not root:
            raise VerificationError("saml.structure", "nested Response")
    elif parent is None or parent.tag != wanted or (wanted == RESPONSE and parent is not root):
        raise VerificationError("saml.structure", "element outside its place")


def _require_signature_place(signature: Element, root: Element) -> None:
    """Directly in the Response or its Assertion, right after Issuer (saml-core §5.4.1, schema)."""
    parent = signature.getparent()
    if parent is None or (parent is not root and parent.tag != ASSERTION):
        raise VerificationError("saml.structure", "signature outside its place")
    before = signature.getprevious()
    if before is None or before.tag != _SAML + "Issuer" or before.getprevious() is not None:
        raise VerificationError("saml.structure", "signature not after Issuer")


def _require_local(element: Element) -> None:
    """No reference leads out of the message (security.md A.9); an empty one is the signature's matter."""
    if element.tag in _REFERENCES and not (element.get("URI") or "#").startswith("#"):
        raise VerificationError("saml.structure", "external reference")


def _require_ancestor(element: Element, tag: str) -> None:
    if all(ancestor.tag != tag for ancestor in element.iterancestors()):
        raise VerificationError("saml.structure", "element outside its place")
