"""Every metric: its name, what it counts, and by what. docs/metrics.md is made from this table.

No metric has a client or a person in it, and none joins country and client: single logins from a small country
would identify somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Sample = tuple[str, tuple[str, ...], float]
"""Name of a metric, its labels' values, the value."""


class Scope(StrEnum):
    PROCESSES = "all workers of this machine"
    """Counted where it happens, added up when asked."""
    WORKER = "the worker that answers"
    INSTALLATION = "the whole installation"
    """The same on every machine: take one, do not add."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the table. ``name`` is as Prometheus shows it."""

    name: str
    type: str
    labels: tuple[str, ...]
    scope: Scope
    meaning: str


METRICS: tuple[Metric, ...] = (
    Metric("eidgateway_build_info", "gauge", ("version", "python"), Scope.WORKER, "Always 1; which version runs."),
    Metric("eidgateway_journeys_opened_total", "counter", (), Scope.PROCESSES, "Authorization requests that began a login. Probe logins are in none of these counters."),
    Metric(
        "eidgateway_journeys_total", "counter", ("means", "outcome"), Scope.PROCESSES,
        "Logins that ended. `means`: the connector, empty before a choice. `outcome`: `released`, `session` (an existing "
        "session answered), `refused` (by the citizen, with the data in sight), `cancelled`, `expired`, `failed`. Who just "
        "leaves is in none of them: opened less ended.",
    ),
    Metric(
        "eidgateway_journey_duration_seconds", "histogram", (), Scope.PROCESSES,
        "From the authorization request to the release of the data; the citizen's time with the eID included.",
    ),
    Metric(
        "eidgateway_errors_total", "counter", ("code",), Scope.PROCESSES,
        "Refusals by entry of the error catalogue ([errors.md](errors.md)), and answers with a 5xx because store, database "
        "or key were missing.",
    ),
    Metric(
        "eidgateway_watch_messages_total", "counter", ("channel", "result"), Scope.PROCESSES,
        "Mails and webhooks: `sent` or `failed`. `channel`: its `id`; those to single approvers together as `approvers`.",
    ),
    Metric(
        "eidgateway_alerts", "gauge", ("severity",), Scope.WORKER,
        "Alerts that this worker sees now, by `information`, `warning`, `critical`.",
    ),
    Metric(
        "eidgateway_watch_last_round_timestamp_seconds", "gauge", (), Scope.WORKER, "When the watch looked last."
    ),
    Metric("eidgateway_peer_up", "gauge", ("peer",), Scope.WORKER, "1: logins through this peer are possible."),
    Metric(
        "eidgateway_peer_stale", "gauge", ("peer",), Scope.WORKER,
        "1: what is known of the peer is valid, but could not be refreshed.",
    ),
    Metric(
        "eidgateway_metadata_valid_until_timestamp_seconds", "gauge", ("peer",), Scope.WORKER,
        "Until when the metadata held of this peer are valid.",
    ),
    Metric(
        "eidgateway_metadata_spent_ratio", "gauge", ("anchor",), Scope.WORKER,
        "Share of the copy's life that is over, 0 to 1.",
    ),
    Metric(
        "eidgateway_metadata_last_refresh_timestamp_seconds", "gauge", ("anchor",), Scope.WORKER,
        "When a document was last fetched and taken; missing: not since the start.",
    ),
    Metric(
        "eidgateway_anchor_expiry_timestamp_seconds", "gauge", ("anchor",), Scope.INSTALLATION,
        "When the anchor, or its certificate, ends.",
    ),
    Metric(
        "eidgateway_expiries", "gauge", ("kind", "band"), Scope.INSTALLATION,
        "Things that end and stop something if nobody acts, by kind and by the days that are left (`expired`, `1`, `7`, "
        "`14`, `30`, `90`, `later`).",
    ),
    Metric(
        "eidgateway_key_next_transition_timestamp_seconds", "gauge", (), Scope.INSTALLATION,
        "The next step of the calendar of own keys; missing: none is planned.",
    ),
    Metric("eidgateway_registry_head", "gauge", (), Scope.WORKER, "Number of the last entry of the registry that is known here."),
    Metric(
        "eidgateway_registry_ignored_rows", "gauge", (), Scope.WORKER,
        "Entries without effect: somebody wrote past the registry.",
    ),
    Metric("eidgateway_registry_open_proposals", "gauge", (), Scope.WORKER, "Neither in force nor rejected nor expired."),
    Metric("eidgateway_registry_suspensions", "gauge", (), Scope.WORKER, "Objects that are suspended."),
    Metric(
        "eidgateway_registry_behind", "gauge", (), Scope.WORKER,
        "1: the newest state of the registry is not in force here.",
    ),
    Metric(
        "eidgateway_registry_checked_timestamp_seconds", "gauge", (), Scope.WORKER,
        "When the registry was last asked with success.",
    ),
    Metric("eidgateway_log_size", "gauge", (), Scope.INSTALLATION, "Number of the last entry of the audit log."),
    Metric(
        "eidgateway_log_checkpoint_size", "gauge", ("tree",), Scope.INSTALLATION,
        "Entries that the newest signed checkpoint covers, by tree (`login`, `trust`).",
    ),
    Metric(
        "eidgateway_log_checkpoint_timestamp_seconds", "gauge", ("tree",), Scope.INSTALLATION,
        "When that checkpoint was made.",
    ),
    Metric(
        "eidgateway_log_waiting_timestamp_seconds", "gauge", ("tree",), Scope.INSTALLATION,
        "When the oldest entry was written that no checkpoint covers yet; absent: there is none.",
    ),
    Metric("eidgateway_store_up", "gauge", (), Scope.WORKER, "1: the store can be written."),
    Metric("eidgateway_database_up", "gauge", (), Scope.WORKER, "1: the database can be written."),
    Metric("eidgateway_probe_success", "gauge", ("way",), Scope.INSTALLATION, "1: the last probe login went through."),
    Metric("eidgateway_probe_timestamp_seconds", "gauge", ("way",), Scope.INSTALLATION, "When it began."),
)  # fmt: skip

BY_NAME = {metric.name: metric for metric in METRICS}
