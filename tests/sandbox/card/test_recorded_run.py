"""A second, independent reading of a run recorded with AusweisApp 2.0.1 (npa.md §4.4, INDEX.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from asn1crypto.keys import PrivateKeyInfo
from lxml import etree

from sandbox.card import curve, names
from sandbox.card.certificates import Certificate, NotBelieved, TrustStore, load_roots
from sandbox.card.functions import restricted_identifier
from sandbox.card.messaging import Channel, Command, Response
from sandbox.card.objects import only
from sandbox.card.rights import Chat
from sandbox.card.session_keys import SessionKeys
from tests.sandbox.card.terminals import TODAY

DATA = Path(__file__).parents[4] / "shared" / "data" / "npa"
RUN = DATA / "recorded-ausweisapp-2.0.1"

pytestmark = pytest.mark.skipif(not RUN.is_dir(), reason="the recorded run is not on this machine")


@pytest.fixture(scope="module")
def known() -> Mapping[str, Any]:
    return json.loads((RUN / "default-kat.json").read_text(encoding="utf-8"))


def texts(file: str, element: str) -> list[bytes]:
    """Hexadecimal contents of all elements with this local name."""
    root = etree.parse(RUN / file)
    return [bytes.fromhex(e.text) for e in root.iter(f"{{*}}{element}")]


def keys(known) -> SessionKeys:
    return SessionKeys(bytes.fromhex(known["k_enc"]), bytes.fromhex(known["k_mac"]))


def test_card_side_of_secure_messaging_reproduces_every_response(known) -> None:
    """TR-03110-3 F: 17 commands opened, 17 responses sealed, octet by octet as the simulated card."""
    channel = Channel(keys(known))
    commands = texts("default-07-server.xml", "InputAPDU")
    recorded = texts("default-08-client.xml", "OutputAPDU")
    for octets, expected, answer in zip(commands, recorded, known["results"], strict=True):
        channel.open(Command.parse(octets))
        made = channel.seal(Response(bytes.fromhex(answer["plain"]), int(answer["sw"], 16)))
        assert made.octets == expected


def test_reader_side_reproduces_the_commands(known) -> None:
    """TR-03110-3 F: what was opened is protected again to the same octets."""
    recorded = texts("default-07-server.xml", "InputAPDU")
    card, reader = Channel(keys(known)), Channel(keys(known))
    for octets, answer in zip(recorded, texts("default-08-client.xml", "OutputAPDU"), strict=True):
        plain = card.open(Command.parse(octets))
        assert reader.protect(plain).octets == octets
        card.seal(reader.accept(Response.parse(answer)))


def test_chip_authentication_agrees_on_the_recorded_keys(known) -> None:
    """TR-03110-2 §3.4: shared point, both keys and the token, computed from the chip's side."""
    simulator = json.loads((DATA / "ausweisapp-card" / "simulatorFiles.json").read_text(encoding="utf-8"))
    [chip] = [k["content"] for k in simulator["keys"] if k["id"] == 41]
    secret = PrivateKeyInfo.load(bytes.fromhex(chip))["private_key"].parsed["private_key"].native
    assert curve.multiply(secret).octets.hex() == known["pk_icc"]
    [terminal] = texts("default-05-server.xml", "EphemeralPublicKey")
    assert curve.multiply(int(known["ephemeral_private"], 16)).octets == terminal
    shared = curve.multiply(secret, curve.point(terminal)).x_octets
    assert shared.hex() == known["shared_secret_x"]
    made = SessionKeys.agree(shared, bytes.fromhex(known["nonce"]))
    assert made == keys(known)
    assert made.token(names.CA_ECDH_AES_128, curve.point(terminal)).hex() == known["auth_token"]


def test_chain_and_terminal_signature_are_what_a_card_accepts(known) -> None:
    """TR-03110-2 §3.3: trust point, DV, terminal, signature over ID_PICC, challenge, key, data."""
    roots = load_roots(bytes.fromhex((RUN / "cvca.cvcert.hex").read_text(encoding="ascii")))
    verifier, terminal = map(Certificate.parse, texts("default-03-server.xml", "Certificate"))
    trust = TrustStore(roots, TODAY)
    trust.believe(verifier, roots[0])
    trust.believe(terminal, verifier)
    [identifier], [challenge] = (texts("default-04-client.xml", n) for n in ("IDPICC", "Challenge"))
    [ephemeral], [signature] = (
        texts("default-05-server.xml", n) for n in ("EphemeralPublicKey", "Signature")
    )
    [auxiliary] = texts("default-03-server.xml", "AuthenticatedAuxiliaryData")
    signed = identifier + challenge + ephemeral[1:33] + auxiliary
    terminal.verify(signed, signature)
    with pytest.raises(NotBelieved):
        terminal.verify(signed[:-1], signature)
    [effective] = texts("default-04-client.xml", "CertificateHolderAuthorizationTemplate")
    assert Chat.parse(effective).bits & ~terminal.chat.bits == 0


def test_pseudonym_of_the_simulated_card_is_reproduced(known) -> None:
    """TR-03110-2 §3.5: sector key with domain parameters, its hash in the certificate, SHA-256(x)."""
    simulator = json.loads((DATA / "ausweisapp-card" / "simulatorFiles.json").read_text(encoding="utf-8"))
    terminal = Certificate.parse(texts("default-03-server.xml", "Certificate")[1])
    channel = Channel(keys(known))
    plain = b""
    for octets, answer in zip(texts("default-07-server.xml", "InputAPDU"), known["results"], strict=True):
        plain = channel.open(Command.parse(octets)).data
        channel.seal(Response(bytes.fromhex(answer["plain"]), 0x9000))
    sector = only(plain, 0x7C).child(0xA0)
    identifier = only(bytes.fromhex(known["results"][-1]["plain"]), 0x7C).child(0x81).value
    made = {}
    for key in simulator["keys"]:
        secret = PrivateKeyInfo.load(bytes.fromhex(key["content"]))["private_key"].parsed["private_key"]
        made[key["id"]] = restricted_identifier(secret.native, sector, terminal.sector_hashes)
    assert made[2] == identifier


@pytest.mark.parametrize("name", ["cvca-DETESTeID00002_DETESTeID00001", "cvdv-DEDVeIDDPST00035"])
def test_certificates_of_the_german_test_authorities_are_read(name) -> None:
    """TR-03110-3 D: real certificates, verified along link and root."""
    certificate = _german(name)
    issuer = next(
        c
        for c in map(_german, ("cvca-DETESTeID00001", "cvca-DETESTeID00002", "cvca-DETESTeID00004"))
        if c.holder == certificate.issuer
    )
    issuer.verify(certificate.body, certificate.signature)


def _german(name: str) -> Certificate:
    text = (DATA / "ausweisapp-card" / f"{name}.hex").read_text(encoding="ascii")
    return Certificate.parse(bytes.fromhex(text))
