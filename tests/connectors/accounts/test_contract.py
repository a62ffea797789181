"""Every account passes the suite of every connector."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from connectors.accounts import AccountConnector
from connectors.contract import Answer, AuthenticationRequest, Start
from tests.connectors.contract import ConnectorContract
from tests.support.account_peer import PERSONAL, AccountExchange, ask, install_account
from tests.support.saml_peer import Installed, read_request
from tests.support.xml_signing import NOW


@dataclass
class AccountBench:
    profile: str
    installed: Installed
    again: Path
    now: datetime = NOW
    personal: tuple[str, ...] = PERSONAL

    @property
    def connector(self) -> AccountConnector:
        return self.installed.connector

    @property
    def request(self) -> AuthenticationRequest:
        return ask(self.profile)

    @property
    def impossible(self) -> AuthenticationRequest:
        return ask(self.profile, required=frozenset({"sic"}))

    def answer(self, start: Start) -> Answer:
        exchange = AccountExchange(
            installed=self.installed,
            node=self.installed.nodes["DE"],
            request=read_request(start.dispatch),
            pending=start.pending,
        )
        return replace(exchange.answer(exchange.reply().octets()), query=b"")

    def restarted(self) -> AccountConnector:
        self.again.mkdir()
        return install_account(self.profile, self.again, keys=self.installed.keys).connector


class TestAccount(ConnectorContract):
    @pytest.fixture(params=["bundid", "akdb", "dataport", "muk"])
    def bench(self, request, tmp_path):
        installed = install_account(request.param, tmp_path)
        return AccountBench(profile=request.param, installed=installed, again=tmp_path / "again")
