"""Limits at the desk: what is approved counts, what is given up counts no longer, and changes hold at once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from apps.risk.handlers import customers, hear_payments
from apps.risk.handlers import limits as handler
from apps.risk.handlers.forget_history import forget_history
from apps.risk.queries.customers import get_customer
from apps.risk.queries.limits import list_limit_changes, list_limits
from apps.risk.store import decision_records
from apps.risk.tests.desk import ANALYST, ANSWER_TO, Desk, again, changed, deciding, request
from apps.risk.tests.rule_sets import limits as rules
from contracts.identity import Role, UserEmailVerified, UserRegistered, UserRoleChanged
from contracts.ids import first_id_of, made_at, new_id
from contracts.message import Envelope, Idempotency, Message, envelope_of
from contracts.payments import (
    PaymentIntent,
    PaymentIntentCanceled,
    PaymentIntentFailed,
    PaymentIntentSucceeded,
    PaymentStatus,
)
from contracts.risk import Assess, Customer, GetCustomer, ListLimitChanges, ListLimits, SetLimit, SetTier, Tier
from outbox.database import Database
from outbox.responder import Refused

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
ABOVE = "decline limit_exceeded"
_USED = """
SELECT extract(day FROM day)::int, currency, used FROM limit_use u WHERE payer = $1 ORDER BY u.day, currency
"""
_ENDS = {
    PaymentStatus.CANCELED: PaymentIntentCanceled,
    PaymentStatus.REQUIRES_PAYMENT_METHOD: PaymentIntentFailed,
    PaymentStatus.SUCCEEDED: PaymentIntentSucceeded,
}


def ended(asked: Envelope[Assess], status: PaymentStatus, captured: int, at: datetime) -> Envelope[Any]:
    """Return what payments says of the end of an attempt to pay."""
    data = asked.data
    intent = PaymentIntent.model_validate(
        {
            "id": data.payment_intent_id,
            "customer": data.payer,
            "amount": data.amount,
            "amount_captured": captured,
            "currency": data.currency,
            "status": status,
            "created_at": at,
            "updated_at": at,
        }
    )
    return _envelope(_ENDS[status](payment_intent=intent))


class LimitsDesk(Desk):
    """The desk with limits: what it is told of customers and payments, at a time of its own."""

    now = NOW

    async def pay(self, *commands: Envelope[Assess]) -> list[str]:
        """Decide about payments at the desk's time."""
        before = len(await self.said())
        async with self.transactions.begin() as tx:
            tx.now = self.now
            await self.assessor().assess(tx, commands)
        said = [event["data"] for _, event in (await self.said())[before:]]
        return [
            " ".join([d["outcome"], *(rule["name"] for rule in d["rules"] if rule["action"] != "note")]) for d in said
        ]

    async def hear(self, *events: Message) -> None:
        """Hear what identity tells."""
        async with self.transactions.begin() as tx:
            tx.now = self.now
            await customers.hear(tx, [_envelope(event) for event in events])

    async def change(self, asked: SetLimit | SetTier) -> str:
        """Have an analyst change limits or a tier; return the outcome and the problem's code."""
        command = _envelope(asked)
        async with self.transactions.begin() as tx:
            tx.now = self.now
            await handler.change(tx, [command])
        reply = self.replies[command.id]
        return f"{reply.outcome.value} {reply.problem.code}" if reply.problem else reply.outcome.value

    async def end(
        self,
        asked: Envelope[Assess],
        status: PaymentStatus,
        captured: int = 0,
        times: int = 1,
        at: datetime | None = None,
    ) -> None:
        """Hear that an attempt to pay has ended, so many times; after what there is now, if not said otherwise."""
        event = ended(asked, status, captured, at or datetime.now(UTC) + timedelta(seconds=1))
        for _ in range(times):
            async with self.transactions.begin() as tx:
                tx.now = self.now
                await hear_payments.hear(tx, [event])

    async def customer(self, user: UUID) -> Customer:
        """Read a customer as others see them."""
        return await get_customer(self.database, _envelope(GetCustomer(user_id=user)))

    async def used(self, user: UUID) -> list[tuple[Any, ...]]:
        """Return what counts for somebody: day of the month, currency, amount."""
        rows = await self.database.pool.fetch(_USED, user)
        return [tuple(row) for row in rows]


