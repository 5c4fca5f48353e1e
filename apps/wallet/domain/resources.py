"""What the rest of the system sees of accounts, transfers, journals and holds."""

from decimal import Decimal

from apps.wallet.domain.account import Account, normal_side
from apps.wallet.domain.hold import Hold
from apps.wallet.domain.transfer import Posted, PostedJournal
from contracts import wallet


def account_resource(account: Account, due: int = 0) -> wallet.Account:
    """Return the account as published; `due` is what of its holds is over and reserves nothing any more."""
    held = account.held - due
    return wallet.Account(
        id=account.id,
        owner=account.owner,
        currency=account.currency,
        balance=account.balance,
        floor=account.floor,
        created_at=account.created_at,
        held=held,
        available=account.balance - held,
        ceiling=account.ceiling,
        kind=wallet.AccountKind(account.kind),
        type=wallet.AccountType(account.type),
        normal_side=normal_side(wallet.AccountType(account.type)),
        wallet=account.wallet,
        processor=account.processor,
        external_id=account.external_id,
        frozen=wallet.Direction(account.frozen),
        closed_at=account.closed_at,
        metadata=dict(account.metadata),
    )


def transfer_resource(posted: Posted) -> wallet.Transfer:
    """Return the posted transfer as published. Nothing is checked again: it was when it was asked for."""
    return wallet.Transfer.model_construct(
        id=posted.id,
        debit_account=posted.debit_account,
        credit_account=posted.credit_account,
        amount=posted.amount,
        currency=posted.currency,
        reference=posted.reference,
        sequence=posted.sequence,
        posted_at=posted.posted_at,
        effective_at=posted.effective_at,
        journal_id=posted.journal_id,
        hold_id=posted.hold_id,
        reverses=posted.reverses,
        reversed_total=posted.reversed_total,
        metadata=posted.metadata,
    )


def journal_resource(journal: PostedJournal) -> wallet.Journal:
    """Return the posted journal as published."""
    return wallet.Journal(
        id=journal.id,
        transfers=[transfer_resource(posted) for posted in journal.transfers],
        exchanges=[
            wallet.Exchange(sell_transfer_id=e.sell_transfer, buy_transfer_id=e.buy_transfer, rate=_plain(e.rate))
            for e in journal.exchanges
        ],
        reference=journal.reference,
        metadata=journal.metadata,
        posted_at=journal.posted_at,
    )


def _plain(rate: Decimal) -> Decimal:
    """Return the same rate without trailing zeros, and without the exponent that `normalize` gives to 160."""
    return Decimal(f"{rate.normalize():f}")


def hold_resource(hold: Hold) -> wallet.Hold:
    """Return the hold as published."""
    return wallet.Hold(
        id=hold.id,
        debit_account=hold.debit_account,
        credit_account=hold.credit_account,
        amount=hold.amount,
        currency=hold.currency,
        captured=hold.captured,
        remaining=hold.remaining,
        status=wallet.HoldStatus(hold.status),
        expires_at=hold.expires_at,
        reference=hold.reference,
        placed_at=hold.placed_at,
    )
