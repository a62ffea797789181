"""Style sheets, fonts, scripts and the icon: read once, served from memory.

The public name of a file contains a hash of its content (``gateway-0f3a….css``), so an answer may
be kept for ever and a new release never meets an old style sheet. References from a style sheet
to another file (``url("kern/…")``) are rewritten to those names. Text is compressed with gzip at
start, with brotli where the set-up step did it, never per request. An unknown name is a 404; no path of the file system comes from a request.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.web.assets import require_assets
from gateway.web.security_headers import STATIC_HEADERS

DIRECTORY = Path(__file__).parent / "static"

NAMES: tuple[str, ...] = (
    "kern/FiraSans-Regular.woff2",
    "kern/FiraSans-SemiBold.woff2",
    "kern/kern.min.css",
    "favicon.svg",
    "gateway.css",
    "back.js",
    "console.css",
    "console.js",
    "eid.js",
    "filter.js",
    "submit.js",
)
"""Everything that is served, fonts first: a style sheet can name only what stands before it."""

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

_REFERENCE = re.compile(rb'url\("((?:kern/)?[A-Za-z.-]+\.(?:woff2|svg))"\)')


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file as it is sent; ``brotli`` and ``gzip`` are None where there is no such form of it."""

    media_type: str
    content: bytes
    brotli: bytes | None
    gzip: bytes | None

    def negotiate(self, accept_encoding: str) -> tuple[bytes, str | None]:
        """Octets and Content-Encoding for a request (RFC 9110 §12.5.3); ``;q=0`` means no."""
        accepted = {
            coding.strip().lower()
            for coding, _, weight in (part.partition(";") for part in accept_encoding.split(","))
            if not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
        }
        if self.brotli is not None and "br" in accepted:
            return self.brotli, "br"
        if self.gzip is not None and "gzip" in accepted:
            return self.gzip, "gzip"
        return self.content, None


@cache
def _gzip(content: bytes) -> bytes:
    """Once for all listeners of a process."""
    return gzip.compress(content, compresslevel=9, mtime=0)


class StaticFiles:
    """All files below ``/static/``; raises AssetsMissing when the set-up step was forgotten."""

    def __init__(self, *, directory: Path = DIRECTORY, base_path: str = "") -> None:
        require_assets(directory / "kern")
        self._base = f"{base_path}/static/"
        self._public: dict[str, str] = {}
        self._files: dict[str, StaticFile] = {}
        for name in NAMES:
            self._load(name, directory / name)

    def _load(self, name: str, path: Path) -> None:
        content, compressed = path.read_bytes(), path.with_name(f"{path.name}.br")
        if name == "gateway.css":
            content = _REFERENCE.sub(lambda found: self._hashed_reference(found[1].decode()), content)
        public = f"{path.name.removesuffix(path.suffix)}-{sha256(content).hexdigest()[:16]}{path.suffix}"
        text = path.suffix != ".woff2"
        self._public[name] = public
        self._files[public] = StaticFile(
            media_type=MEDIA_TYPES[path.suffix],
            content=content,
            brotli=compressed.read_bytes() if compressed.is_file() else None,
            gzip=_gzip(content) if text else None,
        )

    def _hashed_reference(self, name: str) -> bytes:
        return f'url("{self._public[name]}")'.encode()

    def url(self, name: str) -> str:
        """Public path of one of ``NAMES``; raises KeyError for anything else."""
        return self._base + self._public[name]

    async def endpoint(self, request: Request) -> Response:
        """Handler for ``GET /static/{name}``."""
        file = self._files.get(request.path_params["name"])
        if file is None:
            return PlainTextResponse("not found\n", status_code=404, headers={"Cache-Control": "no-store"})
        content, coding = file.negotiate(request.headers.get("accept-encoding", ""))
        headers = dict(STATIC_HEADERS)
        if coding:
            headers["Content-Encoding"] = coding
        if file.gzip is not None:
            headers["Vary"] = "Accept-Encoding"
        return Response(content, media_type=file.media_type, headers=headers)
