"""What the rest of the system sees of an account and of a transfer."""

from apps.wallet.domain.account import Account
from apps.wallet.domain.transfer import Posted
from contracts import wallet


def account_resource(account: Account) -> wallet.Account:
    """Return the account as published."""
    return wallet.Account(
        id=account.id,
        owner=account.owner,
        currency=account.currency,
        balance=account.balance,
        floor=account.floor,
        created_at=account.created_at,
    )


def transfer_resource(posted: Posted) -> wallet.Transfer:
    """Return the posted transfer as published."""
    return wallet.Transfer(
        id=posted.id,
        debit_account=posted.debit_account,
        credit_account=posted.credit_account,
        amount=posted.amount,
        currency=posted.currency,
        reference=posted.reference,
        sequence=posted.sequence,
        posted_at=posted.posted_at,
    )
