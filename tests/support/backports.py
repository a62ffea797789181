"""Adds Debian's backports of this release to the package sources: from where the release itself comes.

::

    python -m tests.support.backports        as root; writes one file below /etc/apt/sources.list.d

Mirror, signing key and options are those of the release's own entry, in either of apt's two formats
(sources.list(5)); nothing but the suite differs. A machine whose sources name backports already is
left alone. Packages of backports are installed only where somebody asks for them (their priority is
100), so the entry changes nothing else on the machine.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
NAME = "eid-gateway-backports"
_LINE = re.compile(r"deb\s+(?P<options>\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")


def codename(os_release: str) -> str | None:
    """Debian's name of the release, e.g. ``bookworm``; None on anything that is not Debian itself."""
    values = dict(re.findall(r'^(ID|VERSION_CODENAME)="?([^"\n]+)"?$', os_release, re.MULTILINE))
    return values.get("VERSION_CODENAME") if values.get("ID") == "debian" else None


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """The stanzas of a deb822 file, field names in lower case, continuation lines kept."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for block in re.split(r"\n\s*\n", lines):
        fields = re.findall(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)", block, re.MULTILINE)
        if fields:
            yield {name.lower(): value.rstrip("\n") for name, value in fields}


def _lines(text: str) -> Iterator[re.Match[str]]:
    for line in text.splitlines():
        if found := _LINE.fullmatch(line.split("#")[0].strip()):
            yield found


def derive(name: str, text: str, release: str) -> str | None:
    """The entry for ``<release>-backports`` after the first entry for ``release`` in one file.

    ``name`` is the file's, whose ending tells the format. None: the file has no such entry.
    """
    if name.endswith(".sources"):
        for stanza in _stanzas(text):
            enabled = stanza.get("enabled", "yes").lower() not in {"no", "false", "0", "off"}
            if (
                enabled
                and "deb" in stanza.get("types", "").split()
                and release in stanza.get("suites", "").split()
            ):
                changed = {"types": "deb", "suites": f"{release}-backports", "components": "main"}
                return "".join(f"{key.title()}: {value}\n" for key, value in (stanza | changed).items())
        return None
    for line in _lines(text):
        if line["suite"] == release:
            return f"deb {line['options'] or ''}{line['uri']} {release}-backports main\n"
    return None


def add(sources: Path, os_release: str) -> str | None:
    """Write the entry unless there is one; returns the suite's name, None when nothing could be derived."""
    release = codename(os_release)
    if release is None:
        return None
    suite = f"{release}-backports"
    files = [sources / "sources.list", *sorted((sources / "sources.list.d").glob("*"))]
    texts = {
        file: file.read_text("utf-8", "replace")
        for file in files
        if file.is_file() and file.suffix in {".list", ".sources"}
    }
    if any(derive(file.name, text, suite) for file, text in texts.items()):
        return suite
    for file, text in texts.items():
        if entry := derive(file.name, text, release):
            target = sources / "sources.list.d" / f"{NAME}{file.suffix}"
            target.parent.mkdir(exist_ok=True)
            target.write_text(entry, encoding="utf-8")
            return suite
    return None


if __name__ == "__main__":
    added = add(SOURCES, OS_RELEASE.read_text("utf-8") if OS_RELEASE.is_file() else "")
    print(added or "", end="")
    sys.exit(added is None)
