"""What the database itself guards."""

import asyncio
from typing import Any

import asyncpg
import pytest

from apps.payments.domain.transitions import State
from apps.payments.tests.building import create
from apps.payments.tests.room import Room

FORBIDDEN = [
    ("UPDATE payment_intent SET state = 'lost'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET state = 'succeeded'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET state = 'in_review'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET state = 'canceled'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET next_action = '{}'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET asked_by = NULL", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET deadline_at = NULL", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET attempt = 0", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET transfer_id = NULL", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET amount = 1", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET source_wallet = gen_random_uuid()", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET application_fee = 1", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET authorised = amount + 1", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET captured = 1", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET application_fee = amount + 1", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET currency = 'USD'", asyncpg.InsufficientPrivilegeError),
    ("UPDATE payment_intent SET destination_wallet = id", asyncpg.InsufficientPrivilegeError),
    ("UPDATE payment_intent SET customer = source_wallet", asyncpg.InsufficientPrivilegeError),
    ("DELETE FROM payment_intent", asyncpg.InsufficientPrivilegeError),
    ("TRUNCATE payment_intent", asyncpg.InsufficientPrivilegeError),
    ("ALTER TABLE payment_intent DROP CONSTRAINT amount_is_in_range", asyncpg.InsufficientPrivilegeError),
    ("CREATE TABLE loot (id integer)", asyncpg.InsufficientPrivilegeError),
]


@pytest.mark.parametrize(("statement", "error"), FORBIDDEN)
async def test_raw_sql_of_the_runtime_role_is_refused(room: Room, statement: str, error: type[Exception]) -> None:
    await room.deliver(create())
    with pytest.raises(error):
        await room.database.pool.execute(statement)


COPY = """
INSERT INTO payment_intent (id, customer, source_wallet, destination_wallet, amount, currency, description,
                            state, attempt, created_at, updated_at)
VALUES (gen_random_uuid(), gen_random_uuid(), $1, $2, $3, $4, $5, 'requires_confirmation', 0, now(), now())
"""
A, B = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"


@pytest.mark.parametrize(
    "row",
    [
        (A, A, 1, "EUR", None),
        (A, B, 0, "EUR", None),
        (A, B, -1, "EUR", None),
        (A, B, 10**12 + 1, "EUR", None),
        (A, B, 1, "eur", None),
        (A, B, 1, "EUR", "x" * 501),
    ],
)
async def test_an_impossible_payment_cannot_be_stored(room: Room, row: tuple[Any, ...]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await room.database.pool.execute(COPY, *row)


async def test_the_largest_payment_can_be_stored(room: Room) -> None:
    await room.database.pool.execute(COPY, A, B, 10**12, "EUR", "x" * 500)


async def test_every_state_is_known_to_the_database(room: Room) -> None:
    check = await room.database.pool.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'state_is_known'"
    )
    assert {state for state in State if f"'{state.value}'" in check} == set(State)


async def test_concurrent_batches_over_the_same_intents_do_not_deadlock(room: Room) -> None:
    from apps.payments.tests.building import approval, decline

    commands = [create() for _ in range(40)]
    await room.deliver(*commands)
    asked = [await room.assessment(command.data.payment_intent_id) for command in commands]
    batches = [[approval(a) for a in asked], [decline(a) for a in reversed(asked)], [approval(a) for a in asked[::-1]]]
    await asyncio.wait_for(asyncio.gather(*(room.deliver(*batch) for batch in batches)), 20)
    states = {intent.state for intent in await room.intents([c.data.payment_intent_id for c in commands])}
    assert states <= {State.POSTING, State.REQUIRES_PAYMENT_METHOD}
