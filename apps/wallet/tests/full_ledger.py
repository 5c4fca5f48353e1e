"""A ledger with something of everything: what the audit proves, and what the seals cover."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from apps.wallet.domain.sealing import Signer
from apps.wallet.handlers.change_accounts import ChangeCommand, change_accounts
from apps.wallet.handlers.close_periods import close_periods
from apps.wallet.handlers.ledger_operations import expire_holds
from apps.wallet.handlers.seal_ledger import seal_ledger
from apps.wallet.tests.bank import Bank, envelope, funding, idempotency, payment, place_short_hold, placing
from contracts.ids import new_id
from contracts.wallet import (
    CaptureHold,
    ChangeAccount,
    ClosePeriod,
    Direction,
    ExchangeLeg,
    ExtendHold,
    FreezeAccount,
    Limits,
    PostJournal,
    PostTransfer,
    ReverseTransfer,
    TransferLeg,
    VoidHold,
)

BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """The ids of what is in the ledger."""

    ann: UUID
    source: UUID
    target: UUID
    dollars: UUID
    payment: UUID
    plain: UUID
    hold: UUID
    journal: UUID
    late: UUID


def new_signer() -> Signer:
    """Return a signer with a key of its own."""
    return Signer(private_key_pem())


def private_key_pem() -> str:
    """Return a fresh Ed25519 private key."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def seal(bank: Bank, signer: Signer) -> None:
    """Seal what there is to seal now."""
    async with bank.transactions.begin() as tx:
        await seal_ledger(signer, tx)


async def fill(bank: Bank) -> Scene:
    """Do something of everything that a ledger can do."""
    ann, paid = new_id(), new_id()
    await _close_period(bank, BEGINNING)
    source, target = await bank.wallet(ann, balance=10_000), await bank.wallet(balance=500)
    dollars = await bank.wallet(ann, "USD", balance=1000)
    await bank.post(payment(ann, source, target, 300, transfer_id=paid))
    await bank.post(payment(ann, source, target, 10**9))  # refused
    await bank.post(envelope(ReverseTransfer(transfer_id=new_id(), reverses=paid, amount=100)))
    await bank.post(envelope(ReverseTransfer(transfer_id=new_id(), reverses=paid)))
    hold = await _holds(bank, source, target)
    journal = await _journal(bank, source, target, dollars)
    late = await _backdated(bank, source, target)
    await _changes(bank, target)
    plain = new_id()
    await bank.post(funding(source, 5, transfer_id=plain))
    return Scene(ann, source, target, dollars, paid, plain, hold, journal, late)


async def _close_period(bank: Bank, ends_at: datetime) -> None:
    closing = ClosePeriod(period_id=new_id(), ends_at=ends_at, closed_by=new_id(), idempotency=idempotency())
    async with bank.transactions.begin() as tx:
        await close_periods(tx, [envelope(closing)])


async def _holds(bank: Bank, source: UUID, target: UUID) -> UUID:
    later = datetime.now(UTC) + timedelta(hours=1)
    kept, voided = new_id(), new_id()
    for hold in (kept, voided):
        [placed] = await bank.post(placing(source, target, 100, later, hold_id=hold))
        assert placed.problem is None
    await bank.post(envelope(CaptureHold(transfer_id=new_id(), hold_id=kept, amount=40)))
    await bank.post(envelope(ExtendHold(operation_id=new_id(), hold_id=kept, expires_at=later + timedelta(hours=1))))
    await bank.post(envelope(VoidHold(operation_id=new_id(), hold_id=voided)))
    await place_short_hold(bank, source, target, 100)
    async with bank.transactions.begin() as tx:
        await expire_holds(tx)
    return kept


async def _journal(bank: Bank, source: UUID, target: UUID, dollars: UUID) -> UUID:
    journal = new_id()
    legs = [
        TransferLeg(transfer_id=new_id(), debit_account=source, credit_account=target, amount=7, currency="EUR"),
        ExchangeLeg(
            sell_transfer_id=new_id(),
            buy_transfer_id=new_id(),
            debit_account=source,
            credit_account=dollars,
            sold=1000,
            sold_currency="EUR",
            bought=1085,
            bought_currency="USD",
            rate=Decimal("1.0853"),
        ),
    ]
    [posted] = await bank.post(envelope(PostJournal(journal_id=journal, legs=legs, metadata={"für": "Miete"})))
    assert posted.problem is None, posted.problem
    return journal


async def _backdated(bank: Bank, source: UUID, target: UUID) -> UUID:
    """Post two transfers that are effective between the last two funded moments, and return the second."""
    row = await bank.database.pool.fetchrow("SELECT posted_at FROM transfer ORDER BY sequence DESC OFFSET 2 LIMIT 1")
    assert row is not None
    ids = [new_id(), new_id()]
    for transfer in ids:
        command = PostTransfer(
            transfer_id=transfer,
            debit_account=source,
            credit_account=target,
            amount=11,
            currency="EUR",
            effective_at=row["posted_at"],
            metadata={"why": 'forgotten "then"\n'},
        )
        [posted] = await bank.post(envelope(command))
        assert posted.problem is None, posted.problem
    return ids[1]


async def _changes(bank: Bank, account: UUID) -> None:
    operator = new_id()
    shared = {"account_id": account, "changed_by": operator, "reason": "asked for"}
    commands: list[ChangeCommand] = [
        FreezeAccount(direction=Direction.OUT, idempotency=idempotency(), **shared),
        FreezeAccount(direction=Direction.NONE, idempotency=idempotency(), **shared),
        ChangeAccount(limits=Limits(floor=-100, ceiling=10**6), idempotency=idempotency(), **shared),
    ]
    for command in commands:
        async with bank.transactions.begin() as tx:
            await change_accounts(tx, [envelope(command)])