def _envelope(data: Message) -> Envelope[Any]:
    return envelope_of(type(data))(
        id=new_id(),
        source="/ledgerlink/test",
        type=data.contract.type,
        time=datetime.now(UTC),
        correlationid="test",
        replyto=ANSWER_TO,
        data=data,
    )


def _key() -> Idempotency:
    return Idempotency(scope="analyst", key=str(new_id()), fingerprint="0" * 64)


def _tier(user: UUID, tier: Tier | None, by: UUID = ANALYST) -> SetTier:
    return SetTier(user_id=user, tier=tier, reason="Seen the papers.", set_by=by, idempotency=_key())


def _limit(per_payment: int, per_day: int, per_month: int, currency: str | None = "EUR") -> SetLimit:
    return SetLimit(
        tier=Tier.UNVERIFIED,
        currency=currency,
        per_payment=per_payment,
        per_day=per_day,
        per_month=per_month,
        reason="Agreed.",
        changed_by=ANALYST,
        idempotency=_key(),
    )


@pytest.fixture
async def desk(database: Database) -> LimitsDesk:
    desk = LimitsDesk(database, rules=rules(amount=10**9, hourly_volume=10**9, review_amount=10**9))
    assert await desk.change(_limit(100, 200, 300)) == "completed"
    return desk


async def test_a_payment_a_day_and_a_month_have_limits_also_within_a_batch(desk: LimitsDesk) -> None:
    payer = new_id()
    batch = [request(payer, 100_00), request(payer, 100_01), request(payer, 90_00), request(payer, 10_01)]
    assert await desk.pay(*batch, request(payer, 10_00), request(new_id(), 100_00)) == [
        "approve", ABOVE, "approve", ABOVE, "approve", "approve",
    ]  # fmt: skip
    assert await desk.pay(request(payer, 1), request(payer, 1, currency="USD")) == [ABOVE, "approve"]
    desk.now += timedelta(days=1)
    assert await desk.pay(request(payer, 100_00), request(payer, 1)) == ["approve", ABOVE]
    desk.now += timedelta(days=1)
    assert await desk.pay(request(payer, 100_00), request(payer, 100_00), request(payer, 1)) == [
        "approve", "approve", ABOVE,
    ]  # fmt: skip
    assert await desk.used(payer) == [(30, "EUR", 200_00), (30, "USD", 1), (31, "EUR", 100_00), (1, "EUR", 200_00)]


async def test_a_decline_says_what_would_be_left_and_what_would_be_approved(desk: LimitsDesk) -> None:
    payer = new_id()
    first, second = request(payer, 100_00), request(payer, 80_00)
    await desk.pay(first, second, request(payer, 60_00))
    decided = (await desk.said())[-1][1]["data"]
    assert decided["rules"][0]["reason"] == "-40.00 EUR would be left of what the payer may pay in a day."
    assert (decided["reason_codes"], decided["approvable_amount"]) == (["limit_exceeded"], 20_00)
    async with desk.database.reads() as reads:
        record = await decision_records.load_one(reads, UUID(decided["assessment_id"]))
    assert record is not None
    assert record.values is not None
    assert (record.values["limit_day_left"], record.values["limit_month_left"]) == (-40_00, 60_00)


async def test_what_is_canceled_fails_or_is_captured_in_part_comes_free_once(desk: LimitsDesk) -> None:
    payer = new_id()
    canceled, failed, in_part, whole = (request(payer, 50_00) for _ in range(4))
    assert await desk.pay(canceled, failed, in_part, whole, request(payer, 1)) == ["approve"] * 4 + [ABOVE]
    desk.now += timedelta(days=1)
    await desk.end(canceled, PaymentStatus.CANCELED, times=2)
    await desk.end(failed, PaymentStatus.REQUIRES_PAYMENT_METHOD, times=2)
    await desk.end(in_part, PaymentStatus.SUCCEEDED, captured=20_00, times=2)
    await desk.end(whole, PaymentStatus.SUCCEEDED, captured=50_00)
    assert await desk.used(payer) == [(30, "EUR", 70_00)]


async def test_a_payment_that_ended_before_it_was_decided_counts_nothing(desk: LimitsDesk) -> None:
    late = request(new_id(), 50_00)
    await desk.end(late, PaymentStatus.REQUIRES_PAYMENT_METHOD)
    assert await desk.pay(late) == ["approve"]
    assert await desk.used(late.data.payer) == [(30, "EUR", 0)]


