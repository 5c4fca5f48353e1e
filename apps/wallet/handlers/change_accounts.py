"""Change, freeze, unfreeze and close accounts; every change is recorded with who made it and why."""

from collections.abc import Sequence

from apps.wallet.domain.change import Change, ChangeRefusal, ChangeRequest, decide
from apps.wallet.domain.resources import account_resource
from apps.wallet.handlers.ledger_operations import release_due
from apps.wallet.store import accounts
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.wallet import AccountChanged, ChangeAccount, CloseAccount, FreezeAccount
from outbox.transaction import Transaction

ChangeCommand = ChangeAccount | FreezeAccount | CloseAccount


async def change_accounts(tx: Transaction, commands: Sequence[Envelope[ChangeCommand]]) -> None:
    """Change or refuse to change the account of each command, in order."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    requests = [_request_of(command.data) for command in accepted]
    ids = {r.account_id for r in requests}
    # No posting is under way between what is read here and the commit. Holds that are over do not keep one open.
    await release_due(tx, ids)
    known = await accounts.load_accounts(tx, ids)
    named = await accounts.load_named_accounts(tx, {r.external_id for r in requests if r.external_id})
    outcomes = decide(known, {a.external_id: a.id for a in named.values() if a.external_id}, requests, tx.now)
    for wave in _waves([o for o in outcomes if isinstance(o, Change)]):
        await accounts.save_changes(tx, wave)
    for command, outcome in zip(accepted, outcomes, strict=True):
        _tell(tx, command, outcome)


def _request_of(command: ChangeCommand) -> ChangeRequest:
    match command:
        case FreezeAccount():
            frozen = command.direction.value
            return ChangeRequest(command.account_id, command.changed_by, command.reason, frozen=frozen)
        case CloseAccount():
            return ChangeRequest(command.account_id, command.changed_by, command.reason, close=True)
    return ChangeRequest(
        command.account_id,
        command.changed_by,
        command.reason,
        limits=(command.limits.floor, command.limits.ceiling) if command.limits else None,
        metadata=command.metadata,
        external_id=command.external_id,
    )


def _waves(changes: Sequence[Change]) -> list[list[Change]]:
    """Return the changes in order, in as few lists as it takes so that no list has an account twice."""
    waves: list[list[Change]] = []
    taken: dict[object, int] = {}
    for change in changes:
        place = taken[change.after.id] = taken.get(change.after.id, -1) + 1
        if place == len(waves):
            waves.append([])
        waves[place].append(change)
    return waves


def _tell(tx: Transaction, command: Envelope[ChangeCommand], outcome: Change | ChangeRefusal) -> None:
    if isinstance(outcome, ChangeRefusal):
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=Problem(code=outcome.value, detail=outcome.detail)))
        return
    account = account_resource(outcome.after)
    tx.say(AccountChanged(account=account, changed_by=outcome.changed_by, reason=outcome.reason), command)
    body = account.model_dump(mode="json", exclude_none=True)
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=body))
