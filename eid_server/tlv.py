"""BER-TLV as TR-03110 uses it: DER rules, so that every value has exactly one encoding (TR-03110-3 D).

>>> (element,) = read(bytes.fromhex("5F2901007F4C00")[:4])
>>> hex(element.tag), element.value.hex()
('0x5f29', '00')
>>> write(0x53, bytes(5)).hex()
'53050000000000'
>>> oid(object_identifier("0.4.0.127.0.7.3.1.2.2"))
'0.4.0.127.0.7.3.1.2.2'

A tag is written as the number that its octets make: ``0x7F4E``. Indefinite and non-minimal lengths,
tags of more than three octets, trailing octets and truncated values are refused (``Malformed``).
"""

from __future__ import annotations

from dataclasses import dataclass

from asn1crypto.core import ObjectIdentifier

from eid_server.errors import Malformed

MAXIMUM_LENGTH = 1 << 20
"""Octets of one object; the largest thing ever read here, a block list, is far smaller per entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One data object; ``encoded`` are its octets as they stood in the input."""

    tag: int
    value: bytes
    encoded: bytes

    @property
    def constructed(self) -> bool:
        return bool(self.encoded[0] & 0x20)

    def children(self) -> tuple[Element, ...]:
        """What is inside; raises Malformed for a primitive object."""
        if not self.constructed:
            raise Malformed(f"object {self.tag:X} is primitive")
        return read(self.value)


def read(octets: bytes) -> tuple[Element, ...]:
    """All objects in ``octets``, one after the other and nothing between or behind them."""
    elements = []
    position = 0
    while position < len(octets):
        element = _element(octets, position)
        elements.append(element)
        position += len(element.encoded)
    return tuple(elements)


def first(octets: bytes) -> Element:
    """The first object, whatever follows it; for files that are padded to their size on the chip."""
    return _element(octets, 0)


def one(octets: bytes, tag: int) -> Element:
    """Exactly one object, with this tag."""
    element = _element(octets, 0)
    if len(element.encoded) != len(octets):
        raise Malformed(f"octets behind object {element.tag:X}")
    if element.tag != tag:
        raise Malformed(f"object {element.tag:X} in place of {tag:X}")
    return element


def sequence(octets: bytes, *tags: int) -> tuple[Element, ...]:
    """Exactly these objects in exactly this order."""
    elements = read(octets)
    if tuple(element.tag for element in elements) != tags:
        raise Malformed("objects missing, unexpected or out of order")
    return elements


def write(tag: int, value: bytes) -> bytes:
    """One object in its only encoding."""
    length = len(value)
    if length < 0x80:
        size = bytes([length])
    else:
        octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
        size = bytes([0x80 | len(octets)]) + octets
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + size + value


def object_identifier(dotted: str) -> bytes:
    """Contents octets of an OBJECT IDENTIFIER."""
    contents: bytes = ObjectIdentifier(dotted).contents
    return contents


def oid(contents: bytes) -> str:
    """Dotted form of contents octets; raises Malformed."""
    # Every arc ends in an octet without the high bit and does not begin with an empty septet (X.690 §8.19).
    ends = bytes([0]) + contents
    starts = [octet for before, octet in zip(ends, contents, strict=False) if not before & 0x80]
    if not contents or len(contents) > 64 or contents[-1] & 0x80 or 0x80 in starts:
        raise Malformed("not an object identifier")
    dotted: str = ObjectIdentifier(contents=contents).dotted
    return dotted


def unsigned(value: bytes) -> int:
    """A small non-negative INTEGER in its shortest form."""
    if (
        not value
        or value[0] & 0x80
        or len(value) > 8
        or (len(value) > 1 and not value[0] and value[1] < 0x80)
    ):
        raise Malformed("not a small non-negative integer")
    return int.from_bytes(value, "big")


def _element(octets: bytes, start: int) -> Element:
    tag, position = _tag(octets, start)
    length, position = _length(octets, position)
    end = position + length
    if end > len(octets):
        raise Malformed(f"object {tag:X} is truncated")
    return Element(tag=tag, value=octets[position:end], encoded=octets[start:end])


def _tag(octets: bytes, start: int) -> tuple[int, int]:
    if start >= len(octets):
        raise Malformed("an object is missing")
    if not octets[start]:
        raise Malformed("end-of-contents in place of an object")
    position = start + 1
    if octets[start] & 0x1F == 0x1F:
        if octets[position : position + 1] in {b"", b"\x80"}:
            raise Malformed("a tag is truncated or not in its shortest form")
        while position < len(octets) and octets[position] & 0x80:
            position += 1
        position += 1
        if position > len(octets) or position - start > 3:
            raise Malformed("a tag is truncated or too long")
        if position - start == 2 and octets[start + 1] < 0x1F:
            raise Malformed("a tag is not in its shortest form")
    return int.from_bytes(octets[start:position], "big"), position


def _length(octets: bytes, position: int) -> tuple[int, int]:
    if position >= len(octets):
        raise Malformed("a length is missing")
    initial = octets[position]
    position += 1
    if initial < 0x80:
        return initial, position
    size = initial & 0x7F
    field = octets[position : position + size]
    if not 1 <= size <= 3 or len(field) != size:
        raise Malformed("a length is indefinite, truncated or too large")
    length = int.from_bytes(field, "big")
    if length < 0x80 or not field[0] or length > MAXIMUM_LENGTH:
        raise Malformed("a length is too large or not in its shortest form")
    return length, position + size
