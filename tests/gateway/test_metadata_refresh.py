"""The thread that keeps the peers' metadata fresh (security.md D.2)."""

from datetime import UTC, datetime

from gateway.metadata_refresh import MetadataRefresh

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Connector:
    def __init__(self) -> None:
        self.asked: list[datetime] = []

    def refresh(self, *, now: datetime):
        self.asked.append(now)
        return ()


class Broken(Connector):
    def refresh(self, *, now: datetime):
        super().refresh(now=now)
        raise RuntimeError("a defect of this connector")


def test_background_thread_refreshes_at_once_and_stops() -> None:
    """Start-up does not wait for partners, and one connector's defect stops no other."""
    first, second = Broken(), Connector()
    background = MetadataRefresh(lambda: {"first": first, "second": second}, clock=lambda: NOW)
    assert not background.started
    background.start()
    while not background.started:
        assert background.running
    background.stop()
    assert not background.running
    assert (first.asked, second.asked) == ([NOW], [NOW])
