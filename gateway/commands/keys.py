"""``eid-gateway keys``: make keys, show their calendar, draft a roll-over."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.bundle import Configuration, load, load_installation
from gateway.bundle.accounts import keys_of_accounts
from gateway.bundle.key_plans import BY_HAND, HANDED_OVER, afterwards, ahead, said, spki_sha256, valid_for
from gateway.bundle.objects import lay_out, validator
from gateway.bundle.toml_text import toml_text
from gateway.own_keys import files as key_files
from gateway.own_keys.calendar import KeyStanding, key_states, transitions
from gateway.own_keys.loaded import LoadedKey
from gateway.own_keys.plan import KeyPlan
from gateway.settings import KeyPurpose
from trust.log import open_database
from trust.registry import EntryStore, ObjectKind, Registry

_DAY = timedelta(days=1)
_MORNING = time(6, tzinfo=UTC)
_ROLLING = """\
A roll-over, from the old key to a new one, without a login lost:

  1. eid-gateway keys new --purpose oidc-signing --name oidc-2027 --to CONFIG/keys      on every node, or in its module
  2. name it in gateway.toml under [[keys]] with state = "next", and restart node by node
  3. eid-gateway keys roll oidc-2026 oidc-2027 --config CONFIG --to BUNDLE              writes both plans
  4. eid-gateway registry propose BUNDLE ...; another person approves
  5. nothing: the gateways publish, use, retire and drop the keys on their dates
  6. when it is gone: remove the old key from gateway.toml, and its plan from the bundle

