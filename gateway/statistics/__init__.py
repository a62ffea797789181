"""How many logins there were, counted from the log, without any person in it."""

from __future__ import annotations

from gateway.statistics.figures import Affected, Bucket, Comparison, History, Logins, Statistics
from gateway.statistics.outcomes import Dimension, Outcome
from gateway.statistics.rollup import Read, RollUp, StatisticsUnavailable, log_reader

__all__ = [
    "Affected",
    "Bucket",
    "Comparison",
    "Dimension",
    "History",
    "Logins",
    "Outcome",
    "Read",
    "RollUp",
    "Statistics",
    "StatisticsUnavailable",
    "log_reader",
]
