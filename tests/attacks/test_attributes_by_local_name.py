"""libxmlsec finds attributes by their local name alone; whoever reads by namespace checks another one (security.md A.4, A.9)."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest

from tests.attacks.refusal import no_cryptography, refused
from tests.support.saml_peer import Exchange
from tests.trust.metadata_maker import NOW, document, policy, sign
from trust import schemas
from trust.errors import TrustError
from trust.metadata_document import verify_document

_TWINS = {
    "reference": ("Reference", "URI", "file:///dev/zero"),
    "digest": ("DigestMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1"),
    "signature": ("SignatureMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
    "canonicalisation": ("CanonicalizationMethod", "Algorithm", "http://www.w3.org/2006/12/xml-c14n11"),
    "transform": ("Transform", "Algorithm", "http://www.w3.org/2000/09/xmldsig#base64"),
}


def with_twin(octets: bytes, element: str, attribute: str, value: str) -> bytes:
    """The first ``element`` with an attribute of that local name in front of its own."""
    tag = re.compile(rb"<ds:%s(?=[ />])" % element.encode())
    changed, number = tag.subn(
        lambda found: found[0] + f' xmlns:x="urn:x" x:{attribute}="{value}"'.encode(), octets, count=1
    )
    assert number == 1
    return changed


@pytest.mark.parametrize("twin", _TWINS)
def test_metadata_with_a_second_attribute_of_one_local_name_are_refused_unexecuted(twin: str) -> None:
    octets = with_twin(sign(document()), *_TWINS[twin])
    with no_cryptography(), pytest.raises(TrustError) as caught:
        verify_document(octets, policy(), now=NOW)
    assert caught.value.reason == "signature.structure"


def test_no_file_of_the_host_is_opened_for_metadata_that_nobody_signed(tmp_path: Path) -> None:
    """A pipe would hold the thread for ever, a device fill the memory, and libxml2 prints what it cannot parse."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    octets = with_twin(sign(document()), "Reference", "URI", f"file://{pipe}")
    refusals: list[TrustError] = []

    def verify() -> None:
        with pytest.raises(TrustError) as caught:
            verify_document(octets, policy(), now=NOW)
        refusals.append(caught.value)

    # whoever opens a pipe for reading waits until somebody opens it for writing, which nobody does here
    thread = threading.Thread(target=verify, daemon=True)
    thread.start()
    thread.join(10)
    assert [refusal.reason for refusal in refusals] == ["signature.structure"]


@pytest.mark.parametrize("twin", _TWINS)
def test_message_with_a_second_attribute_of_one_local_name_is_refused_unexecuted(
    exchange: Exchange, twin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema says no, and so does the verifier without it."""
    octets = with_twin(exchange.reply().octets(), *_TWINS[twin])
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "xml.schema")
        monkeypatch.setattr(schemas, "validate", lambda _, **__: None)
        refused(lambda: exchange.finish(octets), "signature.structure")
