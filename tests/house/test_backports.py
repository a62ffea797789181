"""The test run's one change to a machine's package sources (sources.list(5))."""

from __future__ import annotations

import pytest

from tests.support.backports import NAME, add, codename

DEBIAN = 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\nID=debian\n'
DEB822 = """\
Types: deb
# a comment inside a stanza
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/example.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
"""


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_deb822_source_keeps_mirror_and_key(sources):
    """sources.list(5), deb822-style format: everything but the suite is the release's own."""
    (sources / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert add(sources, DEBIAN) == "bookworm-backports"
    assert (sources / "sources.list.d" / f"{NAME}.sources").read_text() == (
        "Types: deb\nUris: http://mirror.example/debian\nSuites: bookworm-backports\n"
        "Components: main\nSigned-By: /usr/share/keyrings/example.gpg\n"
    )


def test_embedded_key_is_kept_with_all_its_lines(sources):
    """sources.list(5), Signed-By: the key may stand in the stanza itself."""
    key = " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBFit\n -----END PGP PUBLIC KEY BLOCK-----"
    stanza = f"Types: deb\nURIs: http://m.example\nSuites: bookworm\nComponents: main\nSigned-By:\n{key}\n"
    (sources / "sources.list.d" / "d.sources").write_text(stanza)
    add(sources, DEBIAN)
    assert f"Signed-By: \n{key}\n" in (sources / "sources.list.d" / f"{NAME}.sources").read_text()


def test_one_line_source_keeps_its_options(sources):
    """sources.list(5), one-line-style format."""
    line = "deb [arch=amd64 signed-by=/k.gpg] http://m.example/debian/ bookworm main contrib # ours\n"
    (sources / "sources.list").write_text(f"# deb http://old.example bookworm main\n{line}")
    assert add(sources, DEBIAN) == "bookworm-backports"
    assert (sources / "sources.list.d" / f"{NAME}.list").read_text() == (
        "deb [arch=amd64 signed-by=/k.gpg] http://m.example/debian/ bookworm-backports main\n"
    )


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("b.list", "deb http://m.example bookworm-backports main\n"),
        ("b.sources", "Types: deb\nURIs: http://m.example\nSuites: bookworm-backports\nComponents: main\n"),
    ],
)
def test_backports_that_are_there_are_left_alone(sources, name, entry):
    """A second run changes nothing, nor does a machine that has them already."""
    (sources / "sources.list.d" / "debian.sources").write_text(DEB822)
    (sources / "sources.list.d" / name).write_text(entry)
    assert add(sources, DEBIAN) == "bookworm-backports"
    assert not list((sources / "sources.list.d").glob(f"{NAME}*"))


@pytest.mark.parametrize(
    "stanza",
    [
        "Enabled: no\nTypes: deb\nURIs: http://m.example\nSuites: bookworm\nComponents: main\n",
        "Types: deb-src\nURIs: http://m.example\nSuites: bookworm\nComponents: main\n",
        "Types: deb\nURIs: http://m.example\nSuites: bookworm-security\nComponents: main\n",
    ],
    ids=["switched off", "sources only", "another suite"],
)
def test_nothing_is_derived_from_an_entry_that_does_not_serve_the_release(sources, stanza):
    """sources.list(5): Enabled, Types and Suites decide."""
    (sources / "sources.list.d" / "debian.sources").write_text(stanza)
    assert add(sources, DEBIAN) is None


def test_other_distributions_are_not_touched():
    """Backports by this name are Debian's."""
    assert codename('ID=ubuntu\nVERSION_CODENAME=noble\nID_LIKE="debian"\n') is None
