"""What tells the German accounts apart, declared: one flow serves them all.

A profile is data. Facts marked *second-hand* come from other brokers' configurations, not from
the account's own description; ``AccountSettings`` overrides each of them.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.accounts import trust_levels
from connectors.accounts.attributes import (
    AKDB_ORGANISATION_ATTRIBUTES,
    BASIC,
    OID_ATTRIBUTES,
    URI,
)
from connectors.accounts.dataport import ATTRIBUTES as DATAPORT_ATTRIBUTES
from connectors.accounts.muk import ATTRIBUTES as MUK_ATTRIBUTES
from connectors.accounts.profile import Dialect, Method, Profile
from connectors.accounts.settings import AccountSettings
from connectors.accounts.trust_levels import HIGH, LOW, SUBSTANTIAL
from connectors.assurance import LevelOfAssurance
from connectors.identity import PersonKind
from connectors.saml.request import NAME_ID_PERSISTENT

_BASIC_LEVEL = LevelOfAssurance.BASIC


def _method(
    name: str, highest: LevelOfAssurance, *words: str, foreign: bool = False, card: bool = False
) -> Method:
    return Method(name=name, proved_by=frozenset({name, *words}), highest=highest, foreign=foreign, card=card)


_AUTHEGA = _method("Authega", SUBSTANTIAL)  # level second-hand

_METHODS = (
    replace(_AUTHEGA, unlisted=True),  # BayernID in practice
    _method("Benutzername", _BASIC_LEVEL),
    replace(_method("Diia", SUBSTANTIAL), unlisted=True),  # not available in 01/2025; level unverified
    _method("eID", HIGH, "Smart-eID", card=True),  # Smart-eID cannot be asked for by itself
    _method("eIDAS", HIGH, foreign=True),
    _method("Elster", SUBSTANTIAL),
    _method("FINK", HIGH),  # as performed at the federated account
)
"""In the order of the extension (interface description 9.1)."""


_NATURAL = frozenset({PersonKind.NATURAL})

_STORK_REFERENCES = {
    _BASIC_LEVEL: "STORK-QAA-Level-1",
    # level 2 is in the list, but no means of BundID reaches it and no known client asks for it
    LOW: "STORK-QAA-Level-3",
    SUBSTANTIAL: "STORK-QAA-Level-3",
    HIGH: "STORK-QAA-Level-4",
}

BUNDID = Profile(
    name="bundid",
    dialect=Dialect.OID,
    persons=_NATURAL,
    known_levels=trust_levels.STORK,
    references=_STORK_REFERENCES,
    offered=(_BASIC_LEVEL, SUBSTANTIAL, HIGH),
    attributes=OID_ATTRIBUTES,
    name_format=URI,
    name_id_format=None,  # as in the official samples; the transient NameID says nothing anyway
    methods=_METHODS,
)

AKDB = replace(
    BUNDID,
    name="akdb",
    attributes=(*OID_ATTRIBUTES, *AKDB_ORGANISATION_ATTRIBUTES),
    methods=(_AUTHEGA, *_METHODS[1:]),
)
"""BayernID and the other accounts of the same software."""

DATAPORT = Profile(
    name="dataport",
    dialect=Dialect.OSI,
    persons=frozenset(PersonKind),
    known_levels=trust_levels.EIDAS_URIS,
    references={_BASIC_LEVEL: "http://eidas.europa.eu/LoA/low"}
    | {level: uri for uri, level in trust_levels.EIDAS_URIS.items()},
    offered=(LOW, SUBSTANTIAL, HIGH),
    attributes=DATAPORT_ATTRIBUTES,
    structured_fields=frozenset({"acting_person", "company"}),
    name_format=BASIC,  # second-hand, like everything about this account
    name_id_format=NAME_ID_PERSISTENT,
    allow_create=True,
    encryption_required=False,
    response_signature_required=False,
    assertion_signature_required=True,
)

MUK = Profile(
    name="muk",
    dialect=Dialect.EKONA,
    persons=frozenset({PersonKind.LEGAL}),
    known_levels={},
    references={},
    offered=(SUBSTANTIAL,),
    attributes=MUK_ATTRIBUTES,
    name_format=BASIC,  # second-hand
    name_id_format=NAME_ID_PERSISTENT,
    allow_create=True,
)

_PROFILES = {profile.name: profile for profile in (BUNDID, AKDB, DATAPORT, MUK)}


def of(settings: AccountSettings) -> Profile:
    """The profile with the overrides of ``settings``."""
    profile = _PROFILES[settings.profile]
    changes: dict[str, object] = {}
    for name in ("encryption_required", "response_signature_required", "assertion_signature_required"):
        override = getattr(settings, name)
        if override is not None:
            changes[name] = override
    if settings.name_id_format is not None:
        changes["name_id_format"] = settings.name_id_format or None
    if settings.name_format is not None:
        changes["name_format"] = settings.name_format
    if settings.levels is not None:
        changes["offered"] = tuple(LevelOfAssurance.parse(word) for word in settings.levels)
    if settings.low_reference is not None:
        changes["references"] = {**profile.references, LOW: settings.low_reference}
    if settings.more_methods:
        more = {
            m.name: Method(
                name=m.name,
                proved_by=frozenset(m.proved_by or (m.name,)),
                highest=LevelOfAssurance.parse(m.highest),
                foreign=m.foreign,
            )
            for m in settings.more_methods
        }
        kept = tuple(m for m in profile.methods if m.name not in more)
        changes["methods"] = (*kept, *more.values())
    return replace(profile, **changes) if changes else profile  # type: ignore[arg-type]  # names and types are those of the fields
