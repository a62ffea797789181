"""The program under these tests is the one that citizens have."""

from __future__ import annotations

from tests.ausweisapp.application import ask


def test_client_of_the_guideline_answers_on_its_port(ausweisapp):
    """TR-03124-1 §2.2: status under ``?Status``, whoever asks on this machine."""
    status, text = ask("Status")
    assert status == 200
    facts = dict(line.split(": ", 1) for line in text.splitlines())
    assert facts["Name"].startswith("AusweisApp")
    assert facts["Specification-Title"].startswith("TR-03124")


def test_developer_mode_is_off(ausweisapp):
    """npa.md §3.4: developer mode relaxes the very checks these tests are for."""
    settings = list((ausweisapp.directory / "home" / "config").rglob("*.conf"))
    assert settings
    for path in settings:
        assert "developerMode=true" not in path.read_text("utf-8")
