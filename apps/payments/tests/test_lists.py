"""Lists: whatever is filtered by, pages show exactly what a look at every row would, in order, while payments go on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.payments.domain.disputes import Dispute
from apps.payments.domain.intents import Attempt, Intent, Method
from apps.payments.domain.refunds import Refund, Stage
from apps.payments.domain.transitions import State, public_status
from apps.payments.queries import (
    get_dispute,
    get_payment_intent,
    get_refund,
    list_disputes,
    list_payment_intents,
    list_refunds,
)
from apps.payments.store import disputes, intents, lists, refunds
from apps.payments.tests.building import enveloped
from apps.payments.tests.room import Room
from contracts.ids import first_id_of, new_id
from contracts.payments import (
    CancellationReason,
    CaptureMethod,
    DisputeFunds,
    DisputeStatus,
    GetDispute,
    GetPaymentIntent,
    GetRefund,
    ListDisputes,
    ListPaymentIntents,
    ListRefunds,
    MethodType,
    PaymentDirection,
    PaymentStatus,
)
from outbox.responder import Refused

REAL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)
STATES = [State.REQUIRES_CONFIRMATION, State.REQUIRES_PAYMENT_METHOD, State.REQUIRES_CAPTURE, State.AUTHORISING,
          State.CAPTURING, State.SUCCEEDED, State.CANCELED]  # fmt: skip
NAMES, VALUES = ["order", "shop"], ["1", "2", "=1"]


@dataclass(frozen=True)
class Seed:
    """An intent to make: who pays whom (by number; None: nobody), and what filters look at."""

    payer: int
    shop: int | None
    state: State
    direction: PaymentDirection
    amount: int
    currency: str
    hours: int
    metadata: dict[str, str]


SEEDS = st.builds(
    Seed,
    payer=st.integers(0, 2),
    shop=st.sampled_from([None, 0, 1, 2]),
    state=st.sampled_from(STATES),
    direction=st.sampled_from(PaymentDirection),
    amount=st.integers(1, 5),
    currency=st.sampled_from(["EUR", "JPY"]),
    hours=st.integers(0, 24 * 90),
    metadata=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=2),
)
MOMENTS = st.none() | st.integers(-24, 24 * 91).map(lambda hours: BEGINNING + timedelta(hours=hours))
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(PaymentStatus),
        "direction": st.sampled_from(PaymentDirection),
        "currency": st.sampled_from(["EUR", "JPY"]),
        "amount_from": st.sampled_from([-1, 2, 3, 10**30]),
        "amount_to": st.sampled_from([0, 2, 4, 10**30]),
        "created_from": MOMENTS,
        "created_to": MOMENTS,
        "metadata": st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=2),
    },
)


def _intent(seed: Seed, people: list[UUID], number: int) -> Intent:
    created_at = BEGINNING + timedelta(hours=seed.hours, microseconds=number)
    identifier = UUID(int=first_id_of(created_at - timedelta(seconds=1)).int | number)
    payout, confirmed = seed.direction is PaymentDirection.PAYOUT, seed.state is not State.REQUIRES_CONFIRMATION
    return Intent(
        id=identifier,
        customer=people[seed.payer],
        merchant=people[seed.shop] if seed.shop is not None else None,
        direction=seed.direction,
        source_wallet=new_id() if payout else None,
        destination_wallet=None if payout else new_id(),
        method=Method(MethodType.BANK, "tok_bank"),
        amount=seed.amount,
        currency=seed.currency,
        capture_method=CaptureMethod.AUTOMATIC,
        application_fee=0,
        description=None,
        statement_descriptor=None,
        metadata=seed.metadata,
        return_url=None,
        country=None,
        state=seed.state,
        created_at=created_at,
        updated_at=created_at,
        attempt=Attempt(1, new_id(), new_id()) if confirmed else None,
        asked_by="{}" if confirmed else None,
        cancellation_reason=CancellationReason.DUPLICATE if seed.state is State.CANCELED else None,
        authorised=seed.amount,
        captured=seed.amount if seed.state is State.SUCCEEDED else 0,
    )


async def _keep(room: Room, made: list[Intent]) -> None:
    """Store intents as the machine does: as they were created, and then as they have become."""
    async with room.transactions.begin() as tx:
        created = [i._replace(state=State.REQUIRES_CONFIRMATION, attempt=None, asked_by=None) for i in made]
        await intents.insert(tx, created)
        await intents.update(tx, made)


def _passes(intent: Intent, asked: ListPaymentIntents) -> bool:
    wanted: list[tuple[object, Callable[[], bool]]] = [
        (asked.status, lambda: public_status(intent.state) is asked.status),
        (asked.direction, lambda: intent.direction is asked.direction),
        (asked.customer, lambda: intent.customer == asked.customer),
        (asked.currency, lambda: intent.currency == asked.currency),
        (asked.amount_from, lambda: intent.amount >= (asked.amount_from or 0)),
        (asked.amount_to, lambda: intent.amount <= (asked.amount_to or 0)),
        (asked.created_from, lambda: intent.created_at >= (asked.created_from or BEGINNING)),
        (asked.created_to, lambda: intent.created_at < (asked.created_to or BEGINNING)),
        (asked.metadata, lambda: (asked.metadata or {}).items() <= intent.metadata.items()),
    ]
    party = asked.party in (intent.customer, intent.merchant)
    return party and all(holds() for given, holds in wanted if given is not None)


@REAL
@given(
    seeds=st.lists(SEEDS, max_size=40),
    later=SEEDS,
    filters=FILTERS,
    customer=st.none() | st.integers(0, 2),
    limit=st.integers(1, 7),
    walk=st.sampled_from([1, 3, 8, 2000]),
)
async def test_pages_show_what_a_look_at_every_row_would(
    room: Room,
    monkeypatch: pytest.MonkeyPatch,
    seeds: list[Seed],
    later: Seed,
    filters: dict[str, Any],
    customer: int | None,
    limit: int,
    walk: int,
) -> None:
    monkeypatch.setattr(lists, "WALK", walk)
    monkeypatch.setattr(lists, "WALK_BY_METADATA", walk)
    people, salt = [new_id() for _ in range(3)], new_id().int & 0xFFFFFFFFFFFF
    made = [_intent(seed, people, salt + number) for number, seed in enumerate(seeds)]
    await _keep(room, made)
    named = {"customer": people[customer]} if customer is not None else {}
    asked = ListPaymentIntents(party=people[0], limit=limit, **(filters | named))
    expected = sorted((i.id for i in made if _passes(i, asked)), reverse=True)
    shown, page = [], 0
    while True:
        found = await list_payment_intents(room.database, enveloped(asked))
        shown += [intent.id for intent in found.payment_intents]
        assert len(found.payment_intents) <= limit
        if found.next_before is None:
            break
        assert asked.before is None or found.next_before < asked.before
        asked, page = asked.model_copy(update={"before": found.next_before}), page + 1
        newest = replace(later, hours=24 * 90 + page)
        await _keep(room, [_intent(newest, people, salt + len(seeds) + page)])
    assert shown == expected


async def test_metadata_is_found_as_it_is_now(room: Room) -> None:
    people = [new_id() for _ in range(3)]
    seed = Seed(0, 1, State.REQUIRES_CONFIRMATION, PaymentDirection.PAYMENT, 1, "EUR", 0, {"order": "1", "shop": "2"})
    intent = _intent(seed, people, 1)
    await _keep(room, [intent])
    async with room.transactions.begin() as tx:
        await intents.update_details(tx, [intent._replace(metadata={"order": "2", "shop": "2"})])
    for party in people[:2]:
        assert await _found(room, party, {"order": "1"}) == []
        assert await _found(room, party, {"order": "2", "shop": "2"}) == [intent.id]
    assert await _found(room, people[2], {"order": "2"}) == []


async def _found(room: Room, party: UUID, metadata: dict[str, str]) -> list[UUID]:
    asked = ListPaymentIntents(party=party, metadata=metadata)
    return [intent.id for intent in (await list_payment_intents(room.database, enveloped(asked))).payment_intents]


@pytest.mark.parametrize(("created_from", "created_to"), [(1, 9999), (1969, 2100), (None, 1970)])
async def test_days_beyond_all_ids_can_be_asked_for(room: Room, created_from: int | None, created_to: int) -> None:
    seed = Seed(0, 1, State.SUCCEEDED, PaymentDirection.PAYMENT, 1, "EUR", 0, {})
    people = [new_id(), new_id()]
    await _keep(room, [_intent(seed, people, 1)])
    bounds = [datetime(year, 12, 31, tzinfo=UTC) if year else None for year in (created_from, created_to)]
    asked = ListPaymentIntents(party=people[0], created_from=bounds[0], created_to=bounds[1])
    found = await list_payment_intents(room.database, enveloped(asked))
    assert len(found.payment_intents) == (created_to > 2000)


async def test_both_parties_read_an_intent_and_nobody_else_learns_that_it_exists(room: Room) -> None:
    people = [new_id() for _ in range(3)]
    seed = Seed(0, 1, State.SUCCEEDED, PaymentDirection.PAYMENT, 1, "EUR", 0, {})
    intent = _intent(seed, people, 1)
    await _keep(room, [intent])
    for party in people[:2]:
        question = GetPaymentIntent(id=intent.id, customer=party)
        assert (await get_payment_intent(room.database, enveloped(question))).id == intent.id
    with pytest.raises(Refused) as refusal:
        await get_payment_intent(room.database, enveloped(GetPaymentIntent(id=intent.id, customer=people[2])))
    assert refusal.value.problem.code == "payment_intent_not_found"
    assert (
        await list_payment_intents(room.database, enveloped(ListPaymentIntents(party=people[2])))
    ).next_before is None


@dataclass(frozen=True)
class Case:
    """Two payments, the first of them with refunds and disputes by the number of their parties."""

    people: list[UUID]
    paid: Intent
    other: Intent
    refunds: list[Refund]
    disputes: list[Dispute]


async def _case(room: Room, parties: list[tuple[int, int]]) -> Case:
    people = [new_id() for _ in range(3)]
    seed = Seed(0, 1, State.SUCCEEDED, PaymentDirection.PAYMENT, 100, "EUR", 0, {})
    salt = new_id().int & 0xFFFFFFFFFFFF
    paid, other = (_intent(seed, people, salt + number) for number in (1, 2))
    await _keep(room, [paid, other])
    back, contested = [], []
    for number, (customer, merchant) in enumerate(parties):
        intent, at = (paid if number % 2 else other), BEGINNING + timedelta(minutes=number)
        whose: dict[str, Any] = {"customer": people[customer], "merchant": people[merchant], "intent_id": intent.id}
        moments: dict[str, Any] = {"created_at": at, "updated_at": at}
        stage = list(Stage)[number % 3]
        back.append(
            Refund(id=new_id(), amount=1, currency="EUR", reason=None, metadata={}, stage=stage, **whose, **moments)
        )
        status, funds = list(DisputeStatus)[number % 4], DisputeFunds.HELD
        contested.append(
            Dispute(id=new_id(), processor="sandbox", reference=f"dp_{new_id()}", amount=1, contested=1, currency="EUR",
                    reason="fraudulent", status=status, funds=funds, **whose, **moments)
        )  # fmt: skip
    async with room.transactions.begin() as tx:
        await refunds.insert(tx, back)
        await disputes.insert(tx, contested)
        sums = {i.id: sum(r.intent_id == i.id for r in back) for i in (paid, other)}  # of 1 each, and as many disputes
        await intents.update(tx, [i._replace(refunding=sums[i.id], disputed=sums[i.id]) for i in (paid, other)])
    return Case(people, paid, other, back, contested)


PARTIES = st.lists(st.sampled_from([(0, 1), (1, 0), (0, 0), (1, 2), (2, 1)]), max_size=14)


@settings(REAL, max_examples=25)
@given(parties=PARTIES, limit=st.integers(1, 5), of_one=st.booleans())
async def test_refunds_are_listed_in_order(
    room: Room, parties: list[tuple[int, int]], limit: int, *, of_one: bool
) -> None:
    case = await _case(room, parties)
    me = case.people[0]
    asked = ListRefunds(party=me, limit=limit, payment_intent=case.paid.id if of_one else None)
    shown: list[UUID] = []
    while True:
        page = await list_refunds(room.database, enveloped(asked))
        shown += [refund.id for refund in page.refunds]
        if page.next_before is None:
            break
        asked = asked.model_copy(update={"before": page.next_before})
    wanted = [r for r in case.refunds if (r.intent_id == case.paid.id if of_one else me in (r.customer, r.merchant))]
    assert shown == sorted((r.id for r in wanted), reverse=True)


@settings(REAL, max_examples=25)
@given(
    parties=PARTIES,
    limit=st.integers(1, 5),
    of_one=st.booleans(),
    status=st.none() | st.sampled_from(DisputeStatus),
    walk=st.sampled_from([1, 3, 2000]),
)
async def test_disputes_are_listed_in_order(
    room: Room,
    monkeypatch: pytest.MonkeyPatch,
    parties: list[tuple[int, int]],
    limit: int,
    status: DisputeStatus | None,
    walk: int,
    *,
    of_one: bool,
) -> None:
    monkeypatch.setattr(lists, "WALK", walk)
    case = await _case(room, parties)
    me = case.people[0]
    asked = ListDisputes(party=me, limit=limit, status=status, payment_intent=case.paid.id if of_one else None)
    shown: list[UUID] = []
    while True:
        page = await list_disputes(room.database, enveloped(asked))
        shown += [dispute.id for dispute in page.disputes]
        if page.next_before is None:
            break
        asked = asked.model_copy(update={"before": page.next_before})
    wanted = [d for d in case.disputes if (d.intent_id == case.paid.id if of_one else me in (d.customer, d.merchant))]
    assert shown == sorted((d.id for d in wanted if status in (None, d.status)), reverse=True)


async def test_refunds_and_disputes_are_their_parties_alone(room: Room) -> None:
    case = await _case(room, [(0, 1)])
    [refund], [dispute] = case.refunds, case.disputes
    for party in case.people[:2]:
        assert (await get_refund(room.database, enveloped(GetRefund(id=refund.id, party=party)))).id == refund.id
        assert (await get_dispute(room.database, enveloped(GetDispute(id=dispute.id, party=party)))).id == dispute.id
    stranger = case.people[2]
    with pytest.raises(Refused, match="refund_not_found"):
        await get_refund(room.database, enveloped(GetRefund(id=refund.id, party=stranger)))
    with pytest.raises(Refused, match="dispute_not_found"):
        await get_dispute(room.database, enveloped(GetDispute(id=dispute.id, party=stranger)))
    asked = ListRefunds(party=stranger, payment_intent=refund.intent_id)
    assert (await list_refunds(room.database, enveloped(asked))).refunds == []
    contested = ListDisputes(party=stranger, payment_intent=dispute.intent_id)
    assert (await list_disputes(room.database, enveloped(contested))).disputes == []
