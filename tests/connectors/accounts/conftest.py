"""Our connector for each account, one per module."""

import pytest

from tests.support.account_peer import install_account


def _fixture(profile):
    @pytest.fixture(scope="module", name=profile)
    def installed(tmp_path_factory):
        return install_account(profile, tmp_path_factory.mktemp(profile))

    return installed


bundid, akdb, dataport, muk = map(_fixture, ("bundid", "akdb", "dataport", "muk"))
