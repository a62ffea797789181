"""The registry's objects as a bundle directory, and back.

``registry/{anchors,sources,connectors,countries,clients,keys}/*.toml`` are the objects; the certificates, key sets and
metadata they name are carried inside them, so that a bundle is complete and what was signed is all that
counts. They must lie below ``registry/``. A document is ``{"settings": <the file's value>, "files": {...}}``;
dates are texts in it. Comments and the names of the TOML files are not part of it.

``registry/suspended.toml`` lists what must not be used. A gateway refuses to start on a directory with that
file: it would use all of it.

What is written from a state and read again gives the same objects, so the same state hash.
"""

from __future__ import annotations

import tomllib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from connectors.eidas.settings import CountrySettings, EIDASSettings
from gateway.bundle import SUSPENDED, load
from gateway.bundle.problems import Problems
from gateway.bundle.toml_text import toml_text
from gateway.settings import ConfigurationError
from trust.registry import ChangeRefused, Document, ObjectKey, ObjectKind, State
from trust.registry.canonical import canonical
from trust.registry.diff import FILES, file_content
from trust.registry.ledger import Validate

FOLDERS = {
    "anchors": ObjectKind.ANCHOR,
    "connectors": ObjectKind.CONNECTOR,
    "countries": ObjectKind.COUNTRY,
    "clients": ObjectKind.CLIENT,
    "sources": ObjectKind.SOURCE,
    "keys": ObjectKind.KEY_PLAN,
}
_REFERENCES = {
    ObjectKind.ANCHOR: ("certificate", "further_certificates", "metadata.file", "pinned.certificate"),
    ObjectKind.CONNECTOR: (
        "soap.server_ca",
        "soap.signers.certificate",
        "saml.signing_certificates",
        "saml.encryption_certificate",
        "esaml.signing_certificates",
        "esaml.encryption_certificate",
    ),
    ObjectKind.COUNTRY: (),
    ObjectKind.CLIENT: ("jwks_file",),
    ObjectKind.SOURCE: ("certificates",),
    ObjectKind.KEY_PLAN: (),
}
"""Settings that name a file. Those of ``[attached]`` hold private keys of one machine and stay there."""
_LARGEST_FILE = 4 * 1024 * 1024
_SUSPENDED = f"registry/{SUSPENDED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a directory declares."""

    documents: Mapping[ObjectKey, Document]
    suspended: frozenset[ObjectKey]


def read_bundle(directory: Path) -> Bundle:
    """Every object below ``directory/registry``; raises ConfigurationError with all problems."""
    problems = Problems()
    registry = directory / "registry"
    documents: dict[ObjectKey, Document] = {}
    for path in sorted(registry.rglob("*.toml")):
        name = path.relative_to(directory).as_posix()
        if name == _SUSPENDED:
            continue
        kind = FOLDERS.get(path.relative_to(registry).parts[0])
        if kind is None:
            problems.add(name, "", "lies in no folder of the registry", f"one of {', '.join(FOLDERS)}")
            continue
        try:
            values = _json(tomllib.loads(_inside(path, registry).read_text("utf-8")))
            key = ObjectKey(kind, _identifier(kind, values))
            document = {"settings": values, FILES: _files(kind, values, directory)}
            canonical(document)
        except (ChangeRefused, ValueError, RecursionError, OSError) as error:
            problems.add(name, "", str(error), "correct it")
            continue
        if key in documents:
            problems.add(name, "", f"{key} is there twice", "keep one of the two")
        documents[key] = document
    suspended = _read_suspended(directory, documents, problems)
    if problems.found:
        raise ConfigurationError(tuple(problems.found))
    return Bundle(documents=documents, suspended=suspended)


def write_bundle(state: State, directory: Path, *, with_suspended: bool = True) -> list[Path]:
    """Write every object below ``directory/registry``, which must not exist yet; gives the files.

    Raises FileExistsError, and ChangeRefused when two objects carry different files of one name.
    """
    registry = directory / "registry"
    registry.mkdir(parents=True)
    contents: dict[str, bytes] = {}
    for folder, kind in FOLDERS.items():
        for key in state.keys(kind):
            document = state.objects[key].document
            _add(
                contents, f"registry/{folder}/{key.id}.toml", toml_text(document["settings"]).encode("utf-8")
            )
            for name, content in document[FILES].items():
                _add(contents, safe_name(name), file_content(content))
    suspended = [str(key) for key in sorted(state.suspended)]
    if suspended and with_suspended:
        contents[_SUSPENDED] = toml_text({"objects": suspended}).encode("utf-8")
    for name, octets in sorted(contents.items()):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
    return [directory / name for name in sorted(contents)]


def validator(directory: Path) -> Validate:
    """What ``check-config`` would say of a state beside the rest of the configuration in ``directory``."""
    return partial(_problems, directory)


