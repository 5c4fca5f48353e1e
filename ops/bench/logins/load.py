"""Logs in over HTTP: users with their own passwords, or strangers with none."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle

import aiohttp
import orjson

from ops.bench.edge.load import REQUEST_SECONDS, Measured
from ops.bench.setup import PASSWORD_SUFFIX

_CREATED = 201
MOST_UNDER_WAY = 256
"""Of a flood: who gets no answer sends no more."""
Step = Callable[[], Awaitable[str]]
"""Asks once, and returns what went wrong, empty when nothing did."""


async def log_in(url: str, users: list[tuple[str, str]], seconds: float, at_a_time: int) -> Measured:
    """Log these users in for `seconds`, one after another, `at_a_time` at once."""
    measured = Measured()
    turns = cycle(users)
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def log_next_in() -> str:
            return await _log_in(session, *next(turns), {})

        async def one_after_another(end: float) -> None:
            while (began := time.perf_counter()) < end:
                await measure(log_next_in, began, measured)

        started = time.perf_counter()
        await asyncio.gather(*(one_after_another(started + seconds) for _ in range(at_a_time)))
        measured.seconds = time.perf_counter() - started
    return measured


async def flood(url: str, rate: float, seconds: float) -> Measured:
    """Try to log in as users that do not exist, from ever other addresses, `rate` times a second."""
    measured, strangers = Measured(), _strangers()
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def guess() -> str:
            email, address = next(strangers)
            return await _log_in(session, email, PASSWORD_SUFFIX, {"X-Forwarded-For": address})

        await on_schedule(guess, rate, seconds, measured, MOST_UNDER_WAY)
    return measured


async def on_schedule(step: Step, rate: float, seconds: float, measured: Measured, most: int) -> None:
    """Ask `rate` times a second; latencies count from the scheduled instant, so that a stall cannot hide."""
    started = time.perf_counter()
    under_way = asyncio.Semaphore(most)

    async def take(due: float) -> None:
        try:
            await measure(step, due, measured)
        finally:
            under_way.release()

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await under_way.acquire()
            tasks.create_task(take(due))
    measured.seconds = time.perf_counter() - started


async def measure(step: Step, since: float, measured: Measured) -> None:
    """Ask once, and note what came of it."""
    try:
        wrong = await step()
    except (aiohttp.ClientError, TimeoutError) as error:
        wrong = type(error).__name__
    if wrong:
        measured.errors[wrong] += 1
    else:
        measured.latencies.append(time.perf_counter() - since)


async def _log_in(session: aiohttp.ClientSession, email: str, password: str, headers: dict[str, str]) -> str:
    body = {"email": email, "password": password}
    async with session.post("/v1/sessions", json=body, headers=headers) as response:
        answer = orjson.loads(await response.read())
    return "" if response.status == _CREATED else f"{response.status} {answer.get('code')}"


def _strangers() -> Iterator[tuple[str, str]]:
    luck = random.Random(7)  # noqa: S311 - repeatable, and nothing secret
    while True:
        number = luck.getrandbits(24)
        address = f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}"
        yield f"{luck.getrandbits(64):x}@bench.example", address
