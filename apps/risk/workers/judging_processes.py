"""What a process of a backtest does: reads a part of the past from the database, and judges it by the rule set."""

import asyncio
import multiprocessing
import os
import threading
from typing import NamedTuple
from uuid import UUID

from apps.risk.domain.backtesting import Flipped, Tally, rejudge
from apps.risk.domain.rule_sets.compiling import CompiledRuleSet
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.domain.ruling import Ruling
from apps.risk.domain.scoring.model import Model
from apps.risk.store import backtests as store
from apps.risk.store.decision_records import load_names
from outbox.database import Database

_NICENESS = 10
"""Payments that are decided meanwhile come first."""


class Part(NamedTuple):
    """A part of the past, from `first` to before `end`; so many payments."""

    first: UUID
    end: UUID
    payments: int


class JudgedPart(NamedTuple):
    """What a part came to."""

    judged: int
    flips: list[Flipped]
    tally: Tally


class _Work(NamedTuple):
    url: str
    ruling: Ruling
    names: dict[str, list[str]]


_work: list[_Work] = []


def prepare(url: str, rule_set: bytes, model: bytes | None) -> None:
    """Make a process ready: low priority, gone with its parent, the rule set compiled."""
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ready = Model.of(model) if model else None
    rules = CompiledRuleSet.of(RuleSetDocument.model_validate_json(rule_set), ready)
    _work[:] = [_Work(url, Ruling(rules, ready), {})]


def judge_part(part: Part) -> JudgedPart:
    """Judge all payments of a part."""
    return asyncio.run(_judge_part(_work[0], part))


async def _judge_part(work: _Work, part: Part) -> JudgedPart:
    database = Database(work.url, 1)
    await database.open()
    try:
        async with database.reads() as reads:
            rows = await store.load_past(reads, part.first, part.end)
            for catalogue in {row["catalogue"] for row in rows} - work.names.keys():
                work.names[catalogue] = await load_names(reads, catalogue)
    finally:
        await database.close()
    tally = Tally()
    past = (store.past_of(row, work.names[row["catalogue"]]) for row in rows)
    return JudgedPart(len(rows), list(rejudge(work.ruling, past, tally)), tally)


def _end_with_parent() -> None:
    """End when the service has: nothing else tells a waiting process of a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
