"""Everything said twice changes nothing; what cannot be handled is put aside with its reason and harms no neighbour."""

import asyncio
import base64
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import pytest

from contracts.ids import new_id
from contracts.message import DeadLetter
from contracts.topology import SERVICES
from ledgerlink_client import DeclinedError, LedgerLink, Options
from ops.stack.stack import Stack
from outbox.consumer import DELIVERY_LIMIT
from tests.books import at_rest, database_of, prove
from tests.brokers import connected
from tests.people import Customer, new_customer
from tests.streams import Stored, deliveries, expected_deliveries, lengths, say, say_again, stored_since
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNDS = 10_000
DECLINED_BY_RISK = 1_000_001
NEIGHBOURS = 12  # before the poison, and as many after it
UNREADABLE, UNFIT = 4, 2  # poison that is no message of its consumer, and poison that its handler cannot take
TOLD_SECONDS = 60.0  # five deliveries with their growing delays take twenty seconds

_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  AND relname NOT IN ('relay_cursor', 'alembic_version', 'seal', 'seal_key', 'audit_round')
"""
# What the wallet says of itself every now and then, whatever it is told.
_OF_ITSELF = b"wallet.events.ledger."
# Operators alone speak to these: their own tests hold what a repetition does.
_OPERATORS = {
    "risk-backtests",
    "risk-cases",
    "risk-decide-review",
    "risk-disputes",
    "risk-labels",
    "risk-limits",
    "risk-lists",
    "risk-models",
    "risk-rule-sets",
    "risk-screenings",
    "wallet-change-account",
    "wallet-close-period",
    "wallet-import-statement",
    "wallet-resolve-break",
}


async def _everything(stack: Stack, *, without: tuple[str, ...] = ()) -> dict[str, list[bytes]]:
    """Return all rows of all services, table by table, except of tables whose name starts with one of `without`."""
    rows: dict[str, list[bytes]] = {}
    for service in SERVICES:
        async with database_of(stack, service) as connection:
            for (table,) in await connection.fetch(_TABLES):
                if not table.startswith(without):
                    content = io.BytesIO()
                    await connection.copy_from_table(table, output=content)
                    lines = (line for line in content.getvalue().splitlines() if _OF_ITSELF not in line)
                    rows[f"{service}.{table}"] = sorted(lines)
    return {table: found for table, found in rows.items() if found}


@dataclass(frozen=True)
class Run:
    """Payments of every kind, what each was answered, and every message that they took."""

    ada: Customer
    grace: Customer
    answers: dict[tuple[str, int], tuple[int, Any]]
    messages: list[Stored]


async def _asked(ada: Customer, grace: Customer, key: str, amount: int) -> tuple[int, Any]:
    try:
        intent = await ada.pay(grace.wallet, amount, options=Options(key))
    except DeclinedError as error:
        return error.status, error.payment_intent
    return intent.answer.status, intent


async def _run(stack: Stack, gateway: LedgerLink, operator: LedgerLink) -> Run:
    """Pay, be declined, run out of money, confirm later; from registration to the last event."""
    await at_rest(stack)
    before = await lengths(stack)
    ada, grace = await new_customer(gateway, operator, FUNDS), await new_customer(gateway, operator)
    asked = [(str(new_id()), amount) for amount in (100, 200, 300, DECLINED_BY_RISK, FUNDS * 2)]
    answers = await asyncio.gather(*(_asked(ada, grace, *order) for order in asked))
    later = await ada.pay(grace.wallet, 50, confirm=False)
    await ada.session.payment_intents.confirm(later.id)
    await at_rest(stack)
    return Run(ada, grace, dict(zip(asked, answers, strict=True)), await stored_since(stack, before))


def _shuffled(messages: list[Stored]) -> list[Stored]:
    return random.Random(7).sample(messages, len(messages))  # noqa: S311 - an order, the same in each run


async def _nothing_is_answered_otherwise(run: Run) -> None:
    assert sorted(status for status, _ in run.answers.values()) == [201, 201, 201, 402, 402]
    for (key, amount), answer in run.answers.items():
        assert await _asked(run.ada, run.grace, key, amount) == answer
    assert (await run.ada.balance(), await run.grace.balance()) == (FUNDS - 650, 650)
    assert len(await run.ada.session.wallets.entries(run.ada.wallet).all()) == 5


async def test_every_message_delivered_twice_changes_nothing(
    stack: Stack, gateway: LedgerLink, operator: LedgerLink
) -> None:
    run = await _run(stack, gateway, operator)
    unreached = {name for name, count in expected_deliveries(run.messages).items() if not count}
    assert unreached == _OPERATORS, "the run does not reach every consumer"
    known, delivered = await _everything(stack), await deliveries(stack)
    for messages in (run.messages, _shuffled(run.messages)):
        await say_again(stack, messages)
        await at_rest(stack)
    handed = await deliveries(stack) - delivered
    assert handed >= expected_deliveries(run.messages * 2), "not every message was delivered again"
    assert await _everything(stack) == known
    await prove(stack)
    await _nothing_is_answered_otherwise(run)


async def test_every_message_said_twice_has_one_effect(stack: Stack, gateway: LedgerLink, operator: LedgerLink) -> None:
    """Under a new id no inbox knows it: idempotency keys, transfer ids and the transition table must hold alone."""
    run = await _run(stack, gateway, operator)
    delivery = ("inbox", "outbox")
    known = await _everything(stack, without=delivery)
    await say_again(stack, [message.under_a_new_id() for message in _shuffled(run.messages)])
    await at_rest(stack)
    assert await _everything(stack, without=delivery) == known
    await prove(stack)
    await _nothing_is_answered_otherwise(run)


@dataclass(frozen=True)
class Poison:
    """A message that its consumer cannot handle, who may say it, and what the dead letter must give as the reason."""

    what: str
    sender: str
    stored: Stored
    consumer: str
    reason: str


def _poisons(good: dict[str, Stored]) -> Iterator[Poison]:
    create, assess = good["payments.commands.create_payment_intent"], good["risk.commands.assess"]
    creating, assessing = "payments.payments-commands", "risk.risk-assess"

    def changed(stored: Stored, **members: Any) -> Stored:
        envelope = stored.envelope | {"id": str(new_id())} | members
        present = {name: value for name, value in envelope.items() if value is not None}
        return Stored(stored.stream, stored.subject, orjson.dumps(present))

    garbage = Stored(create.stream, create.subject, b"\x00\xffnot a message " + new_id().bytes)
    negative = create.envelope["data"] | {"amount": -100}
    yield Poison("garbage", "gateway", garbage, creating, "not a message of this consumer")
    yield Poison("another type", "gateway", changed(create, type="ledgerlink.payments.steal.v1"), creating, "steal")
    yield Poison("negative amount", "gateway", changed(create, data=negative), creating, "data/amount")
    yield Poison("an old id", "gateway", changed(create, id=_OLD), creating, "too old")
    yield Poison("nowhere to answer", "payments", changed(assess, replyto=None), assessing, "replyto")
    yield Poison("answer to others", "payments", changed(assess, replyto="wallet.commands.x"), assessing, "replyto")


_OLD = str(UUID(int=(1_700_000_000_000 << 80) | (7 << 76) | (2 << 62)))


async def test_poison_is_put_aside_with_its_reason_and_harms_no_neighbour(
    stack: Stack, gateway: LedgerLink, operator: LedgerLink
) -> None:
    run = await _run(stack, gateway, operator)
    poisons = list(_poisons({message.subject: message for message in run.messages}))
    before, delivered = await lengths(stack), await deliveries(stack)
    await stack.stop_process("risk")  # so that poison and neighbours wait for it together, in one batch
    neighbours = await _accepted(run, stack)
    await _say(stack, poisons)
    neighbours += await _accepted(run, stack)
    await stack.start_process("risk")

    async def all_paid() -> bool:
        return await run.grace.balance() == 650 + 10 * len(neighbours)

    await eventually("the neighbours are paid", all_paid)
    letters = await eventually(
        "every poison has its dead letter", lambda: _letters(stack, before, len(poisons)), deadline=TOLD_SECONDS
    )
    for poison in poisons:
        letter = letters[poison.stored.payload]
        assert poison.reason in letter.reason, poison.what
        assert f"{poison.consumer.split('.')[0]}.{letter.consumer}" == poison.consumer
        assert (letter.stream, letter.subject) == (poison.stored.stream, poison.stored.subject)
    await at_rest(stack)
    await prove(stack)
    handed = await deliveries(stack) - delivered
    assert handed["payments-commands"] == len(neighbours) + UNREADABLE
    assert handed["risk-assess"] == len(neighbours) + UNFIT * DELIVERY_LIMIT, "a neighbour was delivered again"


async def _accepted(run: Run, stack: Stack) -> list[UUID]:
    """Set payments going that cannot end yet; return their intents once risk has been asked about each."""
    ada, before = run.ada, await lengths(stack)
    intents = await asyncio.gather(
        *(ada.pay(run.grace.wallet, 10, options=Options(respond_async=True)) for _ in range(NEIGHBOURS))
    )
    assert {intent.answer.status for intent in intents} == {202}

    async def risk_is_asked() -> bool:
        return (await lengths(stack))["RISK_COMMANDS"] == before["RISK_COMMANDS"] + NEIGHBOURS

    await eventually("risk is asked about each", risk_is_asked)
    return [intent.id for intent in intents]


async def _say(stack: Stack, poisons: list[Poison]) -> None:
    async with connected(stack, "gateway") as as_gateway, connected(stack, "payments") as as_payments:
        connections = {"gateway": as_gateway, "payments": as_payments}
        for poison in poisons:
            await say(connections[poison.sender], poison.stored)


async def _letters(stack: Stack, before: dict[str, int], number: int) -> dict[bytes, DeadLetter] | None:
    """Return the dead letters since `before` by what was in them; None while they are fewer than `number`."""
    found = [message for message in await stored_since(stack, before) if message.stream == "DEAD_LETTERS"]
    letters = [DeadLetter.model_validate(message.envelope["data"]) for message in found]
    assert len(letters) <= number, "something is a dead letter that was no poison"
    return {base64.b64decode(letter.payload): letter for letter in letters} if len(letters) == number else None
