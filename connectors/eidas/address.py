"""Addresses: Base64 of sibling XML elements without a root (attribute profile 1.4 §2.2; eidas.md §5.6).

The decoded text is no document: it has no root and an unbound prefix, and peers differ in
prefix, capitalisation and extra elements. It is wrapped in a root that binds what occurs and
parsed by the same hardened parser as everything else. What cannot be read stays as text: an
optional attribute never fails a login.
"""

from __future__ import annotations

import base64
import binascii
import re

from connectors.country_codes import ISO_OF_EU_CODE
from connectors.eidas.values import is_forbidden
from connectors.identity import Address
from trust.errors import VerificationError
from trust.xml import Shape, parse

_DECLARATION = re.compile(r"^\s*<\?xml[^<>]*\?>")
_PREFIX = re.compile(r"</?([A-Za-z_][\w.-]*):")
_BOUND = re.compile(r"""xmlns:([A-Za-z_][\w.-]*)\s*=""")
_SHAPE = Shape(max_bytes=20_000, max_elements=60, max_depth=4)
_FIELDS = {
    "pobox": "po_box",
    "locatordesignator": "locator_designator",
    "locatorname": "locator_name",
    "cvaddressarea": "address_area",
    "thoroughfare": "thoroughfare",
    "postname": "post_name",
    "adminunitfirstline": "admin_unit_first_line",
    "adminunitsecondline": "admin_unit_second_line",
    "postcode": "post_code",
    "fullcvaddress": "full",
    "fulladdress": "full",
}


def decode(value: str) -> Address:
    """The address in ``value``; at worst only ``full`` is filled with the text as it came."""
    try:
        octets = base64.b64decode("".join(value.split()), validate=True)
        content = octets.decode("utf-8")
    except (binascii.Error, ValueError):
        return Address(full=_clean(value))
    try:
        return _parts(content)
    except VerificationError:
        return Address(full=_clean(re.sub(r"<[^<>]*>", " ", content)))


def _parts(content: str) -> Address:
    content = _DECLARATION.sub("", content)
    bound = set(_BOUND.findall(content))
    prefixes = sorted(set(_PREFIX.findall(content)) - bound - {"xml", "xmlns"})
    declarations = "".join(f' xmlns:{prefix}="urn:eidas:address:{prefix}"' for prefix in prefixes)
    root = parse(f"<address{declarations}>{content}</address>".encode(), _SHAPE)
    found: dict[str, str] = {}
    elements = list(root)
    if len(elements) == 1 and len(elements[0]):  # one peer sends a root after all
        elements = list(elements[0])
    for element in elements:
        field = _FIELDS.get(str(element.tag).rpartition("}")[2].lower())
        text = _clean("".join(map(str, element.itertext())))
        if field and text:
            found.setdefault(field, text)
    if not found:
        return Address(full=_clean("".join(map(str, root.itertext()))))
    return Address(country=_country(found.get("admin_unit_first_line")), **found)


def _country(line: str | None) -> str | None:
    """The country, where the first admin unit is a code; Greece and the UK as ISO writes them."""
    if line is None or not re.fullmatch(r"[A-Z]{2}", line):
        return None
    return ISO_OF_EU_CODE.get(line, line)


def _clean(text: str) -> str | None:
    # what comes out of the Base64 has not been looked at before
    shown = "".join(" " if is_forbidden(c) else c for c in text)
    return " ".join(shown.split())[:1_000] or None
