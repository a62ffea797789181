"""``eid-gateway registry``: trust that two people change, from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from getpass import getpass, getuser
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.bundle import load_installation
from gateway.bundle.objects import read_bundle, validator, write_bundle
from gateway.commands.registry_words import description, overview, summary
from trust.log import migrate, open_database
from trust.registry import (
    Approval,
    Approver,
    ChangeClass,
    ChangeRefused,
    Decision,
    Edit,
    EntryStore,
    Fold,
    ObjectKey,
    ObjectKind,
    Outcome,
    Proposal,
    Registry,
    Role,
    detached,
    edits_towards,
    message,
    read_key_file,
    sign,
    suspension_edits,
)
from trust.registry.changes import read_time
from trust.registry.diff import change_diff, grouped, lines, plain

DESCRIPTION = """\
Trust that two people change. Nothing counts that is not signed by the keys of enrolled approvers; whoever
proposes a change and signs it is the first of the two.

  init         enrol the first approvers, once, on an empty database
  propose      what a bundle directory says shall be in force
  show         open changes, or one with its differences and the octets to sign
  approve      sign a change; the last signature that is needed puts it into force
  suspend      end the use of something at once; one person
"""


_FEWEST_DIGITS = 8

Run = Callable[[Registry, argparse.Namespace], int]


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``registry``."""
    registry = parser.add_subparsers(required=True, metavar="COMMAND").add_parser
    init = _command(registry, "init", "enrol the first approvers, on an empty database only", _init)
    _people(init, required=True)
    _words(init)

    propose = _command(registry, "propose", "propose that the registry holds what DIR holds", _propose)
    propose.add_argument("bundle", type=Path, metavar="DIR", help="directory with registry/ in it")
    propose.add_argument("--not-before", metavar="TIME", help="UTC, e.g. 2026-12-01T06:00:00Z")
    _person(propose, required=False)
    _words(propose)

    show = _command(registry, "show", "open changes, or one of them in full", _show)
    show.add_argument("change", nargs="?", metavar="HASH", help="its first digits, at least eight")
    show.add_argument("--message-to", type=Path, metavar="FILE", help="write the octets to sign elsewhere")

    approve = _command(registry, "approve", "sign a change", _approve)
    approve.add_argument("change", metavar="HASH")
    _person(approve, required=True, elsewhere=True)

    reject = _command(registry, "reject", "withdraw a change", _reject)
    reject.add_argument("change", metavar="HASH")
    reject.add_argument("--reason", required=True)
    _person(reject, required=True, elsewhere=True)

    for name, about, run in (
        ("suspend", "end the use of objects at once; one person, a review is due", _suspend),
        ("reactivate", "propose to use suspended objects again; two people", _reactivate),
        ("review", "propose that objects stay suspended; two people, ends the review", _review),
    ):
        command = _command(registry, name, about, run)
        command.add_argument("objects", nargs="+", metavar="KIND/ID", help="e.g. anchor/el-node-2026")
        _person(command, required=name == "suspend")
        _words(command)

    enrol = _command(registry, "enrol", "propose to add, replace or remove approvers; two people", _enrol)
    _people(enrol, required=False)
    enrol.add_argument("--remove", action="append", default=[], metavar="ID")
    _person(enrol, required=False)
    _words(enrol)

    _command(registry, "activate", "put signed changes into force whose day has come", _activate)
    export = _command(registry, "export", "write what is in force as a bundle directory", _export)
    export.add_argument("to", type=Path, metavar="DIR", help="must hold no registry/ yet")
    _command(
        registry, "verify", "fold the log from its first entry; names what is broken or ignored", _verify
    )
    _command(registry, "state", "state hash, objects, suspensions and open changes", _state)


def _command(
    add: Callable[..., argparse.ArgumentParser], name: str, about: str, run: Run
) -> argparse.ArgumentParser:
    command = add(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    command.add_argument("--config", required=True, type=Path, metavar="DIR", help="configuration directory")
    command.set_defaults(run=partial(_run, run))
    return command


def _people(command: argparse.ArgumentParser, *, required: bool) -> None:
    command.add_argument(
        "--approver",
        action="append",
        required=required,
        default=None if required else [],
        metavar="ID=FILE[,FILE]",
        help="a person and the files with the Ed25519 public key (PEM) or the passkey (JSON, as the console "
        "gives it); again for each",
    )
    command.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ID=ROLE",
        help=f"what this person may do: {', '.join(Role)} (default approver)",
    )


