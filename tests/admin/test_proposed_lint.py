"""Who approves sees what the table of algorithms says of what is proposed, before it is in force (issue 6, items 3 and
6; security.md C.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.admin.console import VERA, Console
from tests.admin.in_force import in_force
from tests.admin.test_changes import FILE, WHY, anchor, follow, pem
from tests.gateway.registry_bundle import make_keys
from tests.trust.metadata_maker import ENTITY_ID, Node, document, issue, key, key_descriptor, rsa_key
from tests.trust.registry.people import ANNA, BERT, GREECE
from trust.registry import ChangeClass, Document, ObjectKey, ObjectKind

pytestmark = pytest.mark.anyio

SWEDEN = ObjectKey(ObjectKind.COUNTRY, "eidas.se")
TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
LONG = TODAY + timedelta(days=1500)
FINE = "The table of algorithms has nothing against it, nor for the next two years."
STRONG = issue("strong", key("strong"), end=LONG)
WEAK = issue("weak", rsa_key(2048), end=LONG)
BROKEN = issue("broken", rsa_key(1024), end=LONG)
SHORT = issue("short", key("short"), end=TODAY + timedelta(days=40))
OVER = issue("over", key("over"), end=TODAY - timedelta(days=1))


async def shown(console: Console, key: ObjectKey, after: Document, reader: str = BERT) -> str:
    """The page of a proposal that makes ``key`` what ``after`` says."""
    change = console.propose(ANNA, ChangeClass.ORDINARY, [console.edit(key, after)])
    return (await (await console.sign_in(reader)).get(f"/changes/{change}")).text


@pytest.mark.parametrize(
    ("certificate", "verdict", "about"),
    [
        (WEAK, "with an exception only", "RSA 2048"),
        (BROKEN, "refused", "RSA 1024"),
        (SHORT, "accepted", f"{TODAY + timedelta(days=40):%Y-%m-%d}"),
        (OVER, "refused", "certificate.expired"),
    ],
)
async def test_approver_sees_weak_keys_and_certificates_that_end_soon(
    console: Console, certificate: bytes, verdict: str, about: str
) -> None:
    page = await shown(console, GREECE, anchor(certificate))
    found = page.partition("Measured against the table of algorithms, two years ahead:")[2].partition(
        "</ul>"
    )[0]
    assert verdict in found
    assert about in found
    assert FINE not in page


async def test_sound_certificate_is_said_to_be_sound(console: Console) -> None:
    page = await shown(console, GREECE, anchor(STRONG), VERA)
    assert FINE in page
    assert "Measured against" not in page


async def test_what_cannot_be_read_as_a_certificate_is_refused(console: Console) -> None:
    unreadable: Document = {**anchor(), "files": {FILE: {"text": "-----BEGIN CERTIFICATE-----\nAA==\n"}}}
    assert "certificate.unreadable" in await shown(console, GREECE, unreadable)


async def test_every_certificate_of_the_object_counts(console: Console) -> None:
    """A second signer, and a key that is pinned."""
    second, pinned = "registry/anchors/second.crt", "registry/anchors/pinned.crt"
    base = anchor(STRONG)
    after: dict[str, Any] = {
        "settings": {
            **base["settings"],
            "further_certificates": [second],
            "pinned": [{"entity_id": ENTITY_ID, "sha256": "00" * 32, "certificate": pinned}],
        },
        "files": {**base["files"], second: {"text": pem(SHORT)}, pinned: {"text": pem(WEAK)}},
    }
    page = await shown(console, GREECE, after)
    assert "signing-key RSA 2048" in page
    assert f"{TODAY + timedelta(days=40):%Y-%m-%d}" in page


async def test_file_of_metadata_that_comes_along_is_measured_as_a_whole(console: Console) -> None:
    file = "registry/anchors/el.xml"
    weak = Node(keys=(key_descriptor(WEAK),))
    settings = {"id": GREECE.id, "kind": "pinned-metadata", "metadata": {"file": file}}
    page = await shown(console, GREECE, {"settings": settings, "files": {file: {"text": document(weak)}}})
    assert "signing-key RSA 2048" in page
    assert "document signature" not in page  # believed by its digest
    none = {"settings": settings, "files": {file: {"text": "<x/>"}}}
    assert "metadata.root" in await shown(console, GREECE, none)


async def test_country_is_measured_by_the_metadata_that_are_held_with_the_exceptions_it_would_have(
    console: Console, tmp_path: Path
) -> None:
    console.live.swap(in_force(console.live.current, tmp_path / "f", make_keys(tmp_path / "k")))
    settings = {"country": "SE", "anchor": "se-node", "entity_id": ENTITY_ID}
    page = await shown(console, SWEDEN, {"settings": settings, "files": {}})
    assert "signing-key EC" in page
    nowhere = {"settings": {**settings, "anchor": "another"}, "files": {}}
    page = await shown(console, SWEDEN, nowhere)
    assert "Measured against" not in page
    assert FINE not in page  # nothing of it can be measured, so nothing is claimed


async def test_proposer_sees_it_before_signing_and_nobody_afterwards(console: Console) -> None:
    """What is in force is measured on the partner's page, by what is true on that day."""
    console.put(GREECE, anchor(STRONG))
    browser = await console.sign_in(ANNA)
    sent = await browser.post(
        f"/objects/{GREECE}/certificate", {"pem": pem(WEAK), "valid_from": "", "valid_until": "", **WHY}
    )
    draft = await follow(browser, sent)
    assert "signing" not in draft.text.partition("Measured against")[0]
    assert "document RSA 2048" in draft.text
    decided = console.decide(console.edit(GREECE, anchor(WEAK)))
    assert "Measured against" not in (await browser.get(f"/changes/{decided}")).text


def test_certificates_of_these_tests_are_what_they_are_called() -> None:
    sizes = [x509.load_der_x509_certificate(der).public_key() for der in (WEAK, BROKEN)]
    assert [getattr(size, "key_size", 0) for size in sizes] == [2048, 1024]
    assert pem(WEAK).encode() == x509.load_der_x509_certificate(WEAK).public_bytes(Encoding.PEM)
