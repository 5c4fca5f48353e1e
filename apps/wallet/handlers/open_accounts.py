"""Open accounts: users' wallets, and the system's own."""

from collections.abc import Sequence

from apps.wallet.domain.account import Account
from apps.wallet.domain.opening import (
    OpeningRefusal,
    OpeningRequest,
    SystemAccountRequest,
    WalletRequest,
    decide,
)
from apps.wallet.domain.resources import account_resource
from apps.wallet.handlers.outcomes import opened_event
from apps.wallet.store import accounts, ledger
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.wallet import OpenAccount, OpenSystemAccount
from outbox.transaction import Transaction

OpeningCommand = OpenAccount | OpenSystemAccount


async def open_accounts(tx: Transaction, commands: Sequence[Envelope[OpeningCommand]]) -> None:
    """Open an account for each command; an id that is open already for the same account is no error."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    requests = [_request_of(command.data) for command in accepted]
    openings = decide(await _load_known(tx, requests), requests, tx.now)
    await accounts.save_accounts(tx, openings.opened)
    new = {account.id for account in openings.opened}
    for command, outcome in zip(accepted, openings.outcomes, strict=True):
        _tell(tx, command, outcome, is_new=isinstance(outcome, Account) and outcome.id in new)
        if isinstance(outcome, Account):
            new.discard(outcome.id)


def _request_of(command: OpeningCommand) -> OpeningRequest:
    if isinstance(command, OpenAccount):
        return WalletRequest(command.account_id, command.owner, command.currency, command.wallet)
    return SystemAccountRequest(
        command.account_id,
        command.kind,
        command.type,
        command.currency,
        command.processor,
        command.external_id,
        command.floor,
        command.ceiling,
        command.metadata,
    )


async def _load_known(tx: Transaction, requests: Sequence[OpeningRequest]) -> list[Account]:
    wallets = {r.wallet for r in requests if isinstance(r, WalletRequest) and r.wallet}
    system = [r for r in requests if isinstance(r, SystemAccountRequest)]
    if system:
        # Postings open system accounts, too, under the ledger's lock.
        await ledger.lock_ledger(tx)
    names = [(r.kind.value, r.currency, r.processor) for r in system]
    known = await accounts.load_accounts(tx, {r.account_id for r in requests})
    known |= await accounts.load_system_accounts(tx, names)
    known |= await accounts.load_named_accounts(tx, {r.external_id for r in system if r.external_id})
    return [*known.values(), *await accounts.load_accounts_of_wallets(tx, wallets)]


def _tell(
    tx: Transaction, command: Envelope[OpeningCommand], outcome: Account | OpeningRefusal, *, is_new: bool
) -> None:
    if isinstance(outcome, OpeningRefusal):
        problem = Problem(code=outcome.value, detail=outcome.detail, parameter=_PARAMETERS.get(outcome))
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
        return
    if is_new:
        tx.say(opened_event(outcome), command)
    resource = account_resource(outcome).model_dump(mode="json", exclude_none=True)
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))


_PARAMETERS = {
    OpeningRefusal.ACCOUNT_ID_REUSED: "account_id",
    OpeningRefusal.WALLET_NOT_FOUND: "wallet",
    OpeningRefusal.CURRENCY_TAKEN: "currency",
    OpeningRefusal.KIND_NOT_ALLOWED: "kind",
    OpeningRefusal.EXTERNAL_ID_TAKEN: "external_id",
}
