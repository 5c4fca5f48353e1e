"""Drives the gateway over HTTP: each payment is a request of its own, waited for until it is settled."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import orjson

REQUEST_SECONDS = 30.0
AMOUNT = 100
SETTLED = 201


@dataclass(frozen=True)
class Payer:
    """A user with a token, a funded wallet, and the wallet that it pays to."""

    token: str
    wallet: str
    pays_to: str
    currency: str


@dataclass
class Outcomes:
    """What the requests came to: latencies in seconds of the settled ones, the others counted by what went wrong."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


async def drive(url: str, payers: Sequence[Payer], seconds: float, rate: float | None, concurrency: int) -> Outcomes:
    """Pay for `seconds`: `concurrency` payments always under way, or `rate` a second started on schedule.

    A scheduled payment's latency counts from its scheduled instant, so that a system that stalls cannot hide it.
    """
    outcomes = Outcomes()
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=connector) as session:
        started = time.perf_counter()
        if rate is None:
            turns = itertools.cycle(payers)
            end = started + seconds
            await asyncio.gather(*(_one_after_another(session, turns, end, outcomes) for _ in range(concurrency)))
        else:
            await _on_schedule(session, payers, seconds, rate, outcomes)
        outcomes.seconds = time.perf_counter() - started
    return outcomes


async def _one_after_another(
    session: aiohttp.ClientSession, payers: Iterator[Payer], end: float, outcomes: Outcomes
) -> None:
    while time.perf_counter() < end:
        await _pay(session, next(payers), time.perf_counter(), outcomes)


async def _on_schedule(
    session: aiohttp.ClientSession, payers: Sequence[Payer], seconds: float, rate: float, outcomes: Outcomes
) -> None:
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, payer in zip(range(int(seconds * rate)), itertools.cycle(payers), strict=False):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(_pay(session, payer, due, outcomes))


async def _pay(session: aiohttp.ClientSession, payer: Payer, due: float, outcomes: Outcomes) -> None:
    body = {
        "source_wallet": payer.wallet,
        "destination_wallet": payer.pays_to,
        "amount": AMOUNT,
        "currency": payer.currency,
        "confirm": True,
    }
    headers = {
        "Authorization": f"Bearer {payer.token}",
        "Idempotency-Key": uuid4().hex,
        "Content-Type": "application/json",
    }
    try:
        async with session.post("/v1/payment_intents", data=orjson.dumps(body), headers=headers) as response:
            answer = orjson.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        outcomes.errors[type(error).__name__] += 1
        return
    if response.status == SETTLED and answer.get("status") == "succeeded":
        outcomes.latencies.append(time.perf_counter() - due)
    else:
        outcomes.errors[f"{response.status} {answer.get('code', answer.get('status'))}"] += 1
