"""What has become of a command, as its idempotency key tells: under way, done, declined or refused; else unknown."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from contracts.ids import new_id
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.outcomes import KeptOutcome
from contracts.wallet import GetOutcome, OpenAccount
from outbox.database import Database
from outbox.outcomes import get_outcome
from outbox.responder import Refused
from outbox.tests.conftest import open_account
from outbox.transaction import Transactions
from tests.fresh_databases import FreshDatabase

DECLINED = Problem(code="payment_declined", detail="A rule declined it.")
ANSWERS = [
    Reply(outcome=Outcome.COMPLETED, resource={"id": "a", "nothing": None}),
    Reply(outcome=Outcome.COMPLETED, resource={"id": "b"}, problem=DECLINED),
    Reply(outcome=Outcome.REFUSED, problem=DECLINED),
]


@pytest.fixture
async def reading(database: FreshDatabase) -> AsyncIterator[Database]:
    pool = Database(database.url, 2)
    await pool.open()
    yield pool
    await pool.close()


async def record(transactions: Transactions, command: Envelope[OpenAccount], *replies: Reply) -> None:
    async with transactions.begin() as tx:
        assert await tx.first_time([command]) == [command]
        for reply in replies:
            tx.answer(command, reply)


async def ask(reading: Database, scope: str, key: str, fingerprint: str | None = None) -> KeptOutcome:
    query = Envelope[GetOutcome](
        id=new_id(),
        source="/ledgerlink/gateway",
        type=GetOutcome.contract.type,
        time=datetime.now(UTC),
        correlationid="a-correlation-id",
        data=GetOutcome(scope=scope, key=key, fingerprint=fingerprint),
    )
    return await get_outcome(reading, query)


@pytest.mark.parametrize("reply", ANSWERS)
async def test_the_final_answer_is_told_as_it_was_given(
    reading: Database, transactions: Transactions, reply: Reply
) -> None:
    command = open_account()
    await record(transactions, command, reply)
    kept = await ask(reading, "test", command.data.idempotency.key)
    assert (kept.outcome, kept.resource, kept.problem) == (reply.outcome, reply.resource, reply.problem)
    assert (datetime.now(UTC) - kept.recorded_at).total_seconds() < 60


async def test_what_was_only_accepted_is_under_way(reading: Database, transactions: Transactions) -> None:
    command = open_account()
    await record(transactions, command, Reply(outcome=Outcome.ACCEPTED, resource={"id": "a"}))
    assert (await ask(reading, "test", command.data.idempotency.key)).outcome is Outcome.ACCEPTED


async def test_a_key_is_known_in_its_own_scope_only(reading: Database, transactions: Transactions) -> None:
    command = open_account()
    await record(transactions, command)
    for scope, key in (("somebody", command.data.idempotency.key), ("test", "another")):
        with pytest.raises(Refused) as refused:
            await ask(reading, scope, key)
        assert refused.value.problem.code == "operation_not_found"


async def test_another_requests_outcome_under_the_same_key_is_not_told(
    reading: Database, transactions: Transactions
) -> None:
    command = open_account()
    await record(transactions, command, ANSWERS[0])
    key = command.data.idempotency.key
    assert (await ask(reading, "test", key, command.data.idempotency.fingerprint)).outcome is Outcome.COMPLETED
    with pytest.raises(Refused) as refused:
        await ask(reading, "test", key, "f" * 64)
    assert refused.value.problem.code == "idempotency_key_reused"
