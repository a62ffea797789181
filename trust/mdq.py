"""Addresses of the Metadata Query Protocol (draft-young-md-query, with the SAML profile draft-young-md-query-saml).

One entity, one document: ``{base}/entities/{identifier}``. The identifier is the entityID, or ``{sha1}`` and
the hexadecimal SHA-1 of it, percent-encoded in full. SHA-1 only shortens a name here; what comes back is
believed by its signature and its entityID.

>>> address("https://mdq.example/", "https://node.example/metadata")
'https://mdq.example/entities/https%3A%2F%2Fnode.example%2Fmetadata'
>>> address("https://mdq.example", "urn:x", sha1=True)
'https://mdq.example/entities/%7Bsha1%7D3b1fd55f192b3fc87316a04000c15ddb6255e07e'
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote


def address(base: str, entity_id: str, *, sha1: bool = False) -> str:
    """Where the metadata of ``entity_id`` are."""
    name = entity_id
    if sha1:
        name = "{sha1}" + hashlib.sha1(entity_id.encode("utf-8"), usedforsecurity=False).hexdigest()
    return f"{base.rstrip('/')}/entities/{quote(name, safe='')}"
