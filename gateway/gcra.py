"""The rule of rate limits: the generic cell rate algorithm (ITU-T I.371 Annex A), for several policies at once.

All times are whole microseconds, so that nothing is lost to rounding. gcra.lua is the same rule inside Redis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SECOND = 1_000_000
"""Microseconds in a second."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`quota` units may be used at once, and all of them anew every `window` seconds, in an even flow.

    A policy in shadow is counted and reported, and refuses nothing. `name` tells the keys of policies apart.
    """

    name: str
    quota: int
    window: int
    shadow: bool = False
    interval: int = field(init=False)
    """Microseconds in which one unit comes back; rounded up, so that never more comes back than was promised."""
    span: int = field(init=False)
    """Microseconds in which all units come back: how far what was used may run ahead of the clock."""

    def __post_init__(self) -> None:
        interval = -(-self.window * SECOND // self.quota)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "span", interval * self.quota)


class Charge(NamedTuple):
    """What a request costs under a policy, and whose quota it comes from."""

    policy: Policy
    who: str
    cost: int = 1

    @property
    def key(self) -> str:
        """The name under which what `who` has used is kept."""
        return f"ledgerlink:rate:{self.policy.name}:{self.who}"


class Standing(NamedTuple):
    """How a charge stands after its request was decided, in microseconds.

    `early` is how much later the request would have conformed, 0 when it did; `used` is how long it takes until
    nothing is used any more.
    """

    early: int
    used: int


def decide(now: int, dues: Sequence[int | None], charges: Sequence[Charge]) -> tuple[list[Standing], list[int | None]]:
    """Decide a request's charges all or nothing, and return how each stands, and what is due now where that changed.

    A due is the moment when nothing is used any more, None for one that nobody has used. When any policy refuses that
    is not in shadow, no policy is charged; one in shadow that would refuse is not charged either.
    """
    steps = []
    for due, (policy, _, cost) in zip(dues, charges, strict=True):
        # A due further ahead than the policy lets it run is one of a larger policy, or of a clock that was set back.
        before = min(max(due or now, now), now + policy.span)
        after = before + cost * policy.interval
        steps.append((before, after, max(0, after - policy.span - now)))
    refused = any(early and not charge.policy.shadow for (_, _, early), charge in zip(steps, charges, strict=True))
    standings: list[Standing] = []
    changed: list[int | None] = []
    for before, after, early in steps:
        is_charged = not (refused or early)
        standings.append(Standing(early, (after if is_charged else before) - now))
        changed.append(after if is_charged else None)
    return standings, changed