def _person(command: argparse.ArgumentParser, *, required: bool, elsewhere: bool = False) -> None:
    command.add_argument("--by", required=required, metavar="ID", help="who this is, as enrolled")
    key = command.add_mutually_exclusive_group(required=required)
    key.add_argument("--key", type=Path, metavar="FILE", help="Ed25519 private key (PEM) to sign with")
    if elsewhere:
        key.add_argument("--signature", type=Path, metavar="FILE", help="64 octets, signed elsewhere")


def _words(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reason", required=True, help="why, for the people who sign and for auditors")
    command.add_argument("--evidence", default="", help="what was compared with what, e.g. a file number")


# ---------------------------------------------------------------------------------- commands


def _init(registry: Registry, options: argparse.Namespace) -> int:
    approvers = _enrolled(options)
    outcome = registry.initialise(
        approvers, reason=options.reason, evidence=options.evidence, proposer=getuser(), now=_now()
    )
    for name, approver in sorted(approvers.items()):
        for credential in approver.credentials:
            print(f"{name}: {approver.role}, key SHA-256 {grouped(credential.fingerprint)}")
    print(
        "Let each person compare the fingerprint with the own key, and write into gateway.toml of every node:"
    )
    print(f'\n[registry]\nbootstrap = "{outcome.proposal.change_hash}"')
    return 0


def _propose(registry: Registry, options: argparse.Namespace) -> int:
    bundle = read_bundle(options.bundle)
    state = registry.known.state
    for key in sorted(bundle.suspended & set(state.objects) - state.suspended):
        raise ChangeRefused(
            "registry.class", f"{key} is not suspended here: eid-gateway registry suspend {key}"
        )
    edits = edits_towards(state, bundle.documents, suspended=bundle.suspended)
    not_before = None if options.not_before is None else read_time(options.not_before)
    return _put(options, registry, ChangeClass.ORDINARY, edits, not_before=not_before)


def _show(registry: Registry, options: argparse.Namespace) -> int:
    fold = registry.known
    if options.change is None:
        for proposal in fold.open_proposals():
            print(summary(proposal, fold, _now()))
        return 0
    proposal = _found(fold, options.change)
    before = registry.state_before(proposal.change_hash) if proposal.activated_at else fold.state
    for line in description(proposal, fold, before, _now()):
        print(line)
    if options.message_to is not None:
        options.message_to.write_bytes(message(proposal.change_hash))
    return 0


def _approve(registry: Registry, options: argparse.Namespace) -> int:
    change_hash = _found(registry.known, options.change).change_hash
    return _told(registry.approve(_signed(options, change_hash), now=_now()))


def _reject(registry: Registry, options: argparse.Namespace) -> int:
    change_hash = _found(registry.known, options.change).change_hash
    approval = _signed(options, change_hash, Decision.REJECT)
    outcome = registry.reject(approval, reason=options.reason, now=_now())
    print(summary(outcome.proposal, outcome.fold, _now()))
    return 0


def _suspend(registry: Registry, options: argparse.Namespace) -> int:
    return _toggle(registry, options, ChangeClass.SUSPENSION, suspended=True)


def _reactivate(registry: Registry, options: argparse.Namespace) -> int:
    return _toggle(registry, options, ChangeClass.REACTIVATION, suspended=False)


def _review(registry: Registry, options: argparse.Namespace) -> int:
    return _toggle(registry, options, ChangeClass.ORDINARY, suspended=True)


def _toggle(
    registry: Registry, options: argparse.Namespace, change_class: ChangeClass, *, suspended: bool
) -> int:
    keys = [ObjectKey.parse(text) for text in options.objects]
    edits = suspension_edits(registry.known.state, keys, suspended=suspended)
    return _put(options, registry, change_class, edits)


def _enrol(registry: Registry, options: argparse.Namespace) -> int:
    objects = registry.known.state.objects
    wanted: dict[str, Approver | None] = dict.fromkeys(options.remove)
    wanted |= _enrolled(options)
    edits = []
    for name, approver in sorted(wanted.items()):
        key = ObjectKey(ObjectKind.APPROVER, name)
        now = objects.get(key)
        after = None if approver is None else approver.as_json()
        edits.append(Edit(key=key, before=None if now is None else now.digest, after=after))
    return _put(options, registry, ChangeClass.ENROLMENT, edits)


def _activate(registry: Registry, _: argparse.Namespace) -> int:
    return max((_told(outcome) for outcome in registry.activate_due(now=_now())), default=0)


def _export(registry: Registry, options: argparse.Namespace) -> int:
    state = registry.known.state
    for path in write_bundle(state, options.to):
        print(path)
    print(f"state {state.state_hash}")
    return 0


def _verify(registry: Registry, _: argparse.Namespace) -> int:
    fold = registry.known
    for ignored in fold.ignored:
        print(f"entry {ignored.seq} has no effect: {plain(ignored.reason)}", file=sys.stderr)
    print(f"{fold.head.seq} entries, {len(fold.ignored)} without effect, state {fold.state.state_hash}")
    return 1 if fold.ignored else 0


def _state(registry: Registry, _: argparse.Namespace) -> int:
    for line in overview(registry.known, _now()):
        print(line)
    return 0


# ---------------------------------------------------------------------------------- what they share


def _run(run: Run, options: argparse.Namespace) -> int:
    """One command, with the registry of the installation read to its end."""
    settings, url = load_installation(options.config)
    engine = open_database(url.render_as_string(hide_password=False))
    try:
        migrate(engine)
        registry = Registry(
            EntryStore(engine), pinned=settings.registry.bootstrap, validate=validator(options.config)
        )
        registry.follow()
        return run(registry, options)
    finally:
        engine.dispose()


def _put(
    options: argparse.Namespace,
    registry: Registry,
    change_class: ChangeClass,
    edits: Sequence[Edit],
    *,
    not_before: datetime | None = None,
) -> int:
    """Propose ``edits``, signed by who proposes if there is a key."""
    change = registry.draft(
        change_class,
        edits,
        reason=options.reason,
        evidence=options.evidence,
        proposer=options.by or getuser(),
        now=_now(),
        not_before=not_before,
    )
    for line in lines(change_diff(change, registry.known.state)):
        print(line)
    approval = None if options.key is None else _signed(options, change.change_hash)
    return _told(registry.propose(change, approval=approval, now=_now()))


def _signed(options: argparse.Namespace, change_hash: str, decision: Decision = Decision.APPROVE) -> Approval:
    if options.by is None:
        raise ChangeRefused("registry.approver", "--key needs --by")
    if options.key is None:
        return detached(options.signature.read_bytes(), change_hash, approver=options.by, decision=decision)
    return sign(_private_key(options.key), change_hash, approver=options.by, decision=decision)


def _private_key(path: Path) -> Ed25519PrivateKey:
    pem = path.read_bytes()
    password = getpass(f"passphrase of {path}: ").encode() if b"ENCRYPTED" in pem else None
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError) as error:
        raise ChangeRefused(
            "registry.approver", f"{path} is no private key in PEM, or not its passphrase"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ChangeRefused("registry.approver", f"{path} is no Ed25519 key")
    return key


def _enrolled(options: argparse.Namespace) -> dict[str, Approver]:
    roles = dict(_pair(argument, "ID=ROLE") for argument in options.role)
    people: dict[str, Approver] = {}
    for argument in options.approver:
        name, files = _pair(argument, "ID=FILE")
        key = ObjectKey(ObjectKind.APPROVER, name)
        if key.id in people:
            raise ChangeRefused("registry.approver", f"{key.id}: a person is named twice")
        role = roles.pop(name, Role.APPROVER)
        if role not in list(Role):
            raise ChangeRefused("registry.approver", f"{role}: a role is one of {', '.join(Role)}")
        credentials = tuple(read_key_file(Path(file).read_bytes()) for file in files.split(","))
        people[key.id] = Approver(name=name, credentials=credentials, role=Role(role))
    if roles:
        raise ChangeRefused("registry.approver", f"no --approver for the role of {', '.join(sorted(roles))}")
    return people


def _pair(argument: str, form: str) -> tuple[str, str]:
    name, _, value = argument.partition("=")
    if not value:
        raise ChangeRefused("registry.approver", f"{argument}: write {form}")
    return name, value


def _found(fold: Fold, prefix: str) -> Proposal:
    digits = prefix.replace(" ", "").lower()
    found = [proposal for name, proposal in fold.proposals.items() if name.startswith(digits)]
    if len(digits) < _FEWEST_DIGITS or len(found) != 1:
        raise ChangeRefused(
            "registry.unknown", f"{prefix}: {len(found)} changes begin so; give eight digits or more"
        )
    return found[0]


def _told(outcome: Outcome) -> int:
    print(summary(outcome.proposal, outcome.fold, _now()))
    if outcome.waiting is None:
        return 0
    for line in str(outcome.waiting).splitlines():
        print(f"not in force: {plain(line)}", file=sys.stderr)
    return 0 if outcome.waiting.reason in {"registry.people", "registry.not-before"} else 1


def _now() -> datetime:
    return datetime.now(UTC)
