"""``python -m sandbox``: everything on this machine; ``python -m sandbox login``: one login."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from sandbox import people
from sandbox.accounts.accounts import accounts
from sandbox.accounts.faults import FAULTS as ACCOUNT_FAULTS
from sandbox.addresses import Addresses
from sandbox.browser import Browser
from sandbox.card.document import documents
from sandbox.card.driver import FAULTS as CARD_FAULTS
from sandbox.eid_service.esaml_faults import FAULTS as ESAML_FAULTS
from sandbox.eid_service.saml_world import EIDAS_CONNECTOR
from sandbox.launcher import Sandbox, SandboxFailed, http_client, running
from sandbox.login import CANCEL, Wanted, as_line, log_in
from sandbox.nodes.countries import countries
from sandbox.nodes.faults import FAULTS
from sandbox.services.registrations import services
from sandbox.serving import serve
from sandbox.state import State

DEFAULT_STATE = Path(__file__).parent.parent / ".sandbox"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; returns the exit status."""
    options = _parser().parse_args(arguments)
    state = State(options.state.resolve())
    try:
        # Whoever starts a sandbox to look at it sees probes and the console, too.
        by_default = {"SANDBOX_PROBES": "1", "SANDBOX_CONSOLE": "1"} if options.command == "run" else {}
        addresses = Addresses.from_environment({**by_default, **os.environ})
        if options.command in ("nodes", "services", "eid-service"):
            serve(options.command, state.directory, addresses)
            return 0
        _stop_on_signals()
        if options.command == "login":
            return _login(state, addresses, options)
        if options.command == "enrol":
            return _enrol(state, options)
        return _run(state, addresses, once=options.once)
    except (SandboxFailed, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130 if options.command == "login" else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument(
        "command", nargs="?", default="run", choices=("run", "login", "enrol", "nodes", "services", "eid-service"),
        help="run everything (default), one login, enrol a passkey of the console, or one of the counterpart "
        "servers alone",
    )  # fmt: skip
    parser.add_argument("--passkey", type=Path, help="for enrol: the file that the console gave")
    parser.add_argument("--role", default="approver", help="for enrol: viewer, operator or approver")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="state directory")
    parser.add_argument("--once", action="store_true", help="start everything, then end it: a self-check")
    for name in Wanted.__dataclass_fields__:
        parser.add_argument(f"--{name}", help=f"for login; default from the environment ({name.upper()})")
    return parser


def _stop_on_signals() -> None:
    """SIGTERM and SIGHUP end everything as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _run(state: State, addresses: Addresses, *, once: bool) -> int:
    with Sandbox(state, addresses, _say) as sandbox:
        if addresses.console:
            _say("two people take the configuration over into the registry")
            people.take_over(state)
        print(summary(addresses), flush=True)
        while not once:
            time.sleep(0.5)
            sandbox.check()
    return 0


def _enrol(state: State, options: argparse.Namespace) -> int:
    if options.passkey is None:
        raise ValueError("enrol needs --passkey FILE: make one at the console's /passkey")
    print(people.enrol(state, options.passkey, options.role), flush=True)
    return 0


def _login(state: State, addresses: Addresses, options: argparse.Namespace) -> int:
    given = {n.upper(): v for n in Wanted.__dataclass_fields__ if (v := getattr(options, n))}
    wanted = Wanted.from_environment({**os.environ, **given})
    if wanted.service not in services():
        raise ValueError(f"SERVICE must be one of {', '.join(services())}")
    if wanted.fault and wanted.fault not in faults(wanted):
        raise ValueError(f"FAULT must be one of {', '.join(faults(wanted))}")
    if wanted.card and wanted.citizen and wanted.citizen not in documents():
        raise ValueError(f"CITIZEN must be one of {', '.join(documents())}")
    methods = [m.name for m in wanted.account.methods] if wanted.account else []
    if wanted.method and methods and wanted.method.lower() not in (m.lower() for m in methods):
        raise ValueError(f"METHOD must be one of {', '.join(methods)}")
    found = running(state)
    if found is not None:
        return _one_login(state, found, wanted)
    _say("no sandbox is running here; starting one for this login")
    with Sandbox(state, addresses, _say):
        return _one_login(state, addresses, wanted)


def faults(wanted: Wanted) -> list[str]:
    """The error menu of the means."""
    if wanted.eid == EIDAS_CONNECTOR:
        return list(ESAML_FAULTS)
    if wanted.card:
        return list(CARD_FAULTS)
    if wanted.account is None:
        return list(FAULTS)
    return [CANCEL, *(f.name for f in ACCOUNT_FAULTS.values() if f.fits(wanted.account))]


def _one_login(state: State, addresses: Addresses, wanted: Wanted) -> int:
    with http_client(state, addresses) as http:
        outcome = log_in(Browser(http), addresses, wanted, _say, state.drawer)
    print(as_line(outcome), flush=True)
    return 1 if "error" in outcome else 0


def summary(addresses: Addresses) -> str:
    """What is where, and who can log in."""
    lines = ["", f"Gateway        {addresses.gateway}", f"Foreign nodes  {addresses.nodes}", ""]
    lines.append("Services (start here)")
    for service in services().values():
        level = service.registration["minimum_level"]
        persons = " or ".join(service.persons)
        lines.append(f"  {addresses.services}/{service.client_id + '/':<22} {persons}, {level}")
    lines += [
        "",
        f"Register your own client      {addresses.services}/register/",
        f"What would my client get?     {addresses.services}/preview/",
        "",
        "Test citizens",
    ]
    for country in countries().values():
        for citizen in country.citizens:
            who = f"{citizen.id} ({citizen.kind}, {citizen.level})"
            lines.append(f"  {country.node_code}  {country.name:<12} {who:<34} {citizen.note}")
    lines += ["", "Test logins of German accounts"]
    for account in accounts().values():
        for person in account.people:
            who = f"{person.id} ({person.method + ', ' if person.method else ''}level {person.level})"
            lines.append(f"  {account.path:<12} {who:<34} {person.note}")
    lines += ["", "Test cards for the Online-Ausweis (PIN 123456)"]
    for document in documents().values():
        lines.append(f"  {document.id:<20} {document.note}")
    if addresses.console:
        lines += [
            "",
            f"Console        {addresses.console_url}",
            f"  make a passkey there ({addresses.console_url}/passkey), save the file, and let the two people of",
            "  the sandbox enrol it: make enrol PASSKEY=you.passkey.json (ROLE=viewer, operator or approver)",
        ]
    lines += ["", "Ctrl-C ends everything.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
