"""`ledgerlink audit`: on databases that the environment names, with exit codes and findings that name the row."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from apps.payments import store as payments
from apps.payments.domain.intents import Attempt, Intent
from apps.payments.domain.transitions import State
from apps.wallet.tests.bank import Bank, payment
from apps.wallet.tests.full_ledger import new_signer, seal
from contracts.ids import new_id
from contracts.message import Problem
from ops.cli import app
from ops.stack.layout import Layout
from ops.stack.ports import remembered_ports
from ops.stack.stack import PORTS
from outbox.database import Database
from outbox.transaction import Spoken, Transactions
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory


@dataclass
class Books:
    """A ledger with one payment, as both services know it."""

    ledger: FreshDatabase
    payments: Database
    intent: Intent

    async def keep(self, intent: Intent) -> None:
        """Let the payments service know the payment like this."""

        async def heard(_spoken: Spoken) -> None:
            """Nobody listens."""

        async with Transactions(self.payments, "payments", heard).begin() as tx:
            await payments.insert(tx, [intent])
            await payments.update(tx, [intent])

    async def audit(self, *options: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["audit", *options])


@pytest.fixture
async def books(fresh_database: FreshDatabaseFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Books]:
    fresh = {service: await fresh_database(service) for service in ("wallet", "payments")}
    for service, database in fresh.items():
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", database.url)
    ledger, own = Database(fresh["wallet"].url, 3), Database(fresh["payments"].url, 3)
    await ledger.open()
    await own.open()
    bank, ann, intent, transfer, now = Bank(ledger), new_id(), new_id(), new_id(), datetime.now(UTC)
    source, target = await bank.wallet(ann, balance=500), await bank.wallet()
    await bank.post(payment(ann, source, target, 70, transfer_id=transfer, reference=intent))
    await seal(bank, new_signer())
    attempt = Attempt(1, new_id(), transfer, "{}")
    paid = Intent(intent, ann, source, target, 70, "EUR", None, State.SUCCEEDED, attempt, None, None, now, now)
    books = Books(fresh["wallet"], own, paid)
    await books.keep(paid)
    yield books
    await ledger.close()
    await own.close()


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
    transfer = books.intent.current.transfer_id
    told = await books.audit()
    assert told.exit_code == 1
    assert "\n2 findings.\n" in told.output
    assert f"✗ transfer {transfer} (sequence 2, seal 1): it is not what was sealed" in told.output
    report = json.loads((await books.audit("--json")).stdout)
    assert not report["balanced"]
    assert [finding["place"] for finding in report["findings"]] == [
        f"transfer {transfer} (sequence 2, seal 1)",
        f"payment intent {books.intent.id}",
    ]


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"amount": 71}, "moved something else than it says"),
        ({"transfer_id": UUID("01990f3e-7c30-7d44-9e55-5f66a77b8801")}, "is not in the ledger"),
        (
            {"state": State.REQUIRES_PAYMENT_METHOD, "last_payment_error": Problem(code="x", detail="No.")},
            "it failed, and transfer",
        ),
        ({"state": State.POSTING, "updated_at": datetime(2026, 1, 1, tzinfo=UTC)}, "nothing has moved it for"),
    ],
)
async def test_a_payment_without_its_one_effect_is_named(books: Books, change: dict[str, object], claim: str) -> None:
    intent = books.intent
    if transfer := change.pop("transfer_id", None):
        assert isinstance(transfer, UUID)
        change["attempt"] = replace(intent.current, transfer_id=transfer)
    await books.keep(replace(intent, id=new_id(), **change))  # type: ignore[arg-type]
    told = await books.audit()
    assert told.exit_code == 1
    assert claim in told.output
    assert told.output.endswith("\n1 finding.\n")


async def test_a_payment_with_two_effects_is_named(books: Books) -> None:
    intent, again = books.intent, new_id()
    ledger = Database(books.ledger.url, 2)
    await ledger.open()
    ends = (intent.customer, intent.source_wallet, intent.destination_wallet)
    await Bank(ledger).post(payment(*ends, 70, transfer_id=again, reference=intent.id))
    await ledger.close()
    told = await books.audit()
    assert told.exit_code == 1
    assert f"✗ transfer {again}: payment intent {intent.id} is carried out by another one" in told.output


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
