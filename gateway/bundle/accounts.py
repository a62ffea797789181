"""The checks of user accounts (BundID, accounts of the Länder, Mein Unternehmenskonto) and of how each
client presents itself there.

BundID answers some mistakes with a page that never comes back, so the request every client would cause is
built here and read by the same lint that a journey runs (bundid.md §1.13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.accounts import AccountSettings, lint
from connectors.contract import AuthenticationRequest
from connectors.identity import LEGAL_ATTRIBUTES, NATURAL_ATTRIBUTES, PersonKind
from gateway.bundle.problems import Located, Problems
from gateway.client_settings import BACK_THROUGH_GATEWAY, AccountPresentation, Client
from gateway.own_keys.loaded import LoadedKey
from gateway.presentation import service
from gateway.settings import KeyPurpose, KeyState, Mode, Settings
from trust.anchors import TrustAnchor

_SAMPLE_JOURNEY = "0000000000"
_OTHER_PERSON = {"person-not-offered", "person-undecided"}


def check_accounts(
    accounts: Iterable[Located[AccountSettings]],
    anchors: Mapping[str, Located[TrustAnchor]],
    settings: Settings,
    problems: Problems,
) -> None:
    """Anchor and peer of each account; nothing for tests in production."""
    for located in accounts:
        account, file = located.model, located.file
        anchor = anchors.get(account.anchor)
        if anchor is None:
            # Accounts hand out their metadata after they have ours (bundid.md §1.1).
            problems.warn(
                file,
                "anchor",
                "names no anchor: unavailable until it is there",
                "add registry/anchors/<id>.toml",
            )
        elif not anchor.model.metadata.aggregate and account.peer not in anchor.model.metadata.entity_ids:
            problems.add(file, "peer", f"is not one of anchor {anchor.model.id}", "correct one of them")
        if account.test_accounts and settings.gateway.mode is Mode.PRODUCTION:
            problems.add(file, "test_accounts", "test accounts in production", "remove it")


def check_account_keys(
    accounts: Iterable[Located[AccountSettings]],
    keys: Mapping[KeyPurpose, Iterable[LoadedKey]],
    problems: Problems,
) -> None:
    """Accounts encrypt with RSA-OAEP, so the key that decrypts is an RSA key (bundid.md §1.3)."""
    for located in accounts:
        for key in keys_for(located.model.id, keys.get(KeyPurpose.SAML_SIGNING, ())):
            if key.state is KeyState.ACTIVE and not isinstance(key.key.public_key, rsa.RSAPublicKey):
                problems.warn(
                    "gateway.toml", "keys", f"{key.id} signs for {located.model.id} and is no RSA key",
                    "no account is known to accept ECDSA; ask its operator, or add an RSA key",
                )  # fmt: skip
        for key in keys_for(located.model.id, keys.get(KeyPurpose.SAML_DECRYPTION, ())):
            if key.state is not KeyState.RETIRED and not isinstance(key.key.public_key, rsa.RSAPublicKey):
                problems.add(
                    "gateway.toml", "keys", f"{key.id} is no RSA key, which {located.model.id} needs",
                    f'add an RSA key with connectors = ["{located.model.id}"]',
                )  # fmt: skip


def keys_for(connector: str, keys: Iterable[LoadedKey]) -> tuple[LoadedKey, ...]:
    """The keys of one purpose that ``connector`` uses: its own if it has any, else the common ones."""
    everything = tuple(keys)
    own = tuple(key for key in everything if connector in key.connectors)
    return own or tuple(key for key in everything if not key.connectors)


def keys_of_accounts(accounts: Iterable[str], keys: Iterable[LoadedKey]) -> frozenset[str]:
    """Identifiers of the SAML keys that user accounts know, to which they come in a file."""
    by_purpose: dict[KeyPurpose, list[LoadedKey]] = {}
    for key in keys:
        by_purpose.setdefault(key.purpose, []).append(key)
    return frozenset(
        key.id
        for account in accounts
        for purpose in (KeyPurpose.SAML_SIGNING, KeyPurpose.SAML_DECRYPTION)
        for key in keys_for(account, by_purpose.get(purpose, ()))
    )


def check_presentations(
    clients: Iterable[Located[Client]],
    accounts: Mapping[str, Located[AccountSettings]],
    settings: Settings,
    problems: Problems,
) -> None:
    """The section of each account that a client offers, and the request it would cause."""
    for located in clients:
        client, file = located.model, located.file
        for name in client.accounts:
            if name not in accounts:
                problems.add(file, f"accounts.{name}", "is no user account", "correct the name or remove it")
        offered = [name for name in client.means if name in accounts]
        for name in offered:
            path = f"accounts.{name}"
            section = client.accounts.get(name)
            if section is None:
                problems.add(file, path, "is missing", "the account shows the service, not the gateway")
                continue
            _section(file, path, section, problems)
            _lint(located, accounts[name].model, settings.gateway.issuer, path, problems)
        if client.account_facts and not offered:
            problems.add(file, "account_facts", "no user account is among means", "remove it")


def _section(file: str, path: str, section: AccountPresentation, problems: Problems) -> None:
    back = section.back_url
    if back is not None and back != BACK_THROUGH_GATEWAY:
        parts = urlsplit(back)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
            problems.add(file, f"{path}.back_url", "is no plain https address", 'or back_url = "gateway"')
        problems.warn(
            file, f"{path}.back_url", "the service is not told of a cancellation", 'back_url = "gateway"'
        )


def _lint(
    located: Located[Client], account: AccountSettings, issuer: str, path: str, problems: Problems
) -> None:
    findings = [
        list(lint.registration(request, account, issuer_url=issuer))
        for request in sample_requests(located.model, issuer)
    ]
    # A client may accept both kinds of person, and an account usually knows one.
    served = [found for found in findings if not {f.code for f in found} & _OTHER_PERSON]
    if not served:
        problems.add(located.file, path, "serves none of the persons accepted", "see persons and means")
        return
    seen = set()
    for finding in (finding for found in served for finding in found):
        if finding in seen:
            continue
        seen.add(finding)
        code = f"idp.code {finding.code}" if finding.documented else finding.code
        add = problems.add if finding.severity == "error" else problems.warn
        add(located.file, f"{path}: {finding.path}", f"{finding.problem} ({code})", finding.remedy)


def sample_requests(client: Client, issuer: str) -> Iterator[AuthenticationRequest]:
    """What a journey of ``client`` asks for at most, for each kind of person it accepts."""
    for word in client.persons:
        person = PersonKind(word)
        vocabulary = NATURAL_ATTRIBUTES if person is PersonKind.NATURAL else LEGAL_ATTRIBUTES
        yield AuthenticationRequest(
            service=service(client, issuer, back=f"{issuer}/login/{_SAMPLE_JOURNEY}/back"),
            minimum=client.level,
            persons=frozenset({person}),
            accept_non_notified=client.accept_non_notified,
            required=frozenset(client.required) & set(vocabulary),
            optional=frozenset(client.optional) & set(vocabulary),
            account_facts=frozenset(client.account_facts),
        )
