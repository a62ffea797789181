"""npm's ``oidc-provider`` beside ours, if Node is there: installed by its lock, started on a port."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.op_client import Key
from bench.op_server import COMPAT, FAPI2, REDIRECT_URI, SECRET
from gateway.web.assets import AssetsMissing, node_command

_DIRECTORY = Path(__file__).parent / "node"


def why_not() -> str | None:
    """None when it can be measured, installed now if need be; else the reason."""
    try:
        npm = node_command("npm")
    except AssetsMissing as missing:
        return str(missing)
    installed = _DIRECTORY / "node_modules" / ".package-lock.json"
    lock = _DIRECTORY / "package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return None
    done = subprocess.run([*npm, "ci"], cwd=_DIRECTORY, capture_output=True, text=True, check=False)
    return f"npm ci: {done.stderr.strip()[-500:]}" if done.returncode else None


def settings(directory: Path, client_keys: dict[str, object]) -> Path:
    """What ``provider.js`` reads: the clients, and a key to sign with."""
    content = {
        "compat": COMPAT,
        "fapi2": FAPI2,
        "redirect_uri": REDIRECT_URI,
        "secret": SECRET,
        "client_keys": client_keys,
        "signing_key": {**Key().private_jwk, "kid": "s", "use": "sig", "alg": "ES256"},
    }
    path = directory / "settings.json"
    path.write_text(json.dumps(content), "ascii")
    return path


def command(port: int, store: Path, settings_file: Path) -> list[str]:
    """How to start it."""
    program = str(_DIRECTORY / "provider.js")
    return [*node_command("node"), program, str(port), str(store), str(settings_file)]
