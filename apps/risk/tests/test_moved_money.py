"""What an answer at the deadline let through and the decision does not approve: it counts once, and nobody stops it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.risk.domain.cases import GONE_THROUGH
from apps.risk.store import decision_records
from apps.risk.tests.case_desk import CaseDesk, commanded
from apps.risk.tests.desk import ANALYST, POLICY, again, changed, deciding, request
from apps.risk.tests.rule_sets import limits as rules
from apps.risk.tests.test_limits_in_use import LimitsDesk
from apps.risk.workers.moved_money import MovedMoney
from contracts.ids import first_id_of, made_at, new_id
from contracts.message import Envelope
from contracts.payments import PaymentStatus
from contracts.risk import Assess, ClaimCase
from outbox.database import Database

SUCCEEDED = PaymentStatus.SUCCEEDED
REVIEWED, DECLINED = 50_00, 90_00
"""Amounts that the desk's rules send to review, and decline."""
_CASES = """
SELECT status, (SELECT body->>'text' FROM case_event WHERE case_id = c.id ORDER BY number DESC LIMIT 1) AS said
FROM risk_case c WHERE id = $1
"""


class MovedDesk(LimitsDesk):
    """The desk with the worker that settles what has moved."""

    async def settle(self) -> None:
        """Settle until nothing is left to."""
        worker = MovedMoney(self.database, self.transactions)
        while await worker.settle():
            pass

    async def counted(self, payer: UUID) -> tuple[int, int]:
        """Return what counts for a payer: against limits, and in what features see of the last hour."""
        used = sum(amount for _, _, amount in await self.used(payer))
        probe = request(payer, 1)
        self.now = datetime.now(UTC)  # the worker's own time, which has gone on: it may be another second by now
        await self.pay(probe)
        async with self.database.reads() as reads:
            record = await decision_records.load_one(reads, probe.data.assessment_id)
        assert record is not None
        assert record.values is not None
        return used, int(record.values["payer_sum_1h"]) - 1

    async def case(self, asked: Envelope[Assess]) -> tuple[str, str] | None:
        """Return how the case of a payment stands, and what was said on it last."""
        row = await self.database.pool.fetchrow(_CASES, asked.data.assessment_id)
        return tuple(row) if row else None


@pytest.fixture
def desk(database: Database) -> MovedDesk:
    desk = MovedDesk(database, rules=rules(amount=80, hourly_volume=10**9, review_amount=40))
    desk.now = datetime.now(UTC)
    return desk


@pytest.mark.parametrize("is_decided_late", [False, True])
@pytest.mark.parametrize(("amount", "captured"), [
    (REVIEWED, REVIEWED), (DECLINED, DECLINED), (REVIEWED, 20_00), (DECLINED, 20_00), (30_00, 30_00), (30_00, 20_00),
])  # fmt: skip
async def test_what_has_moved_counts_once_whatever_was_decided_and_when(
    desk: MovedDesk, amount: int, captured: int, *, is_decided_late: bool
) -> None:
    asked = request(new_id(), amount)
    if not is_decided_late:
        await desk.pay(asked)
    await desk.end(asked, SUCCEEDED, captured=captured, times=2)
    await desk.settle()
    if is_decided_late:
        await desk.pay(asked)
    await desk.settle()
    await desk.end(asked, SUCCEEDED, captured=captured, times=2)
    await desk.pay(again(asked))
    await desk.settle()
    # What risk approved counts in features as it was approved, also where less is captured.
    in_features = amount if amount < REVIEWED else captured
    assert await desk.counted(asked.data.payer) == (captured, in_features)
    assert await desk.case(asked) == (("canceled", GONE_THROUGH) if amount == REVIEWED else None)
    assert (await desk.reviews()).reviews == []


async def test_nobody_decides_about_what_has_gone_through(desk: MovedDesk) -> None:
    asked = request(new_id(), REVIEWED)
    await desk.pay(asked)
    await desk.end(asked, SUCCEEDED, captured=REVIEWED)
    await desk.settle()
    claiming = commanded(ClaimCase, case_id=asked.data.assessment_id, analyst=ANALYST)
    assert await CaseDesk(desk, POLICY).work(claiming) == ["case_closed"]
    for outcome in ("approve", "decline"):
        assert await desk.decide(deciding(asked, outcome)) == ["refused review_canceled"]
    assert await desk.counted(asked.data.payer) == (REVIEWED, REVIEWED)


@pytest.mark.parametrize("outcome", ["approve", "decline"])
@pytest.mark.parametrize("is_heard_first", [False, True])
async def test_an_analyst_who_decides_meanwhile_is_told(desk: MovedDesk, outcome: str, *, is_heard_first: bool) -> None:
    asked = request(new_id(), REVIEWED)
    await desk.pay(asked)
    if is_heard_first:
        await desk.end(asked, SUCCEEDED, captured=REVIEWED)
    assert await desk.decide(deciding(asked, outcome), at=desk.now) == ["completed"]
    if not is_heard_first:
        await desk.end(asked, SUCCEEDED, captured=REVIEWED)
    await desk.settle()
    await desk.settle()
    assert await desk.counted(asked.data.payer) == (REVIEWED, REVIEWED)
    told: Any = GONE_THROUGH if outcome == "decline" else "Called the customer."
    assert await desk.case(asked) == ("decided", told)


async def test_a_later_attempt_is_another_one(desk: MovedDesk) -> None:
    """The first was declined in time; the second one's answer at the deadline has moved the money."""
    first = request(new_id(), DECLINED)
    over_at = made_at(first.data.assessment_id) + timedelta(milliseconds=1)
    second = again(changed(first, assessment_id=first_id_of(over_at), amount=30_00))
    await desk.pay(first)
    await desk.end(first, PaymentStatus.REQUIRES_PAYMENT_METHOD, at=over_at)
    await desk.end(second, SUCCEEDED, captured=30_00)
    await desk.settle()
    assert await desk.used(first.data.payer) == []
    await desk.pay(second)
    await desk.settle()
    assert await desk.counted(first.data.payer) == (30_00, 30_00)
    assert await desk.database.pool.fetchval("SELECT settled_by FROM moved_payment") == second.data.assessment_id


async def test_what_risk_approved_leaves_nothing_behind(desk: MovedDesk) -> None:
    asked = request(new_id(), 30_00)
    await desk.pay(asked)
    await desk.end(asked, SUCCEEDED, captured=30_00)
    assert await desk.database.pool.fetchval("SELECT count(*) FROM moved_payment") == 0
