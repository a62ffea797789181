"""What each connector tells of its peers: for people who compare fingerprints, and for warnings of what ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.accounts.flow import AccountConnector
from connectors.eidas.esaml import ESAMLConnector
from connectors.eidas.flow import EIDASConnector
from connectors.npa.flow import NPAConnector
from connectors.npa.soap.settings import SignerPin
from connectors.peer_facts import KeyUse, PeerFacts, PeerKey, TellsPeers
from connectors.saml.tr03130.partner import PartnerSection, load
from connectors.saml.tr03130.publication import facts
from tests.trust.metadata_maker import NOW, Node, document, issue, key, key_descriptor, policy, sign
from trust.metadata_source import MetadataSource
from trust.pinned import PinnedKey


@pytest.mark.parametrize("connector", [AccountConnector, EIDASConnector, ESAMLConnector, NPAConnector])
def test_every_connector_tells(connector: type) -> None:
    assert issubclass(connector, TellsPeers)


def test_keys_exchanged_by_hand_have_no_anchor(tmp_path: Path) -> None:
    """TR-03130-1 §4: there are no metadata of an eID-Server."""
    for name in ("signing", "encryption"):
        pem = x509.load_der_x509_certificate(issue(name, key(name))).public_bytes(Encoding.PEM)
        (tmp_path / f"{name}.pem").write_bytes(pem)
    section = PartnerSection(
        address="https://eid-server.example/saml",
        issuer="https://eid-server.example/",
        signing_certificates=("signing.pem",),
        encryption_certificate="encryption.pem",
    )
    told = facts(load(section, tmp_path), "DE")
    assert (told.peer, told.country, told.anchor) == ("https://eid-server.example/", "DE", None)
    assert [one.use for one in told.keys] == [KeyUse.SIGNING, KeyUse.ENCRYPTION]
    assert told.keys[0].key == PinnedKey.from_certificate(issue("signing", key("signing")))


def test_facts_of_metadata_name_every_key_with_its_use() -> None:
    keys = (
        key_descriptor(issue("one", key("one"))),
        key_descriptor(issue("two", key("two")), use="encryption"),
    )
    source = MetadataSource(policy(), read=lambda **_: sign(document(Node(keys=keys))), started=NOW)
    source.refresh(NOW)
    held = source.held()
    assert held is not None
    [told] = [PeerFacts.of_metadata(peer) for peer in held.peers.values()]
    assert [one.use for one in told.keys] == [KeyUse.SIGNING, KeyUse.ENCRYPTION]
    assert (told.anchor, told.role, told.country) == ("se-node", "idp", "SE")
    assert told.addresses == ("https://node.eidas.se.example/sso",)


def test_a_key_counts_until_the_earlier_of_its_ends() -> None:
    """A pin may end before its certificate does; a bare key does not end."""
    certified = PinnedKey.from_certificate(issue("pinned", key("pinned"), end=NOW + timedelta(days=90)))
    pin = SignerPin(certificate="x.pem", until=date(2026, 12, 1))
    early = PeerKey(use=KeyUse.SIGNING, key=certified, ends=pin.ends(None))
    assert early.until == datetime(2026, 12, 1, 23, 59, 59, 999_999, UTC)
    assert PeerKey(use=KeyUse.SIGNING, key=certified).until == certified.not_after
    bare = PinnedKey.from_public_key(key("pinned").public_key())
    assert PeerKey(use=KeyUse.SIGNING, key=bare).until is None
