"""Following a payment over a real server: what is told, from where on, when it ends, and whose place is freed."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from contracts.identity import AccessRevoked, RevocationReason
from contracts.ids import new_id
from contracts.payments import GetPaymentIntent, GetTimeline
from gateway import payment_events
from gateway.main import _Server
from gateway.open_streams import OpenStreams
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running, served
from gateway.tests.scripted_services import NOW, ScriptedServices, completed, refused, until

INTENT = new_id()
PATH = f"/v1/payment_intents/{INTENT}/events"


def hop(number: int, status: str, event: str | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {"number": number, "at": NOW, "trigger": "t", "state": status, "status": status}
    if event:
        data = {"payment_intent": {"id": str(INTENT), "status": status, "description": "two\nlines"}}
        shown |= {"event_id": str(new_id()), "event": event, "data": data}
    return shown


class Life:
    """A payment whose hops are written by the test."""

    def __init__(self, services: ScriptedServices) -> None:
        self.hops: list[dict[str, Any]] = []
        self.page = 100
        self.reads: list[float] = []
        services.answers[GetTimeline] = self.timeline
        services.answers[GetPaymentIntent] = lambda _: completed({"id": str(INTENT), "status": self.status})

    @property
    def status(self) -> str:
        return self.hops[-1]["status"] if self.hops else "requires_confirmation"

    def add(self, status: str, event: str | None = None) -> None:
        self.hops.append(hop(len(self.hops) + 1, status, event))

    def timeline(self, query: GetTimeline) -> Any:
        self.reads.append(time.monotonic())
        rest = [h for h in self.hops if h["number"] > query.after]
        more = {"next_after": rest[self.page - 1]["number"]} if len(rest) > self.page else {}
        return completed({"hops": rest[: self.page]} | more)


@pytest.fixture
def life(services: ScriptedServices) -> Life:
    return Life(services)


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with served(gateway) as http:
        yield http


@pytest.fixture
def bearer(services: ScriptedServices, user: UUID) -> dict[str, str]:
    return services.signer.bearer(user)


async def _blocks(stream: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """Yield what stands between empty lines, by field name; a comment's is empty (HTML Standard §9.2.6)."""
    block: dict[str, str] = {}
    async for line in stream.aiter_lines():
        if not line:
            yield block
            block = {}
            continue
        name, _, value = line.partition(":")
        assert name not in block
        block[name] = value.removeprefix(" ")


async def _all(http: httpx.AsyncClient, headers: dict[str, str], path: str = PATH) -> list[dict[str, str]]:
    async with asyncio.timeout(8), http.stream("GET", path, headers=headers) as stream:
        assert stream.status_code == 200, await stream.aread()
        return [block async for block in _blocks(stream) if "event" in block]


async def test_public_hops_are_told_until_the_payment_has_succeeded(
    http: httpx.AsyncClient, life: Life, bearer: dict[str, str]
) -> None:
    life.add("requires_confirmation", "payment_intent.created")
    life.add("processing", "payment_intent.processing")
    life.add("processing")
    life.add("succeeded", "payment_intent.succeeded")
    async with http.stream("GET", PATH, headers=bearer) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.headers["Cache-Control"] == "no-store"
        blocks = [block async for block in _blocks(stream)]
    assert blocks[0] == {"retry": "1000"}
    assert [(b["id"], b["event"]) for b in blocks[1:]] == [
        ("1", "payment_intent.created"),
        ("2", "payment_intent.processing"),
        ("4", "payment_intent.succeeded"),
    ]
    last = life.hops[-1]
    told = {"id": last["event_id"], "type": last["event"], "timestamp": NOW, "data": last["data"]}
    assert json.loads(blocks[-1]["data"]) == told


async def test_each_event_is_told_when_it_happens(http: httpx.AsyncClient, life: Life, bearer: dict[str, str]) -> None:
    life.add("requires_confirmation", "payment_intent.created")
    async with asyncio.timeout(8), http.stream("GET", PATH, headers=bearer) as stream:
        blocks = (block async for block in _blocks(stream))
        assert await anext(blocks) == {"retry": "1000"}
        assert (await anext(blocks))["id"] == "1"
        life.add("processing", "payment_intent.processing")
        assert (await anext(blocks))["event"] == "payment_intent.processing"
        life.add("canceled", "payment_intent.canceled")
        assert (await anext(blocks))["event"] == "payment_intent.canceled"
        assert [block async for block in blocks] == []


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
async def test_who_comes_back_is_told_what_followed(
    http: httpx.AsyncClient, life: Life, bearer: dict[str, str], seen: int
) -> None:
    life.page = 2
    for number in range(4):
        life.add("processing" if number < 3 else "succeeded", f"payment_intent.event_{number}")
    told = await _all(http, bearer | {"Last-Event-ID": str(seen)})
    assert [b["id"] for b in told] == [str(number) for number in range(seen + 1, 5)]


