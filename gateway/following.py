"""Follows the registry: what two people have changed is in force here within seconds, without a restart.

One thread per process::

    head moved? ──▶ fold ──▶ lay out, load, check ──▶ connectors ──▶ metadata ──▶ swap
                      │            │
                      │            └─ not sound: what was in force stays; suspensions take effect all the same
                      └─ database away, broken, rolled back: what is known stays, shouted

As long as the registry has held nothing but people (or nothing), the files of the configuration directory rule.
Once it has held anything, it alone does: files that are changed afterwards mean nothing until they are proposed.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from connectors.contract import Connector
from connectors.npa import NPASettings
from gateway.bundle import Configuration, load
from gateway.bundle.objects import lay_out
from gateway.generation import Premises, generation
from gateway.last_look import LastLook
from gateway.live import Generation, Live
from gateway.own_keys.calendar import as_of, next_transition
from gateway.settings import ConfigurationError
from gateway.sources import with_keys_of
from gateway.suspension import suspend
from gateway.withdrawn import Withdrawn
from trust.registry import (
    ChangeRefused,
    Fold,
    ObjectKey,
    ObjectKind,
    Registry,
    RegistryError,
    Status,
    status,
)

_log = logging.getLogger("gateway.following")

POLL_SECONDS = 2.0
WARM_SECONDS = 3.0
"""How long a new connector may take to have its metadata before it is used without; the refresh goes on."""
_SHORTEST_PAUSE = 0.05
AGAIN = timedelta(seconds=60)
"""After this a change that is due but not sound is tried again."""
_LEFT = 2
"""Directories of earlier generations that requests under way may still read."""

Build = Callable[[Configuration], Mapping[str, Connector]]
"""Every connector of a configuration, anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What a generation was made of, to see what need not be made again."""

    configuration: Configuration
    """Before suspensions."""
    objects: Mapping[ObjectKey, str]
    """Digests of what connectors depend on; empty: the files rule."""


def rules(fold: Fold) -> bool:
    """Whether the registry says what is believed, rather than the files: once it has, also when it holds no more."""
    return any(key.kind is not ObjectKind.APPROVER for key in fold.decided)


def _there(basis: _Basis) -> bool:
    """Whether what was laid out is still there: somebody may clean up temporary files."""
    return not basis.objects or basis.configuration.directory.is_dir()


class Following:
    """``first`` before anything is served, then ``start``; ``round`` is what the thread does each time."""

    def __init__(
        self,
        premises: Premises,
        registry: Registry,
        build: Build,
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._premises = premises
        self._registry = registry
        self._build = build
        self._poll_seconds = poll_seconds
        self._basis = _Basis(configuration=premises.started, objects={})
        self._directories: list[Path] = []
        self._read_from: frozenset[Path] = frozenset()
        """Directories that connectors in force were built from: they read their files again and again."""
        self._again: dict[str, datetime] = {}
        self._tried: str | None = None
        """Hash of the state that was last laid out, whatever came of it."""
        self._unsound: str | None = None
        self._rebuild_at: datetime | None = None
        """When what could not be built is tried again."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.live = Live(self._first())
        self._look = LastLook(registry.known.head, premises.clock())

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and remove what was laid out."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)

    def round(self) -> None:
        """One look at the registry; raises nothing that the registry or a change may cause."""
        now = self._premises.clock()
        problem = None
        try:
            if self._registry.head() != self._registry.known.head:
                self._registry.follow()
            self._look.again(self._registry, now)
            self.live.dated_back = self._look.dated_back
            self._activate(now)
            self.live.checked_at = now
        except RegistryError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - a row that nobody foresaw must not keep suspensions away
            problem = type(error).__name__
            _log.error("the registry cannot be read", exc_info=error)
        self._tell(self._advance(self._registry.known) or problem)

    def _run(self) -> None:
        while not self._stopping.wait(self._pause()):
            try:
                self.round()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round must come
                self._tell(type(error).__name__)
                _log.error("following failed", exc_info=error)

    def _first(self) -> Generation:
        """Raises RegistryError and ConfigurationError: without knowing what is believed nothing is served."""
        fold = self._registry.follow()
        if fold.bootstrap is None and self._premises.started.settings.registry.bootstrap is not None:
            # Empty, or begun by others: the files are no way around what was decided there.
            raise ChangeRefused("registry.bootstrap", "the database does not begin with the pinned ceremony")
        if rules(fold):
            self._basis = self._laid_out(fold)
            self._tried = fold.state.state_hash
        in_force, withdrawn = self._in_force(self._basis, fold)
        self._read_from = frozenset({in_force.directory})
        return generation(self._premises, in_force, self._build(in_force), fold=fold, withdrawn=withdrawn)

    def _in_force(self, basis: _Basis, fold: Fold) -> tuple[Configuration, Withdrawn]:
        """Without what is suspended, and with the keys of this moment."""
        in_force, withdrawn = suspend(basis.configuration, fold.suspensions)
        return as_of(in_force, self._premises.clock()), withdrawn

    def _pause(self) -> float:
        """Until the next round: sooner where a key changes its state before."""
        now = self._premises.clock()
        due = next_transition(self._basis.configuration, now)
        left = self._poll_seconds if due is None else (due - now).total_seconds()
        return min(self._poll_seconds, max(left, _SHORTEST_PAUSE))

    def _advance(self, fold: Fold) -> str | None:
        """Bring ``fold`` into force, as far as it is sound; gives what is wrong with the rest."""
        current = self.live.current
        known = current.fold or Fold()
        basis, problem, now = self._basis, self._unsound, self._premises.clock()
        if self._rebuild_at is not None and not now < self._rebuild_at <= now + AGAIN:
            self._tried = self._rebuild_at = None
        if rules(fold) and (fold.state.state_hash != self._tried or not _there(basis)):
            try:
                basis, problem = self._laid_out(fold), None
                self._tried = fold.state.state_hash
            except (ConfigurationError, ChangeRefused, OSError) as error:
                # The state in force stays; only what is suspended takes effect (and is shown).
                problem = f"registry.invalid: {str(error).partition(chr(10))[0]}"
                if isinstance(error, ConfigurationError | ChangeRefused):
                    self._tried = fold.state.state_hash  # will not become sound by waiting
            except Exception as error:  # noqa: BLE001 - a defect here must not keep suspensions away
                problem = self._not_usable(fold, error, now)
        self._unsound = problem
        try:
            self._bring(basis, fold, current, known)
        except Exception as error:  # connectors built anew may raise anything; suspensions count all the same
            if basis is self._basis:  # nothing is left to try them with: the round fails, and is told
                raise
            problem = self._unsound = self._not_usable(fold, error, now)
            self._bring(self._basis, fold, current, known)
        return problem

    def _not_usable(self, fold: Fold, error: Exception, now: datetime) -> str:
        """Sound, but nothing could be made of it here: later, perhaps. Suspensions count at once."""
        self._tried, self._rebuild_at = fold.state.state_hash, now + AGAIN
        _log.error("a state of the registry cannot be used", exc_info=error)
        return f"registry.unusable: {type(error).__name__}"

    def _bring(self, basis: _Basis, fold: Fold, current: Generation, known: Fold) -> None:
        """Exchange what is in force for ``basis`` and the suspensions of ``fold``, if anything is different."""
        in_force, withdrawn = self._in_force(basis, fold)
        rolled = in_force.keys != current.configuration.keys
        if basis is not self._basis or fold.suspensions != known.suspensions or rolled:
            connectors = self._build_changed(current, basis, in_force)
            self._warm([one for name, one in connectors.items() if current.connectors.get(name) is not one])
            self.live.swap(generation(self._premises, in_force, connectors, fold=fold, withdrawn=withdrawn))
            self._basis = basis
            _log.info(
                "keys rolled" if rolled else "trust changed", extra={"reason": fold.state.state_hash[:16]}
            )
        elif fold.head != known.head:
            self.live.swap(replace(current, fold=fold))

    def _build_changed(
        self, current: Generation, basis: _Basis, in_force: Configuration
    ) -> Mapping[str, Connector]:
        """Connectors that nothing has changed for stay what they are, with all they know."""
        same_keys = with_keys_of(in_force, current.connectors, current.configuration)
        known = current.configuration
        same_trust = (in_force.anchors, in_force.sources) == (known.anchors, known.sources)
        if basis.objects == self._basis.objects and same_trust:
            if len(same_keys) == len(current.connectors):
                return same_keys
            built = self._build(in_force)
            self._read_from |= {in_force.directory}
            return {**built, **same_keys}
        kept: dict[str, Connector] = {}
        for name, settings in in_force.connectors.items():
            key = ObjectKey(ObjectKind.CONNECTOR, name)
            same = key in basis.objects and basis.objects[key] == self._basis.objects.get(key)
            # An attached eID-Server has sessions under way; nothing but its own file concerns it.
            if isinstance(settings, NPASettings) and same and name in same_keys:
                kept[name] = same_keys[name]
        built = self._build(in_force)
        self._read_from = frozenset({in_force.directory}) | (self._read_from if kept else frozenset())
        return {**built, **kept}

    def _warm(self, connectors: list[Connector]) -> None:
        """Let new connectors load their peers' metadata before anybody is sent to them."""
        now = self._premises.clock()

        def refresh(connector: Connector) -> None:
            try:
                connector.refresh(now=now)
            except Exception as error:  # noqa: BLE001 - one connector's defect must not stop the others
                _log.error("refresh failed", exc_info=error)

        threads = [threading.Thread(target=refresh, args=(one,), daemon=True) for one in connectors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=WARM_SECONDS / len(threads))

    def _laid_out(self, fold: Fold) -> _Basis:
        """The configuration that ``fold`` makes up beside the files; raises ConfigurationError, ChangeRefused, OSError."""
        started = self._premises.started
        started.path("var").mkdir(exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix="eid-gateway-registry-"))
        with ExitStack() as unfinished:
            unfinished.callback(shutil.rmtree, directory, ignore_errors=True)
            lay_out(fold.state, started.directory, directory)
            configuration = load(directory, started=started)
            unfinished.pop_all()
        self._directories.append(directory)
        for old in self._directories[: -_LEFT - 1]:
            if old not in self._read_from and old != self._basis.configuration.directory:
                self._directories.remove(old)
                shutil.rmtree(old, ignore_errors=True)
        return _Basis(
            configuration=configuration,
            objects={
                key: found.digest
                for key, found in fold.state.objects.items()
                if key.kind not in {ObjectKind.APPROVER, ObjectKind.CLIENT, ObjectKind.KEY_PLAN}
            },
        )

    def _activate(self, now: datetime) -> None:
        """Put into force what is signed and due; races with other nodes are harmless."""
        fold = self._registry.known
        self._again = {key: at for key, at in self._again.items() if now < at <= now + AGAIN}
        for proposal in fold.open_proposals():
            if proposal.change_hash in self._again or status(proposal, fold, now) is not Status.READY:
                continue
            with suppress(ChangeRefused):  # the proposal shows why
                self._registry.activate(proposal.change_hash, now=now)
                continue
            self._again[proposal.change_hash] = now + AGAIN

    def _tell(self, problem: str | None) -> None:
        if problem is not None and self.live.problem != problem:
            _log.error("the registry is not followed", extra={"reason": problem})
        self.live.problem = problem
