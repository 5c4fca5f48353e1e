"""Whether payments and the ledger agree: what was asked of the ledger and settled, against what the ledger has."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from apps.payments.domain.operations import Operation, OperationStatus
from apps.payments.domain.processing import Verb
from contracts.wallet import (
    AccountRef,
    CaptureHold,
    Effects,
    HoldEffect,
    PlaceHold,
    PostJournal,
    PostTransfer,
    SystemAccountName,
    TransferEffect,
    TransferLeg,
    VoidHold,
)


@dataclass(frozen=True)
class Known:
    """What the ledger knows: transfers by id, holds by id, and the transfers of journals by the journal's id."""

    transfers: Mapping[UUID, TransferEffect]
    holds: Mapping[UUID, HoldEffect]
    journals: Mapping[UUID, Mapping[UUID, TransferEffect]]

    @classmethod
    def of(cls, effects: Effects) -> "Known":
        """Sort an answer of the ledger."""
        journals: defaultdict[UUID, dict[UUID, TransferEffect]] = defaultdict(dict)
        for transfer in effects.transfers:
            if transfer.journal_id is not None:
                journals[transfer.journal_id][transfer.id] = transfer
        return cls({t.id: t for t in effects.transfers}, {h.id: h for h in effects.holds}, journals)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a payment says of its money, and what its operations that the ledger has carried out come to.

    `lost` is all that lost disputes have taken, also what was claimed beyond what was left of the payment.
    """

    intent_id: UUID
    captured: int
    refunded: int
    lost: int
    moved_there: int
    moved_back: int
    moved_away: int


def sums_difference(sums: Sums) -> str | None:
    """Say in what a payment and its own operations in the ledger differ; None when they agree."""
    pairs = (
        ("captured", sums.captured, sums.moved_there),
        ("refunded", sums.refunded, sums.moved_back),
        ("lost", sums.lost, sums.moved_away),
    )
    return next((f"it says {says} {name}, and {has} was moved" for name, says, has in pairs if says != has), None)


def ids_to_ask(operation: Operation) -> Iterator[UUID]:
    """Yield the ids under which the ledger knows a ledger operation's effects."""
    yield operation.id
    if operation.verb in (Verb.CAPTURE_HOLD, Verb.VOID_HOLD):
        yield UUID(operation.details["hold_id"])


def difference(operation: Operation, known: Known) -> str | None:
    """Say in what a settled ledger operation and the ledger differ; None when they agree."""
    if operation.status is OperationStatus.FAILED:
        has = any(operation.id in effects for effects in (known.transfers, known.holds, known.journals))
        return f"{operation.verb.value} {operation.id} was refused, and the ledger has it" if has else None
    try:
        return _carried_out(operation, known)
    except ValidationError:
        return f"what {operation.verb.value} {operation.id} asked for cannot be read"


def _carried_out(operation: Operation, known: Known) -> str | None:
    match operation.verb:
        case Verb.POST:
            return _post(operation, known)
        case Verb.HOLD:
            return _hold(operation, PlaceHold.model_validate_json(operation.asked), known)
        case Verb.CAPTURE_HOLD:
            return _capture(operation, CaptureHold.model_validate_json(operation.asked), known)
        case _:
            return _void(VoidHold.model_validate_json(operation.asked), known)


def _post(operation: Operation, known: Known) -> str | None:
    if "journal_id" in operation.details:
        asked = PostJournal.model_validate_json(operation.asked)
        legs = [leg for leg in asked.legs if isinstance(leg, TransferLeg)]
        posted = known.journals.get(operation.id, {})
    else:
        legs = [_as_leg(PostTransfer.model_validate_json(operation.asked))]
        posted = {operation.id: known.transfers[operation.id]} if operation.id in known.transfers else {}
    for leg in legs:
        if found := _leg(leg, operation.subject_id, posted.get(leg.transfer_id)):
            return found
    if len(posted) > len(legs):
        return f"journal {operation.id} has {len(posted)} transfers, not {len(legs)}"
    return None


def _as_leg(asked: PostTransfer) -> TransferLeg:
    return TransferLeg.model_construct(
        transfer_id=asked.transfer_id,
        debit_account=asked.debit_account,
        credit_account=asked.credit_account,
        amount=asked.amount,
        currency=asked.currency,
    )


def _leg(leg: TransferLeg, reference: UUID, posted: TransferEffect | None) -> str | None:
    what = f"transfer {leg.transfer_id}"
    if posted is None:
        return f"{what} is not in the ledger"
    sides = (
        (leg.debit_account, posted.debit_account, posted.debit_name),
        (leg.credit_account, posted.credit_account, posted.credit_name),
    )
    for asked, found, name in sides:
        if asked not in (found, name):
            return f"{what} moved money on account {found}, not on {_name_of(asked)}"
    return _first_difference(
        what, (posted.amount, leg.amount), (posted.currency, leg.currency), (posted.reference, reference)
    )


def _hold(operation: Operation, asked: PlaceHold, known: Known) -> str | None:
    what, placed = f"hold {asked.hold_id}", known.holds.get(asked.hold_id)
    if placed is None:
        return f"{what} is not in the ledger"
    return _first_difference(
        what, (placed.amount, asked.amount), (placed.currency, asked.currency), (placed.reference, operation.subject_id)
    )


def _capture(operation: Operation, asked: CaptureHold, known: Known) -> str | None:
    what, posted, hold = f"capture {operation.id}", known.transfers.get(operation.id), known.holds.get(asked.hold_id)
    if posted is None or hold is None:
        return f"{what} of hold {asked.hold_id} is not in the ledger"
    if posted.hold_id != asked.hold_id:
        return f"{what} is of hold {posted.hold_id}, not of {asked.hold_id}"
    if hold.captured < posted.amount:
        return f"hold {hold.id} does not count {what}"
    return _first_difference(
        what,
        (posted.amount, operation.amount),
        (posted.currency, hold.currency),
        (posted.reference, operation.subject_id),
    )


def _void(asked: VoidHold, known: Known) -> str | None:
    hold = known.holds.get(asked.hold_id)
    if hold is None:
        return f"hold {asked.hold_id} was given back, and is not in the ledger"
    return f"hold {hold.id} was given back, and still reserves {hold.remaining}" if hold.remaining else None


def _first_difference(what: str, *pairs: tuple[object, object]) -> str | None:
    """Compare amount, currency and reference, each as found and as asked."""
    for name, (found, asked) in zip(("amount", "currency", "reference"), pairs, strict=True):
        if found != asked:
            return f"the {name} of {what} is {found}, not {asked}"
    return None


def _name_of(asked: AccountRef) -> str:
    if isinstance(asked, SystemAccountName):
        return f"{asked.kind.value}:{asked.processor}" if asked.processor else asked.kind.value
    return str(asked)
