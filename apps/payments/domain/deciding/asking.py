"""What is asked of the ledger and of processors: the accounts, legs and details of every operation."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from apps.payments.domain.deciding.step import Draft
from apps.payments.domain.intents import Intent
from apps.payments.domain.operations import Operation
from apps.payments.domain.processing import Verb
from apps.payments.domain.routing import Candidate
from contracts.message import Problem
from contracts.payments import CaptureMethod, PaymentDirection
from contracts.wallet import (
    AccountKind,
    AccountRef,
    CaptureHold,
    Leg,
    PlaceHold,
    PostJournal,
    PostTransfer,
    SystemAccountName,
    TransferLeg,
    VoidHold,
)

FEES = SystemAccountName(kind=AccountKind.FEES)
SUSPENSE = SystemAccountName(kind=AccountKind.SUSPENSE)
GRACE = timedelta(days=1)
"""A hold outlives the time to capture it, so that it never ends before we have said so."""
LONG = timedelta(days=400)
"""How long money is held for what only a processor can end."""
ASK_AGAIN = timedelta(minutes=1)
"""How long to wait when not even the suspense account takes the money."""
FROZEN = "debit_account_frozen"
THAW = timedelta(hours=1)
"""How long to wait for a wallet that is frozen. Its hold keeps the money for us."""


def clearing(processor: str) -> SystemAccountName:
    """Return the account over which a processor's money comes and goes."""
    return SystemAccountName.model_construct(kind=AccountKind.CLEARING, processor=processor)


def candidate(intent: Intent) -> Candidate | None:
    """Return what routing needs to know; None for what no processor has a part in."""
    method = intent.method
    if method is None or intent.by_wallet:
        return None
    return Candidate(intent.id, intent.currency, intent.amount, intent.country, method.type, intent.direction)


def ask_payment(draft: Draft, *, tried: tuple[str, ...] = ()) -> Operation:
    """Ask the intent's processor to charge, authorise or pay out the whole amount.

    `tried` are the processors that certainly did nothing.
    """
    intent = draft.intent
    method = intent.method
    details: dict[str, Any] = {
        "method": {"type": method.type.value, "token": method.token} if method else {},
        "statement_descriptor": intent.statement_descriptor,
        "return_url": intent.return_url,
        "metadata": {"payment_intent": str(intent.id)},
        "tried": tried,
    }
    return draft.ask_processor(_payment_verb(intent), intent.amount, processor_of(intent), _given(details), intent.id)


def _payment_verb(intent: Intent) -> Verb:
    if intent.direction is PaymentDirection.PAYOUT:
        return Verb.PAYOUT
    return Verb.CHARGE if intent.capture_method is CaptureMethod.AUTOMATIC else Verb.AUTHORISE


def ask_capture(draft: Draft) -> Operation:
    """Ask the intent's processor to capture what is `capturing`."""
    intent = draft.intent
    details = {"parent": intent.authorisation, "final": intent.final_capture}
    return draft.ask_processor(Verb.CAPTURE, intent.capturing, processor_of(intent), _given(details), intent.id)


def ask_void(draft: Draft, parent: str) -> Operation:
    """Ask the intent's processor to make sure that nothing more is taken."""
    intent = draft.intent
    amount = intent.capturable or intent.amount
    return draft.ask_processor(Verb.VOID, amount, processor_of(intent), {"parent": parent}, intent.id)


def ask_hold(draft: Draft, *, lasts: timedelta) -> None:
    """Ask the ledger to reserve the whole amount on the source wallet."""
    intent = draft.intent
    hold = draft.terms.fresh_id()
    payout = intent.direction is PaymentDirection.PAYOUT
    command = PlaceHold.model_construct(
        hold_id=hold,
        debit_account=intent.source,
        credit_account=clearing(processor_of(intent)) if payout else intent.destination,
        amount=intent.amount,
        currency=intent.currency,
        expires_at=draft.now + lasts,
        authorised_by=intent.customer,
        reference=intent.id,
    )
    draft.ask_ledger(hold, Verb.HOLD, intent.amount, command, intent.id)


def ask_release(draft: Draft, hold: UUID, amount: int, subject: UUID) -> None:
    """Ask the ledger to give back what a hold still reserves."""
    identifier = draft.terms.fresh_id()
    draft.ask_ledger(identifier, Verb.VOID_HOLD, amount, VoidHold(operation_id=identifier, hold_id=hold), subject)


def ask_capture_hold(draft: Draft, hold: UUID, amount: int, subject: UUID) -> None:
    """Ask the ledger to move what a hold reserves, all of it."""
    _ask_capture_hold(draft, draft.terms.fresh_id(), hold, amount, subject, release_rest=True)


def _ask_capture_hold(
    draft: Draft, transfer: UUID, hold: UUID, amount: int, subject: UUID, *, release_rest: bool
) -> None:
    command = CaptureHold(
        transfer_id=transfer, hold_id=hold, amount=amount, release_rest=release_rest, reference=subject
    )
    draft.ask_ledger(transfer, Verb.CAPTURE_HOLD, amount, command, subject)


def ask_transfer(draft: Draft, debit: AccountRef, credit: AccountRef, amount: int, subject: UUID) -> UUID:
    """Ask the ledger for a transfer in the system's own name; return its id."""
    transfer = draft.terms.fresh_id()
    command = _transfer(transfer, draft.intent, debit, credit, amount, subject, None)
    draft.ask_ledger(transfer, Verb.POST, amount, command, subject)
    return transfer


