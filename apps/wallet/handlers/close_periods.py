"""Close periods: nothing becomes effective in them any more, so that their statements stay as they are for ever."""

from collections.abc import Sequence

from apps.wallet.domain.periods import ClosedPeriod, ClosingRefusal, ClosingRequest, decide, period_resource
from apps.wallet.store import periods
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.wallet import ClosePeriod, PeriodClosed
from outbox.transaction import Transaction


async def close_periods(tx: Transaction, commands: Sequence[Envelope[ClosePeriod]]) -> None:
    """Close or refuse each command, in order, each after the period that the one before it closed."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    requests = [ClosingRequest(c.data.period_id, c.data.ends_at, c.data.closed_by) for c in accepted]
    now, closed_until = await periods.lock_closed_until(tx)
    known = await periods.load_periods(tx, {r.period_id for r in requests})
    closings = decide(known, closed_until, requests, now)
    await periods.save_periods(tx, closings.closed)
    new = {period.id for period in closings.closed}
    for command, outcome in zip(accepted, closings.outcomes, strict=True):
        tx.answer(command, _answer(outcome))
        if isinstance(outcome, ClosedPeriod) and outcome.id in new:
            new.remove(outcome.id)
            tx.say(PeriodClosed(period=period_resource(outcome)), command)


def _answer(outcome: ClosedPeriod | ClosingRefusal) -> Reply:
    if isinstance(outcome, ClosingRefusal):
        problem = Problem(code=outcome.value, detail=outcome.detail, parameter=outcome.parameter)
        return Reply(outcome=Outcome.REFUSED, problem=problem)
    resource = period_resource(outcome).model_dump(mode="json", exclude_none=True)
    return Reply(outcome=Outcome.COMPLETED, resource=resource)
