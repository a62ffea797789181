"""The markup of ``ds:Signature``, walked child by child before anything is computed (security.md A.4).

What every profile of XML-DSig that we take has in common: known children in their order, exclusive
canonicalisation only, values in base64.
"""

from __future__ import annotations

import base64
import binascii

from trust import algorithms
from trust.errors import VerificationError
from trust.xml import DS, EC14N, Element, optional_child

_DS = "{" + DS + "}"
_INCLUSIVE_NAMESPACES = "{" + EC14N + "}InclusiveNamespaces"


def canonicalisation_prefixes(method: Element, reason: str = "signature.canonicalisation") -> tuple[str, ...]:
    """The InclusiveNamespaces prefixes of an exclusive canonicalisation, with or without comments."""
    if method.get("Algorithm") not in {algorithms.EXC_C14N, algorithms.EXC_C14N_WITH_COMMENTS}:
        raise VerificationError(reason, "only exclusive canonicalisation")
    inclusive = optional_child(method, _INCLUSIVE_NAMESPACES)
    if len(method) != (inclusive is not None):
        raise VerificationError(reason, "unexpected parameters")
    prefixes: tuple[str, ...] = ()
    if inclusive is not None:
        if len(inclusive):
            raise VerificationError(reason, "unexpected parameters")
        prefixes = tuple((inclusive.get("PrefixList") or "").split())
        if len(prefixes) > 32:
            raise VerificationError(reason, "too many prefixes")
    return prefixes


def require_children(parent: Element, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Exactly ``required`` in this order, then any of ``optional`` at most once; nothing else."""
    names = [child.tag for child in parent]
    expected = [_DS + name for name in required]
    rest = names[len(expected) :]
    allowed = {_DS + name for name in optional}
    if names[: len(expected)] != expected or len(rest) != len(set(rest)) or not set(rest) <= allowed:
        raise VerificationError("signature.structure", str(parent.tag).rpartition("}")[2])


def require_own_attributes(signed_info: Element) -> None:
    """No attribute of another namespace below ``signed_info``.

    libxmlsec asks for attributes by their local name alone and takes the first: it would open the file that
    ``x:URI`` names, whatever stands in ``URI``.
    """
    for element in signed_info.iter():
        if any(str(name).startswith("{") for name in element.attrib):
            raise VerificationError("signature.structure", "attribute of another namespace")


def require_base64(element: Element, name: str) -> bytes:
    if len(element):
        raise VerificationError("signature.structure", f"{name} has children")
    try:
        value = base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise VerificationError("signature.structure", f"{name} is not base64") from error
    if not value:
        raise VerificationError("signature.structure", f"{name} is empty")
    return value
