"""Everything that ends by itself; ``expiries`` lists it."""

from __future__ import annotations

from gateway.expiry.kinds import Band, Expiry, ExpiryKind, InForce, band_at, end_of, path
from gateway.expiry.listing import expiries

__all__ = ["Band", "Expiry", "ExpiryKind", "InForce", "band_at", "end_of", "expiries", "path"]
