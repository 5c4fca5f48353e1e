from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from apps.payments.domain.transitions import State
from apps.payments.tests.building import approval, create, enveloped, last_error, posted, refused
from apps.payments.tests.room import Room
from contracts.ids import new_id
from contracts.message import Outcome, Problem
from contracts.payments import PaymentIntent, PaymentIntentFailed, PaymentIntentSucceeded, PaymentStatus
from contracts.wallet import PostTransfer, Transfer, TransferPosted, TransferRefused


def intent_of(post: PostTransfer) -> UUID:
    assert post.reference is not None
    return post.reference


async def posting(room: Room, number: int = 1) -> list[PostTransfer]:
    """Bring some payments as far as the ledger."""
    commands = [create() for _ in range(number)]
    await room.deliver(*commands)
    await room.deliver(*[approval(await room.assessment(c.data.payment_intent_id)) for c in commands])
    return [await room.post(command.data.payment_intent_id) for command in commands]


async def test_a_posted_transfer_is_success(room: Room) -> None:
    (post,) = await posting(room)
    outcome = posted(post)
    (reply,) = await room.deliver(outcome)
    intent = await room.intent(intent_of(post))
    (succeeded,) = await room.said(PaymentIntentSucceeded)

    assert intent.state is State.SUCCEEDED
    assert (reply.outcome, reply.problem) == (Outcome.COMPLETED, None)
    shown = PaymentIntent.model_validate(reply.resource)
    assert (shown.status, shown.transfer_id) == (PaymentStatus.SUCCEEDED, post.transfer_id)
    assert succeeded.data.payment_intent == shown
    assert (succeeded.correlationid, succeeded.causationid) == ("order-7", outcome.id)


async def test_a_refused_transfer_is_a_failure_in_the_customers_terms(room: Room) -> None:
    (post,) = await posting(room)
    (reply,) = await room.deliver(refused(post))
    intent = await room.intent(intent_of(post))
    (failed,) = await room.said(PaymentIntentFailed)
    assert intent.state is State.REQUIRES_PAYMENT_METHOD
    assert (last_error(intent).code, last_error(intent).parameter) == ("insufficient_funds", "source_wallet")
    assert (reply.outcome, reply.problem) == (Outcome.COMPLETED, intent.last_payment_error)
    assert failed.data.payment_intent.last_payment_error == intent.last_payment_error


async def test_transfers_that_are_not_of_our_payments_are_ignored(room: Room) -> None:
    (post,) = await posting(room)
    top_up = Transfer(
        id=new_id(),
        debit_account=new_id(),
        credit_account=post.debit_account,
        amount=5000,
        currency="EUR",
        sequence=1,
        posted_at=datetime.now(UTC),
    )
    nobodys = refused(post).data.model_copy(update={"reference": None})
    foreign = posted(post.model_copy(update={"reference": new_id()}))
    outdated = posted(post.model_copy(update={"transfer_id": new_id()}))
    refusal = TransferRefused(transfer_id=new_id(), problem=Problem(code="insufficient_funds", detail="empty"))
    batch = [enveloped(TransferPosted(transfer=top_up)), enveloped(nobodys), foreign, outdated, enveloped(refusal)]
    assert await room.deliver(*batch) == []
    assert (await room.intent(intent_of(post))).state is State.POSTING


async def test_the_first_outcome_counts_and_is_said_once(room: Room) -> None:
    (post,) = await posting(room)
    assert len(await room.deliver(posted(post), posted(post), refused(post))) == 1
    assert await room.deliver(posted(post)) == []
    assert (await room.intent(intent_of(post))).state is State.SUCCEEDED
    assert len(await room.said(PaymentIntentSucceeded)) == 1


@pytest.mark.parametrize("sizes", [[8], [1] * 8, [3, 1, 4]])
async def test_batches_of_any_size_give_the_same_states(room: Room, sizes: Sequence[int]) -> None:
    posts = await posting(room, 4)
    outcomes = [posted(posts[0]), refused(posts[1]), posted(posts[2]), refused(posts[2]), refused(posts[1])]
    outcomes += [posted(posts[0]), refused(posts[3]), posted(posts[3])]
    for size in sizes:
        batch, outcomes = outcomes[:size], outcomes[size:]
        await room.deliver(*batch)
    states = [intent.state.value for intent in await room.intents([intent_of(post) for post in posts])]
    assert states == ["succeeded", "requires_payment_method", "succeeded", "requires_payment_method"]
    assert len(await room.said(PaymentIntentSucceeded)) == 2
    assert len(await room.said(PaymentIntentFailed)) == 2
