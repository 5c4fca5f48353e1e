"""Match imported statements against the books, in the background, a rule at a time.

Each step of a matching is recorded with what it matched, so that one that is interrupted goes on where it stopped, and
no transaction takes longer than one step of a large statement, or `SECONDS` of small ones.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

import structlog
from prometheus_client import Counter

from apps.wallet.domain.reconciliation import Statement
from apps.wallet.domain.reconciliation_view import reconciliation_resource
from apps.wallet.store import matching, reconciliation
from apps.wallet.store.matching import Found
from contracts.wallet import MatchRule, Reconciliation, ReconciliationFailed, ReconciliationMatched
from outbox.database import is_transient
from outbox.transaction import Transaction

_LOG = structlog.get_logger()
BREAKS = Counter(
    "ledgerlink_reconciliation_breaks_total", "Differences between statements and the books, found by matching"
)
SWEEP_SECONDS = 0.5
SECONDS = 1.0
"""After which a transaction begins no other step."""

Step = tuple[str, Callable[[Transaction, Statement], Awaitable[Found]]]


async def match_statements(tx: Transaction) -> None:
    """Take the oldest statement that is to be matched some steps on, unless there is none."""
    if await reconciliation.load_next_to_match(tx) is None or not await matching.take_turn(tx):
        return
    statement = await reconciliation.lock_next_to_match(tx)
    if statement is None:
        return
    try:
        async with tx.savepoint():
            await _go_on(tx, statement)
    except Exception as error:
        if is_transient(error):
            raise
        # Whatever a statement says must not end the service that keeps the books.
        _LOG.exception("matching given up", reconciliation=str(statement.id))
        await reconciliation.save_failed(tx, statement.id, type(error).__name__)
        tx.say(ReconciliationFailed(reconciliation=await _shown(tx, statement)), None)


async def _go_on(tx: Transaction, statement: Statement) -> None:
    await matching.read_whole(tx)
    ends = monotonic() + SECONDS
    for number in range(await matching.load_steps_done(tx, statement.id) + 1, len(_STEPS) + 1):
        name, step = _STEPS[number - 1]
        found = await step(tx, statement)
        await matching.save_step(tx, statement.id, number, name, found)
        if monotonic() > ends:
            return
    tx.say(ReconciliationMatched(reconciliation=await _shown(tx, statement)), None)


async def _gather(tx: Transaction, statement: Statement) -> Found:
    found = await matching.gather(tx, statement)
    await reconciliation.save_gathered(tx, statement.id, found.entries)
    return found


async def _list_breaks(tx: Transaction, statement: Statement) -> Found:
    broken = await matching.list_what_is_left(tx, statement)
    await reconciliation.save_matched(tx, statement.id, broken)
    BREAKS.inc(broken.breaks)
    return broken.found


def _by(rule: MatchRule, match: Callable[..., Awaitable[Found]]) -> Step:
    return rule.value, partial(match, rule=rule.value)


_STEPS: tuple[Step, ...] = (
    ("gather", _gather),
    _by(MatchRule.EXACT, matching.match_exact),
    _by(MatchRule.REFERENCE, matching.match_reference),
    _by(MatchRule.ONE_TO_MANY, matching.match_one_to_many),
    _by(MatchRule.MANY_TO_ONE, matching.match_many_to_one),
    _by(MatchRule.AMOUNT_AND_DATE, matching.match_amount),
    ("breaks", _list_breaks),
)


async def _shown(tx: Transaction, statement: Statement) -> Reconciliation:
    row = await reconciliation.load_shown(tx, statement.id)
    assert row is not None  # noqa: S101 - it is locked
    return reconciliation_resource(row)
