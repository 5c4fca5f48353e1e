"""Follow identity's word on customers, and let analysts put customers into tiers; what changes a tier is said."""

from collections.abc import Sequence

from apps.risk.domain.customers import Customer, TierRefusal, Told, learn, set_by_hand
from apps.risk.store import customer_views
from apps.risk.store import customers as store
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import CustomerTierChanged, SetTier
from outbox.transaction import Cause, Transaction


async def hear(tx: Transaction, events: Sequence[Envelope[Told]]) -> None:
    """Learn from identity who is a customer, whose address is proven, and who is a merchant."""
    before = await store.lock(tx, {event.data.user_id for event in events})
    after = dict(before)
    for event in events:
        after[event.data.user_id] = learn(after[event.data.user_id], event.data)
    await store.save(tx, [customer for user, customer in after.items() if customer != before[user]])
    for user, cause in {event.data.user_id: event for event in events}.items():
        _tell(tx, before[user], after[user], cause)


async def set_tier(tx: Transaction, command: Cause, asked: SetTier) -> None:
    """Put a customer into a tier, or refuse to."""
    [before] = (await store.lock(tx, {asked.user_id})).values()
    outcome = set_by_hand(before, asked, tx.now)
    if isinstance(outcome, TierRefusal):
        problem = Problem(code=outcome.value, detail=outcome.detail, parameter="user_id")
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
        return
    await store.save(tx, [outcome])
    await store.record(tx, asked)
    _tell(tx, before, outcome, command)
    resource = (await customer_views.load(tx, outcome, tx.now)).model_dump(mode="json", exclude_none=True)
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))


def _tell(tx: Transaction, before: Customer, customer: Customer, cause: Cause) -> None:
    if customer.tier is before.tier:
        return
    event = CustomerTierChanged(
        user_id=customer.user_id,
        before=before.tier,
        tier=customer.tier,
        set_by=customer.by_hand.by if customer.by_hand else None,
        changed_at=tx.now,
    )
    tx.say(event, cause)
