"""Where a key is inside a hardware module: the PKCS#11 URI (RFC 7512).

Of the RFC this takes what names one key and how to reach it; whatever else stands in the URI is
refused, so that a typing error does not silently choose another key.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from trust.errors import KeyUnavailable

SCHEME = "pkcs11:"
_TOKEN_ATTRIBUTES = {"token": "label", "serial": "serial", "manufacturer": "manufacturer", "model": "model"}
_PATH = frozenset({*_TOKEN_ATTRIBUTES, "slot-id", "object", "id", "type"})
_QUERY = frozenset({"module-path", "pin-source"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAddress:
    """A token of a module and the file with its PIN; at least one attribute of the token is set."""

    module: str
    pin_file: Path
    label: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    slot: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAddress:
    """A private key of a token, by ``CKA_LABEL``, ``CKA_ID`` or both."""

    token: TokenAddress
    label: str | None = None
    id: bytes | None = None


def parse(uri: str, base: Path) -> KeyAddress:
    r"""Read ``uri``; files are relative to ``base``. Raises KeyUnavailable (``key.uri``).

    >>> key = parse("pkcs11:token=gate;object=saml%202026;id=%01?module-path=/m.so&pin-source=file:pin", Path("/c"))
    >>> key.token.label, key.label, key.id, key.token.pin_file.as_posix()
    ('gate', 'saml 2026', b'\x01', '/c/pin')
    """
    path, _, query = uri.removeprefix(SCHEME).partition("?")
    where = _attributes(path, ";", _PATH)
    how = _attributes(query, "&", _QUERY)
    if where.get("type", b"private") != b"private":
        raise KeyUnavailable("key.uri", "type must be private")
    label, identifier = where.get("object"), where.get("id")
    if not label and not identifier:
        raise KeyUnavailable("key.uri", "names no key: object or id is needed")
    names = {field: _text(where[name]) for name, field in _TOKEN_ATTRIBUTES.items() if name in where}
    slot = _number(where["slot-id"]) if "slot-id" in where else None
    if not names and slot is None:
        raise KeyUnavailable("key.uri", "names no token: token, serial or slot-id is needed")
    for name in sorted(_QUERY - how.keys()):
        raise KeyUnavailable("key.uri", f"{name} is missing")
    source = _text(how["pin-source"]).removeprefix("file:")
    if not source or source.startswith("|") or ":" in source:
        # RFC 7512 §2.4 lets a consumer run a command here; this one does not.
        raise KeyUnavailable("key.uri", "pin-source must be file:<path>")
    token = TokenAddress(
        module=_text(how["module-path"]),
        pin_file=base / source,  # an absolute path stays what it is
        slot=slot,
        **names,
    )
    return KeyAddress(token=token, label=_text(label) if label else None, id=identifier or None)


def _attributes(part: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in part.split(separator) if part else ():
        name, equals, value = item.partition("=")
        if name == "pin-value":
            raise KeyUnavailable("key.uri", "a PIN never stands in the configuration: use pin-source")
        if not equals or name not in known:
            raise KeyUnavailable("key.uri", f"attribute {name} is not known")
        if name in found:
            raise KeyUnavailable("key.uri", f"attribute {name} stands twice")
        found[name] = unquote_to_bytes(value)
    return found


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise KeyUnavailable("key.uri", "text that is not UTF-8") from error


def _number(octets: bytes) -> int:
    if not octets.isdigit():
        raise KeyUnavailable("key.uri", "slot-id must be a number")
    return int(octets)
