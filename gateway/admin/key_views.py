"""Our own keys on the page of the console: what each is for, how it stands, and what its calendar says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.admin.certificates import CertificateView
from gateway.admin.decisions import Standing, standing
from gateway.admin.sight import Sight
from gateway.expiry import files
from gateway.own_keys.calendar import KeyStanding, Transition, key_states, transitions
from trust.keys import Probed, spki
from trust.registry import ObjectKey, ObjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    key: KeyStanding
    standing: Standing
    """Of its plan."""
    certificate: CertificateView
    """A key without one has fingerprint and kind alone."""
    issuers: tuple[CertificateView, ...]
    in_module: bool
    next_step: Transition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerView:
    """Certificates of one of our listeners."""

    setting: str
    certificates: tuple[CertificateView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysView:
    keys: tuple[KeyView, ...]
    steps: tuple[Transition, ...]
    """Everything that is planned, soonest first."""
    listeners: tuple[ListenerView, ...]
    now: datetime


def keys_view(sight: Sight) -> KeysView:
    """Every key of ``gateway.toml`` but that of the pseudonyms, which has no certificate and no calendar."""
    configuration = sight.configuration
    steps = tuple(transitions(configuration, sight.now))
    return KeysView(
        keys=tuple(_key(sight, state, steps) for state in key_states(configuration, sight.now)),
        steps=steps,
        listeners=tuple(
            ListenerView(
                setting=setting,
                certificates=tuple(
                    CertificateView.of(seen.certificate, sight.now)
                    for seen in files.certificates(configuration, file)
                ),
            )
            for setting, file in files.listener_files(configuration)
        ),
        now=sight.now,
    )


def _key(sight: Sight, state: KeyStanding, steps: tuple[Transition, ...]) -> KeyView:
    key = state.key.key
    certificate = key.certificate
    return KeyView(
        key=state,
        standing=standing(sight.fold, ObjectKey(ObjectKind.KEY_PLAN, state.key.id), sight.now),
        certificate=CertificateView.of_key(key.public_key, sha256(spki(key.public_key)).hexdigest())
        if certificate is None
        else CertificateView.of(certificate, sight.now),
        issuers=tuple(CertificateView.of(one, sight.now) for one in key.chain),
        in_module=isinstance(key, Probed),
        next_step=next((step for step in steps if step.key.id == state.key.id), None),
    )
