"""Style sheets, fonts and scripts (ux.md §2) and the set-up step that brings them."""

import gzip
import re
import shutil

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.web import assets
from gateway.web.static_files import DIRECTORY, NAMES, StaticFiles


@pytest.fixture(scope="module")
def files():
    return StaticFiles()


@pytest.fixture(scope="module")
def fetch(files):
    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/static/{name}", files.endpoint)]))

    async def request(url, headers):
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            return answer, b"".join([part async for part in answer.aiter_raw()])

    with start_blocking_portal() as portal:
        yield lambda url, accepted="": portal.call(request, url, {"Accept-Encoding": accepted})


def test_files_are_kept_for_ever_under_a_name_that_changes_with_them(files, fetch):
    """ux.md §2: content hash in the name, immutable."""
    for name in NAMES:
        assert re.fullmatch(r"/static/[A-Za-z.-]+-[0-9a-f]{16}\.[a-z0-9]+", files.url(name))
        answer, _ = fetch(files.url(name))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"].split("/")[0] in {"text", "font", "image"}


def test_style_sheet_names_the_hashed_fonts(files, fetch):
    """Fonts change name with their content, and the style sheet with them."""
    sheet = fetch(files.url("gateway.css"))[1].decode()
    fonts = re.findall(r'url\("([^"]+)"\)', sheet)
    assert [f"/static/{font}" for font in fonts] == [
        files.url("kern/FiraSans-Regular.woff2"),
        files.url("kern/FiraSans-SemiBold.woff2"),
    ]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_text_is_compressed_as_the_browser_wishes(files, fetch, accepted, coding):
    """RFC 9110 §12.5.3."""
    url = files.url("kern/kern.min.css")
    answer, raw = fetch(url, accepted)
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    plain = (DIRECTORY / "kern" / "kern.min.css").read_bytes()
    assert len(raw) < len(plain) or coding is None
    if coding == "gzip":
        assert gzip.decompress(raw) == plain


@pytest.mark.parametrize(
    "name",
    ["gateway.css", "../assets.py", "..%2fassets.py", "kern%2fLICENSE.md", "x", "%00", "kern.min.css.br"],
)
def test_only_known_names_are_answered(fetch, name):
    """No path of the file system comes from a request."""
    assert fetch(f"/static/{name}")[0].status_code == 404


def test_gateway_does_not_start_without_the_assets(tmp_path):
    """A citizen never sees a page without its style; the operator reads the remedy."""
    shutil.copytree(DIRECTORY, tmp_path / "static")
    (tmp_path / "static" / "kern" / "kern.min.css").unlink()
    with pytest.raises(assets.AssetsMissing, match=r"remedy: run 'python -m gateway\.web\.assets'"):
        StaticFiles(directory=tmp_path / "static")


def test_set_up_step_is_repeated_only_for_another_version(tmp_path):
    """The stamp is the integrity value of the lock file."""
    checkout = DIRECTORY.parents[2]
    kern = tmp_path / "kern"
    shutil.copytree(DIRECTORY / "kern", kern)
    assert assets.is_current(checkout, kern)
    (kern / assets.STAMP).write_text("sha512-another", "ascii")
    assert not assets.is_current(checkout, kern)


def test_lock_file_pins_content_and_names_no_host():
    """Every package has an integrity value; where it is fetched from is the machine's matter."""
    lock = (DIRECTORY.parents[2] / "package-lock.json").read_text("utf-8")
    assert "resolved" not in lock
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/')
