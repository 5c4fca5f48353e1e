"""Labels: out of what disputes, analysts and files say of a payment, what it was.

Of one source the newest statement counts; of several sources the first in the order of LabelSource: what a bank has
found counts more than what an analyst thinks, and that more than a file. So what is known follows from the statements
alone, in whatever order and however often they come.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.payments import Dispute, DisputeStatus
from contracts.risk import Label, LabelSource

FRAUD_REASONS = frozenset({"fraudulent", "fraud", "unauthorized", "unrecognized"})
"""The reasons of disputes by which a cardholder says that it was somebody else."""
_ORDER = tuple(LabelSource)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a source says of a payment; `is_final` where it will not think again, as the end of a dispute."""

    payment_intent_id: UUID
    source: LabelSource
    label: Label
    stated_at: datetime
    reference: str
    is_final: bool = False
    stated_by: UUID | None = None

    @property
    def age(self) -> tuple[datetime, bool, str, str, str]:
        """What sorts statements of one source: never two that differ in the same place."""
        return self.stated_at, self.is_final, self.label.value, self.reference, str(self.stated_by)


@dataclass(frozen=True, slots=True)
class Known:
    """What a payment was, and who says so; `assessment_id` is the decision whose features know it, None without one."""

    label: Label
    source: LabelSource
    assessment_id: UUID | None

    @property
    def counted_as_fraud(self) -> UUID | None:
        """The assessment whose payment the features know as a fraud."""
        return self.assessment_id if self.label is Label.FRAUD else None


Statements = Mapping[tuple[UUID, LabelSource], Statement]


def merge(known: Statements, said: Iterable[Statement]) -> dict[tuple[UUID, LabelSource], Statement]:
    """Return those statements of `said` that are newer than what the same source said before."""
    newer: dict[tuple[UUID, LabelSource], Statement] = {}
    for statement in said:
        key = statement.payment_intent_id, statement.source
        before = newer.get(key) or known.get(key)
        if before is None or before.age < statement.age:
            newer[key] = statement
    return newer


def standing(statements: Iterable[Statement]) -> Statement | None:
    """Return the statement that counts among those about one payment, one of each source."""
    return min(statements, key=lambda statement: _ORDER.index(statement.source), default=None)


def of_dispute(dispute: Dispute) -> Statement | None:
    """Return what a dispute says of its payment: contested as a fraud, lost as one, or won; None for anything else."""
    is_won = dispute.status is DisputeStatus.WON
    if not is_won and dispute.reason.lower() not in FRAUD_REASONS:
        return None
    return Statement(
        payment_intent_id=dispute.payment_intent,
        source=LabelSource.DISPUTE,
        label=Label.GOOD if is_won else Label.FRAUD,
        stated_at=dispute.updated_at,
        reference=str(dispute.id),
        is_final=is_won or dispute.status is DisputeStatus.LOST,
    )
