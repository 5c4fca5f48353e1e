"""One run of the bench of backtests: a Postgres of its own, seeded with decisions, and the service's own worker."""

import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from apps.risk.domain.features.catalogue import CATALOGUE, CATALOGUE_HASH
from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.domain.rule_sets.without_history import WITHOUT_HISTORY
from apps.risk.handlers.rule_sets import install_baseline
from apps.risk.store import backtests, decisions, rule_sets
from apps.risk.store.decisions import CATALOGUE_DOCUMENT
from apps.risk.store.rule_sets import NewRuleSet
from apps.risk.workers.backtests import Backtests
from contracts.ids import new_id
from contracts.message import Idempotency
from contracts.risk import StartBacktest
from ops.bench.backtest.report import BacktestReport
from ops.bench.rule_sets import fifty_rules
from ops.stack.stack import Stack
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

_SEEDED_AT_ONCE = 20_000
_SEED_SECONDS = 120.0
# Amounts up to 200.00 EUR: a rule of the bench blocks those above 190.00, one payment in twenty.
_SEED = """
INSERT INTO decision (assessment_id, payment_intent_id, payer, outcome, rules, decided_at, request, values, catalogue,
                      rule_set, score, codes, micros)
SELECT id, id, gen_random_uuid(), 'approve', '[]', now(), '{}', (
           $2::text || (100 + (n * 7919) % 19900)::text || $3::text)::json, $4, $5, 0, '{}', 300
FROM unnest($1::uuid[]) WITH ORDINALITY AS made (id, n)
"""


@dataclass(frozen=True)
class Options:
    """What is asked for: so many payments, judged by so many processes."""

    payments: int
    processes: int


async def run(options: Options) -> BacktestReport:
    """Start Postgres in a temporary directory, seed it, and judge. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory:
        async with Stack(Path(directory) / "data", only=("postgres", "migrate")) as stack:
            url = stack.parts.postgres.service_url("risk")
            async with _database(url) as database:
                return await _measure(database, url, options)


async def _measure(database: Database, url: str, options: Options) -> BacktestReport:
    transactions = Transactions(database, "risk", _say_nothing)
    await install_baseline(transactions, BASELINE)
    await _seed(database, transactions, options.payments)
    rules, identifier, now = fifty_rules(), new_id(), datetime.now(UTC)
    asked = StartBacktest(
        rule_set=rules.hash,
        by=new_id(),
        since=now - timedelta(days=1),
        until=now + timedelta(days=1),
        limit=options.payments,
        idempotency=Idempotency(scope="bench", key="bench", fingerprint="0" * 64),
    )
    async with transactions.begin() as tx:
        await rule_sets.save(tx, NewRuleSet(rules, asked.by, now))
        await backtests.start(tx, identifier, asked)
    load_average, started = os.getloadavg()[0], time.monotonic()
    await Backtests(database, transactions, url, options.processes).carry_out()
    seconds = time.monotonic() - started
    async with database.reads() as reads:
        done = await backtests.load(reads, identifier)
    if done is None:
        raise LookupError("the backtest is gone")
    return BacktestReport(
        payments=options.payments,
        judged=done.payments,
        processes=options.processes,
        rules=len(rules.rules),
        seconds=round(seconds, 1),
        per_second=done.payments / seconds,
        flips=done.flips,
        flips_kept=done.flips_kept,
        status=done.status.value,
        load_average=load_average,
    )


async def _seed(database: Database, transactions: Transactions, payments: int) -> None:
    async with transactions.begin() as tx:
        await decisions.keep_documents(tx, {CATALOGUE_HASH: CATALOGUE_DOCUMENT})
    values = orjson.dumps([WITHOUT_HISTORY[f.name] for f in CATALOGUE]).decode()
    place = [f.name for f in CATALOGUE].index("amount")
    before, after = _around(values, place)
    for start in range(0, payments, _SEEDED_AT_ONCE):
        ids = [new_id() for _ in range(min(_SEEDED_AT_ONCE, payments - start))]
        asked = ids, before, after, CATALOGUE_HASH, BASELINE.hash
        await database.pool.execute(_SEED, *asked, timeout=_SEED_SECONDS)


def _around(values: str, place: int) -> tuple[str, str]:
    """Return what stands before and after a value in a JSON array; no text in it has a comma."""
    parts = values.split(",")
    before, after = ",".join([*parts[:place], ""]), ",".join(["", *parts[place + 1 :]])
    return before or "[", after


async def _say_nothing(_spoken: Spoken) -> None:
    """Publish nothing: no broker runs."""


@asynccontextmanager
async def _database(url: str) -> AsyncIterator[Database]:
    database = Database(url, 4)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
