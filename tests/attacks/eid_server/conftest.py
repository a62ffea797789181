"""The victims: our Online-Ausweis connector and our connector of role esaml, behind one German eID-Server."""

import pytest

from tests.support.eid_server_peer import begin_card, begin_esaml, install_card, install_esaml


@pytest.fixture(scope="session")
def card(tmp_path_factory):
    return install_card(tmp_path_factory.mktemp("card"))


@pytest.fixture(scope="session")
def esaml(tmp_path_factory):
    return install_esaml(tmp_path_factory.mktemp("esaml"))


@pytest.fixture
def exchange(card):
    return begin_card(card)


@pytest.fixture
def foreign(esaml):
    return begin_esaml(esaml)
