"""Drives the edge over HTTP: each client refreshes its session, or reads its wallet, one request after another."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
import orjson

from contracts.identity import FIRST_PARTY_CLIENT
from ops.bench.edge.kinds import Kind

REQUEST_SECONDS = 30.0
DONE = 200


@dataclass
class Client:
    """A user with a session and a wallet. Its tokens change with each refresh."""

    access_token: str
    refresh_token: str
    wallet: str


@dataclass
class Measured:
    """What the requests came to: latencies in seconds of those answered 200, the others by what went wrong."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


async def drive(url: str, kind: Kind, clients: Sequence[Client], seconds: float, at_a_time: int) -> Measured:
    """Ask for `seconds`, `at_a_time` clients at once, the one first that has rested longest.

    Raises ValueError when there are fewer clients than that.
    """
    if len(clients) < at_a_time:
        raise ValueError(f"{at_a_time} at a time take as many clients, not {len(clients)}")
    measured, ask, resting = Measured(), ASKS[kind], deque(clients)
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()
        end = started + seconds
        await asyncio.gather(*(_one_after_another(session, ask, resting, end, measured) for _ in range(at_a_time)))
        measured.seconds = time.perf_counter() - started
    return measured


Asking = Callable[[aiohttp.ClientSession, Client], Awaitable[str]]


async def _one_after_another(
    session: aiohttp.ClientSession, ask: Asking, resting: deque[Client], end: float, measured: Measured
) -> None:
    while (began := time.perf_counter()) < end:
        client = resting.popleft()
        try:
            wrong = await ask(session, client)
        except (aiohttp.ClientError, TimeoutError) as error:
            wrong = type(error).__name__
        if wrong:
            measured.errors[wrong] += 1
        else:
            measured.latencies.append(time.perf_counter() - began)
        resting.append(client)


async def _refresh(session: aiohttp.ClientSession, client: Client) -> str:
    """Replace the client's tokens (RFC 6749 §6); return what went wrong, empty when nothing did."""
    form = {"grant_type": "refresh_token", "client_id": FIRST_PARTY_CLIENT, "refresh_token": client.refresh_token}
    async with session.post("/oauth/token", data=form) as response:
        answer = orjson.loads(await response.read())
    if response.status != DONE:
        return f"{response.status} {answer.get('error', answer.get('code'))}"
    client.access_token, client.refresh_token = answer["access_token"], answer["refresh_token"]
    return ""


async def _read(session: aiohttp.ClientSession, client: Client) -> str:
    headers = {"Authorization": f"Bearer {client.access_token}"}
    async with session.get(f"/v1/wallets/{client.wallet}", headers=headers) as response:
        answer = orjson.loads(await response.read())
    return "" if response.status == DONE else f"{response.status} {answer.get('code')}"


ASKS: dict[Kind, Asking] = {Kind.REFRESH: _refresh, Kind.READ: _read}
