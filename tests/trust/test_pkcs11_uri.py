"""Which key a PKCS#11 URI names (RFC 7512)."""

from __future__ import annotations

from pathlib import Path

import pytest

from trust.errors import KeyUnavailable
from trust.pkcs11_uri import parse

BASE = Path("/etc/eid-gateway")
QUERY = "?module-path=/usr/lib/m.so&pin-source=file:hsm.pin"


def test_everything_that_names_a_key_is_read() -> None:
    """RFC 7512 §2.3; values are percent-encoded octets."""
    key = parse(
        "pkcs11:token=Tor%3b%20Ost;serial=0a1b;manufacturer=SoftHSM%20project;model=v2;slot-id=7;"
        "object=saml%c3%a4;id=%00%ff%20;type=private"
        "?pin-source=file:/run/credentials/pin&module-path=/usr/lib/m.so",
        BASE,
    )
    assert (key.label, key.id) == ("samlä", b"\x00\xff\x20")
    token = key.token
    assert (token.label, token.serial, token.manufacturer) == ("Tor; Ost", "0a1b", "SoftHSM project")
    assert (token.model, token.slot, token.module) == ("v2", 7, "/usr/lib/m.so")
    assert token.pin_file == Path("/run/credentials/pin")


def test_pin_file_is_relative_to_the_configuration() -> None:
    """As every other reference of gateway.toml; a bare path is a file, too (RFC 7512 §2.4)."""
    assert parse("pkcs11:token=t;object=o" + QUERY, BASE).token.pin_file == BASE / "hsm.pin"
    bare = parse("pkcs11:token=t;object=o" + QUERY.replace("file:", ""), BASE)
    assert bare.token.pin_file == BASE / "hsm.pin"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("pkcs11:token=t" + QUERY, "names no key"),
        ("pkcs11:object=o" + QUERY, "names no token"),
        ("pkcs11:token=t;object=o", "module-path is missing"),
        ("pkcs11:token=t;object=o?module-path=/m.so", "pin-source is missing"),
        ("pkcs11:token=t;object=o;type=cert" + QUERY, "type must be private"),
        ("pkcs11:token=t;objekt=o" + QUERY, "objekt is not known"),
        ("pkcs11:token=t;object=o;object=p" + QUERY, "stands twice"),
        ("pkcs11:token=t;object=o;slot-id=x" + QUERY, "slot-id must be a number"),
        ("pkcs11:token=t;object=%ff" + QUERY, "not UTF-8"),
        ("pkcs11:token=t;object=o?module-path=/m.so&pin-value=4711", "never stands in the configuration"),
        ("pkcs11:token=t;object=o?module-path=/m.so&pin-source=%7ccat%20pin", "must be file"),
        ("pkcs11:token=t;object=o?module-path=/m.so&pin-source=https://pin.example", "must be file"),
    ],
)
def test_uri_that_leaves_a_doubt_is_refused(uri: str, words: str) -> None:
    """Another key than the meant one would sign; and no command is ever run for a PIN."""
    with pytest.raises(KeyUnavailable, match=words) as refused:
        parse(uri, BASE)
    assert refused.value.reason == "key.uri"
    assert "4711" not in str(refused.value)
