"""Hops as bars over time: how long each message was under way, and how long its taker worked on it."""

from collections.abc import Iterable, Sequence

from ops.demo.report import HopLine

WIDTH = 36
UNDER_WAY, WORK = "─", "█"


def timelines(hops: Sequence[HopLine], total_ms: float) -> list[str]:
    """Return one bar for the request, one a hop, one for the answer: `WIDTH` characters are `total_ms`.

    A taker works from taking a message up until the next one after that is said; the gateway, until it has answered.
    """
    said = [hop.said_at_ms for hop in hops]
    request = _bar(0, 0, said[0] if said else total_ms, total_ms)
    bars = [
        "" if hop.taken_at_ms is None else _hop_bar(hop.said_at_ms, hop.taken_at_ms, said, total_ms) for hop in hops
    ]
    last = said[-1] if said else total_ms
    return [request, *bars, _bar(last, last, total_ms, total_ms)]


def _hop_bar(said_ms: float, taken_ms: float, said: Iterable[float], total_ms: float) -> str:
    return _bar(said_ms, taken_ms, next((at for at in said if at > taken_ms), total_ms), total_ms)


def _bar(said_ms: float, taken_ms: float, until_ms: float, total_ms: float) -> str:
    said, taken, until = (_column(at, total_ms) for at in (said_ms, taken_ms, until_ms))
    return " " * said + UNDER_WAY * (taken - said) + WORK * max(until - taken, taken < WIDTH)


def _column(at_ms: float, total_ms: float) -> int:
    return min(WIDTH, max(0, round(at_ms / total_ms * WIDTH)))
