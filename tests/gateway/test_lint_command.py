"""``eid-gateway lint partner``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli import main
from tests.gateway.registry_bundle import directory, keys
from tests.trust.metadata_maker import Node, document, sign

__all__ = ["directory", "keys"]

NODE = "https://node.example/metadata"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["lint", "partner", *arguments])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def held(directory: Path, name: str = "gr-node", entity_id: str = NODE) -> None:
    kept = directory / "var/metadata"
    kept.mkdir(parents=True)
    node = Node(entity_id=entity_id, country="EL")
    (kept / f"{name}.xml").write_bytes(sign(document(node, now=datetime.now(UTC))))


@pytest.mark.parametrize("name", ["GR", "el", NODE])
def test_partner_is_found_by_country_or_entity(
    directory: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Of the copy that the gateway holds."""
    held(directory)
    status, said = run(capsys, name, "--config", str(directory))
    assert status == 0
    assert said.startswith("country GR, anchor gr-node, the copy held\n")
    assert "signing-key EC secp256r1, SHA-256 " in said
    assert "accepted until 2035-12-31" in said


def test_country_of_an_automatic_source_is_found_by_its_copy(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list names the anchor, so no file does."""
    country = directory / "registry/countries/gr.toml"
    country.write_text('country = "GR"\nsource = "nobid"\n', "utf-8")
    sources = directory / "registry/sources"
    sources.mkdir()
    (sources / "nobid.crt").write_bytes((directory / "registry/anchors/gr-node.crt").read_bytes())
    (sources / "nobid.toml").write_text(
        'id = "nobid"\nkind = "mdsl"\nstate = "active"\nactivation = "automatic"\nurl = "https://list.example"\n'
        'certificates = ["registry/sources/nobid.crt"]\ncountries = ["GR"]\nvalid_from = 2026-01-01\n'
        'valid_until = 2027-01-01\nevidence = "file 1"\n',
        "utf-8",
    )
    held(directory, "nobid.gr.01234567")
    status, said = run(capsys, "GR", "--config", str(directory))
    assert (status, said.partition("\n")[0]) == (0, "country GR, nobid.gr.01234567, the copy held")


def test_refused_part_gives_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file needs no configuration."""
    path = tmp_path / "partner.xml"
    path.write_text(document(), "utf-8")
    status, said = run(capsys, str(path))
    assert status == 1
    assert "document signature: refused: is missing" in said


def test_unknown_partner_is_said_to_be_so(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what a partner may be called."""
    assert run(capsys, "XX", "--config", str(directory)) == (
        1,
        "eid-gateway: XX is no file, and no country, entityID or connector with metadata of ours\n",
    )
    assert run(capsys, "XX")[0] == 1
