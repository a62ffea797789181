"""The certificate description: who asks, as the citizen is told (TR-03110-4 §2.2.6)."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.card.names import PLAIN_FORMAT, oid
from sandbox.card.objects import Malformed, only, optional, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    issuer_name: str
    subject_name: str
    subject_url: str
    terms_of_usage: str
    certificates: frozenset[bytes]
    """Hashes of the TLS certificates of eService and eID-Server."""


def parse_description(octets: bytes) -> Description:
    """Read the DER structure with plain text; raises Malformed."""
    content = only(octets, 0x30).value
    if only(content, 0x06).value != oid(PLAIN_FORMAT):
        raise Malformed("terms of usage other than plain text")

    def text(tag: int) -> str:
        found = optional(content, tag)
        if found is None:
            return ""
        [value] = found.children()
        try:
            return value.value.decode()
        except UnicodeDecodeError:
            raise Malformed("a text that is none") from None

    listed = optional(content, 0xA7)
    hashes = [o.value for o in read(only(listed.value, 0x31).value)] if listed else []
    return Description(
        issuer_name=text(0xA1),
        subject_name=text(0xA3),
        subject_url=text(0xA4),
        terms_of_usage=text(0xA5),
        certificates=frozenset(hashes),
    )
