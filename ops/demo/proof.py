"""The proof that the books balance and that everything happened exactly once."""

from collections.abc import Sequence
from datetime import timedelta

from apps.payments.audit import PaymentsAudit
from apps.payments.audit import audit as audit_payments
from apps.payments.domain.transitions import State
from apps.wallet.audit import Audit as WalletAudit
from apps.wallet.audit import audit as audit_wallet
from contracts.money import in_major_units
from contracts.wallet import Account, Transfer
from ops.demo.report import Check
from ops.demo.story import FUNDS, PRICE, Story
from ops.read_only import read_only
from ops.stack.parts import Parts
from outbox.database import Reads

TOP_UPS = 1


async def prove(parts: Parts, story: Story, wallets: Sequence[Account]) -> list[Check]:
    """Return every claim and whether it holds; `wallets` are Ada's and Grace's, as last seen over HTTP."""
    async with read_only(parts.postgres.service_url("wallet")) as connection:
        books = await audit_wallet(connection)
    async with read_only(parts.postgres.service_url("payments")) as connection:
        payments = await audit_payments(Reads(connection), timedelta(0))
    posted = await _transfer(story)
    return [
        *_sums(books),
        _entries(books),
        _wallets(wallets),
        _one_transfer(books, payments, story, posted),
        _one_effect(story),
        _nothing_under_way(payments),
    ]


async def _transfer(story: Story) -> Transfer | None:
    identifier = story.paid.answer.resource.transfer_id
    return await story.ada.session.transfer(identifier) if identifier else None


def _sums(books: WalletAudit) -> list[Check]:
    return [
        Check(
            claim=f"All {total.currency} accounts sum to zero",
            holds=total.total == 0,
            found=f"{total.accounts} accounts, {in_major_units(total.total, total.currency)}",
        )
        for total in books.currencies
    ]


def _entries(books: WalletAudit) -> Check:
    found = f"{books.transfers} transfers, {books.entries} entries"
    return Check(
        claim="Balances equal their entries, each transfer has two",
        holds=books.balanced and books.entries == 2 * books.transfers,
        found="; ".join(books.findings) or found,
    )


def _wallets(wallets: Sequence[Account]) -> Check:
    expected = [FUNDS - PRICE, PRICE]
    return Check(
        claim="The wallets hold what was paid in and over",
        holds=[wallet.balance for wallet in wallets] == expected,
        found=" + ".join(in_major_units(wallet.balance, wallet.currency) for wallet in wallets),
    )


def _one_transfer(books: WalletAudit, payments: PaymentsAudit, story: Story, posted: Transfer | None) -> Check:
    """Claim one transfer a succeeded payment: that payment's, and no other beside the top-up."""
    succeeded, transfers = payments.by_state[State.SUCCEEDED], books.transfers - TOP_UPS
    intent = story.paid.answer.resource
    its_own = posted is not None and (
        posted.reference,
        posted.debit_account,
        posted.credit_account,
        posted.amount,
        posted.currency,
    ) == (intent.id, intent.source_wallet, intent.destination_wallet, intent.amount, intent.currency)
    declined = payments.by_state[State.REQUIRES_PAYMENT_METHOD]
    return Check(
        claim="One transfer a succeeded payment, none a declined",
        holds=succeeded == transfers == 1 and its_own,
        found=f"{succeeded} succeeded, {declined} declined, {transfers} transfer",
    )


def _one_effect(story: Story) -> Check:
    repeated = story.repeated
    return Check(
        claim="The repeated payment has the same answer, no effect",
        holds=repeated.same_answer_as(story.paid) and repeated.entries_before == repeated.entries_after,
        found=f"{repeated.entries_before} entries before, {repeated.entries_after} after",
    )


def _nothing_under_way(payments: PaymentsAudit) -> Check:
    under_way = payments.by_state[State.ASSESSING] + payments.by_state[State.POSTING]
    return Check(claim="No payment is still on its way", holds=under_way == 0, found=f"{under_way} processing")