async def test_a_payment_under_review_counts_from_its_approval(desk: LimitsDesk) -> None:
    desk.rules = rules(amount=10**9, review_amount=40)
    payer = new_id()
    good, bad = request(payer, 50_00), request(payer, 60_00)
    await desk.pay(good, bad)
    assert await desk.used(payer) == []
    desk.now += timedelta(days=2)
    await desk.decide(deciding(good, "approve"), deciding(bad, "decline"), at=desk.now)
    assert await desk.used(payer) == [(1, "EUR", 50_00)]
    await desk.end(good, PaymentStatus.CANCELED)
    assert await desk.used(payer) == [(1, "EUR", 0)]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("status", [PaymentStatus.CANCELED, PaymentStatus.REQUIRES_PAYMENT_METHOD])
async def test_what_ends_before_an_analyst_decides_is_not_to_be_reviewed_any_more(
    desk: LimitsDesk, status: PaymentStatus, is_late: bool
) -> None:
    desk.rules = rules(amount=10**9, review_amount=40)
    over, other = request(new_id(), 50_00), request(new_id(), 50_00)
    if is_late:
        await desk.end(over, status)
    await desk.pay(over, other)
    if not is_late:
        await desk.end(over, status, times=2)
    assert [review.payment_intent_id for review in (await desk.reviews()).reviews] == [other.data.payment_intent_id]
    assert await desk.decide(deciding(over, "approve")) == ["refused review_canceled"]
    assert await desk.used(over.data.payer) == []


async def test_the_next_attempt_is_reviewed(desk: LimitsDesk) -> None:
    desk.rules = rules(amount=10**9, review_amount=40)
    first = request(new_id(), 50_00)
    over_at = made_at(first.data.assessment_id) + timedelta(milliseconds=1)
    second = again(changed(first, assessment_id=first_id_of(over_at)))
    await desk.pay(first, second)
    await desk.end(first, PaymentStatus.REQUIRES_PAYMENT_METHOD, at=over_at)
    assert [review.assessment_id for review in (await desk.reviews()).reviews] == [second.data.assessment_id]


async def test_the_same_assessment_counts_once(desk: LimitsDesk) -> None:
    command = request(new_id(), 50_00)
    await desk.pay(command, again(command))
    await desk.pay(again(command))
    assert await desk.used(command.data.payer) == [(30, "EUR", 50_00)]


async def test_limits_of_a_currency_go_before_those_for_all_others(desk: LimitsDesk) -> None:
    assert await desk.pay(request(new_id(), 10_001, currency="JPY")) == [ABOVE]
    assert await desk.change(_limit(10_001, 50_000, 200_000, "JPY")) == "completed"
    assert await desk.pay(request(new_id(), 10_001, currency="JPY")) == ["approve"]
    assert await desk.pay(request(new_id(), 10_001_00, currency="USD")) == [ABOVE]
    assert await desk.change(_limit(10_001, 50_000, 200_000, None)) == "completed"
    assert await desk.pay(request(new_id(), 10_001_00, currency="USD")) == ["approve"]


async def test_changes_are_said_listed_and_kept_with_who_and_why(desk: LimitsDesk) -> None:
    assert await desk.change(_limit(3, 2, 4)) == "refused limits_not_ascending"
    assert await desk.change(_limit(1, 2, 3)) == "completed"
    subject, event = (await desk.said())[-1]
    limit = {"tier": "unverified", "currency": "EUR", "per_payment": 1, "per_day": 2, "per_month": 3}
    assert subject == "risk.events.limit.changed"
    assert event["data"]["limit"].items() >= (limit | {"changed_by": str(ANALYST)}).items()
    listed = await list_limits(desk.database, _envelope(ListLimits()))
    assert [(one.tier.value, one.currency) for one in listed.limits] == [
        ("unverified", None), ("unverified", "EUR"), ("verified", None), ("business", None),
    ]  # fmt: skip
    assert listed.limits[0].model_dump(include={"per_payment", "per_day", "per_month", "changed_by"}) == {
        "per_payment": 10_000, "per_day": 50_000, "per_month": 200_000, "changed_by": None,
    }  # fmt: skip
    page = await list_limit_changes(desk.database, _envelope(ListLimitChanges(limit=1)))
    [change] = page.changes
    assert (change.limit, change.reason, page.next_before) == (listed.limits[1], "Agreed.", change.number)
    rest = await list_limit_changes(desk.database, _envelope(ListLimitChanges(before=page.next_before)))
    assert ([change.limit.per_day for change in rest.changes], rest.next_before) == ([200], None)


