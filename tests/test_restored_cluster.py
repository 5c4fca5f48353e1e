"""All databases go back to one moment, and the broker begins empty: what was on its way then comes to its end, once."""

from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from ledgerlink_client import LedgerLink, Options
from ledgerlink_client.models.payments import PaymentIntent
from ops.audit.databases import Databases
from ops.audit.report import AuditReport
from ops.audit.run import run_audit
from ops.stack.stack import Stack
from tests.backups import copy_cluster, put_back_cluster
from tests.books import at_rest, balances_of, database_of, transfers_of, under_way
from tests.people import CURRENCY, Customer, log_operator_in, new_customer
from tests.waiting import eventually

FUNDS = 100_000
UNDER_WAY = 5
_STATES = "SELECT id, state FROM payment_intent WHERE id = ANY ($1)"


async def test_what_was_under_way_at_the_moment_of_the_backup_ends_once(
    _servers_directory: Path,  # noqa: PT019
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAYMENTS_RISK_DEADLINE_SECONDS", "600")  # waits go on while the databases are put back
    place, backup = _servers_directory / "cluster", tmp_path / "backup"
    async with Stack(place, durable=False) as stack, LedgerLink(stack.url) as gateway:
        operator = await log_operator_in(stack, gateway)
        payer, payee = await new_customer(gateway, operator, FUNDS), await new_customer(gateway, operator)
        before = await payer.pay(payee.wallet, 100)
        await stack.stop_process("risk")
        waiting = [await _asked(payer, payee, 10 + n) for n in range(UNDER_WAY)]
        await eventually("payments wait for risk", lambda: _wait_for_risk(stack))
        await copy_cluster(stack, backup)
        await stack.start_process("risk")
        after = [await payer.pay(payee.wallet, 1_000 + n) for n in range(UNDER_WAY)]
        await at_rest(stack)
        layout = stack.layout
    put_back_cluster(layout, backup)
    async with Stack(place, durable=False) as stack, LedgerLink(stack.url) as gateway:
        await at_rest(stack)
        succeeded = [before.id, *(intent.id for intent in waiting)]
        assert await _states(stack, [*succeeded, *(intent.id for intent in after)]) == dict.fromkeys(
            succeeded, "succeeded"
        )
        assert await transfers_of(stack, [*succeeded, *(intent.id for intent in after)]) == Counter(succeeded)
        paid = 100 + sum(10 + n for n in range(UNDER_WAY))
        balances = {payer.wallet: FUNDS - paid, payee.wallet: paid}
        assert await balances_of(stack, balances) == balances
        assert not (await _audit(stack)).findings
        operator = await log_operator_in(stack, gateway)
        newcomer = await new_customer(gateway, operator, FUNDS)
        assert (await newcomer.pay(payee.wallet, 1)).status == "succeeded"


async def _asked(payer: Customer, payee: Customer, amount: int) -> PaymentIntent:
    return await payer.session.payment_intents.create(
        source_wallet=payer.wallet,
        destination_wallet=payee.wallet,
        amount=amount,
        currency=CURRENCY,
        confirm=True,
        options=Options(respond_async=True),
    )


async def _wait_for_risk(stack: Stack) -> bool:
    return await under_way(stack) == UNDER_WAY


async def _states(stack: Stack, intents: list[UUID]) -> dict[UUID, str]:
    async with database_of(stack, "payments") as connection:
        return {row["id"]: row["state"] for row in await connection.fetch(_STATES, intents)}


async def _audit(stack: Stack) -> AuditReport:
    urls = stack.parts.postgres
    return await run_audit(Databases(urls.owner_url("wallet"), urls.owner_url("payments")))
