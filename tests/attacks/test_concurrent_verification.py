"""Verification in threads: keys and schemas are shared, verdicts are not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.errors import ConnectorError
from tests.support.saml_peer import CITIZEN, Node, begin, ec_pair, install, natural, rsa_pair

ROUNDS = 25


def test_threads_share_keys_and_no_verdict(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Eight threads, forged and genuine answers of different citizens mixed, several signing keys.

    The C libraries print nothing either: their default is to quote the message on standard error.
    """
    keys = (rsa_pair("one"), ec_pair("two"), rsa_pair("node message"))
    installed = install(Node(signer=keys[2], published=keys), config_dir=tmp_path)
    cases = []
    for number in range(8):
        exchange = begin(installed)
        attributes = (natural("PersonIdentifier", f"EL/DE/citizen-{number}"), *CITIZEN[1:])
        signer = keys[number % 3] if number % 2 else rsa_pair("stranger")
        octets = exchange.reply(attributes=attributes, signer=signer, sign_assertion=True).octets()
        cases.append((exchange, octets, f"EL/DE/citizen-{number}" if number % 2 else "signature.invalid"))
    exchange = begin(installed)
    cases[0] = (exchange, exchange.reply().octets()[:-5], "xml.malformed")
    cases[2] = (exchange, exchange.reply(edit_plain=lambda plain: plain[:-5]).octets(), "xml.malformed")

    def attempt(number: int) -> tuple[str, str]:
        exchange, octets, expected = cases[number % 8]
        try:
            identifier = exchange.finish(octets).identity.subject.identifier
        except ConnectorError as error:
            return error.reason, expected
        return (identifier.value if identifier else ""), expected

    with ThreadPoolExecutor(8) as pool:
        for got, expected in pool.map(attempt, range(8 * ROUNDS)):
            assert got == expected
    assert capfd.readouterr() == ("", "")
