from datetime import UTC, datetime

import pytest

from apps.payments.queries import get_timeline
from apps.payments.store import hops
from apps.payments.store.hops import HopRow
from apps.payments.tests.building import PAYER, create, enveloped
from apps.payments.tests.room import Room
from contracts.ids import new_id
from contracts.payments import GetTimeline, Hop, PaymentStatus
from outbox.responder import Refused


async def _all_hops(room: Room, question: GetTimeline) -> list[Hop]:
    found: list[Hop] = []
    while True:
        page = await get_timeline(room.database, enveloped(question))
        assert len(page.hops) <= question.limit
        found += page.hops
        if page.next_after is None:
            return found
        question = question.model_copy(update={"after": page.next_after})


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_hops_are_told_in_order_to_both_parties(room: Room, limit: int) -> None:
    command = create()
    await room.deliver(command)
    intent = await room.intent(command.data.payment_intent_id)
    first = await _all_hops(room, GetTimeline(payment_intent=intent.id, party=PAYER))
    assert [hop.number for hop in first] == list(range(1, intent.hops + 1))
    at, merchant = datetime.now(UTC), intent.merchant
    more = [
        HopRow(intent.id, intent.hops + n, at, "posted", "succeeded", new_id(), new_id(), new_id(), "payment_intent.x",
               f'{{"n": {n}}}', intent.customer, merchant)
        for n in range(1, 8)
    ]  # fmt: skip
    async with room.transactions.begin() as tx:
        await hops.insert(tx, more)
    for party in {PAYER, merchant or PAYER}:
        told = await _all_hops(room, GetTimeline(payment_intent=intent.id, party=party, limit=limit))
        assert [hop.number for hop in told] == list(range(1, intent.hops + 8))
        assert [(hop.cause, hop.operation, hop.event_id) for hop in told[-7:]] == [
            (h.cause, h.operation, h.event_id) for h in more
        ]
        assert told[-1].data == {"n": 7}
        assert (told[-1].at, told[-1].status) == (at, PaymentStatus.SUCCEEDED)
    rest = await _all_hops(room, GetTimeline(payment_intent=intent.id, party=PAYER, after=intent.hops + 5))
    assert [hop.number for hop in rest] == [intent.hops + 6, intent.hops + 7]


@pytest.mark.parametrize("after", [-(10**30), 10**30])
async def test_any_position_can_be_asked_for(room: Room, after: int) -> None:
    command = create()
    await room.deliver(command)
    question = GetTimeline(payment_intent=command.data.payment_intent_id, party=PAYER, after=after)
    assert bool(await _all_hops(room, question)) == (after < 0)


@pytest.mark.parametrize("known", [True, False])
async def test_nobody_else_learns_that_there_is_such_a_payment(room: Room, *, known: bool) -> None:
    command = create()
    await room.deliver(command)
    intent = command.data.payment_intent_id if known else new_id()
    with pytest.raises(Refused, match="payment_intent_not_found"):
        await get_timeline(room.database, enveloped(GetTimeline(payment_intent=intent, party=new_id())))
