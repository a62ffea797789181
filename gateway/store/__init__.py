"""Short-lived, sealed state with atomic take-once, over the Redis protocol."""

from gateway.store.connection import EmbeddedStore, StoreAddress, connect
from gateway.store.errors import AlreadyClaimed, StoreUnavailable
from gateway.store.sealing import BearerSecret, SealBroken, key_name, new_journey_number
from gateway.store.store import Acknowledgement, Batch, Store

__all__ = [
    "Acknowledgement",
    "AlreadyClaimed",
    "Batch",
    "BearerSecret",
    "EmbeddedStore",
    "SealBroken",
    "Store",
    "StoreAddress",
    "StoreUnavailable",
    "connect",
    "key_name",
    "new_journey_number",
]
