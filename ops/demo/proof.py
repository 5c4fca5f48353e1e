"""The proof that the books balance and that everything happened exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from apps.payments.audit import PaymentsAudit
from apps.payments.audit import audit as audit_payments
from apps.payments.domain.transitions import State, public_status
from apps.wallet.audit import Audit as WalletAudit
from apps.wallet.audit import audit as audit_wallet
from contracts.money import in_major_units
from contracts.payments import PaymentStatus
from ledgerlink_client.models.wallets import Transfer, Wallet
from ops.audit.payments import prove_effects, prove_single_effects
from ops.demo.card import HEARD, HEARD_OF_DECLINE, REFUND, CardStory
from ops.demo.card import PRICE as CARD_PRICE
from ops.demo.place import Place
from ops.demo.report import Check
from ops.demo.story import FIRST_PRICE, FUNDS, PRICE, Paid, Story
from ops.read_only import read_only
from outbox.database import Reads

TOP_UPS = 1
CARD_TRANSFERS = 3  # two captures and the refund
Posted: TypeAlias = tuple[Paid, Transfer | None]


@dataclass
class Evidence:
    """What is judged; `wallets` are Ada's and Grace's, `posted` each wallet payment with the transfer that it names.

    `differences` is what payments say of the ledger and it does not have, or the other way round.
    """

    books: WalletAudit
    payments: PaymentsAudit
    differences: Sequence[str]
    posted: Sequence[Posted]
    wallets: Sequence[Wallet]
    story: Story
    card: CardStory


async def prove(place: Place, story: Story, card: CardStory, wallets: Sequence[Wallet]) -> list[Check]:
    """Return every claim and whether it holds; `wallets` are Ada's and Grace's, as last seen over HTTP."""
    async with (
        read_only(place.databases["wallet"]) as ledger,
        read_only(place.databases["payments"]) as connection,
    ):
        books = await audit_wallet(ledger)
        payments = await audit_payments(Reads(connection), timedelta(0))
        differences = await _differences(Reads(connection), Reads(ledger))
    posted = [(paid, await _transfer(story, paid)) for paid in (story.first_paid, story.paid)]
    return checks(Evidence(books, payments, differences, posted, wallets, story, card))


def checks(evidence: Evidence) -> list[Check]:
    """Return every claim and whether it holds."""
    return [
        *_sums(evidence.books),
        _entries(evidence.books),
        _wallets(evidence.wallets),
        _one_transfer(evidence.books, evidence.payments, evidence.posted),
        _agreement(evidence.differences),
        _one_effect(evidence.story),
        _webhooks(evidence.card),
        _nothing_under_way(evidence.payments),
    ]


async def _differences(payments: Reads, ledger: Reads) -> list[str]:
    both = [prove_effects(payments, ledger), prove_single_effects(ledger, payments)]
    return [f"{f.place}: {f.claim}" for some in both async for _, found in some for f in found]


async def _transfer(story: Story, paid: Paid) -> Transfer | None:
    identifier = paid.intent.transfer_id
    return await story.ada.session.transfers.get(identifier) if identifier else None


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


def _wallets(wallets: Sequence[Wallet]) -> Check:
    paid = FIRST_PRICE + PRICE
    return Check(
        claim="The wallets hold what was paid",
        holds=[wallet.balance for wallet in wallets] == [FUNDS - paid, paid + CARD_PRICE - REFUND],
        found=" + ".join(in_major_units(wallet.balance, wallet.currency) for wallet in wallets),
    )


def _one_transfer(books: WalletAudit, payments: PaymentsAudit, posted: Sequence[Posted]) -> Check:
    """Claim a transfer for each wallet payment, that payment's own, one for each capture and refund, and no other."""
    succeeded, declined = payments.by_state[State.SUCCEEDED], payments.by_state[State.REQUIRES_PAYMENT_METHOD]
    transfers = books.transfers - TOP_UPS
    all_there = (succeeded, transfers) == (len(posted) + 1, len(posted) + CARD_TRANSFERS)
    return Check(
        claim="One transfer per payment, capture, refund",
        holds=all_there and all(_is_its(paid, transfer) for paid, transfer in posted),
        found=f"{succeeded} paid, {declined} declined, {transfers} transfers",
    )


def _agreement(differences: Sequence[str]) -> Check:
    claim = "Payments and ledger agree"
    return Check(claim=claim, holds=not differences, found="; ".join(differences) or "in every operation")


def _is_its(paid: Paid, transfer: Transfer | None) -> bool:
    """Tell whether a transfer is what the payment is about."""
    intent = paid.intent
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


def _webhooks(card: CardStory) -> Check:
    """Claim that Grace's server heard of both card payments in their order, and that each signature was right."""
    heard = {intent: tuple(w.type for w in card.heard if w.payment_intent_id == intent) for intent in _intents(card)}
    verified = sum(webhook.verified for webhook in card.heard)
    return Check(
        claim="Webhooks came signed and in order",
        holds=list(heard.values()) == [HEARD, HEARD_OF_DECLINE] and verified == len(card.heard),
        found=f"{len(card.heard)} came, {verified} signatures are right",
    )


def _intents(card: CardStory) -> tuple[UUID, UUID]:
    return card.paid.id, card.declined.intent.id


def _nothing_under_way(payments: PaymentsAudit) -> Check:
    under_way = sum(n for state, n in payments.by_state.items() if public_status(state) is PaymentStatus.PROCESSING)
    return Check(claim="No payment is still on its way", holds=under_way == 0, found=f"{under_way} processing")
