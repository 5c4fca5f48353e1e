"""Payments of the first release live on: those under way come to their end, and all can be read."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from apps.payments.domain.transitions import State
from apps.payments.tests.building import (
    GATEWAY,
    MINE,
    PAYER,
    THEIRS,
    approval,
    cancel,
    confirm,
    create,
    enveloped,
    posted,
)
from apps.payments.tests.room import Room
from contracts.ids import new_id
from contracts.message import Idempotency, Outcome, Problem
from contracts.payments import PaymentIntent
from contracts.risk import Assess
from contracts.wallet import PostTransfer
from outbox.database import Database
from outbox.migrate import migrate
from outbox.transaction import Request
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory

_INSERT = """
INSERT INTO payment_intent (id, customer, source_wallet, destination_wallet, amount, currency, description, state,
                            attempt, assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, created_at,
                            updated_at)
VALUES ($1, $2, $3, $4, 70, 'EUR', NULL, $5, $6, $7, $8, $9, $10,
        CASE $5 WHEN 'assessing' THEN now() + interval '1 minute' END, now(), now())
"""
_CONSUMED = "INSERT INTO inbox (message_id, consumer) VALUES ($1, $2)"
STATES = ("requires_confirmation", "assessing", "posting", "succeeded", "requires_payment_method")


class First:
    """A database of the first release, with a payment in each of its states, and a command that it has consumed."""

    def __init__(self, database: FreshDatabase) -> None:
        self.database = database
        self.ids = {state: new_id() for state in STATES}
        self.assessments = {state: new_id() for state in STATES}
        self.transfers = {state: new_id() for state in STATES}
        self.consumed = create()

    async def populate(self) -> None:
        owner = await asyncpg.connect(self.database.owner_url)
        for state in STATES:
            tried = state != "requires_confirmation"
            request = Request(
                id=new_id(),
                correlationid="old",
                replyto=GATEWAY,
                idempotency=Idempotency.model_validate(_KEY | {"key": state}),
            )
            error = Problem(code="insufficient_funds", detail="Empty.") if state == "requires_payment_method" else None
            await owner.execute(
                _INSERT,
                self.ids[state],
                PAYER,
                MINE,
                THEIRS,
                state,
                int(tried),
                self.assessments[state] if tried else None,
                self.transfers[state] if tried else None,
                request.model_dump_json() if tried else None,
                error.model_dump_json() if error else None,
            )
        await owner.execute(_CONSUMED, self.consumed.id, "payments-create-payment-intent")
        await owner.close()

    def post(self, state: str) -> PostTransfer:
        return PostTransfer(
            transfer_id=self.transfers[state],
            debit_account=MINE,
            credit_account=THEIRS,
            amount=70,
            currency="EUR",
            authorised_by=PAYER,
            reference=self.ids[state],
        )

    def assessment(self) -> Assess:
        return Assess(
            assessment_id=self.assessments["assessing"],
            payment_intent_id=self.ids["assessing"],
            payer=PAYER,
            amount=70,
            currency="EUR",
        )


_KEY = {"scope": "pay", "fingerprint": "0" * 64}


@pytest.fixture
async def first(fresh_database: FreshDatabaseFactory) -> First:
    database = await fresh_database("payments", migrated=False)
    await asyncio.to_thread(migrate, "payments", database.owner_url, "0001")
    first = First(database)
    await first.populate()
    await asyncio.to_thread(migrate, "payments", database.owner_url)
    return first


async def test_payments_under_way_come_to_their_end(first: First) -> None:
    database = Database(first.database.url, 2)
    await database.open()
    room = Room(database)
    for state, identifier in first.ids.items():
        shown = await room.intent(identifier)
        assert shown.state == state
        assert (shown.captured, shown.by_wallet) == (70 if state == "succeeded" else 0, True)

    (done,) = await room.deliver(posted(first.post("posting")))
    assert (done.outcome, done.resource["status"]) == (Outcome.COMPLETED, "succeeded")
    assert PaymentIntent.model_validate(done.resource).transfer_id == first.transfers["posting"]
    await room.deliver(approval(first.assessment()))
    (done,) = await room.deliver(posted(await room.post(first.ids["assessing"])))
    assert (done.outcome, done.resource["status"]) == (Outcome.COMPLETED, "succeeded")
    assert await room.deliver(posted(first.post("succeeded"))) == []

    again = [confirm(first.ids[state]) for state in ("requires_confirmation", "requires_payment_method")]
    assert [reply.outcome for reply in await room.deliver(*again)] == [Outcome.ACCEPTED] * 2
    await database.close()


async def test_what_was_consumed_is_not_consumed_again(first: First) -> None:
    database = Database(first.database.url, 2)
    await database.open()
    room = Room(database)
    assert await room.deliver(first.consumed) == []
    assert (await room.deliver(enveloped(first.consumed.data)))[0].outcome is Outcome.ACCEPTED
    await database.close()


async def test_old_payments_that_nobody_confirms_are_abandoned_some_day(first: First) -> None:
    database = Database(first.database.url, 2)
    await database.open()
    room = Room(database)
    waiting = [first.ids["requires_confirmation"], first.ids["requires_payment_method"]]
    assert all(intent.deadline_at for intent in await room.intents(waiting))
    await database.pool.execute("UPDATE payment_intent SET deadline_at = now() WHERE state LIKE 'requires_%'")
    await room.sweep()
    assert {intent.state for intent in await room.intents(waiting)} == {State.CANCELED}
    (refusal,) = await room.deliver(cancel(UUID(int=waiting[0].int)))
    assert refusal.outcome is Outcome.REFUSED
    await database.close()
