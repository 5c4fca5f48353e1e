"""`ledgerlink audit`: on databases that the environment names, with exit codes and findings that name the row."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from apps.wallet.tests.bank import Bank, payment
from apps.wallet.tests.full_ledger import new_signer, seal
from contracts.ids import new_id
from ops.cli import app
from ops.stack.layout import Layout
from ops.stack.ports import remembered_ports
from ops.stack.stack import PORTS
from outbox.database import Database
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory


@dataclass
class Books:
    """A ledger with one payment of 70, as both services know it: the transfer, and the operation that asked for it."""

    ledger: FreshDatabase
    payments: FreshDatabase
    intent: UUID
    transfer: UUID
    payer: UUID
    wallets: tuple[UUID, UUID]

    async def alter(self, statement: str, *parameters: object) -> None:
        """Change what the payments service knows, behind its back."""
        owner = await asyncpg.connect(self.payments.owner_url)
        await owner.execute(statement, *parameters)
        await owner.close()

    async def audit(self, *options: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["audit", *options])


_INTENT = """
INSERT INTO payment_intent (id, customer, source_wallet, destination_wallet, method, amount, currency, state, attempt,
                            assessment_id, transfer_id, asked_by, authorised, captured, created_at, updated_at)
VALUES ($1, $2, $3, $4, '{"type":"wallet"}', 70, 'EUR', 'succeeded', 1, $5, $6, '{}', 70, 70, now(), now())
"""
_OPERATION = """
INSERT INTO operation (id, intent_id, subject_id, verb, amount, asked, status, asked_at, settled_at)
VALUES ($1, $2, $2, 'post', 70, $3, 'succeeded', now(), now())
"""


@pytest.fixture
async def books(fresh_database: FreshDatabaseFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Books]:
    fresh = {service: await fresh_database(service) for service in ("wallet", "payments")}
    for service, database in fresh.items():
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", database.url)
    ledger = Database(fresh["wallet"].url, 3)
    await ledger.open()
    bank, ann, intent, transfer = Bank(ledger), new_id(), new_id(), new_id()
    wallets = await bank.wallet(ann, balance=500), await bank.wallet()
    command = payment(ann, *wallets, 70, transfer_id=transfer, reference=intent)
    await bank.post(command)
    await seal(bank, new_signer())
    books = Books(fresh["wallet"], fresh["payments"], intent, transfer, ann, wallets)
    await books.alter(_INTENT, intent, ann, *wallets, new_id(), transfer)
    await books.alter(_OPERATION, transfer, intent, command.data.model_dump_json(exclude_none=True))
    yield books
    await ledger.close()


async def test_what_holds_is_told_with_exit_code_0(books: Books) -> None:
    told = await books.audit()
    assert told.exit_code == 0, told.output
    assert "EUR: 3 accounts sum to 0.00 EUR" in told.output
    assert "✓ Everything holds." in told.output
    report = json.loads((await books.audit("--json")).stdout)
    assert (report["balanced"], report["proved"]["transfers"], report["proved"]["seals"]) == (True, 2, 1)
    assert (report["proved"]["payments"], report["payments"]["succeeded"]) == (1, 1)


async def test_a_tampered_row_is_named_with_exit_code_1(books: Books) -> None:
    owner = await asyncpg.connect(books.ledger.owner_url)
    await owner.execute("UPDATE transfer SET reference = NULL WHERE sequence = 2")
    await owner.close()
    transfer = books.transfer
    told = await books.audit()
    assert told.exit_code == 1
    assert "\n2 findings.\n" in told.output
    assert f"✗ transfer {transfer} (sequence 2, seal 1): it is not what was sealed" in told.output
    report = json.loads((await books.audit("--json")).stdout)
    assert not report["balanced"]
    assert [finding["place"] for finding in report["findings"]] == [
        f"transfer {transfer} (sequence 2, seal 1)",
        f"payment intent {books.intent}",
    ]


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ("UPDATE operation SET asked = jsonb_set(asked::jsonb, '{amount}', '71')::json", "the amount of transfer"),
        ("UPDATE operation SET asked = jsonb_set(asked::jsonb, '{currency}', '\"USD\"')::json", "the currency of"),
        ("UPDATE operation SET status = 'failed', problem = '{}'", "was refused, and the ledger has it"),
        ("UPDATE payment_intent SET captured = 69", "it says 69 captured, and 70 was moved"),
        ("UPDATE payment_intent SET refunded = 5", "it says 5 refunded, and 0 was moved"),
        ("UPDATE payment_intent SET lost = 5", "it says 5 lost, and 0 was moved"),
        ("UPDATE payment_intent SET state = 'posting', updated_at = '2026-01-01'", "nothing has moved it for"),
    ],
)
async def test_a_payment_that_the_ledger_has_otherwise_is_named(books: Books, change: str, claim: str) -> None:
    await books.alter("ALTER TABLE payment_intent DISABLE TRIGGER USER")
    await books.alter(change)
    told = await books.audit()
    assert told.exit_code == 1
    assert f"✗ payment intent {books.intent}: " in told.output
    assert claim in told.output


async def test_what_was_carried_out_and_is_not_in_the_ledger_is_named(books: Books) -> None:
    elsewhere, intent = UUID("01990f3e-7c30-7d44-9e55-5f66a77b8801"), new_id()
    await books.alter(_INTENT, intent, books.payer, *books.wallets, new_id(), elsewhere)
    await books.alter(
        """
        INSERT INTO operation (id, intent_id, subject_id, verb, amount, asked, status, asked_at, settled_at)
        SELECT $1::uuid, $2::uuid, $2::uuid, verb, amount, jsonb_set(asked::jsonb, '{transfer_id}', to_jsonb($1))::json,
               status, asked_at, settled_at FROM operation
        """,
        elsewhere,
        intent,
    )
    told = await books.audit()
    assert told.exit_code == 1
    assert f"✗ payment intent {intent}: transfer {elsewhere} is not in the ledger" in told.output
    assert told.output.endswith("\n1 finding.\n")


async def test_a_payment_with_two_effects_is_named(books: Books) -> None:
    again = new_id()
    ledger = Database(books.ledger.url, 2)
    await ledger.open()
    await Bank(ledger).post(payment(books.payer, *books.wallets, 70, transfer_id=again, reference=books.intent))
    await ledger.close()
    told = await books.audit()
    assert told.exit_code == 1
    assert f"✗ transfer {again}: it is for a payment, refund or dispute that did not ask for it" in told.output


async def test_a_database_that_is_away_is_exit_code_2(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLET_DATABASE_URL", "postgresql://wallet:secret@127.0.0.1:1/wallet")
    told = await books.audit()
    assert told.exit_code == 2
    assert "not audited" in told.output
    assert "secret" not in told.output


def test_a_directory_without_a_stack_is_exit_code_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WALLET_DATABASE_URL", raising=False)
    told = CliRunner().invoke(app, ["audit", "--data-dir", str(tmp_path)])
    assert told.exit_code == 2
    assert "WALLET_DATABASE_URL" in told.output


def test_a_stack_that_is_stopped_is_said_as_status_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WALLET_DATABASE_URL", raising=False)
    remembered_ports(Layout.at(tmp_path).ports, PORTS, {})
    told = CliRunner().invoke(app, ["audit", "--data-dir", str(tmp_path)])
    assert told.exit_code == 2
    start = f"nothing runs on {tmp_path}; start it with: ledgerlink up --data-dir {tmp_path}"
    assert told.stderr == f"Error: not audited: {start}\n"
