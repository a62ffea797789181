"""A bundle directory as the registry's objects and back (issue 6: the same bundle format goes in and out)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bundle import load
from gateway.bundle.objects import read_bundle, validator, write_bundle
from gateway.bundle.toml_text import toml_text
from gateway.settings import ConfigurationError
from tests.gateway.registry_bundle import CERTIFICATE, directory, keys
from trust.registry import ChangeRefused, Document, ObjectKey, RegistryObject, State

__all__ = ["directory", "keys"]

ANCHOR = ObjectKey.parse("anchor/gr-node")


def state_of(documents: dict[ObjectKey, Document], *suspended: ObjectKey) -> State:
    return State(
        {
            key: RegistryObject(key=key, document=document, suspended=key in suspended)
            for key, document in documents.items()
        }
    )


def problems(directory: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_bundle(directory)
    return str(caught.value)


def test_objects_are_named_by_what_they_are(directory: Path) -> None:
    assert {str(key) for key in read_bundle(directory).documents} == {
        "anchor/gr-node", "connector/eidas", "country/eidas.gr", "client/amt24",
    }  # fmt: skip


def test_document_carries_the_files_it_names(directory: Path) -> None:
    """What two people sign is complete: another certificate of the same name is another document."""
    document = read_bundle(directory).documents[ANCHOR]
    assert document["files"] == {CERTIFICATE: {"text": (directory / CERTIFICATE).read_text()}}
    assert document["settings"]["valid_from"] == "2026-01-01"


def test_every_kind_of_reference_is_carried(directory: Path) -> None:
    """Settings of connectors and clients that name files, also several, also octets that are no text."""
    folder = directory / "registry/connectors"
    for name, octets in {"ca.crt": b"ca", "one.der": b"\x30\x82\xff", "two.crt": b"two"}.items():
        (folder / name).write_bytes(octets)
    (folder / "npa.toml").write_text(
        'kind = "npa"\nid = "npa"\n[soap]\nserver_ca = "registry/connectors/ca.crt"\n'
        '[[soap.signers]]\ncertificate = "registry/connectors/one.der"\n'
        '[[soap.signers]]\ncertificate = "registry/connectors/two.crt"\n'
    )
    (folder / "esaml.toml").write_text(
        'kind = "eidas"\nid = "esaml"\n[esaml]\nencryption_certificate = "registry/connectors/ca.crt"\n'
        'signing_certificates = ["registry/connectors/two.crt"]\n'
    )
    (directory / "registry/clients/keys.json").write_text("{}")
    client = directory / "registry/clients/amt24.toml"
    client.write_text('jwks_file = "registry/clients/keys.json"\n' + client.read_text())
    documents = read_bundle(directory).documents
    carried = {str(key): set(document["files"]) for key, document in documents.items()}
    assert carried["connector/npa"] == {
        f"registry/connectors/{name}" for name in ("ca.crt", "one.der", "two.crt")
    }
    assert carried["connector/esaml"] == {f"registry/connectors/{name}" for name in ("ca.crt", "two.crt")}
    assert carried["client/amt24"] == {"registry/clients/keys.json"}
    written = directory / "again"
    write_bundle(state_of(dict(documents)), written)
    assert (written / "registry/connectors/one.der").read_bytes() == b"\x30\x82\xff"
    assert read_bundle(written).documents == documents


def test_what_was_written_is_read_as_the_same(directory: Path, tmp_path: Path) -> None:
    bundle = read_bundle(directory)
    state = state_of(dict(bundle.documents), ANCHOR)
    files = write_bundle(state, tmp_path / "out")
    again = read_bundle(tmp_path / "out")
    assert (again.documents, again.suspended) == (bundle.documents, {ANCHOR})
    assert all(path.is_file() for path in files)


def test_nothing_starts_on_a_bundle_with_suspended_objects(directory: Path) -> None:
    """Its files look as usual, so they would all be used."""
    load(directory)
    (directory / "registry/suspended.toml").write_text('objects = ["anchor/gr-node"]')
    with pytest.raises(ConfigurationError, match="lists objects that would be used all the same"):
        load(directory)


def test_suspended_list_names_what_is_there(directory: Path) -> None:
    file = directory / "registry/suspended.toml"
    for text, problem in (
        ('objects = ["anchor/other"]', "there is no anchor/other"),
        ('objects = ["other"]', "is no object"),
        ("objects = 1", "remedy: objects ="),
        ("nothing", "remedy: objects ="),
    ):
        file.write_text(text)
        assert problem in problems(directory)


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("keys/saml-metadata.crt", "move it there"),
        ("/etc/passwd", "move it there"),
        ("registry/../keys/saml-metadata.crt", "move it there"),
        ("../gateway/registry/anchors/gr-node.crt", "move it there"),
        ("registry/anchors/gr-node.toml", "move it there"),
        ("registry/anchors//gr-node.crt", "shortest form"),
        ("registry/anchors/missing.crt", "No such file"),
        ("registry/anchors", "directory"),
        ("registry/anchors/secret.pem", "holds a private key"),
        ("registry/anchors/large.xml", "octets"),
    ],
)
def test_only_public_files_below_the_registry_are_carried(
    directory: Path, reference: str, problem: str
) -> None:
    anchors = directory / "registry/anchors"
    (anchors / "secret.pem").write_text("-----BEGIN PRIVATE KEY-----")
    (anchors / "large.xml").write_bytes(bytes(4 * 1024 * 1024 + 1))
    file = anchors / "gr-node.toml"
    file.write_text(file.read_text().replace(CERTIFICATE, reference))
    assert problem in problems(directory)


def test_links_lead_nowhere_outside(directory: Path, tmp_path: Path) -> None:
    """A bundle of another Land comes with links: what they lead to would be in the log and on every page."""
    secret = tmp_path / "token"
    secret.write_text("kept for this host alone", "utf-8")
    for file in (directory / CERTIFICATE, directory / "registry/clients/amt24.toml"):
        inside = file.with_name(f"..{file.stem}")  # as volumes of a cluster are
        file.replace(inside)
        file.symlink_to(inside)
        read_bundle(directory)
        file.unlink()
        file.symlink_to(secret)
        told = problems(directory)
        assert "is a link that leads out of registry/" in told
        assert "kept" not in told
        file.unlink()
        inside.replace(file)
    outside = tmp_path / "checkout"
    (directory / "registry").replace(outside)
    (directory / "registry").symlink_to(outside)
    assert len(read_bundle(directory).documents) == 4


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("anchors/x.toml", "not toml", "Expected"),
        ("anchors/x.toml", 'kind = "pinned-metadata"', "has no identifier"),
        ("anchors/x.toml", 'id = "../x"', "no identifier"),
        ("anchors/x.toml", 'id = "gr-node"', "is there twice"),
        ("anchors/x.toml", 'id = "x"\nnumber = 1.5', "float"),
        ("clients/x.toml", 'id = "x"', "has no identifier"),
        ("others/x.toml", 'id = "x"', "in no folder"),
        ("x.toml", 'id = "x"', "in no folder"),
    ],
)
def test_file_that_is_no_object_is_named(directory: Path, file: str, text: str, problem: str) -> None:
    path = directory / "registry" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert f"registry/{file}" in problems(directory)
    assert problem in problems(directory)


def damaged(document: Document) -> list[Document]:
    return [
        {**document, "files": {"../../evil": {"text": ""}}},
        {**document, "files": {"registry/clients/evil.toml": {"text": ""}}},
        {**document, "files": {CERTIFICATE: {"base64": "%"}}},
        {**document, "files": {CERTIFICATE: "text"}},
        {**document, "files": []},
        {"settings": document["settings"]},
        {**document, "settings": None},
        {**document, "settings": {"id": None}},
        {**document, "valid_until": "2030-01-01"},
        {**document, "settings": {**document["settings"], "id": "another"}},
        {**document, "files": {**document["files"], "registry/anchors/more.crt": {"text": ""}}},
        {**document, "settings": {**document["settings"], "certificate": "keys/of-this-machine.crt"}},
    ]


@pytest.mark.parametrize("number", range(12))
def test_document_that_no_bundle_made_is_refused_and_writes_nowhere_else(
    directory: Path, tmp_path: Path, number: int
) -> None:
    """Whoever proposes past the command line; two people might not see it."""
    documents = dict(read_bundle(directory).documents)
    documents[ANCHOR] = damaged(documents[ANCHOR])[number]
    found = validator(directory)(state_of(documents))
    assert len(found) == 1
    assert not (tmp_path / "evil").exists()


def test_two_objects_cannot_carry_different_files_of_one_name(directory: Path, tmp_path: Path) -> None:
    documents = dict(read_bundle(directory).documents)
    other = ObjectKey.parse("anchor/other")
    documents[other] = {**documents[ANCHOR], "files": {CERTIFICATE: {"text": "another"}}}
    with pytest.raises(ChangeRefused, match="two different contents"):
        write_bundle(state_of(documents), tmp_path / "out")


def test_validator_says_what_check_config_says(directory: Path) -> None:
    documents = dict(read_bundle(directory).documents)
    check = validator(directory)
    assert check(state_of(documents)) == []
    assert check(state_of(documents, ANCHOR)) == []
    del documents[ANCHOR]
    (problem,) = check(state_of(documents))
    assert problem.startswith("registry/countries/eidas.gr.toml: anchor: names no anchor")


def test_validator_leaves_the_configuration_alone(directory: Path) -> None:
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    validator(directory)(State())
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), VALUES, max_size=5))
def test_toml_text_is_read_as_what_it_was(document: dict[str, object]) -> None:
    """TOML 1.0: whatever JSON without null and fractions can say."""
    assert tomllib.loads(toml_text(document)) == document


@pytest.mark.parametrize("value", [None, 1.5, b"x"])
def test_toml_text_refuses_what_it_cannot_say(value: object) -> None:
    with pytest.raises(TypeError):
        toml_text({"value": value})


def test_toml_text_does_not_depend_on_the_order_of_keys() -> None:
    write: Callable[[dict[str, object]], str] = toml_text
    assert write({"b": {"y": 1, "x": 2}, "a": 1}) == write({"a": 1, "b": {"x": 2, "y": 1}})