Where no registry is initialised, the plans are files in CONFIG/registry/keys, and a restart reads them.
"""


class NoSuchRoll(Exception):
    """These two keys cannot follow each other; the text says why."""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``keys``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser(
        "new",
        help="make a private key (and a certificate, where the purpose needs one)",
        description="Writes NAME.key with mode 0600 and NAME.crt; never overwrites. Then name the key in "
        'gateway.toml under [[keys]], one that follows another with state = "next"; see: keys plan --help',
    )
    new.add_argument("--purpose", required=True, choices=[purpose.value for purpose in KeyPurpose])
    new.add_argument("--to", required=True, type=Path, metavar="DIR", help="where the files go")
    new.add_argument("--name", help="file name without ending; default: the purpose")
    new.add_argument("--algorithm", choices=sorted(key_files.ALGORITHMS), default="p256")
    new.add_argument("--days", type=int, default=730, help="validity of the certificate (default 730)")
    new.add_argument("--subject", default="eid-gateway", help="common name in the certificate")
    new.set_defaults(run=_new)

    plan = commands.add_parser(
        "plan",
        help="show the calendar of the keys: what is in use, and what comes next",
        description=f"Each key with its state of today, then what happens to it and when.\n\n{_ROLLING}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _config(plan)
    plan.set_defaults(run=_plan)

    roll = commands.add_parser(
        "roll",
        help="draft a roll-over: write the plans of the old and of the new key",
        description="Writes registry/keys/OLD.toml and registry/keys/NEW.toml; files of these names are replaced. "
        "Dates that are not given are the earliest that leave peers the time they need: published from "
        f"tomorrow on.\n\n{_ROLLING}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    roll.add_argument("old", metavar="OLD", help="id of the key in use")
    roll.add_argument("new", metavar="NEW", help="id of the key that follows; both stand in gateway.toml")
    _config(roll)
    roll.add_argument("--to", type=Path, metavar="DIR", help="bundle directory (default: that of --config)")
    for name, about in (
        ("publish-from", "when NEW is published"),
        ("active-from", "when NEW is used and OLD retires"),
        ("gone-from", "when OLD is published no more"),
    ):
        roll.add_argument(
            f"--{name}", type=_time, metavar="TIME", help=f"{about}; UTC, e.g. 2026-12-01T06:00:00Z"
        )
    roll.add_argument("--short-notice", metavar="REASON", help="why peers get less time than they need")
    roll.set_defaults(run=_roll)


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, type=Path, metavar="DIR", help="configuration directory")


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("needs its time zone: 2026-12-01T06:00:00Z")
    return found


# ---------------------------------------------------------------------------------- commands


def _new(options: argparse.Namespace) -> int:
    purpose = KeyPurpose(options.purpose)
    for path in key_files.create(
        options.to,
        options.name or purpose.value,
        purpose,
        algorithm=options.algorithm,
        days=options.days,
        subject=options.subject,
    ):
        print(path)
    return 0


def _plan(options: argparse.Namespace) -> int:
    configuration = in_force(options.config)
    for line in calendar(configuration, datetime.now(UTC)):
        print(line)
    return 0


def _roll(options: argparse.Namespace) -> int:
    configuration = in_force(options.config)
    now = datetime.now(UTC)
    old, new = (_found(configuration, name) for name in (options.old, options.new))
    try:
        plans = draft(
            configuration, old, new, now=now, publish=options.publish_from, active=options.active_from,
            gone=options.gone_from, short_notice=options.short_notice,
        )  # fmt: skip
    except ValueError as error:  # a pydantic.ValidationError is one
        raise NoSuchRoll(f"these dates are no roll-over: {error}") from error
    for plan in plans:
        print(written(plan, options.to or options.config))
    return 0


# ---------------------------------------------------------------------------------- what they say


def calendar(configuration: Configuration, now: datetime) -> Iterator[str]:
    """The keys of today, what comes, and what is missing, as lines."""
    found = key_states(configuration, now)
    for standing in found:
        yield f"{standing.phase:<8} {standing.key.purpose:<22} {standing.key.id:<24} {_note(standing)}".rstrip()
    coming = list(transitions(configuration, now))
    yield ""
    yield "what comes" if coming else "nothing is planned; see: eid-gateway keys plan --help"
    for one in coming:
        yield f"{said(one.at)} {one.key.id}: {one.before} -> {one.after}"
    for warning in configuration.warnings:
        if warning.file.startswith("registry/keys"):
            yield f"warning: {warning}"


def _note(standing: KeyStanding) -> str:
    notes = []
    if standing.key.connectors:
        notes.append(f"for {', '.join(standing.key.connectors)}")
    if standing.superseded_by is not None:
        notes.append(f"replaced by {standing.superseded_by}")
    if standing.suspended:
        notes.append("suspended")
    if standing.stays:
        notes.append("stays in use, because no other key is there: plan one")
    certificate = standing.key.key.certificate
    if certificate is not None:
        notes.append(f"certificate until {certificate.not_valid_after_utc:%Y-%m-%d}")
    notes.append(f"SPKI {spki_sha256(standing.key)[:16]}")
    return "; ".join(notes)


def draft(
    configuration: Configuration,
    old: LoadedKey,
    new: LoadedKey,
    *,
    now: datetime,
    publish: datetime | None = None,
    active: datetime | None = None,
    gone: datetime | None = None,
    short_notice: str | None = None,
) -> tuple[KeyPlan, KeyPlan]:
    """The plans of the old and of the new key; raises NoSuchRoll, and ValueError for dates in no order."""
    if old.purpose is not new.purpose or old.connectors != new.connectors or old.id == new.id:
        raise NoSuchRoll(f"{new.id} cannot follow {old.id}: purpose and connectors must be the same")
    clients, settings = list(configuration.clients.values()), configuration.settings
    kept = afterwards(old.purpose, settings, clients, valid_for(configuration.connectors.values()))
    publish = publish or datetime.combine(now.date() + _DAY, _MORNING)
    if active is None:
        by_hand = new.id in keys_of_accounts(configuration.accounts, configuration.declared_keys)
        slow = by_hand or new.purpose in HANDED_OVER
        active = publish + max(_whole_days(ahead(new.purpose)), BY_HAND if slow else _DAY)
    gone = gone or active + _whole_days(kept)
    before = configuration.key_plans.get(old.id)
    retiring = KeyPlan(
        id=old.id,
        purpose=old.purpose,
        publish_from=before.publish_from if before else None,
        active_from=before.active_from if before else None,
        retire_from=active,
        gone_from=gone,
        spki_sha256=spki_sha256(old),
        short_notice=short_notice or (before.short_notice if before else None),
    )
    coming = KeyPlan(
        id=new.id,
        purpose=new.purpose,
        publish_from=publish,
        active_from=active,
        spki_sha256=spki_sha256(new),
        short_notice=short_notice,
    )
    return retiring, coming


def written(plan: KeyPlan, bundle: Path) -> Path:
    """Put ``plan`` into a bundle directory, in place of what it says there of the same key."""
    path = bundle / "registry" / "keys" / f"{plan.id}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    given = plan.model_dump(mode="python", exclude_none=True)
    values = {
        name: said(value) if isinstance(value, datetime) else str(value) for name, value in given.items()
    }
    path.write_text(toml_text(values), "utf-8")
    return path


def in_force(directory: Path) -> Configuration:
    """What a gateway with this configuration believes: the registry's objects, or the files.

    Raises ConfigurationError and RegistryError.
    """
    settings, url = load_installation(directory)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return load(directory)
    engine = open_database(url.render_as_string(hide_password=False))
    try:
        registry = Registry(
            EntryStore(engine), pinned=settings.registry.bootstrap, validate=validator(directory)
        )
        fold = registry.follow()
    finally:
        engine.dispose()
    if all(key.kind is ObjectKind.APPROVER for key in fold.state.objects):
        return load(directory)
    suspended = frozenset(key.id for key in fold.suspensions if key.kind is ObjectKind.KEY_PLAN)
    with TemporaryDirectory() as name:
        lay_out(fold.state, directory, Path(name))
        return replace(load(Path(name)), suspended_keys=suspended)


def _found(configuration: Configuration, name: str) -> LoadedKey:
    found = next((key for key in configuration.declared_keys if key.id == name), None)
    if found is None:
        raise NoSuchRoll(f"there is no key {name} in gateway.toml")
    return found


def _whole_days(length: timedelta) -> timedelta:
    return -(-length // _DAY) * _DAY
