"""Start and cancel backtests; a worker carries them out (apps.risk.workers.backtests)."""

from collections.abc import Sequence

from apps.risk.domain.backtesting import BacktestRefusal, check_period
from apps.risk.domain.change_control import RuleSetRefusal
from apps.risk.store import backtests as store
from apps.risk.store import rule_sets
from contracts.ids import new_id
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import Backtest, BacktestStatus, CancelBacktest, StartBacktest
from outbox.transaction import Transaction

WORKER = "backtests"
_Command = StartBacktest | CancelBacktest
_Refusal = BacktestRefusal | RuleSetRefusal


async def change_backtests(tx: Transaction, commands: Sequence[Envelope[_Command]]) -> None:
    """Carry out each command in order, or refuse to."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    await rule_sets.take_turn(tx)
    for command in accepted:
        match command.data:
            case StartBacktest() as asked:
                outcome = await _start(tx, asked)
            case CancelBacktest() as asked:
                outcome = await _cancel(tx, asked)
        _answer(tx, command, outcome)


async def _start(tx: Transaction, asked: StartBacktest) -> Backtest | _Refusal:
    if refusal := check_period(asked.since, asked.until):
        return refusal
    if await rule_sets.load_document(tx, asked.rule_set) is None:
        return RuleSetRefusal.RULE_SET_NOT_FOUND
    if await store.load_running(tx) is not None:
        return BacktestRefusal.BACKTEST_RUNNING
    identifier = new_id()
    await store.start(tx, identifier, asked)
    tx.wake(WORKER)
    return await store.load(tx, identifier) or BacktestRefusal.BACKTEST_NOT_FOUND


async def _cancel(tx: Transaction, asked: CancelBacktest) -> Backtest | _Refusal:
    found = await store.lock(tx, asked.backtest)
    if found is None:
        return BacktestRefusal.BACKTEST_NOT_FOUND
    if found.status is not BacktestStatus.RUNNING:
        return BacktestRefusal.BACKTEST_ENDED
    await store.end(tx, asked.backtest, BacktestStatus.CANCELED, asked.by)
    return await store.load(tx, asked.backtest) or BacktestRefusal.BACKTEST_NOT_FOUND


def _answer(tx: Transaction, command: Envelope[_Command], outcome: Backtest | _Refusal) -> None:
    if isinstance(outcome, Backtest):
        resource = outcome.model_dump(mode="json", exclude_none=True)
        tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))
        return
    parameter = {BacktestRefusal.PERIOD_EMPTY: "since", RuleSetRefusal.RULE_SET_NOT_FOUND: "rule_set"}.get(outcome)
    problem = Problem(code=outcome.value, detail=outcome.detail, parameter=parameter)
    tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
