"""A service's database is restored from a backup beside others that have gone on (docs/runbooks/restore.md)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from ledgerlink_client import LedgerLink, Options
from ledgerlink_client.errors import NotFoundError
from ledgerlink_client.models.payments import CaptureMethod, PaymentIntent
from ops.audit.databases import Databases
from ops.audit.report import AuditReport
from ops.audit.run import run_audit
from ops.cli import app
from ops.stack.stack import Stack
from tests.backups import dump, restore
from tests.books import at_rest, balances_of, database_of, transfers_of
from tests.people import CURRENCY, Customer, log_operator_in, new_customer

pytestmark = pytest.mark.asyncio(loop_scope="module")

FUNDS = 100_000
TOP_UP = 5_000
UNASKED = "it is for a payment, refund or dispute that did not ask for it"
# As the runbook has them.
MOVED_SINCE = "SELECT DISTINCT reference FROM transfer WHERE posted_at > $1 AND reference IS NOT NULL"
KNOWN = """
SELECT id FROM payment_intent WHERE id = ANY ($1)
UNION SELECT id FROM refund WHERE id = ANY ($1) UNION SELECT id FROM dispute WHERE id = ANY ($1)
"""
COMMAND_SECONDS = 31.0
"""How long a gateway's command may wait before it is refused; as short as the gateway takes it."""


@dataclass(frozen=True)
class Town:
    """What happened before the backup, and after it."""

    stack: Stack
    operator: LedgerLink
    payer: Customer
    payee: Customer
    backups: Path
    backed_up_at: datetime
    before: PaymentIntent
    after: list[PaymentIntent]
    top_up: Options
    balances: dict[UUID, int]

    async def balances_now(self) -> dict[UUID, int]:
        return await balances_of(self.stack, self.balances)

    async def audit(self) -> AuditReport:
        urls = self.stack.parts.postgres
        return await run_audit(Databases(urls.owner_url("wallet"), urls.owner_url("payments")))

    async def restored(self, *services: str) -> None:
        """Stop services and restore their databases; they stay down."""
        for service in services:
            await self.stack.stop_process(service)
            await restore(self.stack, service, self.backups / service)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(_servers_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    backups = tmp_path_factory.mktemp("backups")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GATEWAY_COMMAND_DEADLINE_SECONDS", str(COMMAND_SECONDS))
        async with Stack(_servers_directory / "restored", durable=False) as stack, LedgerLink(stack.url) as gateway:
            operator = await log_operator_in(stack, gateway)
            payer, payee = await new_customer(gateway, operator, FUNDS), await new_customer(gateway, operator)
            before = await payer.pay(payee.wallet, 100)
            held = await _authorised(payer, payee, 3_000)
            await at_rest(stack)
            backed_up_at = datetime.now(UTC)
            for service in ("wallet", "risk", "payments"):
                await dump(stack, service, backups / service)
            after = [await payer.pay(payee.wallet, amount) for amount in range(200, 210)]
            after.append(await _by_card(payer, payee, 700))
            await payee.session.payment_intents.capture(held.id, amount=2_000)
            await payee.session.refunds.create(payment_intent=before.id, amount=50)
            top_up = Options(idempotency_key="after the backup")
            await operator.wallets.top_up(payee.wallet, TOP_UP, CURRENCY, options=top_up)
            await at_rest(stack)
            # A real restore takes longer than commands of gateways may wait.
            await asyncio.sleep(COMMAND_SECONDS)
            balances = await balances_of(stack, [payer.wallet, payee.wallet])
            yield Town(stack, operator, payer, payee, backups, backed_up_at, before, after, top_up, balances)


async def _authorised(payer: Customer, payee: Customer, amount: int) -> PaymentIntent:
    return await payer.session.payment_intents.create(
        source_wallet=payer.wallet,
        destination_wallet=payee.wallet,
        amount=amount,
        currency=CURRENCY,
        capture_method=CaptureMethod.MANUAL,
        confirm=True,
    )


async def _by_card(payer: Customer, payee: Customer, amount: int) -> PaymentIntent:
    return await payer.session.payment_intents.create(
        destination_wallet=payee.wallet,
        payment_method={"type": "card", "token": "tok_visa"},
        amount=amount,
        currency=CURRENCY,
        confirm=True,
    )


async def _tell_again(stack: Stack, service: str) -> None:
    environment = stack.parts.environments.provisioner()
    told = await asyncio.to_thread(CliRunner().invoke, app, ["provision", "--again", service], env=environment)
    assert told.exit_code == 0, told.output
    assert f"{service}-" in told.output


async def test_wallet_and_risk_do_again_what_other_services_asked_of_them(town: Town) -> None:
    await town.restored("wallet", "risk")
    assert await town.balances_now() != town.balances
    for service in ("wallet", "risk"):
        await _tell_again(town.stack, service)
        await town.stack.start_process(service)
    await at_rest(town.stack)
    # Lost is what clients asked of the wallet itself: of a payment nothing is, neither of wallets nor of cards.
    lost = {town.payee.wallet: TOP_UP, town.payer.wallet: 0}
    assert await town.balances_now() == {wallet: town.balances[wallet] - lost[wallet] for wallet in lost}
    assert not (await town.audit()).findings
    transfers = await transfers_of(town.stack, [intent.id for intent in town.after])
    assert set(transfers.values()) == {1}
    # Who repeats the request under its key has it done, once.
    for _ in range(2):
        await town.operator.wallets.top_up(town.payee.wallet, TOP_UP, CURRENCY, options=town.top_up)
    assert await town.balances_now() == town.balances
    assert (await town.payer.pay(town.payee.wallet, 1)).status == "succeeded"


@pytest.mark.parametrize("words", [["--again", "payments"], ["--again", "wallet", "--watch"]])
async def test_nobody_is_told_again_who_would_do_it_twice(town: Town, words: list[str]) -> None:
    environment = town.stack.parts.environments.provisioner()
    refused = await asyncio.to_thread(CliRunner().invoke, app, ["provision", *words], env=environment)
    assert refused.exit_code == 2
    assert "--again" in refused.output


async def test_what_payments_forgot_stands_in_the_ledger_and_moves_no_money(town: Town) -> None:
    await at_rest(town.stack)
    balances = await town.balances_now()
    await town.restored("payments")
    await town.stack.start_process("payments")
    await at_rest(town.stack)
    assert await town.balances_now() == balances
    # What was done for payments that are known is found by the audit, payments that are not by what they have moved.
    assert {finding.claim for finding in (await town.audit()).findings} == {UNASKED}
    forgotten = await _references_unknown_to_payments(town)
    assert forgotten >= {intent.id for intent in town.after}
    with pytest.raises(NotFoundError, match="payment_intent_not_found"):
        await town.payer.session.payment_intents.get(town.after[0].id)
    assert (await town.payer.session.payment_intents.get(town.before.id)).status == "succeeded"
    assert (await town.payer.pay(town.payee.wallet, 2)).status == "succeeded"


async def _references_unknown_to_payments(town: Town) -> set[UUID]:
    async with database_of(town.stack, "wallet") as wallet, database_of(town.stack, "payments") as payments:
        moved = await wallet.fetch(MOVED_SINCE, town.backed_up_at)
        known = await payments.fetch(KNOWN, [row["reference"] for row in moved])
    return {row["reference"] for row in moved} - {row["id"] for row in known}
