"""Holds: placing, capturing, voiding, extending, and what happens when their time is over."""

from uuid import UUID

from apps.wallet.domain.batch import Batch, Movement, RefusedError, check_open
from apps.wallet.domain.hold import Hold, StepKind
from apps.wallet.domain.operation import CaptureRequest, ExtensionRequest, HoldRequest, VoidRequest
from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.transfer import Captured, Outcome, Refused
from contracts.wallet import BALANCE_LIMIT, HoldStatus


def expire_due(batch: Batch) -> None:
    """Release every hold that was read and whose time is over: it has reserved nothing since then."""
    due = [h for h in batch.holds.values() if h.remaining and h.expires_at <= batch.moment]
    for hold in sorted(due, key=lambda h: (h.expires_at, h.id)):
        batch.step(hold._replace(remaining=0), StepKind.EXPIRED, amount=hold.remaining)
        batch.expired.append(hold.id)


def take_hold(batch: Batch, request: HoldRequest) -> Outcome:
    """Reserve money, or refuse to."""
    fingerprint = request.fingerprint
    if earlier := batch.holds.get(request.id) or batch.refused.get(request.id):
        if earlier.fingerprint == fingerprint:
            return earlier
        return Refused(request.id, request.reference, fingerprint, Refusal.HOLD_ID_REUSED, batch.moment)
    try:
        credit_account = _check_placeable(batch, request)
    except RefusedError as error:
        return batch.refuse(request.id, request.reference, fingerprint, error.refusal)
    hold = Hold(
        request.id,
        request.debit_account,
        credit_account,
        request.amount,
        request.currency,
        request.reference,
        fingerprint,
        batch.moment,
        0,
        request.amount,
        HoldStatus.PENDING.value,
        request.expires_at,
        0,
    )
    return batch.step(hold, StepKind.PLACED, amount=request.amount)


def _check_placeable(batch: Batch, request: HoldRequest) -> UUID:
    """Return the id of the credit account, or raise RefusedError with the first rule that is broken."""
    if request.expires_at <= batch.moment:
        raise RefusedError(Refusal.EXPIRY_IN_PAST)
    if request.debit_account == request.credit_account:
        raise RefusedError(Refusal.SAME_ACCOUNT)
    debit = batch.debit(request.debit_account, request.authorised_by)
    credit = batch.credit(request.credit_account)
    if debit is credit:  # as in Batch.post
        raise RefusedError(Refusal.SAME_ACCOUNT)
    check_open(debit, credit, request.currency)
    floor = debit.account.floor
    if floor is not None and debit.balance - debit.held - request.amount < floor:
        raise RefusedError(Refusal.INSUFFICIENT_FUNDS)
    if debit.held + request.amount > BALANCE_LIMIT:
        raise RefusedError(Refusal.BALANCE_OVERFLOW)
    return credit.account.id


def take_capture(batch: Batch, request: CaptureRequest) -> Outcome:
    """Move what a hold reserves, or some of it, or refuse to."""
    fingerprint = request.fingerprint
    if earlier := batch.transfers.get(request.id):
        if earlier.fingerprint == fingerprint:
            return Captured(earlier, batch.holds[request.hold_id])
        return Refused(request.id, request.reference, fingerprint, Refusal.TRANSFER_ID_REUSED, batch.moment)
    if request.id in batch.asked_steps:  # by a void or an extension: a step of a hold has an id that no other step has
        return Refused(request.id, request.reference, fingerprint, Refusal.TRANSFER_ID_REUSED, batch.moment)
    if refused := _refused_before(batch, request.id, fingerprint, Refusal.TRANSFER_ID_REUSED):
        return refused
    try:
        return _capture(batch, request, fingerprint)
    except RefusedError as error:
        return batch.refuse(request.id, request.reference, fingerprint, error.refusal)


def _capture(batch: Batch, request: CaptureRequest, fingerprint: bytes) -> Captured:
    hold = _pending(batch, request.hold_id)
    amount = request.amount or hold.remaining
    if amount > hold.remaining:
        raise RefusedError(Refusal.EXCEEDS_HOLD)
    remaining = 0 if request.release_rest else hold.remaining - amount
    movement = Movement(
        request.id,
        hold.debit_account,
        hold.credit_account,
        amount,
        hold.currency,
        request.reference or hold.reference,
        fingerprint,
        request.effective_at,
        hold_id=hold.id,
        releases=hold.remaining - remaining,
    )
    posted = batch.post(movement)
    after = hold._replace(captured=hold.captured + amount, remaining=remaining)
    hold = batch.step(after, StepKind.CAPTURED, amount=amount, operation=request.id, fingerprint=fingerprint)
    return Captured(posted, hold)


def take_void(batch: Batch, request: VoidRequest) -> Outcome:
    """Give back what a hold reserves, or refuse to."""
    fingerprint = request.fingerprint
    if earlier := _asked_before(batch, request, fingerprint):
        return earlier
    try:
        hold = _pending(batch, request.hold_id)
    except RefusedError as error:
        return batch.refuse(request.id, None, fingerprint, error.refusal)
    after = hold._replace(remaining=0)
    return batch.step(after, StepKind.VOIDED, amount=hold.remaining, operation=request.id, fingerprint=fingerprint)


def take_extension(batch: Batch, request: ExtensionRequest) -> Outcome:
    """Let a hold expire later, or refuse to."""
    fingerprint = request.fingerprint
    if earlier := _asked_before(batch, request, fingerprint):
        return earlier
    try:
        hold = _pending(batch, request.hold_id)
        if request.expires_at <= hold.expires_at:
            raise RefusedError(Refusal.EXPIRY_NOT_LATER)  # noqa: TRY301 - the one way in which an operation ends early
    except RefusedError as error:
        return batch.refuse(request.id, None, fingerprint, error.refusal)
    after = hold._replace(expires_at=request.expires_at)
    return batch.step(after, StepKind.EXTENDED, amount=hold.remaining, operation=request.id, fingerprint=fingerprint)


def _pending(batch: Batch, hold_id: UUID) -> Hold:
    hold = batch.holds.get(hold_id)
    if hold is None:
        raise RefusedError(Refusal.HOLD_NOT_FOUND)
    if hold.status == HoldStatus.EXPIRED:
        raise RefusedError(Refusal.HOLD_EXPIRED)
    if not hold.remaining:
        raise RefusedError(Refusal.HOLD_NOT_PENDING)
    return hold


def _asked_before(batch: Batch, request: VoidRequest | ExtensionRequest, fingerprint: bytes) -> Outcome | None:
    """Return how a void or an extension ended that was asked for before under the same id; None for a new one."""
    if earlier := batch.asked_steps.get(request.id):
        if earlier.fingerprint == fingerprint:
            return batch.holds[earlier.hold_id]
        return Refused(request.id, None, fingerprint, Refusal.OPERATION_ID_REUSED, batch.moment)
    return _refused_before(batch, request.id, fingerprint, Refusal.OPERATION_ID_REUSED)


def _refused_before(batch: Batch, operation_id: UUID, fingerprint: bytes, reused: Refusal) -> Refused | None:
    refused = batch.refused.get(operation_id)
    if refused is None or refused.fingerprint == fingerprint:
        return refused
    return Refused(operation_id, None, fingerprint, reused, batch.moment)