def lay_out(state: State, directory: Path, target: Path) -> None:
    """Make ``target`` a configuration directory: ``state``, and everything else of ``directory`` by links.

    Suspended objects are in it like the others. Raises ChangeRefused and OSError.
    """
    for found in directory.resolve().iterdir():
        if found.name != "registry":
            (target / found.name).symlink_to(found)
    try:
        write_bundle(state, target, with_suspended=False)
    except (KeyError, TypeError, AttributeError) as error:
        # A document that no read_bundle made: whoever wrote it into the log.
        raise ChangeRefused("registry.document", f"no bundle: {type(error).__name__} {error}") from error


def _problems(directory: Path, state: State) -> list[str]:
    with TemporaryDirectory() as name:
        trial = Path(name)
        try:
            lay_out(state, directory, trial)
            _whole(state, trial)
            load(trial)
        except ConfigurationError as error:
            return [str(problem) for problem in error.problems]
        except (ChangeRefused, OSError) as error:
            return [f"no bundle: {error}"]
    return []


def _whole(state: State, directory: Path) -> None:
    """Refuse a document that a bundle could not have made: named otherwise inside, with a file missing or too many.

    What people are shown is the document; what counts is what is read from the directory. Both must be one.
    """
    read = read_bundle(directory).documents
    for key in state.keys(*FOLDERS.values()):
        if key not in read or canonical(read[key]) != canonical(state.objects[key].document):
            raise ChangeRefused("registry.document", f"{key} is not what a bundle with it would hold")


def _identifier(kind: ObjectKind, values: Mapping[str, Any]) -> str:
    if kind is ObjectKind.CLIENT:
        found = values.get("client_id")
    elif kind is ObjectKind.COUNTRY:
        connector = values.get("connector", CountrySettings.model_fields["connector"].default)
        found = f"{connector}.{values.get('country')}".lower()
    else:
        default = EIDASSettings.model_fields["id"].default if values.get("kind") == "eidas" else None
        found = values.get("id", default if kind is ObjectKind.CONNECTOR else None)
    if not isinstance(found, str):
        raise ChangeRefused("registry.object", "has no identifier")
    return found


def _files(kind: ObjectKind, values: Mapping[str, Any], directory: Path) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for reference in _REFERENCES[kind]:
        for name in _named(values, reference.split(".")):
            octets = _inside(directory / safe_name(name), directory / "registry").read_bytes()
            if len(octets) > _LARGEST_FILE:
                raise ChangeRefused("registry.size", f"{name} has more than {_LARGEST_FILE} octets")
            if b"PRIVATE KEY" in octets:
                raise ChangeRefused("registry.document", f"{name} holds a private key")
            found[name] = _content(octets)
    return found


def _inside(path: Path, registry: Path) -> Path:
    """``path``; raises ChangeRefused for a link out of the bundle: a stranger's could publish any file of this host."""
    if not path.resolve().is_relative_to(registry.resolve()):
        raise ChangeRefused("registry.document", f"{path.name} is a link that leads out of registry/")
    return path


def _named(value: object, path: list[str]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item, path)
    elif not path:
        if isinstance(value, str):
            yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _named(value[path[0]], path[1:])


def _content(octets: bytes) -> Document:
    try:
        return {"text": octets.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": b64encode(octets).decode("ascii")}


def safe_name(name: str) -> str:
    """``name`` if it stays below ``registry/`` and is no object itself; raises ChangeRefused."""
    path = PurePosixPath(name)
    if path.parts[:1] != ("registry",) or ".." in path.parts or len(path.parts) < 2 or path.suffix == ".toml":
        raise ChangeRefused("registry.document", f"{name!r} is no file below registry/: move it there")
    if path.as_posix() != name or "\0" in name:
        raise ChangeRefused("registry.document", f"{name!r} is not written in its shortest form")
    return name


def _add(contents: dict[str, bytes], name: str, octets: bytes) -> None:
    if contents.setdefault(name, octets) != octets:
        raise ChangeRefused("registry.document", f"{name} has two different contents")


def _read_suspended(
    directory: Path, documents: Mapping[ObjectKey, Document], problems: Problems
) -> frozenset[ObjectKey]:
    path = directory / _SUSPENDED
    if not path.exists():
        return frozenset()
    try:
        listed = tomllib.loads(path.read_text("utf-8"))["objects"]
        keys = frozenset(ObjectKey.parse(str(entry)) for entry in listed)
    except (ChangeRefused, ValueError, LookupError, TypeError, OSError) as error:
        problems.add(_SUSPENDED, "objects", str(error), 'objects = ["anchor/..."]')
        return frozenset()
    for key in sorted(keys - set(documents)):
        problems.add(_SUSPENDED, "objects", f"there is no {key}", "remove it")
    return keys


def _json(value: object) -> Any:
    """What tomllib gave, as JSON."""
    if isinstance(value, dict):
        return {name: _json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime | time) else value
