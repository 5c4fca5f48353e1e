"""The declarations: which fields each consumer reads of each message that it hears, and the code that reads them.

What a service's owner reads of a command or query, and what the gateway hands on of an answer, needs none: it is what
their contract requires (see tests.pacts.expectations).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.payments.domain.payment_errors import declined_by_risk
from apps.payments.handlers.hear_ledger import _signal as signal_of_ledger
from apps.payments.handlers.hear_risk import _word as word_of_risk
from apps.risk.domain.customers import Customer, Told, learn
from apps.risk.domain.labelling import of_dispute
from apps.risk.domain.limits import ended
from contracts import identity, payments, risk, wallet
from contracts.message import Message
from tests.pacts.integrator import receipt_of

INTEGRATOR = "integrator"


@dataclass(frozen=True)
class Reading:
    """A consumer reads `fields` of a message's data, by `read`; one that ends in `?` may be missing.

    Where a path ends at an object, all is read of it that its contract requires. With
    `asked` only what the consumer itself has asked for is read. An answer is named by the query that it belongs to.
    """

    consumer: str
    message: type[Message]
    fields: str
    read: Callable[[Any], object]
    asked: bool = False

    @property
    def paths(self) -> list[str]:
        """All that is read, whether or not it may be missing."""
        return [field.removesuffix("?") for field in self.fields.split()]

    @property
    def required(self) -> list[str]:
        """What must be there."""
        return [field for field in self.fields.split() if not field.endswith("?")]


def _of_user(told: Told) -> object:
    return learn(Customer(told.user_id), told)


def _of_decision(decision: risk.RiskDecision) -> object:
    return word_of_risk(decision), declined_by_risk(decision)


def _of(member: str, names: str) -> str:
    return " ".join(f"{member}.{name}" for name in names.split())


_DECISION = "payment_intent_id assessment_id outcome degraded step_up rules reason_codes score? approvable_amount?"
_END = _of("payment_intent", "id status amount amount_captured updated_at")
_DISPUTE = _of("dispute", "id payment_intent status reason updated_at")
_RECEIPT = _of("payment_intent", "id amount_captured currency status")

READINGS = (
    Reading("payments", risk.RiskDecision, _DECISION, _of_decision),
    *(
        Reading("payments", outcome, fields, signal_of_ledger, asked=True)
        for outcome, fields in (
            (wallet.TransferPosted, "transfer.id transfer.reference transfer.journal_id?"),
            (wallet.TransferRefused, "transfer_id reference problem"),
            (wallet.JournalPosted, "journal.id journal.reference"),
            (wallet.JournalRefused, "journal_id reference problem"),
            (wallet.HoldPlaced, "hold.id hold.reference"),
            (wallet.HoldCaptured, ""),
            (wallet.HoldVoided, "hold.id hold.reference"),
            (wallet.HoldRefused, "operation_id reference? problem"),
        )
    ),
    Reading("payments", wallet.HoldExpired, "hold.id hold.reference?", signal_of_ledger),
    Reading("risk", identity.UserRegistered, "user_id registered_at role", _of_user),
    Reading("risk", identity.UserEmailVerified, "user_id verified_at", _of_user),
    Reading("risk", identity.UserRoleChanged, "user_id role changed_at", _of_user),
    *(
        Reading("risk", end, _END, lambda event: ended(event.payment_intent))
        for end in (payments.PaymentIntentCanceled, payments.PaymentIntentFailed, payments.PaymentIntentSucceeded)
    ),
    *(
        Reading("risk", event, _DISPUTE, lambda event: of_dispute(event.dispute))
        for event in (payments.DisputeOpened, payments.DisputeClosed)
    ),
    *(
        Reading(INTEGRATOR, event, _RECEIPT, receipt_of)
        for event in (payments.PaymentIntentCanceled, payments.PaymentIntentFailed, payments.PaymentIntentSucceeded)
    ),
)
