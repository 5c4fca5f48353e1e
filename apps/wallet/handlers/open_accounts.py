"""Open wallets."""

from collections.abc import Sequence

from apps.wallet import store
from apps.wallet.domain.account import Account
from apps.wallet.domain.opening import OpeningRequest, decide
from apps.wallet.domain.resources import account_resource
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.wallet import AccountOpened, OpenAccount
from outbox.transaction import Transaction

_ID_REUSED = Problem(
    code="account_id_reused",
    detail="Another account exists under this id; use a new id for a new account.",
    parameter="account_id",
)


async def open_accounts(tx: Transaction, commands: Sequence[Envelope[OpenAccount]]) -> None:
    """Open a wallet for each command; an id that is open already for the same owner and currency is no error."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    requests = [OpeningRequest(c.data.account_id, c.data.owner, c.data.currency) for c in accepted]
    known = await store.load_accounts(tx, {r.account_id for r in requests})
    openings = decide(known, requests, tx.now)
    await store.save_accounts(tx, openings.opened)
    for command, account in zip(accepted, openings.outcomes, strict=True):
        _tell(tx, command, account)


def _tell(tx: Transaction, command: Envelope[OpenAccount], account: Account | None) -> None:
    if account is None:
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=_ID_REUSED))
        return
    tx.say(opened_event(account), command)
    resource = account_resource(account).model_dump(mode="json", exclude_none=True)
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))


def opened_event(account: Account) -> AccountOpened:
    """Return the event that says an account exists."""
    return AccountOpened(
        account_id=account.id, owner=account.owner, currency=account.currency, opened_at=account.created_at
    )