async def test_who_has_seen_the_end_is_told_not_to_come_back(
    http: httpx.AsyncClient, life: Life, bearer: dict[str, str]
) -> None:
    life.add("succeeded", "payment_intent.succeeded")
    answer = await http.get(PATH, headers=bearer | {"Last-Event-ID": "1"})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_refunds_after_the_end_are_told_to_who_asks_later(
    http: httpx.AsyncClient, life: Life, bearer: dict[str, str]
) -> None:
    life.add("succeeded", "payment_intent.succeeded")
    life.add("succeeded", "refund.succeeded")
    assert [b["event"] for b in await _all(http, bearer | {"Last-Event-ID": "1"})] == ["refund.succeeded"]


async def test_a_payment_at_rest_is_asked_for_less_and_less(
    http: httpx.AsyncClient, life: Life, bearer: dict[str, str]
) -> None:
    async with asyncio.timeout(8), http.stream("GET", PATH, headers=bearer):
        await until(lambda: len(life.reads) >= 7)
    pauses = [later - earlier for earlier, later in zip(life.reads, life.reads[1:], strict=False)]
    assert pauses[0] < 0.3 < pauses[-1] <= 1.3


async def test_silence_is_broken_by_heartbeats(
    http: httpx.AsyncClient, life: Life, bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payment_events, "_HEARTBEAT_SECONDS", 0.2)
    assert life.hops == []
    async with asyncio.timeout(8), http.stream("GET", PATH, headers=bearer) as stream:
        blocks = (block async for block in _blocks(stream))
        assert [await anext(blocks) for _ in range(3)] == [{"retry": "1000"}, {"": "still open"}, {"": "still open"}]


async def test_payments_may_be_away_for_a_while(
    http: httpx.AsyncClient, services: ScriptedServices, life: Life, bearer: dict[str, str]
) -> None:
    life.add("processing", "payment_intent.processing")
    async with asyncio.timeout(10), http.stream("GET", PATH, headers=bearer) as stream:
        blocks = (block async for block in _blocks(stream))
        assert [await anext(blocks), await anext(blocks)][1]["id"] == "1"
        del services.answers[GetTimeline]
        await asyncio.sleep(1.5)  # a question goes unanswered
        services.answers[GetTimeline] = life.timeline
        life.add("succeeded", "payment_intent.succeeded")
        assert (await anext(blocks))["id"] == "2"


