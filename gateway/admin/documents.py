"""From what somebody typed or uploaded to the edits of a change.

Whatever it is, it becomes a bundle directory and is read like one (``gateway.bundle.objects``): so a change
made here and one proposed from a directory are the same octets.
"""

from __future__ import annotations

import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from datetime import date
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.admin.errors import CONSOLE_FORM, Explained
from gateway.bundle.objects import FOLDERS, read_bundle, safe_name, write_bundle
from gateway.bundle.toml_text import toml_text
from gateway.settings import ConfigurationError
from trust.registry import ChangeRefused, Edit, ObjectKey, ObjectKind, State, edits_towards
from trust.registry.diff import FILES, file_content

_LARGEST_BUNDLE = 16 * 1024 * 1024
_MOST_FILES = 4000
_COMPRESSED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""The others may ask for any amount of memory before they give an octet."""
_FOLDER = {kind: folder for folder, kind in FOLDERS.items()}


def settings_text(state: State, key: ObjectKey) -> str:
    """The object's TOML file."""
    return toml_text(state.objects[key].document["settings"])


def texts_of_files(state: State, key: ObjectKey) -> dict[str, str | None]:
    """The files an object carries; None: no text."""
    found: dict[str, str | None] = {}
    for name, content in sorted(state.objects[key].document.get(FILES, {}).items()):
        try:
            found[name] = file_content(content).decode("utf-8")
        except UnicodeDecodeError:
            found[name] = None
    return found


def edits_of_object(
    state: State, kind: ObjectKind, text: str, files: Mapping[str, bytes], *, key: ObjectKey | None = None
) -> list[Edit]:
    """The edits that make the object's TOML file ``text`` and its files ``files``; ``key`` None: a new object.

    Raises Explained with all problems.
    """
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Explained(
            CONSOLE_FORM, f"TOML: {error}", reason="form.toml", field="text", cause=error
        ) from error
    with TemporaryDirectory() as name:
        directory = Path(name)
        write_bundle(state, directory, with_suspended=False)
        own = key.id if key else "new-object"
        path = directory / "registry" / _FOLDER[kind] / f"{own}.toml"
        if key is None and path.exists():
            raise Explained(
                CONSOLE_FORM, f"{kind.value}/{own} is there already", reason="form.present", field="text"
            )
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        for file, octets in files.items():
            target = directory / _safe(file)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(octets)
            except OSError as error:  # another file's name as a folder, too long
                raise Explained(
                    CONSOLE_FORM, f"{file}: {error.strerror}", reason="form.file-name", cause=error
                ) from error
        return _edits(state, directory, keep_suspended=True)


def edits_of_certificate(
    state: State, key: ObjectKey, certificate: bytes, *, valid_from: date | None, valid_until: date | None
) -> list[Edit]:
    """A new certificate for an anchor, with its dates."""
    settings = dict(state.objects[key].document["settings"])
    named = settings.get("certificate")
    if not isinstance(named, str):
        raise Explained(CONSOLE_FORM, f"{key} names no certificate", reason="form.no-certificate")
    for field, value in (("valid_from", valid_from), ("valid_until", valid_until)):
        if value is not None:
            settings[field] = value.isoformat()
    return edits_of_object(state, key.kind, toml_text(settings), {named: pem(certificate)}, key=key)


def pem(octets: bytes) -> bytes:
    """One or more certificates in PEM, from PEM or DER; raises Explained."""
    try:
        if b"-----BEGIN" in octets:
            found = x509.load_pem_x509_certificates(octets)
        else:
            found = [x509.load_der_x509_certificate(octets)]
    except ValueError as error:
        raise Explained(
            CONSOLE_FORM,
            "no X.509 certificate in PEM or DER",
            reason="form.certificate",
            field="pem",
            cause=error,
        ) from error
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in found)


def edits_of_bundle(state: State, archive: bytes) -> list[Edit]:
    """A ZIP file with ``registry/`` in it, at its top or in one folder: the registry shall hold exactly that."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        _extract(archive, directory)
        return _edits(state, directory, keep_suspended=False)


def bundle_of(state: State) -> bytes:
    """The ZIP file that ``edits_of_bundle`` reads, the same octets for the same state."""
    packed = BytesIO()
    with TemporaryDirectory() as name, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        directory = Path(name)
        for path in write_bundle(state, directory):
            archive.writestr(zipfile.ZipInfo(path.relative_to(directory).as_posix()), path.read_bytes())
    return packed.getvalue()


def _edits(state: State, directory: Path, *, keep_suspended: bool) -> list[Edit]:
    try:
        bundle = read_bundle(directory)
        suspended = frozenset() if keep_suspended else bundle.suspended
        edits = edits_towards(state, bundle.documents, suspended=suspended)
    except ConfigurationError as error:
        raise Explained(CONSOLE_FORM, str(error), reason="form.bundle", cause=error) from error
    if not edits:
        raise ChangeRefused("registry.empty", "nothing would be different")
    return edits


def _extract(archive: bytes, directory: Path) -> None:
    """Only what lies below ``registry/``, within bounds; links and special files are not made."""
    try:
        with zipfile.ZipFile(BytesIO(archive)) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            if len(members) > _MOST_FILES or sum(m.file_size for m in members) > _LARGEST_BUNDLE:
                raise Explained(CONSOLE_FORM, "ZIP: too many files, or too large", reason="form.zip-size")
            if not {member.compress_type for member in members} <= _COMPRESSED:
                raise Explained(
                    CONSOLE_FORM, "ZIP: only stored and deflated files are read", reason="form.zip"
                )
            below = [(member, target) for member in members if (target := _below_registry(member.filename))]
            if not below:  # one folder too deep, and everything would be proposed for removal
                raise Explained(
                    CONSOLE_FORM, "ZIP: no file below registry/", reason="form.zip-folder", field="upload"
                )
            for member, target in below:
                path = directory / target
                path.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source:
                    path.write_bytes(source.read(member.file_size))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, OSError, EOFError) as error:
        raise Explained(
            CONSOLE_FORM, "no ZIP file that can be read", reason="form.zip", field="upload", cause=error
        ) from error


def _below_registry(name: str) -> PurePosixPath | None:
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or "\0" in name or "\\" in name:
        raise Explained(CONSOLE_FORM, "ZIP: a name leads out of the bundle", reason="form.zip-name")
    for depth in (0, 1):
        if parts[depth : depth + 1] == ("registry",) and len(parts) > depth + 1:
            return PurePosixPath(*parts[depth:])
    return None


def _safe(name: str) -> str:
    try:
        return safe_name(name)
    except ChangeRefused as refused:
        raise Explained(CONSOLE_FORM, str(refused), reason="form.file-name", cause=refused) from refused
