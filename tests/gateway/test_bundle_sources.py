"""Sources of metadata and pinned keys in the configuration directory (design.md §3 invariant 9, security.md D.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bundle import load
from gateway.bundle.objects import read_bundle, write_bundle
from gateway.settings import ConfigurationError
from tests.gateway.registry_bundle import CERTIFICATE, directory, keys
from trust.pinned import PinnedKey
from trust.registry import ObjectKey, RegistryObject, State
from trust.sources import Activation

__all__ = ["directory", "keys"]

SOURCE = f"""
id = "nobid"
kind = "mdsl"
state = "active"
activation = "automatic"
url = "https://list.example/mdsl"
certificates = ["{CERTIFICATE}"]
countries = ["GR"]
valid_from = 2026-01-01
valid_until = 2027-01-01
evidence = "file 4712"

[[exceptions]]
kind = "rsa-pkcs1"
until = 2027-01-01
reason = "the list is signed with rsa-sha256"
"""
MDQ = SOURCE.replace('"mdsl"', '"mdq"').partition("[[exceptions]]")[0] + (
    '[[entities]]\ncountry = "GR"\nentity_id = "https://node.example/metadata"\n'
)
COUNTRY = 'country = "GR"\nsource = "nobid"\n'


@pytest.fixture
def with_source(directory: Path) -> Path:
    (directory / "registry/sources").mkdir()
    (directory / "registry/sources/nobid.toml").write_text(SOURCE, "utf-8")
    (directory / "registry/countries/gr.toml").write_text(COUNTRY, "utf-8")
    return directory


def edit(directory: Path, name: str, old: str, new: str) -> None:
    path = directory / "registry" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def problems(directory: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(directory)
    return str(caught.value)


def test_country_may_name_a_source_instead_of_an_anchor(with_source: Path) -> None:
    """The list says the rest."""
    found = load(with_source)
    assert found.sources["nobid"].activation is Activation.AUTOMATIC
    assert found.countries[0].source == "nobid"
    (with_source / "registry/sources/nobid.toml").write_text(MDQ, "utf-8")
    assert load(with_source).sources["nobid"].entities[0].country == "GR"


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("sources/nobid.toml", '"mdsl"', '"commission"', 'the list is not signed; remedy: activation = "propose"'),
        ("sources/nobid.toml", CERTIFICATE, "registry/anchors/gone.crt", "does not exist"),
        ("sources/nobid.toml", CERTIFICATE, "gateway.toml", "certificate.unreadable"),
        ("sources/nobid.toml", f'certificates = ["{CERTIFICATE}"]', "", "certificates are missing"),
        ("sources/nobid.toml", "url =", 'file = "var/x"\nurl =', "needs exactly one of url and file"),
        ("sources/nobid.toml", "https://list", "http://list", "url: must be https"),
        ("sources/nobid.toml", "https://list.example/mdsl", "mdsl", "url: is no web address"),
        ("sources/nobid.toml", "/mdsl", "/{country}", "{country} is for commission"),
        ("sources/nobid.toml", "/mdsl", "/{code}", "braces that mean nothing"),
        ("sources/nobid.toml", "url =", 'connector = "x"\nurl =', "x is no eIDAS connector"),
        ("sources/nobid.toml", "url =", "test = true\nurl =", "a test source in production"),
        ("sources/nobid.toml", "2027-01-01\nevidence", "2025-01-01\nevidence", "lies before valid_from"),
        ("sources/nobid.toml", '"mdsl"', '"mdq"', "mdq needs url and entities"),
        ("sources/nobid.toml", '"automatic"', '"propose"', "nobid only proposes"),
        ("sources/nobid.toml", '["GR"]', '["CZ"]', "nobid does not speak for GR"),
        ("sources/nobid.toml", "url =", 'roles = ["sp"]\nurl =', "nobid is not for role idp"),
        ("sources/nobid.toml", "url =", "refresh_minutes = 1\nurl =", "refresh_minutes"),
        ("countries/gr.toml", "nobid", "gone", "source: names no source"),
        ("countries/gr.toml", "source", 'anchor = "gr-node"\nsource', "is there beside anchor"),
        ("anchors/gr-node.toml", "[metadata]", "[metadata]\nmdq = \"https://m.example\"", "exactly one of url, file and mdq"),
        ("anchors/gr-node.toml", "url =", "aggregate = true\nmdq =", "is asked for exactly one entity"),
        ("anchors/gr-node.toml", "evidence", 'further_certificates = ["x.crt"]\nevidence', "x.crt does not exist"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(with_source: Path, name: str, old: str, new: str, told: str) -> None:
    edit(with_source, name, old, new)
    assert told in problems(with_source)


def test_query_service_needs_an_entity_for_the_country(with_source: Path) -> None:
    """And knows entities of its own countries only."""
    text = MDQ.replace('[[entities]]\ncountry = "GR"', '[[entities]]\ncountry = "CZ"')
    (with_source / "registry/sources/nobid.toml").write_text(text, "utf-8")
    told = problems(with_source)
    assert "nobid has no entity for GR" in told
    assert "entities[0].country: is not among countries" in told


def test_certificate_file_of_an_anchor_holds_one_certificate_and_nothing_else(directory: Path) -> None:
    """security.md D.7: what other parsers would find in it is what people would be shown in its place."""
    file = directory / CERTIFICATE
    pem = file.read_text("ascii")
    file.write_text(pem.replace("CERTIFICATE", "NOTE") + pem, "ascii")
    assert f"certificate: {CERTIFICATE}: certificate.unreadable" in problems(directory)


class TestPins:
    """Keys that two people have approved."""

    @staticmethod
    def pin(directory: Path, sha256: str, *, changes: str = "propose", name: str = CERTIFICATE) -> None:
        path = directory / "registry/anchors/gr-node.toml"
        path.write_text(
            f'key_changes = "{changes}"\n' + path.read_text("utf-8")
            + f'[[pinned]]\nentity_id = "https://node.example/metadata"\nsha256 = "{sha256}"\n'
            f'certificate = "{name}"\n',
            "utf-8",
        )  # fmt: skip

    def fingerprint(self, directory: Path) -> str:
        return PinnedKey.from_certificate((directory / CERTIFICATE).read_bytes()).fingerprint

    def test_pinned_keys_are_read(self, directory: Path) -> None:
        """With the certificate, so that they stay in force whatever the metadata say."""
        self.pin(directory, self.fingerprint(directory))
        found = load(directory)
        assert found.anchors["gr-node"].pinned[0].sha256 == self.fingerprint(directory)
        assert [warning for warning in found.warnings if warning.path == "pinned"] == []

    def test_entity_without_pinned_keys_is_told(self, directory: Path) -> None:
        """It works, and is probably not what was meant."""
        edit(directory, "anchors/gr-node.toml", "evidence", 'key_changes = "propose"\nevidence')
        (told,) = [warning for warning in load(directory).warnings if warning.path == "pinned"]
        assert "no key of https://node.example/metadata is pinned" in told.problem

    @pytest.mark.parametrize(
        ("sha256", "changes", "name", "told"),
        [
            ("0" * 64, "propose", CERTIFICATE, "holds another key"),
            (None, "automatic", CERTIFICATE, "pinned: has no effect"),
            (None, "propose", "registry/anchors/gone.crt", "pinned: [Errno 2]"),
        ],
    )
    def test_mistakes_have_their_words(
        self, directory: Path, sha256: str | None, changes: str, name: str, told: str
    ) -> None:
        """Each with its remedy."""
        self.pin(directory, sha256 or self.fingerprint(directory), changes=changes, name=name)
        assert told in problems(directory)


def test_sources_go_into_the_registry_and_out_again(with_source: Path, tmp_path: Path) -> None:
    """With their certificates; the same state hash."""
    TestPins.pin(
        with_source, PinnedKey.from_certificate((with_source / CERTIFICATE).read_bytes()).fingerprint
    )
    documents = read_bundle(with_source).documents
    key = ObjectKey.parse("source/nobid")
    assert set(documents[key]["files"]) == {CERTIFICATE}

    def state(found: dict[ObjectKey, object]) -> State:
        return State({key: RegistryObject(key=key, document=value) for key, value in found.items()})  # type: ignore[arg-type]  # documents

    before = state(dict(documents))
    write_bundle(before, tmp_path / "out")
    assert state(dict(read_bundle(tmp_path / "out").documents)).state_hash == before.state_hash