async def test_somebody_elses_payment_is_not_found(
    http: httpx.AsyncClient, services: ScriptedServices, bearer: dict[str, str]
) -> None:
    services.answers[GetTimeline] = lambda _: refused("payment_intent_not_found")
    for path in (PATH, f"/v1/payment_intents/{uuid4()}/events"):
        answer = await http.get(path, headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (404, "payment_intent_not_found")
    assert (await http.get(PATH)).status_code == 401


async def test_without_payments_there_is_no_stream(
    gateway: Gateway, http: httpx.AsyncClient, services: ScriptedServices, bearer: dict[str, str]
) -> None:
    del services.answers[GetPaymentIntent]
    assert (await http.get(PATH, headers=bearer)).status_code == 503
    assert gateway.parts.streams._of.total() == 0


@pytest.mark.parametrize("seen", ["latest", "-1", "1.5", "9" * 30, "²"])
async def test_an_event_that_cannot_have_been_seen(
    http: httpx.AsyncClient, life: Life, bearer: dict[str, str], seen: str
) -> None:
    assert life.hops == []
    headers = [*((name.encode(), value.encode()) for name, value in bearer.items()), (b"Last-Event-ID", seen.encode())]
    answer = await http.get(PATH, headers=headers)
    assert (answer.status_code, answer.json()["parameter"]) == (422, "Last-Event-ID")


async def test_a_client_that_goes_away_frees_its_place(
    gateway: Gateway, http: httpx.AsyncClient, life: Life, bearer: dict[str, str]
) -> None:
    streams = gateway.parts.streams
    async with http.stream("GET", PATH, headers=bearer) as stream:
        assert await anext(stream.aiter_lines()) == "retry: 1000"
        assert streams._of.total() == 1
    await until(lambda: streams._of.total() == 0)
    asked = len(life.reads)
    await asyncio.sleep(0.5)
    assert len(life.reads) <= asked + 1


async def test_places_are_bounded_for_each_user_and_in_all(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, life: Life
) -> None:
    assert life.hops == []
    ann, bob, cid = (services.signer.bearer(new_id()) for _ in range(3))
    async with running(settings(streams=3, streams_per_user=2)) as gateway, served(gateway) as http:
        async with AsyncExitStack() as opened:
            for who in (ann, ann, bob):
                stream = await opened.enter_async_context(http.stream("GET", PATH, headers=who))
                assert stream.status_code == 200
            full = await http.get(PATH, headers=cid)
            assert (full.status_code, full.json()["code"]) == (503, "overloaded")
            assert int(full.headers["Retry-After"]) > 0
        await until(lambda: gateway.parts.streams._of.total() == 0)
        async with AsyncExitStack() as opened:
            for _ in range(2):
                await opened.enter_async_context(http.stream("GET", PATH, headers=ann))
            mine = await http.get(PATH, headers=ann)
            assert (mine.status_code, mine.json()["code"]) == (429, "too_many_streams")


async def test_a_stream_ends_in_time_and_not_after_its_token(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID, life: Life
) -> None:
    assert life.hops == []
    async with running(settings(stream_seconds=0.4)) as gateway, served(gateway) as http:
        started = time.monotonic()
        assert await _all(http, services.signer.bearer(user)) == []
        assert 0.3 < time.monotonic() - started < 15
    expiring = services.signer.bearer(user, exp=int(time.time()) - 3)  # within the leeway for clocks
    async with running(settings()) as gateway, served(gateway) as http:
        started = time.monotonic()
        assert await _all(http, expiring) == []
        assert time.monotonic() - started < 15


async def test_a_stream_ends_when_the_access_ends(
    gateway: Gateway, http: httpx.AsyncClient, life: Life, services: ScriptedServices, user: UUID
) -> None:
    life.add("processing", "payment_intent.processing")
    session = new_id()
    headers = services.signer.bearer(user, sid=str(session))
    async with asyncio.timeout(60), http.stream("GET", PATH, headers=headers) as stream:
        blocks = _blocks(stream)
        assert [await anext(blocks), (await anext(blocks))["event"]] == [{"retry": "1000"}, "payment_intent.processing"]
        at, reason = datetime.now(UTC), RevocationReason.LOGGED_OUT
        await services.say(AccessRevoked(user_id=user, grants=[session], reason=reason, revoked_at=at))
        await until(lambda: gateway.parts.revocations.known == 1)
        life.add("succeeded", "payment_intent.succeeded")
        assert [block async for block in blocks] == []


async def test_streams_end_when_the_gateway_stops(
    gateway: Gateway, http: httpx.AsyncClient, life: Life, bearer: dict[str, str]
) -> None:
    assert life.hops == []
    async with asyncio.timeout(5), http.stream("GET", PATH, headers=bearer) as stream:
        blocks = (block async for block in _blocks(stream))
        await anext(blocks)
        gateway.parts.streams.close()
        assert [block async for block in blocks] == []
    assert (await http.get(PATH, headers=bearer)).json()["code"] == "overloaded"


def test_being_told_to_stop_ends_the_streams() -> None:
    streams = OpenStreams(1, 1)
    server = _Server(uvicorn.Config(FastAPI()), streams)
    server.handle_exit(signal.SIGTERM, None)
    assert (streams.are_closing, server.should_exit) == (True, True)


async def test_a_client_that_takes_nothing_is_not_fed(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, life: Life, user: UUID
) -> None:
    """Backpressure: while a client does not read, hops are not fetched for it, and its place is freed in time."""
    life.page = 5
    for _ in range(2000):
        life.hops.append(
            hop(len(life.hops) + 1, "processing", "payment_intent.processing") | {"data": {"x": "x" * 10_000}}
        )
    async with running(settings(stream_seconds=0.5)) as gateway, served(gateway) as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port, limit=1024)
        head = "".join(f"{name}: {value}\r\n" for name, value in services.signer.bearer(user).items())
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(1.0)
        stalled = len(life.reads)
        await asyncio.sleep(1.0)
        assert len(life.reads) == stalled < 400
        await until(lambda: gateway.parts.streams._of.total() == 0, seconds=10)
        writer.close()
