"""Post transfers: payments between wallets, and money that enters the books through a clearing account."""

from collections.abc import Sequence

from apps.wallet import store
from apps.wallet.domain.posting import Decided, decide
from apps.wallet.domain.resources import transfer_resource
from apps.wallet.domain.transfer import Outcome, Posted, Refused, TransferRequest
from apps.wallet.handlers.open_accounts import opened_event
from contracts import message
from contracts.message import Envelope, Problem, Reply
from contracts.wallet import FundAccount, PostTransfer, TransferPosted, TransferRefused
from outbox.transaction import Transaction

Command = Envelope[PostTransfer] | Envelope[FundAccount]


async def post_transfers(tx: Transaction, commands: Sequence[Command]) -> None:
    """Post or refuse each command, in order, each on the balances that the one before it left."""
    accepted = await _accepted(tx, commands)
    if not accepted:
        return
    requests = [_request_of(command.data) for command in accepted]
    books = await store.load_books(tx, requests)
    decided = decide(books, requests, tx.now)
    await store.save_decided(tx, decided)
    _tell_opened(tx, accepted, decided)
    for command, outcome in zip(accepted, decided.outcomes, strict=True):
        _tell(tx, command, outcome)


async def _accepted(tx: Transaction, commands: Sequence[Command]) -> list[Command]:
    """Leave out fundings that are late or repeated; a payment's transfer has no deadline, and its id is its key."""
    fundings = [c for c in commands if isinstance(c.data, FundAccount)]
    if not fundings:
        return list(commands)
    new = {command.id for command in await tx.first_time(fundings)}
    return [c for c in commands if isinstance(c.data, PostTransfer) or c.id in new]


def _request_of(command: PostTransfer | FundAccount) -> TransferRequest:
    if isinstance(command, FundAccount):
        return TransferRequest(
            id=command.transfer_id,
            debit_account=None,
            credit_account=command.account_id,
            amount=command.amount,
            currency=command.currency,
            authorised_by=None,
            reference=None,
        )
    return TransferRequest(
        id=command.transfer_id,
        debit_account=command.debit_account,
        credit_account=command.credit_account,
        amount=command.amount,
        currency=command.currency,
        authorised_by=command.authorised_by,
        reference=command.reference,
    )


def _tell_opened(tx: Transaction, commands: Sequence[Command], decided: Decided) -> None:
    """Say which clearing accounts exist now; the cause is the first funding through each."""
    for account in decided.opened:
        outcomes = zip(commands, decided.outcomes, strict=True)
        cause = next(c for c, o in outcomes if isinstance(o, Posted) and o.debit_account == account.id)
        tx.say(opened_event(account), cause)


def _tell(tx: Transaction, command: Command, outcome: Outcome) -> None:
    if isinstance(outcome, Refused):
        _tell_refused(tx, command, outcome)
    else:
        _tell_posted(tx, command, outcome)


def _tell_posted(tx: Transaction, command: Command, posted: Posted) -> None:
    transfer = transfer_resource(posted)
    tx.say(TransferPosted(transfer=transfer), command)
    if isinstance(command.data, FundAccount):
        resource = transfer.model_dump(mode="json", exclude_none=True)
        tx.answer(command, Reply(outcome=message.Outcome.COMPLETED, resource=resource))


def _tell_refused(tx: Transaction, command: Command, refused: Refused) -> None:
    problem = Problem(code=refused.refusal.value, detail=refused.refusal.detail)
    tx.say(TransferRefused(transfer_id=refused.id, reference=refused.reference, problem=problem), command)
    if isinstance(command.data, FundAccount):
        tx.answer(command, Reply(outcome=message.Outcome.REFUSED, problem=problem))
