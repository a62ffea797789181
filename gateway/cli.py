"""``eid-gateway``: the operator's commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.bundle import load
from gateway.commands import keys as key_cli
from gateway.commands import lint as lint_cli
from gateway.commands import log as log_cli
from gateway.commands import registry as registry_cli
from gateway.commands import watch as watch_cli
from gateway.errors import CATALOGUE
from gateway.own_keys import files as key_files
from gateway.settings import ConfigurationError
from trust.errors import TrustError
from trust.log import LogUnavailable
from trust.registry.diff import plain

_DESCRIPTION = """\
Identification gateway: European eIDs in, OpenID Connect out.

A configuration directory holds gateway.toml and registry/{anchors,sources,connectors,countries,clients,keys}/.
The way to a first start:

  eid-gateway keys new --purpose oidc-signing --algorithm p256 --to CONFIG/keys   (once per purpose)
  eid-gateway check-config --config CONFIG      says everything that is wrong, and the remedy
  eid-gateway serve --config CONFIG             serves; management answers on its own port
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status: 0 done, 1 refused, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ConfigurationError as error:
        for problem in error.problems:
            _complain(str(problem))
        print(f"{len(error.problems)} problem(s)", file=sys.stderr)
        return 1
    except (TrustError, LogUnavailable, key_cli.NoSuchRoll, key_files.KeyFileExists, OSError) as error:
        _complain(f"eid-gateway: {error}")
        return 1
    return status


def _complain(text: str) -> None:
    """On the terminal of an operator, what a stranger's file says must move nothing and hide nothing."""
    for line in text.split("\n"):
        print(plain(line), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eid-gateway", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve logins until SIGTERM")
    _config(serve)
    serve.set_defaults(run=_serve)

    check = commands.add_parser(
        "check-config",
        help="check the configuration as a start would, and tell all problems at once",
        description="Prints one line per problem: file, path, what is wrong, remedy. Exit status 1 if any.",
    )
    _config(check)
    check.set_defaults(run=_check)

    errors = commands.add_parser(
        "errors", help="print the error catalogue: number, code, what the client gets, cause and remedy"
    )
    errors.set_defaults(run=_errors)

    keys = commands.add_parser("keys", help="our own keys: make, show their calendar, roll over")
    key_cli.add_commands(keys)

    onboarding = commands.add_parser(
        "onboarding",
        help="write what the operator of a user account (BundID, ...) wants to have from us",
        description="Writes <connector>-metadata.xml, the file for the account's self-service, and "
        "<connector>-onboarding.md, the sheet to hand in with it; existing files are replaced. "
        "docs/bundid.md leads through the rest.",
    )
    _config(onboarding)
    onboarding.add_argument(
        "--connector", required=True, metavar="ID", help="file name in registry/connectors"
    )
    onboarding.add_argument("--to", required=True, type=Path, metavar="DIR", help="where the files go")
    onboarding.set_defaults(run=_onboarding)

    peer = commands.add_parser(
        "peer-metadata",
        help="make metadata of what an account without any hands over (Mein Unternehmenskonto)",
        description="Writes the document and prints its SHA-256, which becomes metadata_sha256 of an anchor "
        "of kind pinned-metadata. Let a second person compare the certificates with the account's operator first.",
    )
    peer.add_argument("--entity-id", required=True, metavar="URI", help="entityID of the account")
    peer.add_argument("--sso", required=True, metavar="URL", help="where requests are posted to")
    peer.add_argument("--certificate", required=True, type=Path, action="append", metavar="FILE",
                      help="signing certificate, PEM or DER; again for a second one")  # fmt: skip
    peer.add_argument("--to", required=True, type=Path, metavar="FILE", help="the document")
    peer.set_defaults(run=_peer_metadata)

    registry = commands.add_parser(
        "registry",
        help="whom the gateway believes: propose, approve, suspend, export",
        description=registry_cli.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    registry_cli.add_commands(registry)

    lint_cli.add_commands(commands.add_parser("lint", help="a partner against the table of algorithms"))

    watch = commands.add_parser(
        "watch",
        help="what needs a person, and who is told",
        description=watch_cli.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    watch_cli.add_commands(watch)

    log = commands.add_parser(
        "log",
        help="the log: verify, prove, export, remove what is too old",
        description=log_cli.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    log_cli.add_commands(log)
    return parser


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, type=Path, metavar="DIR", help="configuration directory")


def _serve(options: argparse.Namespace) -> int:
    # Imported here: the other commands need neither server nor connectors.
    from gateway.serving import serve

    serve(options.config)
    return 0


def _check(options: argparse.Namespace) -> int:
    configuration = load(options.config)
    for warning in configuration.warnings:
        _complain(f"warning: {warning}")
    print(
        f"ok: {len(configuration.clients)} clients, {len(configuration.countries)} countries, "
        f"{len(configuration.anchors)} anchors, {len(configuration.connectors)} connectors"
    )
    return 0


def _onboarding(options: argparse.Namespace) -> int:
    # Imported here: the other commands need no connectors.
    from gateway.onboarding import UnknownAccount, write

    try:
        for path in write(load(options.config), options.connector, options.to):
            print(path)
    except UnknownAccount as error:
        print(f"eid-gateway: {error}", file=sys.stderr)
        return 1
    return 0


def _peer_metadata(options: argparse.Namespace) -> int:
    from gateway.onboarding import write_peer

    digest = write_peer(options.entity_id, options.sso, options.certificate, options.to)
    print(f'metadata_sha256 = "{digest}"')
    return 0


def _errors(_: argparse.Namespace) -> int:
    import gateway.app  # noqa: F401  a family is in the catalogue once something that raises it is imported

    for entry in CATALOGUE:
        way = "to the client" if entry.to_client else "shown here"
        print(f"{entry.number} {entry.code} ({entry.oidc_error}, HTTP {entry.http_status}, {way})")
        print(f"     {entry.hint}\n     {entry.documentation}")
    return 0
