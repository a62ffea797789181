"""Chromium for the tests of this folder: Debian's program, driven by Playwright.

The headless shell is preferred: the engine, network and policies of Chromium without the windows
around a page, which take more of the processor than the page. ``python -m playwright install`` is
not needed and not used. Every test here carries the marker ``browser``. ``sample_site`` serves the
sample pages of ``tests/web/samples.py`` with the product's renderer, static files and headers.
"""

import shutil
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.settings import Mode
from gateway.web.render import Renderer
from gateway.web.static_files import StaticFiles
from tests.web import samples

ROOT = Path(__file__).resolve().parents[2]

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
ARGUMENTS = [
    "--no-sandbox",  # needed as root, in containers and in CI
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args():
    for name in PROGRAMS:
        if program := shutil.which(name):
            return {"executable_path": program, "args": ARGUMENTS}
    return pytest.skip("Chromium is not installed (Debian: chromium-headless-shell)")


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core; ``page.evaluate`` runs it under the page's own policy."""
    source = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed; remedy: python -m gateway.web.assets --development")
    return source.read_text("utf-8")


class SampleSite:
    """Sample pages at ``/<language>/<name>``; what is posted comes back as text at ``/got``.

    A ``still`` one lets no page forward by itself, so that each can be looked at.
    """

    def __init__(self, listener, *, still=False):
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.node = f"http://localhost:{self.port}/node"
        self._still = still
        self._static = StaticFiles()
        self._renderer = Renderer(samples.site(Mode.DEVELOPMENT, self.url), self._static)
        application = Starlette(
            routes=[
                Route("/static/{name}", self._file),
                Route("/node", self._node, methods=["GET", "POST"]),
                Route("/got", self._got, methods=["GET", "POST"]),
                Route("/login/7K2QX9MFBT/{step}", self._got, methods=["POST"]),
                Route("/{language}/{name}", self._page),
            ]
        )
        self._server = uvicorn.Server(uvicorn.Config(application, log_level="error", ws="none"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()

    def close(self):
        self._server.should_exit = True
        self._thread.join()

    async def _file(self, request: Request):
        if self._still and request.path_params["name"].startswith("submit-"):
            return Response("", media_type="text/javascript")
        return await self._static.endpoint(request)

    def _page(self, request: Request):
        pages = samples.pages(request.path_params["language"], self.node)
        return self._renderer.response(pages[request.path_params["name"]])

    async def _node(self, request: Request):
        """A node that hands on to another host of its country, as nodes do."""
        if self._still:
            return Response(status_code=204)
        fields = "".join(f"&{name}={value}" for name, value in (await request.form()).items())
        query = f"&{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{self.url}/got?method={request.method}{fields}{query}", 303)

    async def _got(self, request: Request):
        fields = [*request.query_params.multi_items(), *(await request.form()).multi_items()]
        text = " ".join(f"{name}={value}" for name, value in fields)
        return HTMLResponse(f"<!doctype html><title>got</title><p id=got>{request.url.path} {text}</p>")


@contextmanager
def _served(**options):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        site = SampleSite(listener, **options)
        yield site
        site.close()


@pytest.fixture(scope="session")
def sample_site():
    with _served() as site:
        yield site


@pytest.fixture(scope="session")
def still_site():
    with _served(still=True) as site:
        yield site
