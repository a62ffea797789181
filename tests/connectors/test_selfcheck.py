"""A verifier that accepts forgeries, or nothing, prevents the start (design.md §3 invariant 9)."""

from __future__ import annotations

import pytest

from connectors.saml import selfcheck as module
from connectors.saml.selfcheck import SelfCheckFailed, selfcheck
from trust.errors import VerificationError
from trust.xml import Element


class Sound:
    """Stands for a verifier that accepts everything."""

    def require_current(self, now: object) -> None:
        return


def accepting(*_: object, **__: object) -> Sound:
    return Sound()


def refusing(*_: object, **__: object) -> Element:
    raise VerificationError("signature.invalid")


def test_sound_verifiers_pass() -> None:
    """The start goes on."""
    selfcheck()


@pytest.mark.parametrize("verifier", ["verify_enveloped", "verify_document", "verify_service_list"])
@pytest.mark.parametrize("broken", [accepting, refusing])
def test_broken_verifier_prevents_the_start(
    monkeypatch: pytest.MonkeyPatch, verifier: str, broken: object
) -> None:
    """Messages, metadata, lists of metadata: swapped, mis-built or patched."""
    monkeypatch.setattr(module, verifier, broken)
    with pytest.raises(SelfCheckFailed):
        selfcheck()


def test_verifier_that_does_not_look_at_dates_prevents_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata that have ended count as forged."""
    monkeypatch.setattr("trust.metadata_document._require_validity", lambda *_, **__: None)
    with pytest.raises(SelfCheckFailed, match="forged metadata"):
        selfcheck()
