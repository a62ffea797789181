"""The checks of the calendar of own keys: that every day has its keys, and that peers learn of each in time.

How long ahead a key is published, and how long it stays afterwards, follows from how often those who need it
read it again (security.md D.7: twice that interval). ``short_notice`` in a plan says that less is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from connectors.eidas.settings import EIDASSettings
from gateway.bundle.problems import Located, Problems
from gateway.client_settings import Client
from gateway.oidc import jwks
from gateway.own_keys.calendar import in_use, standings
from gateway.own_keys.loaded import LoadedKey
from gateway.own_keys.plan import KeyPhase, KeyPlan
from gateway.settings import KeyPurpose, Settings
from trust.keys import spki

READ_AGAIN = timedelta(hours=24)
"""Peers read our metadata again at least this often (security.md D.2)."""
CLOCKS = timedelta(minutes=5)
"""By how much the clocks of our own nodes may differ."""
BY_HAND = timedelta(days=14)
"""What people at a peer need as a rule to take over a certificate that they were sent."""
HANDED_OVER = frozenset({KeyPurpose.SAML_METADATA_SIGNING, KeyPurpose.EID_SIGNING, KeyPurpose.EID_TLS})
"""Purposes whose certificate reaches the peer by hand, so that nothing here can know when."""

CheckKeys = Callable[[Mapping[KeyPurpose, Sequence[LoadedKey]], Problems], None]


def ahead(purpose: KeyPurpose) -> timedelta:
    """How long a key of ``purpose`` has to be published before it is used.

    Nobody needs to know the next decryption key or the next certificate that is handed over earlier than
    that; but every one of our own nodes must have it.
    """
    if purpose is KeyPurpose.OIDC_SIGNING:
        return 2 * timedelta(seconds=jwks.MAX_AGE)
    return 2 * READ_AGAIN if purpose is KeyPurpose.SAML_SIGNING else CLOCKS


def afterwards(
    purpose: KeyPurpose, settings: Settings, clients: Iterable[Client], metadata_valid: timedelta
) -> timedelta:
    """How long a key of ``purpose`` is still needed when it is no longer used.

    OIDC: what it signed last is verified by whoever has cached the key set, and comes back as
    ``id_token_hint`` for as long as a session. SAML signing: requests under way. Decryption: peers
    encrypt to what they have read, for as long as our metadata are valid.
    """
    limits = settings.limits
    if purpose is KeyPurpose.OIDC_SIGNING:
        session = max((client.session_seconds for client in clients), default=0)
        life = max(limits.id_token_seconds, limits.access_token_seconds, session)
        return timedelta(seconds=jwks.MAX_AGE + life)
    if purpose is KeyPurpose.SAML_DECRYPTION:
        return max(2 * READ_AGAIN, metadata_valid)
    return timedelta(seconds=limits.journey_seconds) + CLOCKS


def valid_for(connectors: Iterable[object]) -> timedelta:
    """For how long peers may go on with what they have read of us."""
    hours = [found.metadata_valid_hours for found in connectors if isinstance(found, EIDASSettings)]
    return timedelta(hours=max(hours, default=0))


def check_plans(
    plans: Mapping[str, Located[KeyPlan]],
    keys: Sequence[LoadedKey],
    *,
    settings: Settings,
    clients: Sequence[Client],
    metadata_valid: timedelta,
    by_hand: Collection[str],
    now: datetime,
    running: bool,
    problems: Problems,
) -> None:
    """Each plan by itself. ``running``: a process that was started before ``gateway.toml`` got a new key must
    not stand still for it, so an unknown key is only a warning there. ``by_hand``: keys that go to user accounts,
    which take our metadata as a file."""
    loaded = {key.id: key for key in keys}
    known = {section.id for section in settings.keys}
    for located in plans.values():
        plan, file = located.model, located.file
        if plan.id not in known:
            _unknown(plan, file, now=now, running=running, problems=problems)
            continue
        key = loaded.get(plan.id)
        if key is None:  # it cannot be loaded, which was said
            continue
        if key.purpose is not plan.purpose:
            problems.add(
                file, "purpose", f"{plan.id} is {key.purpose} in gateway.toml", "correct one of them"
            )
            continue
        digest = spki_sha256(key)
        if plan.spki_sha256 is not None and plan.spki_sha256 != digest:
            problems.add(
                file, "spki_sha256", f"{plan.id} here is the key {digest}",
                "the key that was approved must be here; or approve this one",
            )  # fmt: skip
        _check_certificate(plan, key, file, problems)
        kept = afterwards(plan.purpose, settings, clients, metadata_valid)
        _check_overlap(plan, file, kept, problems, by_hand=plan.id in by_hand or plan.purpose in HANDED_OVER)


def _unknown(plan: KeyPlan, file: str, *, now: datetime, running: bool, problems: Problems) -> None:
    if plan.phase(now) is KeyPhase.GONE:
        problems.warn(file, "id", f"{plan.id} is gone, and no longer in gateway.toml", "remove the plan")
    elif running:
        problems.warn(
            file, "id", f"this process has no key {plan.id}", "restart it: gateway.toml was changed"
        )
    else:
        problems.add(
            file, "id", f"there is no key {plan.id} in gateway.toml",
            'add it to [[keys]] on every node first, with state = "next", and restart them',
        )  # fmt: skip


def _check_certificate(plan: KeyPlan, key: LoadedKey, file: str, problems: Problems) -> None:
    certificate = key.key.certificate
    if certificate is None:
        return
    if plan.publish_from is not None and certificate.not_valid_before_utc > plan.publish_from:
        problems.add(
            file, "publish_from", f"the certificate is valid only from {said(certificate.not_valid_before_utc)}",
            "publish later, or get another certificate",
        )  # fmt: skip
    last = plan.retire_from or plan.active_from
    if last is not None and certificate.not_valid_after_utc < last:
        problems.add(
            file, "retire_from" if plan.retire_from else "active_from",
            f"the certificate ends {said(certificate.not_valid_after_utc)}, while the key is in use",
            "retire earlier, or get another certificate",
        )  # fmt: skip


def _check_overlap(plan: KeyPlan, file: str, kept: timedelta, problems: Problems, *, by_hand: bool) -> None:
    tell = problems.add if plan.short_notice is None else problems.warn
    needed = ahead(plan.purpose)
    if plan.publish_from is not None and plan.active_from is not None:
        notice = plan.active_from - plan.publish_from
        if notice < needed:
            tell(
                file, "publish_from", f"{_length(notice)} before active_from; peers need {_length(needed)}",
                "publish earlier, or say in short_notice why not",
            )  # fmt: skip
        elif by_hand and notice < BY_HAND:
            problems.warn(
                file, "publish_from", f"{_length(notice)} before active_from, and the peer gets it by hand",
                f"make sure that it is there, or allow {BY_HAND.days} days",
            )  # fmt: skip
    if (
        plan.retire_from is not None
        and plan.gone_from is not None
        and plan.gone_from - plan.retire_from < kept
    ):
        tell(
            file, "gone_from",
            f"{_length(plan.gone_from - plan.retire_from)} after retire_from; it is needed for {_length(kept)}",
            "keep it longer, or say in short_notice why not",
        )  # fmt: skip


def check_days(
    plans: Mapping[str, KeyPlan],
    keys: Sequence[LoadedKey],
    check: CheckKeys,
    *,
    now: datetime,
    strictly: bool,
    problems: Problems,
) -> None:
    """What ``check`` says of the keys in use now, and of those on each day on which the calendar changes them.

    ``strictly``: as the plans say. Else as they are carried out, where the last key of a purpose stays.
    """
    today = standings(keys, plans, now, strictly=strictly)
    check(in_use(today), problems)
    for standing in today:
        if standing.superseded_by and (standing.plan is None or standing.plan.gone_from is None):
            problems.warn(
                "registry/keys", standing.key.id, f"was replaced by {standing.superseded_by}, and nothing ends it",
                "a plan with retire_from and gone_from; then remove it from gateway.toml",
            )  # fmt: skip
    if not strictly:
        return
    told = {problem.problem for problem in (*problems.found, *problems.warnings)}
    for date in sorted({date for plan in plans.values() for date in plan.dates if date > now}):
        then = Problems()
        check(in_use(standings(keys, plans, date, strictly=True)), then)
        for problem in then.found:
            if problem.problem not in told:
                told.add(problem.problem)
                problems.add(
                    "registry/keys", said(date), f"from then on: {problem.problem}",
                    f"another date, or a key that follows; {problem.remedy}",
                )  # fmt: skip


def spki_sha256(key: LoadedKey) -> str:
    """The identity of a public key (security.md D.1), hexadecimal."""
    return sha256(spki(key.key.public_key)).hexdigest()


def said(moment: datetime) -> str:
    """A date on the calendar, as it is written in a plan."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _length(length: timedelta) -> str:
    """The longest unit that fits.

    >>> _length(timedelta(days=2)), _length(timedelta(minutes=90)), _length(timedelta(seconds=30))
    ('48 h', '90 min', '30 s')
    """
    seconds = int(length.total_seconds())
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
