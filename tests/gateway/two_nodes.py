"""Two nodes of one gateway, with one store and one database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.app import Application
from tests.login.fake_source import FakeSource
from tests.login.installation import Browser, Clock, Installation


@dataclass(kw_only=True)
class TwoNodes:
    """Each follows when it is told to."""

    directory: Path
    nodes: tuple[Application, Application]
    source: FakeSource
    clock: Clock

    def browser(self, node: int = 0) -> Browser:
        return Browser(Installation(self.nodes[node], self.source, self.clock, self.directory))

    def move(self, browser: Browser, node: int) -> Browser:
        """The same browser, after the balancer sent it to the other node."""
        moved = self.browser(node)
        moved.jar = browser.jar
        return moved

    def everywhere(self) -> None:
        for node in self.nodes:
            node.following.round()
