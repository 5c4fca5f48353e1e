"""A customer's bank takes a payment back: the money is held on the merchant's wallet until it is won or lost."""

from dataclasses import replace
from types import MappingProxyType

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import asking
from apps.payments.domain.deciding.advancing import wait
from apps.payments.domain.deciding.asking import SUSPENSE, clearing
from apps.payments.domain.deciding.step import Draft, Ignored
from apps.payments.domain.disputes import Dispute
from apps.payments.domain.operations import Operation
from apps.payments.domain.processing import DisputeNews, Result, ResultStatus, Verb
from apps.payments.domain.public_view import dispute_view
from apps.payments.domain.signals import DisputeWord, Wish
from contracts.message import Outcome, Problem
from contracts.payments import (
    DisputeClosed,
    DisputeFunds,
    DisputeOpened,
    DisputeStatus,
    DisputeUpdated,
    PaymentDirection,
    SubmitEvidence,
)

_RANK = MappingProxyType(
    {
        DisputeStatus.NEEDS_RESPONSE: 0,
        DisputeStatus.UNDER_REVIEW: 1,
        DisputeStatus.WON: 2,
        DisputeStatus.LOST: 2,
    }
)
"""News only ever leads upwards, so that it may come in any order and more than once."""


def hear_news(draft: Draft, word: DisputeWord) -> Ignored | None:
    """Take a processor's word about a dispute, the first one or a later one."""
    name = (word.processor, word.news.reference)
    known = next((d for d in draft.payment.disputes.values() if (d.processor, d.reference) == name), None)
    return _move_on(draft, known, word.news) if known else _open(draft, word.processor, word.news)


def _open(draft: Draft, processor: str, news: DisputeNews) -> Ignored | None:
    intent = draft.intent
    if intent.direction is PaymentDirection.PAYOUT:
        return Ignored.OUT_OF_STATE
    if news.currency != intent.currency:
        return Ignored.OTHER_CURRENCY
    if not intent.captured:
        return Ignored.TOO_EARLY
    status = DisputeStatus(news.status)
    contested = min(news.amount, intent.refundable)
    # What is on its way may yet come to be there: a refund that fails, a capture that is not booked.
    if contested < news.amount and (intent.refunding or intent.capturing):
        return Ignored.TOO_EARLY
    dispute = Dispute(
        id=draft.terms.fresh_id(),
        intent_id=intent.id,
        merchant=intent.merchant or intent.customer,
        customer=intent.customer,
        processor=processor,
        reference=news.reference,
        amount=news.amount,
        contested=contested,
        currency=intent.currency,
        reason=news.reason,
        status=status,
        funds=DisputeFunds.HOLDING if contested and status is not DisputeStatus.WON else DisputeFunds.UNFUNDED,
        created_at=draft.now,
        updated_at=draft.now,
        evidence_due_by=news.evidence_due_by,
    )
    draft.keep_dispute(dispute)
    draft.change(disputed=intent.disputed + contested)
    draft.note("dispute_opened", event=DisputeOpened.model_construct(dispute=dispute_view(dispute)))
    if dispute.funds is DisputeFunds.HOLDING:
        asking.ask_merchant_hold(draft, contested, processor, dispute.id)
    else:
        _conclude(draft, dispute)
    return None


def _move_on(draft: Draft, dispute: Dispute, news: DisputeNews) -> Ignored | None:
    status = DisputeStatus(news.status)
    if _RANK[status] <= _RANK[dispute.status]:
        return Ignored.OLD_NEWS
    due = news.evidence_due_by or dispute.evidence_due_by
    _update(draft, replace(dispute, status=status, evidence_due_by=due), f"dispute_{status.value}")
    return None


def _update(draft: Draft, dispute: Dispute, trigger: str, operation: Operation | None = None) -> None:
    """Keep the dispute as it is now, tell so, and settle the money if it can be."""
    kept = replace(dispute, updated_at=draft.now)
    draft.keep_dispute(kept)
    event = DisputeUpdated.model_construct(dispute=dispute_view(kept))
    draft.note(trigger, operation=operation.id if operation else None, event=event)
    _conclude(draft, kept)


def _conclude(draft: Draft, dispute: Dispute) -> None:
    """Give the money back or take it for good, once it is won or lost and known to be held or not."""
    if not dispute.is_closed or dispute.funds not in (DisputeFunds.HELD, DisputeFunds.UNFUNDED):
        return
    won = dispute.status is DisputeStatus.WON
    if won and dispute.hold_id is None:
        _end(draft, dispute, DisputeFunds.RETURNED)
        return
    draft.keep_dispute(replace(dispute, funds=DisputeFunds.SETTLING))
    if dispute.hold_id is None:
        _carry(draft, dispute, dispute.amount)
    elif won:
        asking.ask_release(draft, dispute.hold_id, dispute.contested, dispute.id)
    else:
        asking.ask_capture_hold(draft, dispute.hold_id, dispute.contested, dispute.id)


