"""What never becomes a request, over real sockets: heads that are too large or too slow, and bodies nobody reads."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.settings import GatewaySettings
from gateway.tests.conftest import running, served
from gateway.tests.scripted_services import ScriptedServices

SECONDS = 30  # in which an answer, or an end, must come: never how soon it comes
QUICK = 0.3  # so that a test need not wait long for a clock that must run out
HOST = b"Host: 127.0.0.1\r\n"


class Peer:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def all(self) -> bytes:
        """Return all that comes until the server closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), SECONDS)
        except ConnectionResetError:  # what it closed on was not all read
            return b""

    async def answer(self) -> tuple[int, bytes]:
        """Return the status and body of an answer of known length."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), SECONDS)
        length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:"))
        return int(head.split()[1]), await asyncio.wait_for(self.reader.readexactly(length), SECONDS)


@asynccontextmanager
async def serving(settings: GatewaySettings) -> AsyncIterator[Callable[[], "asyncio.Task[Peer]"]]:
    peers: list[Peer] = []
    async with running(settings) as gateway, served(gateway) as http:

        async def connect() -> Peer:
            peers.append(Peer(*await asyncio.open_connection("127.0.0.1", http.base_url.port)))
            return peers[-1]

        yield lambda: asyncio.ensure_future(connect())
        for peer in peers:
            peer.writer.close()


@pytest.fixture
async def connect(
    settings: Callable[..., GatewaySettings], services: ScriptedServices
) -> AsyncIterator[Callable[[], "asyncio.Task[Peer]"]]:
    assert services.accounts == {}
    async with serving(settings(head_bytes=4096, head_fields=20)) as connect:
        yield connect


@pytest.fixture
async def hasty(
    settings: Callable[..., GatewaySettings], services: ScriptedServices
) -> AsyncIterator[Callable[[], "asyncio.Task[Peer]"]]:
    assert services.accounts == {}
    async with serving(settings(head_seconds=QUICK, body_seconds=60)) as connect:
        yield connect


def told(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"content-type: application/problem+json" in head.lower()
    problem = json.loads(body)
    assert f"x-correlation-id: {problem['correlation_id']}".encode() in head.lower()
    return int(head.split()[1]), problem["code"]


TOO_LARGE = {
    "many fields": b"GET /healthz HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(21)),
    "large fields": b"GET /healthz HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: %s\r\n" % (n, b"v" * 600) for n in range(8)),
    "an endless value": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"v" * 400_000,
    "an endless name": b"GET /healthz HTTP/1.1\r\n" + HOST + b"x" * 400_000,
    "an endless path": b"GET /" + b"p" * 400_000,
    "endless empty lines": b"\r\n" * 200_000,
    "an endless trailer": b"POST /v1/users HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"v" * 400_000,
}


@pytest.mark.parametrize("head", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_head_that_is_too_large_is_refused(connect: Callable[[], "asyncio.Task[Peer]"], head: bytes) -> None:
    peer = await connect()
    for start in range(0, len(head), 16_384):
        peer.send(head[start : start + 16_384])
        await asyncio.sleep(0)
    answer = await peer.all()
    if answer or len(head) < 16_384:  # else lost, since the server closes on what it has not read (RFC 9112 §9.6)
        assert told(answer) == (431, "head_too_large")


async def test_the_largest_head_is_taken(connect: Callable[[], "asyncio.Task[Peer]"]) -> None:
    peer = await connect()
    for size, status in ((4096, 200), (4097, 431)):
        used = len("/healthz") + len("Host") + len("127.0.0.1") + 4 + len("X") + 4
        peer.send(b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"v" * (size - used) + b"\r\n\r\n")
        assert (await peer.answer())[0] == status


async def test_what_is_not_http_is_told_so(connect: Callable[[], "asyncio.Task[Peer]"]) -> None:
    for nonsense in (b"HELLO\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"):
        peer = await connect()
        peer.send(nonsense)
        assert told(await peer.all()) == (400, "malformed_request")


SMUGGLED = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    b"Host : a\r\n\r\n",
    b"X: a\r\n folded\r\n\r\n",
    b"X: a\nY: b\r\n\r\n",
]


@pytest.mark.parametrize("fields", SMUGGLED)
async def test_what_two_servers_might_read_differently_is_refused(
    connect: Callable[[], "asyncio.Task[Peer]"], fields: bytes
) -> None:
    peer = await connect()
    peer.send(b"POST /v1/users HTTP/1.1\r\n" + HOST + fields)
    assert told(await peer.all()) == (400, "malformed_request")


SLOW = {
    "a head": b"GET /healthz HTTP/1.1\r\nHost: 127",
    "a method": b"GE",
    "a second head": b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGET /hea",
}


@pytest.mark.parametrize("start", SLOW.values(), ids=SLOW)
async def test_a_head_that_does_not_end_is_408(hasty: Callable[[], "asyncio.Task[Peer]"], start: bytes) -> None:
    peer = await hasty()
    peer.send(start)
    if start.count(b"GET") == 2:
        assert (await peer.answer())[0] == 200
    assert told(await peer.all()) == (408, "request_timeout")


async def test_a_byte_now_and_then_buys_no_time(hasty: Callable[[], "asyncio.Task[Peer]"]) -> None:
    peer = await hasty()
    peer.send(b"GET /healthz HTTP/1.1\r\nX: ")

    async def drip() -> None:
        while True:
            peer.send(b"v")
            await asyncio.sleep(QUICK / 10)

    dripping = asyncio.create_task(drip())
    assert (await asyncio.wait_for(peer.reader.readline(), SECONDS)).startswith(b"HTTP/1.1 408")
    dripping.cancel()


async def test_who_says_nothing_is_left(hasty: Callable[[], "asyncio.Task[Peer]"]) -> None:
    silent, blank = await hasty(), await hasty()
    blank.send(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (await blank.answer())[0] == 200
    blank.send(b"\r\n")  # ends the wait for the next request, and begins none
    assert await silent.all() == await blank.all() == b""


async def test_a_body_that_nobody_reads_is_waited_for_no_longer(hasty: Callable[[], "asyncio.Task[Peer]"]) -> None:
    peer = await hasty()
    peer.send(b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nx")
    assert (await peer.answer())[0] == 404
    assert await peer.all() == b""


async def test_a_slow_body_is_not_a_slow_head(hasty: Callable[[], "asyncio.Task[Peer]"]) -> None:
    peer = await hasty()
    body = b'{"email": "ann@ledgerlink.example"}'
    fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    peer.send(b"POST /v1/users HTTP/1.1\r\n" + HOST + fields)
    for byte in body:
        peer.send(bytes([byte]))
        await asyncio.sleep(QUICK / 10)
    status, answer = await peer.answer()
    assert (status, json.loads(answer)["code"]) == (422, "invalid_request")
    peer.send(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (await peer.answer())[0] == 200


async def test_refusals_are_counted(connect: Callable[[], "asyncio.Task[Peer]"]) -> None:
    peer, other = await connect(), await connect()
    peer.send(b"GET /" + b"p" * 5000 + b" HTTP/1.1\r\n\r\n")
    await peer.all()
    other.send(b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
    _, metrics = await other.answer()
    assert b'ledgerlink_http_requests_total{method="other",route="unreadable",status="431"}' in metrics
