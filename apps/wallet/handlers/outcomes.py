"""What the ledger says of operations: events for everybody, replies for who asked."""

from collections.abc import Callable, Sequence
from typing import Any

from apps.wallet.domain.account import Account
from apps.wallet.domain.books import Decided
from apps.wallet.domain.hold import Hold
from apps.wallet.domain.resources import hold_resource, journal_resource, transfer_resource
from apps.wallet.domain.transfer import Captured, Outcome, Posted, PostedJournal, Refused
from apps.wallet.handlers.encoding import transfer_posted_json
from apps.wallet.handlers.operations import LedgerCommand
from contracts import message
from contracts.message import Envelope, Message, Problem, Reply
from contracts.wallet import (
    AccountKind,
    AccountOpened,
    Capture,
    CaptureHold,
    ExtendHold,
    HoldCaptured,
    HoldExpired,
    HoldExtended,
    HoldPlaced,
    HoldRefused,
    HoldVoided,
    JournalPosted,
    JournalRefused,
    PlaceHold,
    PostJournal,
    TransferPosted,
    TransferRefused,
    VoidHold,
)
from outbox.transaction import Cause, Transaction

_HOLD_EVENTS: dict[type[Any], type[HoldPlaced | HoldVoided | HoldExtended]] = {
    PlaceHold: HoldPlaced,
    VoidHold: HoldVoided,
    ExtendHold: HoldExtended,
}


def tell(tx: Transaction, command: Envelope[LedgerCommand], outcome: Outcome) -> None:
    """Say what has become of a command, and answer who waits for it."""
    if isinstance(outcome, Refused):
        _tell_refused(tx, command, outcome)
        return
    _TELL[type(outcome)](tx, command, outcome)
    if command.replyto or command.data.idempotency:
        body = _RESOURCE[type(outcome)](outcome).model_dump(mode="json", exclude_none=True)
        tx.answer(command, Reply(outcome=message.Outcome.COMPLETED, resource=body))


def _tell_posted(tx: Transaction, command: Cause, posted: Posted) -> None:
    tx.say_encoded(TransferPosted, transfer_posted_json(posted), command)


def _tell_journal(tx: Transaction, command: Cause, journal: PostedJournal) -> None:
    for posted in journal.transfers:
        _tell_posted(tx, command, posted)
    tx.say(JournalPosted(journal=journal_resource(journal)), command)


def _tell_captured(tx: Transaction, command: Cause, captured: Captured) -> None:
    transfer, hold = captured.transfer, hold_resource(captured.hold)
    _tell_posted(tx, command, transfer)
    tx.say(HoldCaptured(hold=hold, transfer_id=transfer.id, amount=transfer.amount), command)


def _capture_resource(captured: Captured) -> Capture:
    transfer, hold = transfer_resource(captured.transfer), hold_resource(captured.hold)
    return Capture.model_construct(transfer=transfer, hold=hold)


def _tell_hold(tx: Transaction, command: Envelope[LedgerCommand], hold: Hold) -> None:
    tx.say(_HOLD_EVENTS[type(command.data)](hold=hold_resource(hold)), command)


_TELL: dict[type[Any], Callable[[Transaction, Any, Any], None]] = {
    Posted: _tell_posted,
    PostedJournal: _tell_journal,
    Captured: _tell_captured,
    Hold: _tell_hold,
}
_RESOURCE: dict[type[Any], Callable[[Any], Message]] = {
    Posted: transfer_resource,
    PostedJournal: journal_resource,
    Captured: _capture_resource,
    Hold: hold_resource,
}


def _tell_refused(tx: Transaction, command: Envelope[LedgerCommand], refused: Refused) -> None:
    problem = Problem(code=refused.refusal.value, detail=refused.refusal.detail, parameter=refused.parameter)
    tx.say(_refusal_event(command.data, refused, problem), command)
    tx.answer(command, Reply(outcome=message.Outcome.REFUSED, problem=problem))


def _refusal_event(command: LedgerCommand, refused: Refused, problem: Problem) -> Message:
    if isinstance(command, PostJournal):
        leg = refused.leg or 0
        return JournalRefused(journal_id=refused.id, leg=leg, reference=refused.reference, problem=problem)
    if isinstance(command, PlaceHold | CaptureHold | VoidHold | ExtendHold):
        hold = command.hold_id
        return HoldRefused(operation_id=refused.id, hold_id=hold, reference=refused.reference, problem=problem)
    return TransferRefused(transfer_id=refused.id, reference=refused.reference, problem=problem)


def tell_opened(tx: Transaction, commands: Sequence[Envelope[LedgerCommand]], decided: Decided) -> None:
    """Say which system accounts exist now; the cause is the first command that needed each."""
    for account in decided.opened:
        outcomes = zip(commands, decided.outcomes, strict=True)
        touched = ((c, {t.debit_account, t.credit_account}) for c, o in outcomes for t in _needing(o))
        tx.say(opened_event(account), next(c for c, accounts in touched if account.id in accounts))


def _needing(outcome: Outcome) -> tuple[Posted | Hold, ...]:
    """Return what needs two accounts to be there."""
    match outcome:
        case Posted() | Hold():
            return (outcome,)
        case Captured():
            return (outcome.transfer,)
        case PostedJournal():
            return outcome.transfers
    return ()


def tell_expired(tx: Transaction, hold: Hold) -> None:
    """Say that a hold's time is over; nobody asked for it."""
    tx.say(HoldExpired(hold=hold_resource(hold)), None)


def opened_event(account: Account) -> AccountOpened:
    """Return the event that says an account exists."""
    return AccountOpened(
        account_id=account.id,
        owner=account.owner,
        currency=account.currency,
        opened_at=account.created_at,
        kind=AccountKind(account.kind),
    )
