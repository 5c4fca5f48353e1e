"""A payment that the ledger cannot post for a while: a dead letter, replayed from the terminal, one effect."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner, Result

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.cli import app
from ops.stack.stack import Stack
from tests.people import CURRENCY, Customer, new_customer
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNDS, AMOUNT = 10_000, 4_711
DEAD_SECONDS = 90.0  # five tries with growing pauses take 21 s
_BREAK = (
    f"""
    CREATE FUNCTION cannot_post() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.amount = {AMOUNT} THEN RAISE EXCEPTION 'the disk for odd amounts is full'; END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER cannot_post BEFORE INSERT ON transfer FOR EACH ROW EXECUTE FUNCTION cannot_post()",
)
_MEND = ("DROP TRIGGER cannot_post ON transfer", "DROP FUNCTION cannot_post()")


async def _run(stack: Stack, *words: str) -> Result:
    """Run a command on the stack's data, as somebody at the terminal does."""
    told = [*words, "--data-dir", str(stack.layout.root)]
    return await asyncio.to_thread(CliRunner().invoke, app, told)


async def _alter(stack: Stack, *statements: str) -> None:
    owner = await asyncpg.connect(stack.parts.postgres.owner_url("wallet"))
    try:
        for statement in statements:
            await owner.execute(statement)
    finally:
        await owner.close()


@asynccontextmanager
async def _broken_ledger(stack: Stack) -> AsyncIterator[None]:
    """Let the ledger fail at one amount, as a bug or a bad disk would make it."""
    await _alter(stack, *_BREAK)
    try:
        yield
    finally:
        await _alter(stack, *_MEND)


async def _letters_of(stack: Stack, payment: str) -> list[dict[str, Any]]:
    """Return the dead letters of the ledger's consumer that speak of a payment."""
    told = await _run(stack, "dlq", "list", "--service", "wallet", "--json")
    assert told.exit_code == 0, told.output
    letters = json.loads(told.stdout)
    shown = [json.loads((await _run(stack, "dlq", "show", str(x["number"]), "--json")).stdout) for x in letters]
    return [letter for letter in shown if payment in json.dumps(letter["message"])]


async def _pay(http: httpx.AsyncClient, ada: Customer, grace: Customer) -> str:
    """Start a payment, without waiting for it; return its id."""
    order = {
        "source_wallet": str(ada.wallet),
        "destination_wallet": str(grace.wallet),
        "amount": AMOUNT,
        "currency": CURRENCY,
        "confirm": True,
    }
    headers = ada.bearer | {"Idempotency-Key": str(new_id()), "Prefer": "respond-async"}
    answer = await http.post("/v1/payment_intents", json=order, headers=headers)
    assert answer.status_code == 202, answer.text
    identifier: str = answer.json()["id"]
    return identifier


async def test_a_dead_letter_is_replayed_and_the_money_moves_once(
    stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await asyncio.gather(new_customer(gateway, operator, FUNDS), new_customer(gateway, operator))
    async with _broken_ledger(stack):
        payment = await _pay(http, ada, grace)
        [letter] = await eventually("a dead letter", lambda: _letters_of(stack, payment), deadline=DEAD_SECONDS)
        assert letter["consumer"] == "wallet-ledger"
        assert letter["reason"] == "RaiseError: the disk for odd amounts is full"
        assert letter["message_type"] == "ledgerlink.wallet.post_transfer.v1"
        assert await grace.balance() == 0
    number = str(letter["number"])
    assert "wallet-ledger" in (await _run(stack, "dlq", "list")).stdout
    shown = (await _run(stack, "dlq", "show", number)).stdout
    assert f"Dead letter {number}: wallet.post_transfer {letter['message_id']}" in shown
    assert "not handled" in shown

    traced = await _run(stack, "trace", payment)
    assert (traced.exit_code, "wallet-ledger gave it up" in traced.stdout) == (0, True), traced.output

    told = await _run(stack, "dlq", "replay", number)
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{number}: message {letter['message_id']}: wallet-ledger has handled it.\n"

    async def paid() -> bool:
        intent = (await http.get(f"/v1/payment_intents/{payment}", headers=ada.bearer)).json()
        return bool(intent["status"] == "succeeded")

    await eventually("the payment is done", paid)
    assert (await ada.balance(), await grace.balance()) == (FUNDS - AMOUNT, AMOUNT)
    gone = await _run(stack, "dlq", "replay", number)
    assert (gone.exit_code, f"there is no dead letter {number}" in gone.stderr) == (1, True)
    assert await _letters_of(stack, payment) == []
    assert (await ada.balance(), await grace.balance()) == (FUNDS - AMOUNT, AMOUNT)
