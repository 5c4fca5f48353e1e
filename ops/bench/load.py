"""Drives the gateway over HTTP: each payment or refund is a request of its own, waited for until it is settled."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import orjson

REQUEST_SECONDS = 30.0
WAIT_SECONDS = 25
"""How long the gateway is asked to wait for the money to move, so that it does not answer 202 under load."""
SETTLED = 201


@dataclass(frozen=True)
class Payer:
    """A user with a token, a funded wallet, and the wallet that it pays to, with the token of that one's owner."""

    token: str
    wallet: str
    pays_to: str
    payee_token: str
    currency: str


@dataclass(frozen=True)
class Ask:
    """What a user posts. `payee_token` is of who is paid, if anybody is."""

    token: str
    path: str
    body: bytes
    payee_token: str = ""


@dataclass(frozen=True)
class Done:
    """What has succeeded: its id, and the token of who was paid."""

    id: str
    payee_token: str


@dataclass
class Outcomes:
    """What the requests came to: the settled ones with their latencies in seconds, the others by what went wrong."""

    seconds: float = 0.0
    settled: list[Done] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


async def drive(url: str, asks: Iterator[Ask], seconds: float, rate: float | None, concurrency: int) -> Outcomes:
    """Ask for `seconds`, or until there is no more: `concurrency` at a time, or `rate` a second started on schedule.

    A scheduled request's latency counts from its scheduled instant, so that a system that stalls cannot hide it.
    """
    outcomes = Outcomes()
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=connector) as session:
        started = time.perf_counter()
        if rate is None:
            end = started + seconds
            await asyncio.gather(*(_one_after_another(session, asks, end, outcomes) for _ in range(concurrency)))
        else:
            await _on_schedule(session, asks, seconds, rate, outcomes)
        outcomes.seconds = time.perf_counter() - started
    return outcomes


async def _one_after_another(
    session: aiohttp.ClientSession, asks: Iterator[Ask], end: float, outcomes: Outcomes
) -> None:
    while time.perf_counter() < end and (ask := next(asks, None)):
        await _settle(session, ask, time.perf_counter(), outcomes)


async def _on_schedule(
    session: aiohttp.ClientSession, asks: Iterator[Ask], seconds: float, rate: float, outcomes: Outcomes
) -> None:
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, ask in zip(range(int(seconds * rate)), asks, strict=False):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(_settle(session, ask, due, outcomes))


async def _settle(session: aiohttp.ClientSession, ask: Ask, due: float, outcomes: Outcomes) -> None:
    headers = {
        "Authorization": f"Bearer {ask.token}",
        "Idempotency-Key": uuid4().hex,
        "Content-Type": "application/json",
        "Prefer": f"wait={WAIT_SECONDS}",
    }
    try:
        async with session.post(ask.path, data=ask.body, headers=headers) as response:
            answer = orjson.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        outcomes.errors[type(error).__name__] += 1
        return
    if response.status == SETTLED and answer.get("status") == "succeeded":
        outcomes.settled.append(Done(answer["id"], ask.payee_token))
        outcomes.latencies.append(time.perf_counter() - due)
    else:
        outcomes.errors[f"{response.status} {answer.get('code', answer.get('status'))}"] += 1
