"""A real Valkey and a real SQLite for every test of the journey."""

from __future__ import annotations

from tests.support.running_gateway import address, anyio_backend, installation

__all__ = ["address", "anyio_backend", "installation"]
