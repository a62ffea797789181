"""What somebody has sent and was refused: kept for a while, so that the form comes back as it was filled in.

Sealed in the store under the secret of that person's session, for half an hour. Files are not kept, nor what a
passkey has said: it is good for one time.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from gateway.admin.aside import Aside
from gateway.admin.errors import Explained
from gateway.admin.session import Session
from gateway.errors import CATALOGUE, CatalogueEntry, GatewayError
from gateway.store import Store, StoreUnavailable
from gateway.web.translations import Translations

_log = logging.getLogger("gateway.admin.refusals")

_REFUSED = Aside(kind="console-refused", life=timedelta(minutes=30))
_LARGEST = 262_144
"""Octets of one record, compressed."""
_SPENT = frozenset({"assertion", "ceremony"})
_AGAIN = frozenset({400, 409, 413, 429, 503})
"""Refusals after which the same form may be sent again; whoever lacks the role only meets the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a form was not taken, and what was in it."""

    code: str
    form: str | None
    """Path of the page with the form; None: there is none worth going back to."""
    reason: str = ""
    """Stable word."""
    input: str = ""
    """The field of the form that it is about."""
    detail: str = ""
    """Exactly what, in English."""
    number: str | None = None
    """Under which it is kept; None: it is not."""
    typed: Mapping[str, str] = field(default_factory=dict)
    files: bool = False
    """Whether files came with it, which have to be chosen again."""

    @classmethod
    def of(
        cls, error: GatewayError, *, form: str | None, typed: Mapping[str, str], files: bool = False
    ) -> Refusal:
        """``form``: page with the form that was sent."""
        told = error if isinstance(error, Explained) else None
        return cls(
            code=error.entry.code,
            form=form if error.entry.http_status in _AGAIN else None,
            reason=told.reason if told else "",
            input=told.field if told else "",
            detail=told.detail if told else "",
            typed={name: text for name, text in typed.items() if name not in _SPENT},
            files=files,
        )

    @property
    def entry(self) -> CatalogueEntry:
        return CATALOGUE[self.code]

    @property
    def back(self) -> str | None:
        """Address of the form, filled in as it was."""
        if self.form is None or self.number is None:
            return self.form
        return f"{self.form}?kept={self.number}"

    @property
    def address(self) -> str:
        """Where this refusal can be read again, e.g. in the other language."""
        return f"/refused/{self.number}" if self.number else f"/refused/of/{self.code}"

    def sentence(self, words: Translations) -> str | None:
        """What is wrong and what to do, in the page's language; None: nobody has said it for this reason."""
        identifier = f"refusals.{_name(self.reason)}"
        if not self.reason or identifier not in words:
            return None
        return words.text(identifier, field=self.label(words))

    def label(self, words: Translations) -> str:
        """The name of the field on the page; of one without, its name in the form."""
        return words.text(_LABELS[self.input]) if self.input in _LABELS else self.input


_LABELS = {
    "reason": "changes.reason",
    "evidence": "changes.evidence",
    "not_before": "changes.not_before_utc",
    "valid_from": "changes.valid_from",
    "valid_until": "changes.valid_until",
    "text": "changes.toml",
    "pem": "changes.certificate_pem",
    "upload": "changes.bundle_upload",
    "id": "frame.person",
    "person": "frame.person",
    "file": "changes.key_paste",
    "name": "changes.file_name",
}
"""The words beside each field on its page."""
_KEPT = tuple(one.name for one in fields(Refusal) if one.name != "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """Keeps and finds them."""

    store: Store
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]

    async def keep(self, session: Session, refusal: Refusal) -> Refusal:
        """``refusal`` with the number under which this session finds it; without, where it cannot be kept."""
        octets = zlib.compress(json.dumps({name: getattr(refusal, name) for name in _KEPT}).encode())
        if len(octets) > _LARGEST:
            return refusal
        try:
            number = await _REFUSED.keep(self.store, session, octets, random=self.random, now=self.clock())
        except StoreUnavailable as error:  # the refusal is told all the same
            _log.warning("not kept", exc_info=error)
            return refusal
        return replace(refusal, number=number)

    async def find(self, session: Session, number: str) -> Refusal | None:
        """None: there is none of this number, or not for this session."""
        octets = await _REFUSED.read(self.store, session, number)
        if octets is None:
            return None
        return Refusal(number=number, **json.loads(zlib.decompress(octets)))


def _name(reason: str) -> str:
    return reason.replace(".", "_").replace("-", "_")