async def test_the_tier_follows_identity_and_its_limits_hold_for_the_next_payment(desk: LimitsDesk) -> None:
    payer, admin = new_id(), new_id()
    assert await desk.pay(request(payer, 20_000_00)) == [ABOVE]
    registered = UserRegistered(user_id=payer, role=Role.CUSTOMER, registered_at=NOW - timedelta(days=3))
    verified = UserEmailVerified(user_id=payer, verified_at=NOW)
    await desk.hear(verified)
    await desk.hear(registered, verified)
    assert await desk.pay(changed(request(payer, 20_000_00, at=NOW))) == ["approve"]
    found = await desk.customer(payer)
    assert (found.tier, found.registered_at, found.role) == (Tier.VERIFIED, registered.registered_at, Role.CUSTOMER)
    await desk.hear(UserRoleChanged(user_id=payer, role=Role.MERCHANT, changed_by=admin, changed_at=NOW))
    assert await desk.pay(request(payer, 900_000_00)) == ["approve"]
    told = [event["data"] for subject, event in await desk.said() if subject == "risk.events.customer.tier_changed"]
    assert [(data["before"], data["tier"]) for data in told] == [("unverified", "verified"), ("verified", "business")]
    values = await desk.database.pool.fetchval(
        "SELECT values::text FROM decision WHERE payer = $1 ORDER BY assessment_id OFFSET 1 LIMIT 1", payer
    )
    assert '"verified"' in values
    assert str(3 * 86_400) in values


async def test_a_tier_can_be_set_by_hand_also_of_somebody_unknown(desk: LimitsDesk) -> None:
    payer = new_id()
    with pytest.raises(Refused, match="customer_not_found"):
        await desk.customer(payer)
    assert await desk.change(_tier(payer, Tier.BUSINESS, by=payer)) == "refused own_account"
    assert await desk.change(_tier(payer, Tier.BUSINESS)) == "completed"
    await desk.hear(UserRegistered(user_id=payer, role=Role.CUSTOMER, registered_at=NOW))
    assert await desk.pay(request(payer, 20_000_00)) == ["approve"]
    desk.now = datetime.now(UTC)
    await desk.pay(request(payer, 5_00), request(payer, 7, currency="JPY"))
    found = await desk.customer(payer)
    assert (found.tier, found.set_by, found.set_reason) == (Tier.BUSINESS, ANALYST, "Seen the papers.")
    uses = {use.currency: (use.used_today, use.left_today, use.left_this_month) for use in found.uses}
    assert uses["JPY"] == (7, 10_000_000 - 7, 100_000_000 - 7)
    assert await desk.change(_tier(payer, None)) == "completed"
    assert (await desk.customer(payer)).model_dump(include={"tier", "set_by"}) == {"tier": "unverified", "set_by": None}
    kept = await desk.database.pool.fetch("SELECT set_tier FROM tier_change ORDER BY number")
    assert [row["set_tier"] for row in kept] == ["business", None]


async def test_months_that_have_passed_are_forgotten(desk: LimitsDesk) -> None:
    payer = new_id()
    ended = request(payer, 50_00)
    await desk.pay(ended)
    await desk.end(ended, PaymentStatus.CANCELED)
    for days, left in ((1, 1), (2, 0)):
        async with desk.transactions.begin() as tx:
            tx.now = NOW + timedelta(days=days)
            await forget_history(timedelta(days=400), tx)
        assert len(await desk.used(payer)) == left
    async with desk.transactions.begin() as tx:
        tx.now = datetime.now(UTC) + timedelta(days=40)
        await forget_history(timedelta(days=400), tx)
    assert await desk.database.pool.fetchval("SELECT count(*) FROM limit_release") == 0


async def test_the_database_takes_no_contradicting_limits(desk: LimitsDesk) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await desk.database.pool.execute("UPDATE tier_limit SET per_payment = per_month + 1")
