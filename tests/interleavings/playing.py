"""A whole world: trouble first, then calm until every payment has come to its end."""

import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

from tests.interleavings.clients import Scenario
from tests.interleavings.stories import story
from tests.interleavings.world import World

STEPS = 300
_UNENDED = """
SELECT id, state FROM payment_intent WHERE state NOT IN ('succeeded', 'canceled')
UNION ALL SELECT intent_id, 'operation ' || verb || ' ' || status FROM operation WHERE settled_at IS NULL
UNION ALL SELECT id, 'refund ' || stage FROM refund WHERE stage NOT IN ('succeeded', 'failed')
UNION ALL SELECT id, 'dispute ' || status || ' ' || funds FROM dispute WHERE funds NOT IN ('taken', 'returned')
"""
# After each of these all that is due is done: lost webhooks, leases, reviews, captures, evidence, abandoned payments.
PATIENCE = (
    *[timedelta(seconds=10)] * 6,
    *[timedelta(minutes=2)] * 4,
    *[timedelta(minutes=30)] * 4,
    *[timedelta(hours=2)] * 3,
    *[timedelta(days=1)] * 10,
    timedelta(days=31),
    timedelta(minutes=2),
    timedelta(days=2),
)


async def play(world: World, seeds: Iterable[int]) -> None:
    """Play what the seeds would have people do, all of it in one world."""
    people = [Scenario(world, random.Random(f"people {seed}")) for seed in seeds]  # noqa: S311 - it is to be repeated
    await _begin(world, people)
    for _ in range(STEPS):
        await _step(world, people)
    world.chance.calm()
    for person in people:
        person.thaw()
    await _end(world)


async def _begin(world: World, people: list[Scenario]) -> None:
    world.chance.is_calm = True
    for person in people:
        person.open_accounts()
    await world.work_off()
    for person in people:
        person.fund()
    await world.work_off()
    world.chance.is_calm = False


async def _step(world: World, people: list[Scenario]) -> None:
    rng = world.chance.rng
    [act] = rng.choices(list(_ACTS), list(_ACTS.values()))
    await act(world, people)
    [milliseconds] = rng.choices(list(_PAUSES), list(_PAUSES.values()))
    world.pass_time(timedelta(milliseconds=milliseconds))


async def _deliver(world: World, _people: list[Scenario]) -> None:
    if world.waiting:
        await world.deliver(world.chance.rng.choice(world.waiting))


async def _let_people_act(_world: World, people: list[Scenario]) -> None:
    for person in people:
        if person.rng.random() < 0.5:
            await person.act()


async def _call_processors(world: World, _people: list[Scenario]) -> None:
    await world.call_processors()


async def _apply_webhooks(world: World, _people: list[Scenario]) -> None:
    await world.drain("inbound")


async def _let_processor_act(world: World, _people: list[Scenario]) -> None:
    world.company.do_what_is_due()


async def _send_webhooks(world: World, _people: list[Scenario]) -> None:
    await world.company.send_webhooks()


async def _sweep(world: World, _people: list[Scenario]) -> None:
    await world.sweep(*world.chance.rng.choice(SWEEPS))


async def _deliver_twice(world: World, _people: list[Scenario]) -> None:
    world.send_again()


async def _freeze(world: World, people: list[Scenario]) -> None:
    world.chance.rng.choice(people).freeze()


_ACTS: dict[Callable[[World, list[Scenario]], Awaitable[None]], float] = {
    _deliver: 40,
    _let_people_act: 20,
    _call_processors: 14,
    _apply_webhooks: 6,
    _let_processor_act: 6,
    _send_webhooks: 6,
    _sweep: 8,
    _deliver_twice: 3,
    _freeze: 6,
}
"""What happens next, and how often."""
_PAUSES = {1: 30, 100: 30, 1000: 20, 10_000: 6, 3_700_000: 0.3}
"""How much time then passes, in milliseconds, and how often."""
SWEEPS = (("payments", "end_waits"), ("payments", "ask_ledger_again"), ("wallet", "expire_holds"))


async def _end(world: World) -> None:
    await world.work_off()
    for pause in PATIENCE:
        if world.company.is_done and not await world.reads("payments", _UNENDED):
            return
        world.company.decide_disputes()
        world.pass_time(pause)
        await world.work_off()
    left = await world.reads("payments", _UNENDED)
    assert not left, await story(world, left[0]["id"])