def ask_suspense(draft: Draft, refused: Operation, *, out: bool, processor: str) -> UUID:
    """Ask to book on the suspense account what a wallet did not take, or (`out`) did not give.

    Return the transfer's id. The processor has moved the money already. If it is the suspense account that has refused,
    ask in a while.
    """
    theirs, transfer = clearing(processor), draft.terms.fresh_id()
    debit, credit = (SUSPENSE, theirs) if out else (theirs, SUSPENSE)
    command = _transfer(transfer, draft.intent, debit, credit, refused.amount, refused.subject_id, None)
    at = draft.now + ASK_AGAIN if _is_suspense(refused) else None
    draft.ask_ledger(transfer, Verb.POST, refused.amount, command, refused.subject_id, at)
    return transfer


def waits_for_thaw(refused: Operation, problem: Problem) -> bool:
    """Tell whether the ledger will not take now what a hold reserves all the same."""
    return refused.verb is Verb.CAPTURE_HOLD and problem.code == FROZEN


def ask_capture_later(draft: Draft, refused: Operation) -> UUID:
    """Ask in a while, under another id, for what a hold on a frozen wallet reserves; return the transfer's id."""
    transfer = draft.terms.fresh_id()
    command = CaptureHold.model_validate_json(refused.asked).model_copy(update={"transfer_id": transfer})
    at = draft.now + THAW
    draft.ask_ledger(transfer, Verb.CAPTURE_HOLD, refused.amount, command, refused.subject_id, at)
    return transfer


def ask_again(draft: Draft, refused: Operation) -> None:
    """Ask for a refused transfer between the system's own accounts in a while, under another id."""
    transfer = draft.terms.fresh_id()
    command = PostTransfer.model_validate_json(refused.asked).model_copy(update={"transfer_id": transfer})
    draft.ask_ledger(transfer, Verb.POST, refused.amount, command, refused.subject_id, draft.now + ASK_AGAIN)


def _is_suspense(operation: Operation) -> bool:
    asked = operation.details
    named = (asked.get("debit_account"), asked.get("credit_account"))
    return any(isinstance(account, dict) and account["kind"] == SUSPENSE.kind.value for account in named)


def ask_merchant_hold(draft: Draft, amount: int, processor: str, subject: UUID) -> None:
    """Ask the ledger to reserve on the wallet that was paid what may go back through a processor."""
    intent, hold = draft.intent, draft.terms.fresh_id()
    command = PlaceHold.model_construct(
        hold_id=hold,
        debit_account=intent.destination,
        credit_account=clearing(processor),
        amount=amount,
        currency=intent.currency,
        expires_at=draft.now + LONG,
        reference=subject,
    )
    draft.ask_ledger(hold, Verb.HOLD, amount, command, subject)


def ask_post(draft: Draft) -> None:
    """Ask the ledger for what is `capturing`: from the hold, or as a transfer, with the fee as a second one."""
    intent = draft.intent
    transfer, amount = intent.current.transfer_id, intent.capturing
    fee = min(intent.application_fee, amount) if not intent.captured else 0
    if intent.hold_id:
        _ask_capture_hold(draft, transfer, intent.hold_id, amount, intent.id, release_rest=intent.final_capture)
    elif fee:
        _ask_journal(draft, transfer, fee)
    else:
        payer = intent.customer if intent.by_wallet else None
        command = _transfer(transfer, intent, _source(intent), intent.destination, amount, intent.id, payer)
        draft.ask_ledger(transfer, Verb.POST, amount, command, intent.id)


def _ask_journal(draft: Draft, transfer: UUID, fee: int) -> None:
    """Ask for the payment and the fee, both or none.

    What a processor brings reaches the destination whole, which then pays the fee. A wallet pays both itself: whoever
    authorises a journal must own every wallet that it debits, and a payer does not own the destination.
    """
    intent, journal, amount = draft.intent, draft.terms.fresh_id(), draft.intent.capturing
    source, destination, second = _source(intent), intent.destination, draft.terms.fresh_id()
    legs: list[Leg]
    payer = None
    if intent.by_wallet:
        payer = intent.customer
        legs = [_leg(transfer, intent, source, destination, amount - fee), _leg(second, intent, source, FEES, fee)]
    else:
        legs = [_leg(transfer, intent, source, destination, amount), _leg(second, intent, destination, FEES, fee)]
    command = PostJournal.model_construct(journal_id=journal, legs=legs, authorised_by=payer, reference=intent.id)
    draft.ask_ledger(journal, Verb.POST, amount, command, intent.id)


def _transfer(
    transfer: UUID,
    intent: Intent,
    debit: AccountRef,
    credit: AccountRef,
    amount: int,
    reference: UUID,
    authorised_by: UUID | None,
) -> PostTransfer:
    return PostTransfer.model_construct(
        transfer_id=transfer,
        debit_account=debit,
        credit_account=credit,
        amount=amount,
        currency=intent.currency,
        authorised_by=authorised_by,
        reference=reference,
    )


def _leg(transfer: UUID, intent: Intent, debit: AccountRef, credit: AccountRef, amount: int) -> TransferLeg:
    return TransferLeg.model_construct(
        transfer_id=transfer, debit_account=debit, credit_account=credit, amount=amount, currency=intent.currency
    )


def _source(intent: Intent) -> AccountRef:
    return intent.source if intent.by_wallet else clearing(processor_of(intent))


def processor_of(intent: Intent) -> str:
    """Return the processor that the payment goes through. Raises ValueError for one that goes through none."""
    if intent.processor is None:
        raise ValueError(f"payment intent {intent.id} goes through no processor")
    return intent.processor


def _given(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value or value is False}
