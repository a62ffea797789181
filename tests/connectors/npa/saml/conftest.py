"""An Online-Ausweis connector whose eID service is a SAML processor."""

import pytest

from tests.support.eid_server_peer import begin_card, install_card


@pytest.fixture(scope="session")
def card(tmp_path_factory):
    return install_card(tmp_path_factory.mktemp("card"))


@pytest.fixture
def exchange(card):
    """The eID-Client was sent to the processor and has not come back."""
    return begin_card(card)
