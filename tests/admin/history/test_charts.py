"""Charts from counts (ux.md §11: logins per outcome, country and level)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.admin.history.charts import HEIGHT, WIDTH, Span, bars, time_chart
from gateway.statistics import Bucket, Dimension, History, Outcome

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def history(**counts: tuple[int, ...]) -> History:
    """``GR_done=(1, 2)``: one number a column."""
    split = {name.rpartition("_"): columns for name, columns in counts.items()}
    return History(
        dimension=Dimension.COUNTRY,
        bucket=Bucket.HOUR,
        starts=tuple(NOON + timedelta(hours=hour) for hour in range(2)),
        counts={(value, Outcome(outcome)): columns for (value, _, outcome), columns in split.items()},
    )


def test_the_highest_column_fills_the_chart_and_the_parts_stand_on_each_other() -> None:
    chart = time_chart(history(GR_done=(1, 3), EE_failed=(0, 1)))
    low, high = chart.columns
    assert (chart.top, chart.done, chart.other) == (4, 4, 1)
    assert (high.done_y, high.done_height) == (HEIGHT / 4, HEIGHT * 3 / 4)
    assert (high.other_y, high.other_height) == (0, HEIGHT / 4)
    assert (low.done_height, low.other_height) == (HEIGHT / 4, 0)
    assert 0 <= low.x < low.x + low.width < high.x < high.x + high.width <= WIDTH
    assert chart.peak == high


def test_a_chart_of_nothing_is_drawn_all_the_same() -> None:
    chart = time_chart(history())
    assert (chart.top, chart.peak) == (0, None)
    assert [column.done_height for column in chart.columns] == [0, 0]


def test_bars_are_sorted_by_length_or_as_asked() -> None:
    counted = history(low_done=(1, 0), high_done=(2, 2), high_cancelled=(0, 1))
    high, low = bars(counted)
    assert (high.value, high.total, high.done, high.share) == ("high", 5, 4, 80)
    assert (high.width, high.done_width, low.width, low.done_width) == (100, 80, 20, 20)
    assert [bar.value for bar in bars(counted, order=("low", "high"))] == ["low", "high"]
    assert bars(history(GR_done=(0, 0))) == ()


def test_a_span_from_an_address_is_one_of_four() -> None:
    assert [Span.parse(text) for text in ("24h", "365d", "", None, "<script>")] == [
        Span.DAY, Span.YEAR, Span.WEEK, Span.WEEK, Span.WEEK,
    ]  # fmt: skip
    assert Span.WEEK.bucket is Bucket.HOUR
    assert Span.MONTH.bucket is Bucket.DAY
