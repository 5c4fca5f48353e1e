"""What the database itself guards, and that the models tell the truth about it."""

import asyncio
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from apps.payments.domain.transitions import State
from apps.payments.models import PaymentIntentRow, metadata
from apps.payments.tests.building import create
from apps.payments.tests.room import Room
from tests.fresh_databases import FreshDatabase

OF_DELIVERY = ("outbox", "inbox", "relay_cursor", "idempotency_key", "alembic_version")


def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _to: Any) -> bool:
    return kind != "table" or not str(name).startswith(OF_DELIVERY)


def differences(connection: Connection) -> tuple[list[Any], set[str], set[str]]:
    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    checks = {str(check["name"]) for check in inspect(connection).get_check_constraints("payment_intent")}
    return compare_metadata(context, metadata), checks, partial_indexes(connection)


def partial_indexes(connection: Connection) -> set[str]:
    found = inspect(connection).get_indexes("payment_intent")
    return {f"{i['name']}: {i['dialect_options'].get('postgresql_where')}" for i in found}


async def test_the_models_and_the_migrated_database_agree(payments_database: FreshDatabase) -> None:
    engine = create_async_engine(make_url(payments_database.owner_url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.connect() as connection:
            compared, checks, indexes = await connection.run_sync(differences)
    finally:
        await engine.dispose()
    table = metadata.tables[str(PaymentIntentRow.__tablename__)]
    assert compared == []
    assert checks == {c.name for c in table.constraints if c.name and "CHECK" in type(c).__name__.upper()}
    assert indexes == {"payment_intent_deadline: (deadline_at IS NOT NULL)"}


FORBIDDEN = [
    ("UPDATE payment_intent SET state = 'lost'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET state = 'succeeded'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET state = 'requires_payment_method', deadline_at = NULL", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET deadline_at = NULL", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET attempt = 0", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET transfer_id = NULL", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET last_payment_error = '{}'", asyncpg.CheckViolationError),
    ("UPDATE payment_intent SET amount = 1", asyncpg.InsufficientPrivilegeError),
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
