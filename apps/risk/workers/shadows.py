"""Judges payments by the rule sets in shadow, after they were decided and answered: nobody waits for it."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence

import asyncpg
import structlog
from prometheus_client import Counter as Metric

from apps.risk.domain.backtesting import MOST_FLIPS, Flipped, Tally, rejudge
from apps.risk.domain.rule_sets.compiling import RuleSetError
from apps.risk.domain.ruling import Ruling
from apps.risk.handlers.rulings import load_ruling
from apps.risk.handlers.shadows import WORKER, Decided
from apps.risk.store import backtests, rule_sets, shadows
from apps.risk.store.decision_records import load_names
from outbox.cooperation import by_and_by
from outbox.database import Database, Reads
from outbox.transaction import Transaction, Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
POLL_SECONDS = 2.0
AT_ONCE = 200
AT_A_TIME = 2
"""Payments judged before others go on: a payment that is decided meanwhile waits for no more than these."""
NOT_USABLE = Metric("ledgerlink_risk_shadow_not_usable_total", "Rule sets in shadow that do not work any more")


class Shadows:
    """The rule sets in shadow, compiled once; what was decided comes from `decided`."""

    def __init__(self, database: Database, transactions: Transactions, decided: Decided) -> None:
        self._database, self._transactions, self._decided = database, transactions, decided
        self._rulings: OrderedDict[str, Ruling | None] = OrderedDict()
        self._names: dict[str, list[str]] = {}

    def worker(self) -> Worker:
        """Return the worker."""
        return Worker(WORKER, self.judge, POLL_SECONDS)

    async def judge(self) -> bool:
        """Judge the payments that wait, a bounded number; tell whether there may be more."""
        rulings = await self._load_rulings()
        self._decided.wanted = bool(rulings)
        taken = self._decided.take(AT_ONCE)
        if not rulings or not taken:
            return False
        async with self._database.reads() as reads:
            rows = await backtests.load_these(reads, list(taken))
            for catalogue in {row["catalogue"] for row in rows} - self._names.keys():
                self._names[catalogue] = await load_names(reads, catalogue)
        self._decided.put_back({i: taken[i] for i in taken.keys() - {row["assessment_id"] for row in rows}})
        found = [(ruling, *await self._judge_by(ruling, rows)) for ruling in rulings]
        async with self._transactions.begin() as tx:
            await rule_sets.take_turn(tx)  # the bound on what is kept holds for all replicas together
            for ruling, tally, flips in found:
                await _record(tx, ruling.rules.hash, tally, flips)
        return len(rows) == AT_ONCE

    async def _judge_by(self, ruling: Ruling, rows: Sequence[asyncpg.Record]) -> tuple[Tally, list[Flipped]]:
        tally, flips = Tally(), list[Flipped]()
        async for row in by_and_by(rows, AT_A_TIME):
            past = backtests.past_of(row, self._names[row["catalogue"]])
            flips += rejudge(ruling, [past], tally)
        return tally, flips

    async def _load_rulings(self) -> list[Ruling]:
        async with self._database.reads() as reads:
            names = await rule_sets.load_in_shadow(reads)
            for name in names:
                if name not in self._rulings:
                    self._rulings[name] = await _usable(reads, name)
        for name in self._rulings.keys() - set(names):
            del self._rulings[name]
        return [ruling for ruling in self._rulings.values() if ruling is not None]


async def _usable(reads: Reads, name: str) -> Ruling | None:
    try:
        return await load_ruling(reads, name)
    except (RuleSetError, ValueError) as error:
        NOT_USABLE.inc()
        _LOG.error("a rule set in shadow cannot be used", rule_set=name, error=str(error))
        return None


async def _record(tx: Transaction, rule_set: str, tally: Tally, flips: Iterable[Flipped]) -> None:
    so_far = sum(c.payments for c in await shadows.load_tally(tx, rule_set) if c.before is not c.after)
    counts = Counter[tuple[str, str, str]]()
    for (before, after, _), payments in tally.outcomes.items():
        counts[rule_set, before, after] += payments
    await shadows.count(tx, counts)
    await shadows.keep(tx, rule_set, list(flips)[: max(0, MOST_FLIPS - so_far)])
