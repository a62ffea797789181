"""The eIDAS connector passes the suite of every connector, in both roles."""

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from connectors.contract import Answer, AuthenticationRequest, Start
from connectors.eidas.flow import EIDASConnector
from tests.connectors.contract import ConnectorContract
from tests.connectors.national_peer import install_national
from tests.support.saml_peer import (
    PERSONAL,
    Exchange,
    Installed,
    authentication_request,
    install,
    read_request,
)
from tests.support.xml_signing import NOW


@dataclass
class EIDASBench:
    installed: Installed
    again: Path
    national: bool = False
    now: datetime = NOW
    personal: tuple[str, ...] = PERSONAL

    @property
    def connector(self) -> EIDASConnector:
        return self.installed.connector

    @property
    def request(self) -> AuthenticationRequest:
        return authentication_request()

    @property
    def impossible(self) -> AuthenticationRequest:
        return authentication_request(required=frozenset({"title"}))

    def answer(self, start: Start) -> Answer:
        exchange = Exchange(
            installed=self.installed,
            node=self.installed.nodes["GR"],
            request=read_request(start.dispatch),
            pending=start.pending,
        )
        octets = exchange.reply(sign_assertion=self.national).octets()
        fields = (
            ("SAMLResponse", base64.b64encode(octets).decode()),
            ("RelayState", exchange.request.relay_state),
        )
        return Answer(method="POST", fields=fields)

    def restarted(self) -> EIDASConnector:
        self.again.mkdir()
        other = install_national(self.again) if self.national else install(config_dir=self.again)
        return replace(other.connector, keys=self.installed.keys)


class TestNode(ConnectorContract):
    """We are the receiving connector."""

    @pytest.fixture
    def bench(self, tmp_path):
        return EIDASBench(install(config_dir=tmp_path), tmp_path / "again")


class TestNational(ConnectorContract):
    """We are service provider of a national connector."""

    @pytest.fixture
    def bench(self, tmp_path):
        return EIDASBench(install_national(tmp_path), tmp_path / "again", national=True)
