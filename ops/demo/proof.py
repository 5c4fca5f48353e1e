"""The proof that the books balance and that everything happened exactly once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

from apps.payments.audit import PaymentsAudit
from apps.payments.audit import audit as audit_payments
from apps.payments.domain.transitions import State
from apps.wallet.audit import Audit as WalletAudit
from apps.wallet.audit import audit as audit_wallet
from contracts.money import in_major_units
from contracts.wallet import Account, Transfer
from ops.demo.report import Check
from ops.demo.story import FIRST_PRICE, FUNDS, PRICE, Paid, Story
from ops.read_only import read_only
from ops.stack.parts import Parts
from outbox.database import Reads

TOP_UPS = 1
Posted: TypeAlias = tuple[Paid, Transfer | None]


async def prove(parts: Parts, story: Story, wallets: Sequence[Account]) -> list[Check]:
    """Return every claim and whether it holds; `wallets` are Ada's and Grace's, as last seen over HTTP."""
    async with read_only(parts.postgres.service_url("wallet")) as connection:
        books = await audit_wallet(connection)
    async with read_only(parts.postgres.service_url("payments")) as connection:
        payments = await audit_payments(Reads(connection), timedelta(0))
    posted = [(paid, await _transfer(story, paid)) for paid in (story.first_paid, story.paid)]
    return checks(books, payments, posted, wallets, story)


def checks(
    books: WalletAudit, payments: PaymentsAudit, posted: Sequence[Posted], wallets: Sequence[Account], story: Story
) -> list[Check]:
    """Return every claim and whether it holds; `posted` is each payment with the transfer that it names, if it does."""
    return [
        *_sums(books),
        _entries(books),
        _wallets(wallets),
        _one_transfer(books, payments, posted),
        _one_effect(story),
        _nothing_under_way(payments),
    ]


async def _transfer(story: Story, paid: Paid) -> Transfer | None:
    identifier = paid.answer.resource.transfer_id
    return await story.ada.session.transfer(identifier) if identifier else None


def _sums(books: WalletAudit) -> list[Check]:
    return [
        Check(
            claim=f"{total.currency} sums to zero over all accounts",
            holds=total.total == 0,
            found=f"{total.accounts} accounts, {in_major_units(total.total, total.currency)}",
        )
        for total in books.currencies
    ]


def _entries(books: WalletAudit) -> Check:
    found = f"{books.transfers} transfers, {books.entries} entries"
    return Check(
        claim="Entries pair up and make the balances",
        holds=books.balanced and books.entries == 2 * books.transfers,
        found="; ".join(books.findings) or found,
    )


def _wallets(wallets: Sequence[Account]) -> Check:
    paid = FIRST_PRICE + PRICE
    return Check(
        claim="The wallets hold what was paid",
        holds=[wallet.balance for wallet in wallets] == [FUNDS - paid, paid],
        found=" + ".join(in_major_units(wallet.balance, wallet.currency) for wallet in wallets),
    )


def _one_transfer(books: WalletAudit, payments: PaymentsAudit, posted: Sequence[Posted]) -> Check:
    """Claim one transfer a succeeded payment: that payment's own, and no other beside the top-up."""
    succeeded, declined = payments.by_state[State.SUCCEEDED], payments.by_state[State.REQUIRES_PAYMENT_METHOD]
    transfers = books.transfers - TOP_UPS
    return Check(
        claim="One transfer per succeeded payment",
        holds=succeeded == transfers == len(posted) and all(_is_its(paid, transfer) for paid, transfer in posted),
        found=f"{succeeded} succeeded, {declined} declined, {transfers} transfers",
    )


def _is_its(paid: Paid, transfer: Transfer | None) -> bool:
    """Tell whether a transfer is what the payment is about."""
    intent = paid.answer.resource
    return transfer is not None and (
        transfer.reference,
        transfer.debit_account,
        transfer.credit_account,
        transfer.amount,
        transfer.currency,
    ) == (intent.id, intent.source_wallet, intent.destination_wallet, intent.amount, intent.currency)


def _one_effect(story: Story) -> Check:
    repeated = story.repeated
    return Check(
        claim="The repetition changed nothing",
        holds=repeated.same_answer_as(story.paid) and repeated.entries_before == repeated.entries_after,
        found=f"{repeated.entries_before} entries before, {repeated.entries_after} after",
    )


def _nothing_under_way(payments: PaymentsAudit) -> Check:
    under_way = payments.by_state[State.ASSESSING] + payments.by_state[State.POSTING]
    return Check(claim="No payment is still on its way", holds=under_way == 0, found=f"{under_way} processing")
