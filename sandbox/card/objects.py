"""Data objects of a card: tag, length, value (ISO 7816-4 §8, X.690 with definite lengths)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class Malformed(ValueError):
    """Octets that are not what the standard says."""


@dataclass(frozen=True, slots=True)
class DataObject:
    """One object; ``octets`` are all of it, as received."""

    tag: int
    value: bytes
    octets: bytes

    def children(self) -> list[DataObject]:
        return list(read(self.value))

    def child(self, tag: int) -> DataObject:
        """The only child with this tag; raises Malformed."""
        return only(self.value, tag)


def write(tag: int, *parts: bytes) -> bytes:
    """One data object around the parts.

    >>> write(0x7F4C, write(0x53, bytes(5))).hex()
    '7f4c0753050000000000'
    """
    value = b"".join(parts)
    name = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    size = len(value)
    if size < 0x80:
        return name + bytes([size]) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return name + bytes([0x80 | len(length)]) + length + value


def read(octets: bytes) -> Iterator[DataObject]:
    """All objects, one after the other; raises Malformed."""
    at = 0
    while at < len(octets):
        start = at
        try:
            tag = octets[at]
            at += 1
            if tag & 0x1F == 0x1F:
                tag = tag << 8 | octets[at]
                at += 1
                if tag & 0x80:
                    raise Malformed("tag of more than two octets")
            size = octets[at]
            at += 1
            if size > 0x80:
                width = size & 0x7F
                size = int.from_bytes(octets[at : at + width], "big")
                at += width
            elif size == 0x80:
                raise Malformed("indefinite length")
        except IndexError:
            raise Malformed("an object ends in its header") from None
        if at + size > len(octets):
            raise Malformed(f"object {tag:x} is longer than what holds it")
        yield DataObject(tag, octets[at : at + size], octets[start : at + size])
        at += size


def only(octets: bytes, tag: int) -> DataObject:
    """The object with this tag, which must be there exactly once; raises Malformed."""
    found = [o for o in read(octets) if o.tag == tag]
    if len(found) != 1:
        raise Malformed(f"{len(found)} objects {tag:x} instead of one")
    return found[0]


def optional(octets: bytes, tag: int) -> DataObject | None:
    """The object with this tag, or None; raises Malformed when there are several."""
    found = [o for o in read(octets) if o.tag == tag]
    if len(found) > 1:
        raise Malformed(f"{len(found)} objects {tag:x}")
    return found[0] if found else None


def needed(octets: bytes, tag: int) -> bytes:
    """The value of an object that must be there; raises Malformed."""
    return only(octets, tag).value
