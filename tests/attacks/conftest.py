"""The victim of every attack: our connector, and Greece's node as an attacker would imitate it."""

import pytest

from tests.support.saml_peer import Exchange, Installed, Node, begin, install


@pytest.fixture(scope="session")
def greece(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A connector with one country, RSA-3072 on both sides, strict profile."""
    return install(Node(), config_dir=tmp_path_factory.mktemp("greece"))


@pytest.fixture
def exchange(greece: Installed) -> Exchange:
    """A citizen who was sent to Greece and has not come back."""
    return begin(greece)
