"""The product's own features over a history of payments: the code that computes them live, over all of it, in order."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from apps.risk.domain.features.computing import Context, compute, label, observe
from apps.risk.domain.features.entities import PAIR, Entity, Subject, entities_of
from apps.risk.domain.features.state import DAY, State
from apps.risk.domain.scoring.documents import Input
from apps.risk.domain.scoring.inputs import InputReader
from contracts.risk import RiskOutcome
from ops.risk_model.payments_file import LabelledPayments
from ops.risk_model.progress import Tell

CURRENCY = "EUR"
"""The handbook names none."""
_CUSTOMER, _TERMINAL, _PAYMENT = (UUID(int=n << 96) for n in (1, 2, 3))
_NOTHING_KNOWN = Context()
_TELL_EVERY = 5_000


def read_inputs(
    payments: LabelledPayments, wanted: NDArray[np.int64], inputs: Sequence[Input], tell: Tell
) -> NDArray[np.float64]:
    """Return what a model would have seen of each wanted payment, at the time of it: a row for each, in their order.

    Every payment of the history is observed, and its label too; features show a label only once its delay is over.
    Pairs of a payer and a payee, who are many, are forgotten at once where no input is about them. `tell` hears now and
    then how many payments are done.
    """
    states = _States(with_pairs=any(i.feature.startswith("pair_") for i in inputs))
    reader, rows = InputReader(inputs), {int(place): row for row, place in enumerate(wanted)}
    read = np.empty((len(wanted), len(inputs)))
    for place in range(len(payments)):
        subject = _subject(payments, place)
        seen = states.of(subject)
        if place in rows:
            read[rows[place]] = reader.read(compute(subject, seen, _NOTHING_KNOWN))
        observe(seen, subject, RiskOutcome.APPROVE)
        if payments.frauds[place]:
            label(seen, subject, fraud=True)
        if place % _TELL_EVERY == 0:
            tell(place)
    tell(len(payments))
    return read


def _subject(payments: LabelledPayments, place: int) -> Subject:
    return Subject(
        assessment_id=UUID(int=_PAYMENT.int + place),
        payer=UUID(int=_CUSTOMER.int + int(payments.customers[place])),
        payee=UUID(int=_TERMINAL.int + int(payments.terminals[place])),
        amount=int(payments.cents[place]),
        currency=CURRENCY,
        asked_at=datetime.fromtimestamp(float(payments.times[place]), UTC),
    )


class _States:
    """What has been seen of everybody so far, trimmed once a day as a service trims what it keeps."""

    def __init__(self, *, with_pairs: bool) -> None:
        self._with_pairs = with_pairs
        self._states: dict[Entity, State] = {}
        self._trimmed: dict[Entity, int] = {}

    def of(self, subject: Subject) -> dict[Entity, State]:
        """Return what has been seen of those whom a payment is about."""
        found = {}
        today = subject.at // DAY
        for entity in entities_of(subject):
            if entity.kind == PAIR and not self._with_pairs:
                found[entity] = State()
                continue
            found[entity] = state = self._states.setdefault(entity, State())
            if self._trimmed.get(entity) != today:
                state.trim()
                self._trimmed[entity] = today
        return found
