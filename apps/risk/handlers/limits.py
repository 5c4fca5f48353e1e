"""Set limits and tiers, count approved payments against limits, and stop counting what was given up or not captured."""

from collections.abc import Sequence

from apps.risk.domain.limits import Ended, Limit, LimitRefusal, release
from apps.risk.handlers import customers
from apps.risk.store import limits as store
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import LimitChanged, SetLimit, SetTier
from outbox.transaction import Transaction


async def change(tx: Transaction, commands: Sequence[Envelope[SetLimit | SetTier]]) -> None:
    """Set the limits of tiers, and the tiers of customers; both hold from the next decision on."""
    accepted = await tx.first_time(commands)
    for command in accepted:  # few and far between: no batch of them is worth set-based writes
        match command.data:
            case SetLimit() as asked:
                await _set_limit(tx, command, asked)
            case SetTier() as asked:
                await customers.set_tier(tx, command, asked)


async def free(tx: Transaction, ends: Sequence[Ended]) -> None:
    """Let payments that were canceled, that failed or were captured in part count no more than what has moved.

    Who calls this has the turn (store.decisions).
    """
    payments = {end.payment_intent_id for end in ends}
    known, counted = await store.load_ends(tx, payments), await store.load_counted(tx, payments)
    await store.save_releases(tx, release(known, ends, counted))


async def _set_limit(tx: Transaction, command: Envelope[SetLimit | SetTier], asked: SetLimit) -> None:
    refusal = Limit(asked.per_payment, asked.per_day, asked.per_month).refusal
    if refusal:
        tx.answer(command, _refused(refusal))
        return
    limit = await store.set_limit(tx, asked)
    tx.say(LimitChanged(limit=limit), command)
    resource = limit.model_dump(mode="json", exclude_none=True)
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))


def _refused(refusal: LimitRefusal) -> Reply:
    problem = Problem(code=refusal.value, detail=refusal.detail, parameter="per_payment")
    return Reply(outcome=Outcome.REFUSED, problem=problem)
