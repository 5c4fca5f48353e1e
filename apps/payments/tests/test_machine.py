"""The machine under random signals, repeated and out of order: what must hold after each of them, and at the end."""

import os
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.payments.domain.deciding import Step
from apps.payments.tests.play import WALLET, Play
from apps.payments.tests.room import TERMS
from apps.payments.tests.world import World

STEPS = 60
SEEDS = int(os.environ.get("PAYMENT_SEEDS", "2000"))
"""How many lives of payments are played; PAYMENT_SEEDS=100000 for a long look."""


def live(chance: Random, steps: int = STEPS) -> World:
    world = World(chance)
    for _ in range(steps):
        world.act()
        world.check()
    world.finish()
    return world


@pytest.mark.parametrize("share", range(8))
def test_lives_of_payments_by_seed(share: int) -> None:
    for seed in range(share, SEEDS, 8):
        try:
            live(Random(seed))  # noqa: S311 - a life that can be played again
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 30))
def test_lives_of_payments_that_can_be_shrunk(chance: Random, steps: int) -> None:
    live(chance, steps)


def test_a_step_depends_on_nothing_else() -> None:
    """Ids and the time are given, so that the same signal makes the same of the same payment."""
    play = Play().create(**WALLET)
    before = play.payment

    def repeated() -> Step:
        ids = (UUID(int=n) for n in range(1, 100))
        again = Play(replace(TERMS, fresh_id=lambda: next(ids)))
        again.there = before
        step = again.risk()
        assert isinstance(step, Step)
        return step

    assert repeated() == repeated()
