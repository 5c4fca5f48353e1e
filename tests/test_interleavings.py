"""Many seeds: whatever comes late, twice, in another order or never, and wherever a process dies, the books hold.

`--seeds N` plays more of them, `--first-seed K` others; a failure names the world that it happened in.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apps.payments.domain.transitions import TRANSITIONS, State, Trigger
from tests.fresh_databases import Cluster
from tests.interleavings.invariants import check
from tests.interleavings.playing import play
from tests.interleavings.world import World

TOGETHER = 40
"""Seeds that share a world: their customers have nothing to do with each other, but much comes in the same batches."""
ENOUGH = 1000
_MOVES = """
SELECT DISTINCT lag(state) OVER (PARTITION BY intent_id ORDER BY number) AS before, trigger, state FROM hop
"""
# A hold outlives the time in which it may be captured. The sandbox decides at once when its customer has acted.
_UNREACHED = {
    (State.POSTING, Trigger.POST_REFUSED, State.RELEASING),
    (State.AWAITING_ACTION, Trigger.ACTION_TAKEN, State.AUTHORISING),
}
_STORY = """
SELECT dense_rank() OVER (ORDER BY i.created_at, i.id) AS payment, h.number, h.trigger, h.state
FROM payment_intent i JOIN hop h ON h.intent_id = i.id ORDER BY 1, 2
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Share the seeds that are asked for among worlds."""
    if "seeds" in metafunc.fixturenames:
        first, number = metafunc.config.getoption("--first-seed"), metafunc.config.getoption("--seeds")
        starts = range(first, first + number, TOGETHER)
        worlds = [range(start, min(start + TOGETHER, first + number)) for start in starts]
        metafunc.parametrize("seeds", worlds, ids=[f"{seeds[0]}-{seeds[-1]}" for seeds in worlds])


@dataclass
class Reached:
    """What the worlds so far have come to."""

    seeds: int = 0
    moves: set[tuple[str, str, str]] = field(default_factory=set)
    boundaries: set[str] = field(default_factory=set)
    deaths: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def reached() -> Reached:
    return Reached()


async def test_whatever_happens_the_books_hold(
    _cluster: Cluster,  # noqa: PT019
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seeds: range,
    reached: Reached,
) -> None:
    async with World(seeds[0], _cluster, tmp_path, monkeypatch) as world:
        await play(world, seeds)
        await check(world)
        reached.moves |= {tuple(row) for row in await world.reads("payments", _MOVES)}
        reached.boundaries |= set(world.chance.passed)
        reached.deaths |= world.chance.deaths
        reached.seeds += len(seeds)


def test_so_many_seeds_reach_every_move_of_a_payment(reached: Reached) -> None:
    if reached.seeds < ENOUGH:
        pytest.skip(f"only {reached.seeds} seeds were played")
    table = {(state, t, to) for state, moves in TRANSITIONS.items() for t, ends in moves.items() for to in ends}
    missed = sorted(f"{state} -{trigger}-> {to}" for state, trigger, to in table - _UNREACHED - reached.moves)
    assert not missed


def test_processes_have_died_at_every_boundary_of_every_step(reached: Reached) -> None:
    if reached.seeds < ENOUGH:
        pytest.skip(f"only {reached.seeds} seeds were played")
    assert {"payments-commands: before the commit", "call processors: with answers in hand"} <= reached.boundaries
    assert sorted(reached.boundaries - reached.deaths) == []


async def test_a_world_repeats_itself(
    _cluster: Cluster,  # noqa: PT019
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stories: list[list[tuple[Any, ...]]] = []
    for name in ("once", "again"):
        async with World(7, _cluster, tmp_path / name, monkeypatch) as world:
            await play(world, range(7, 27))
            stories.append([tuple(row) for row in await world.reads("payments", _STORY)])
    assert len(stories[0]) > 100
    assert stories[0] == stories[1]
