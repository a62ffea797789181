"""The two people who decide for a sandbox's gateway, at its command line."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import cli
from gateway.bundle import load_installation
from gateway.bundle.objects import read_bundle
from sandbox.launcher import Sandbox
from trust.log import open_database
from trust.registry import ChangeClass, EntryStore, Registry, edits_towards, sign

PEOPLE = ("a.beispiel", "b.muster")


@dataclass(frozen=True, slots=True)
class TwoPeople:
    """``of`` makes them once for a sandbox: their ceremony, and its configuration in force."""

    config: Path
    keys: Path

    @classmethod
    def of(cls, sandbox: Sandbox) -> TwoPeople:
        people = cls(sandbox.state.config, sandbox.state.directory / "people")
        if not people.keys.exists():
            people.keys.mkdir()
            for name in PEOPLE:
                people._new(name)
            ceremony = [f"--approver={name}={people.keys / f'{name}.pub'}" for name in PEOPLE]
            people.command("init", *ceremony, "--reason", "first approvers", "--evidence", "minutes")
            people.put_into_force(people.config)
        return people

    def command(self, *arguments: str) -> str:
        """``eid-gateway registry ...``; gives what it prints."""
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            assert cli.main(["registry", *arguments, "--config", str(self.config)]) == 0
        return printed.getvalue()

    def signed(self, name: str) -> tuple[str, ...]:
        return "--by", name, "--key", str(self.keys / f"{name}.key")

    def put_into_force(self, bundle: Path) -> None:
        """One proposes what ``bundle`` declares, the other signs; whether it is sound the gateways see themselves."""
        _, url = load_installation(self.config)
        engine = open_database(url.render_as_string(hide_password=False))
        registry = Registry(EntryStore(engine), pinned=None, validate=lambda _: [])
        state, now = registry.follow().state, datetime.now(UTC)
        change = registry.draft(
            ChangeClass.ORDINARY,
            edits_towards(state, read_bundle(bundle).documents),
            reason="as agreed",
            evidence="file 1",
            proposer=PEOPLE[0],
            now=now,
        )
        first, second = (sign(self._key(name), change.change_hash, approver=name) for name in PEOPLE)
        registry.propose(change, approval=first, now=now)
        assert registry.approve(second, now=now).waiting is None
        engine.dispose()

    def approve_what_is_open(self) -> None:
        self.command("approve", self.command("show").split()[0], *self.signed(PEOPLE[1]))

    def _key(self, name: str) -> Ed25519PrivateKey:
        key = serialization.load_pem_private_key((self.keys / f"{name}.key").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        return key

    def _new(self, name: str) -> None:
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.keys / f"{name}.key").write_bytes(private)
        (self.keys / f"{name}.key").chmod(0o600)
        (self.keys / f"{name}.pub").write_bytes(public)