def _carry(draft: Draft, dispute: Dispute, amount: int) -> None:
    """Take from us what the processor has taken and the merchant's hold does not give: for a person to claim."""
    asking.ask_transfer(draft, SUSPENSE, clearing(dispute.processor), amount, dispute.id)


def hear_ledger(draft: Draft, dispute: Dispute, operation: Operation, problem: Problem | None) -> None:
    """Take the ledger's outcome of an operation of a dispute; a transfer from the suspense account is the last one."""
    draft.settle(operation, problem)
    match operation.verb:
        case Verb.HOLD if problem:
            _update(draft, replace(dispute, funds=DisputeFunds.UNFUNDED), "dispute_unfunded", operation)
        case Verb.HOLD:
            held = replace(dispute, funds=DisputeFunds.HELD, hold_id=operation.id)
            _update(draft, held, "dispute_held", operation)
        case Verb.VOID_HOLD:
            _end(draft, dispute, DisputeFunds.RETURNED, operation)
        case _ if problem and asking.waits_for_thaw(operation, problem):
            draft.note("dispute_waits_for_thaw", operation=operation.id)
            asking.ask_capture_later(draft, operation)
        case Verb.CAPTURE_HOLD if problem:
            draft.note("dispute_put_aside", operation=operation.id)
            _carry(draft, dispute, dispute.amount)
        case Verb.CAPTURE_HOLD if dispute.beyond:
            draft.note("dispute_put_aside", operation=operation.id)
            _carry(draft, dispute, dispute.beyond)
        case _ if problem:
            draft.note("dispute_put_aside", operation=operation.id)
            asking.ask_again(draft, operation)
        case _:
            _end(draft, dispute, DisputeFunds.TAKEN, operation)


def _end(draft: Draft, dispute: Dispute, funds: DisputeFunds, operation: Operation | None = None) -> None:
    ended = replace(dispute, funds=funds, updated_at=draft.now)
    draft.keep_dispute(ended)
    intent = draft.intent
    lost = dispute.contested if funds is DisputeFunds.TAKEN else 0
    draft.change(disputed=intent.disputed - dispute.contested, lost=intent.lost + lost)
    event = DisputeClosed.model_construct(dispute=dispute_view(ended))
    draft.note("dispute_closed", operation=operation.id if operation else None, event=event)


def submit_evidence(draft: Draft, wish: Wish, asked: SubmitEvidence) -> Problem | None:
    """Send a merchant's evidence to the processor, once."""
    dispute = draft.payment.disputes.get(asked.dispute_id)
    if dispute is None or dispute.merchant != asked.merchant:
        return errors.DISPUTE_NOT_FOUND
    if dispute.is_closed:
        return errors.DISPUTE_CLOSED
    if dispute.evidence or dispute.status is not DisputeStatus.NEEDS_RESPONSE:
        return errors.EVIDENCE_SUBMITTED
    kept = replace(dispute, evidence=asked.evidence, asked_by=wish.asked_by, updated_at=draft.now)
    draft.keep_dispute(kept)
    details = {"parent": dispute.reference, "evidence": asked.evidence}
    operation = draft.ask_processor(Verb.EVIDENCE, dispute.amount, dispute.processor, details, dispute.id)
    draft.note("evidence_submitted", operation=operation.id)
    draft.answer(wish.asked_by, Outcome.ACCEPTED, dispute_view(kept))
    return None


def hear_processor(draft: Draft, dispute: Dispute, operation: Operation, result: Result) -> None:
    """Take the processor's word about evidence."""
    match result.status:
        case ResultStatus.APPROVED:
            draft.settle(operation, reference=result.reference)
            status = max(dispute.status, DisputeStatus.UNDER_REVIEW, key=lambda s: _RANK[s])
            taken = replace(dispute, status=status, asked_by=None)
            _update(draft, taken, "evidence_taken", operation)
            draft.answer(dispute.asked_by, Outcome.COMPLETED, dispute_view(taken))
        case ResultStatus.DECLINED:
            problem = result.problem or errors.DECLINED
            draft.settle(operation, problem)
            refused = replace(dispute, evidence=None, asked_by=None)
            _update(draft, refused, "evidence_refused", operation)
            draft.answer(dispute.asked_by, Outcome.COMPLETED, dispute_view(refused), problem)
        case _:
            wait(draft, operation, result)
