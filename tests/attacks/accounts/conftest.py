"""Other victims for the same attacks: our connector for BundID and for MUK."""

import pytest

from tests.support.account_peer import AccountExchange, begin, install_account
from tests.support.saml_peer import Installed


@pytest.fixture(scope="session", params=["bundid", "muk"])
def account(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """One account, RSA-3072 on both sides; the Response signed and the assertion encrypted."""
    return install_account(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def exchange(account: Installed) -> AccountExchange:
    """A citizen who was sent to the account and has not come back."""
    return begin(account)
