"""Configuration of a German account: ``registry/connectors/*.toml`` with ``kind = "account"``.

One account is one file; what tells the accounts apart is its ``profile`` (``profiles.py``), and
every fact that reached us second-hand is a setting here that overrides the profile's value::

    kind = "account"
    id = "bundid"
    profile = "bundid"
    name = { de = "BundID", en = "BundID" }
    entity_id = "https://id.sachsen.example"     # can never be changed, see below
    peer = "https://id.bund.de/idp"
    anchor = "bundid-2026"
    authorisation_certificate = "Land Sachsen, stored at BundID 2026-05-04"
    organization_name = "Sächsische Staatskanzlei"
    organization_url = "https://www.sachsen.example"

    [[exceptions]]
    kind = "oaep-mgf1p-sha1"
    until = 2026-12-31
    reason = "digest of the key transport not confirmed yet"
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.probing import AccountProbeSettings
from trust.algorithms import Deviation

LevelWord = Literal["basic", "low", "substantial", "high"]
MethodName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9._-]{0,39}$")]
"""An element name: methods are elements of the extension, and case matters."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Contact(Section):
    kind: Literal["technical", "support"]
    name: str
    email: str


class AccountException(Section):
    """A dated deviation from the algorithm policy. After ``until`` it is as if it were not there."""

    kind: Deviation
    until: date
    reason: str


class MethodSettings(Section):
    """A login method beyond or instead of those of the profile, e.g. a wallet behind the account.

    Names, words and levels of new methods are second-hand until the operator documents them.
    """

    name: MethodName
    """The element in ``AuthnMethods``."""
    proved_by: tuple[str, ...] = ()
    """What ``AssertionProvedBy`` then says; default: the name."""
    highest: LevelWord
    """What this method can prove at most; an answer that claims more is not believed."""
    foreign: bool = False
    """A means of another state: ``eIDAS-Issuing-Country`` names it."""


class AccountSettings(Section):
    """One account."""

    kind: Literal["account"]
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    profile: Literal["bundid", "akdb", "dataport", "muk"]
    name: dict[str, str] = Field(default_factory=dict)
    entity_id: str
    """Ours towards this account. Its host is an input of every citizen's bPK2: another host gives
    every citizen another pseudonym, so after go-live it never changes (bundid.md §1.4)."""
    peer: str
    """entityID of the account."""
    anchor: str
    """Trust anchor of the account's metadata: a signer, or a pinned file."""
    organization_name: str = "eID-Gateway"
    organization_url: str = "https://example.org"
    contacts: tuple[Contact, ...] = ()
    authorisation_certificate: str = ""
    """Which certificate for the online ID card is stored at the account, on what evidence. Without
    one the account answers ``missing-berca`` to the citizen and nothing to us."""
    methods: tuple[MethodName, ...] | None = None
    """Login methods any service may offer; default: what the account is known to have."""
    more_methods: tuple[MethodSettings, ...] = ()
    guest_login: bool = True
    """Whether temporary login may be offered at all; each service still asks for it itself."""
    trust_above_login: Literal["cap", "refuse"] = "cap"
    """A value known better than its login: hand it on at the login's level, or refuse the answer."""
    test_accounts: bool = False
    """Accept accounts that call themselves test accounts; development mode only."""
    exceptions: tuple[AccountException, ...] = ()
    clock_skew_seconds: int = Field(default=60, ge=0, le=180)
    exchange_seconds: int = Field(default=900, ge=60, le=1800)
    probe: AccountProbeSettings | None = None
    """How to log in with a test identity of this account; None: it is not probed."""

    # second-hand facts; None: the profile's value
    name_id_format: str | None = None
    """Asked for in ``NameIDPolicy``; an empty string sends no NameIDPolicy."""
    name_format: str | None = None
    """Required of every attribute; an empty string accepts any."""
    request_signature: Literal["pss", "pkcs1"] = "pss"
    """``pkcs1`` only together with the dated exception ``rsa-pkcs1``."""
    encryption_required: bool | None = None
    response_signature_required: bool | None = None
    assertion_signature_required: bool | None = None
    low_reference: str | None = None
    """Class reference that asks for level low; BundID has no means of its own there."""
    levels: tuple[LevelWord, ...] | None = None
    """The levels citizens can reach."""
    unstated_level: Literal["refuse", "substantial"] = "refuse"
    """MUK: an answer without ``ElsterVertrauensniveau…`` attributes."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_entity_id()
        if self.request_signature == "pkcs1" and all(
            e.kind is not Deviation.RSA_PKCS1 for e in self.exceptions
        ):
            raise ValueError('request_signature "pkcs1" needs the dated exception "rsa-pkcs1"')
        signed = (self.response_signature_required, self.assertion_signature_required)
        if signed == (False, False):
            raise ValueError("either the response or the assertion must be signed")
        return self

    def _check_entity_id(self) -> None:
        parts = urlsplit(self.entity_id)
        if self.profile not in {"bundid", "akdb"}:
            if not parts.scheme:
                raise ValueError("entity_id must be a URI")
            return
        if parts.scheme != "https" or not parts.hostname or parts.netloc != parts.hostname:
            raise ValueError(
                "entity_id must be an https URL without port and user, in lower case; "
                "its host need not exist, but it can never be changed"
            )
        if parts.query or parts.fragment or self.entity_id.endswith("/"):
            raise ValueError("entity_id must have no query, fragment or trailing slash")
