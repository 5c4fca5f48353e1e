"""Kill -9 any process, or wipe the broker, while payments run: each ends once, in one state, and the books balance."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from ops.stack import logs
from ops.stack.stack import EVERYTHING, Stack
from tests.books import at_rest, commits_held, prove, under_way
from tests.money_requests import money_requests, moved
from tests.payment_stream import HANG
from tests.town import AFTER, BEFORE, Town, check, open_town
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROCESSES = tuple(name for name in EVERYTHING if name != "migrate")
HELD = {"wallet": "wallet", "risk": "risk", "postgres": "wallet"}
"""Victim -> the service that is in the middle of a transaction when it dies; for the others it is payments."""
TAIL = 200  # lines of the log of a process that fell over though nobody killed it
WAITING = 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(_servers_directory: Path) -> AsyncIterator[Town]:
    # A directory in memory is as durable as a disk to a process that is killed, and quicker to recover from.
    async with open_town(_servers_directory / "town") as town:
        yield town


@pytest.mark.parametrize("victim", PROCESSES)
async def test_kill_9_loses_nothing_and_repeats_nothing(town: Town, victim: str) -> None:
    before, restarts = await town.balances(), _restarts(town.stack)
    async with town.stream() as stream:
        await stream.answered(BEFORE)
        pid = town.stack.pid(victim)
        async with commits_held(town.stack, HELD.get(victim, "payments")) as one_is_held:
            await one_is_held()
            await town.stack.kill_process(victim)
        await town.stack.healthy(victim)
        assert town.stack.pid(victim) != pid
        await stream.answered(AFTER)
    await check(town, stream, before)
    fallen = _restarts(town.stack) - restarts - Counter({victim: 1})
    assert not fallen, "\n".join(logs.tail(town.stack.layout.log(name), TAIL) for name in fallen)


def _restarts(stack: Stack) -> Counter[str]:
    return Counter({name: stack.supervisor[name].restarts for name in PROCESSES})


@pytest.mark.parametrize("victim", ["wallet", "payments", "gateway"])
async def test_every_request_that_moves_money_has_one_effect_although_its_owner_dies_on_it(
    town: Town, victim: str
) -> None:
    """Each is repeated under its key until it is answered, and then once more: the answer stays the same."""
    payer, payee = town.payers[0], town.payee
    async with httpx.AsyncClient(base_url=town.stack.url, timeout=HANG) as http:
        requests = await money_requests(http, town.operator, payer, payee)
        await at_rest(town.stack)
        before = await town.balances()
        asking: list[asyncio.Task[httpx.Response]] = []
        try:
            async with commits_held(town.stack, HELD.get(victim, "payments")) as one_is_held:
                asking += [asyncio.create_task(request.insist(http)) for request in requests]  # some are quick
                await one_is_held()
                await town.stack.kill_process(victim)
            await town.stack.healthy(victim)
            first = await asyncio.gather(*asking)
        finally:
            for task in asking:
                task.cancel()
        again = [await request.insist(http) for request in requests]
    for one, other in zip(first, again, strict=True):
        assert (other.status_code, other.json()) == (one.status_code, one.json())
        assert other.headers.get("Location") == one.headers.get("Location")
    await at_rest(town.stack)
    await prove(town.stack)
    assert await town.balances() == moved(before, requests)


async def test_kill_9_of_everything_at_once(town: Town) -> None:
    before = await town.balances()
    async with town.stream() as stream:
        await stream.answered(BEFORE)
        async with commits_held(town.stack, "wallet") as one_is_held:
            await one_is_held()
            await asyncio.gather(*(town.stack.kill_process(name) for name in PROCESSES))
        await town.stack.healthy(*PROCESSES)
        await stream.answered(AFTER)
    await check(town, stream, before)


async def test_the_broker_forgets_everything(town: Town) -> None:
    """With risk away, what payments asked it waits in the broker alone, and in the outbox that says it again."""
    before = await town.balances()
    async with town.stream() as stream:
        await stream.answered(BEFORE)
        await town.stack.stop_process("risk")
        await eventually("payments wait for risk", lambda: _enough_wait(town.stack))
        await town.stack.stop_process("nats")
        town.stack.wipe_jetstream()
        await town.stack.start_process("nats")
        await town.stack.start_process("risk")
        await stream.answered(AFTER)
    await check(town, stream, before)


async def _enough_wait(stack: Stack) -> bool:
    return await under_way(stack) >= WAITING
