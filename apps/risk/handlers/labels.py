"""Take labels from analysts, files and disputes; what changes by them the features learn in the same commit."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from apps.risk.domain.features.computing import label as label_features
from apps.risk.domain.features.entities import entities_of
from apps.risk.domain.labelling import Known, Statement, merge, of_dispute, standing
from apps.risk.store import decisions, feature_states
from apps.risk.store import labels as store
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.payments import DisputeClosed, DisputeOpened
from contracts.risk import ImportLabels, LabelChanged, LabelPayment, LabelsImported, LabelSource, PaymentLabel
from outbox.transaction import Transaction

_NOT_ASSESSED = Problem(
    code="payment_not_assessed",
    detail="Risk has decided about no payment with this id.",
    parameter="payment_intent_id",
)
_Command = LabelPayment | ImportLabels
_Cause = Envelope[LabelPayment | ImportLabels | DisputeOpened | DisputeClosed]


async def label(tx: Transaction, commands: Sequence[Envelope[_Command]]) -> None:
    """Take what analysts and files say of payments that risk has decided about."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    await decisions.take_turn(tx)
    said = [(statement, command) for command in accepted for statement in _said(command)]
    known = await store.load_assessments(tx, {statement.payment_intent_id for statement, _ in said})
    await _take(tx, [pair for pair in said if pair[0].payment_intent_id in known], known)
    for command in accepted:
        tx.answer(command, await _reply(tx, command.data, known))


async def hear_disputes(tx: Transaction, events: Sequence[Envelope[DisputeOpened | DisputeClosed]]) -> None:
    """Take what disputes say of their payments."""
    said = [(statement, event) for event in events if (statement := of_dispute(event.data.dispute))]
    if not said:
        return
    await decisions.take_turn(tx)
    known = await store.load_assessments(tx, {statement.payment_intent_id for statement, _ in said})
    await _take(tx, said, known)


async def _take(tx: Transaction, said: Sequence[tuple[Statement, _Cause]], assessments: Mapping[UUID, UUID]) -> None:
    """Keep what is new, and let the features and whoever listens know what follows from it."""
    payments = {statement.payment_intent_id for statement, _ in said}
    statements = await store.load_statements(tx, payments)
    newer = merge(statements, [statement for statement, _ in said])
    if not newer:
        return
    before = await store.load(tx, payments)
    after = _known(statements | newer, {payment for payment, _ in newer}, before, assessments)
    changed = {payment: known for payment, known in after.items() if known != before.get(payment)}
    await store.save_statements(tx, newer.values())
    await store.save(tx, changed, tx.now)
    await _teach(tx, before, changed)
    causes = {statement.payment_intent_id: cause for statement, cause in said}
    for payment, known in changed.items():
        _tell(tx, payment, before.get(payment), known, causes[payment])


def _known(
    statements: Mapping[tuple[UUID, LabelSource], Statement],
    payments: Iterable[UUID],
    before: Mapping[UUID, Known],
    assessments: Mapping[UUID, UUID],
) -> dict[UUID, Known]:
    known: dict[UUID, Known] = {}
    for payment in payments:
        counts = standing(statements[key] for source in LabelSource if (key := (payment, source)) in statements)
        if counts is None:
            continue
        was = before.get(payment)
        # The one that was taught once is the one to correct.
        assessment = (was.assessment_id if was else None) or assessments.get(payment)
        known[payment] = Known(counts.label, counts.source, assessment)
    return known


async def _teach(tx: Transaction, before: Mapping[UUID, Known], changed: Mapping[UUID, Known]) -> None:
    """Let the features know which payments are frauds now, and which are none after all."""
    was = {i: known.counted_as_fraud for i in changed if (known := before.get(i))}
    frauds = {i: known.counted_as_fraud for i, known in changed.items()}
    added = {assessment for i, assessment in frauds.items() if assessment and not was.get(i)}
    removed = {assessment for i, assessment in was.items() if assessment and not frauds[i]}
    subjects = await decisions.load_subjects(tx, added | removed)
    if not subjects:
        return
    states = await feature_states.load(tx, {e for subject in subjects.values() for e in entities_of(subject)})
    for assessment, subject in subjects.items():
        label_features(states, subject, fraud=assessment in added)
    await feature_states.save(tx, states)


def _tell(tx: Transaction, payment: UUID, before: Known | None, known: Known, cause: _Cause) -> None:
    if before and before.label is known.label:
        return
    event = LabelChanged(
        payment_intent_id=payment,
        label=known.label,
        source=known.source,
        before=before.label if before else None,
        changed_at=tx.now,
    )
    tx.say(event, cause)


def _said(command: Envelope[_Command]) -> list[Statement]:
    asked = command.data
    if isinstance(asked, LabelPayment):
        return [
            Statement(
                asked.payment_intent_id,
                LabelSource.ANALYST,
                asked.label,
                command.time,
                asked.reason,
                stated_by=asked.analyst,
            )
        ]
    # What says that it will be known later is known now: it must not stand above what is said until then.
    return [
        Statement(
            new.payment_intent_id,
            LabelSource.IMPORT,
            new.label,
            min(new.labelled_at or command.time, command.time),
            asked.reference,
            stated_by=asked.imported_by,
        )
        for new in asked.labels
    ]


async def _reply(tx: Transaction, asked: _Command, known: Collection[UUID]) -> Reply:
    if isinstance(asked, ImportLabels):
        unknown = sorted({new.payment_intent_id for new in asked.labels}.difference(known))
        taken = sum(new.payment_intent_id in known for new in asked.labels)
        return _completed(LabelsImported(taken=taken, unknown=unknown))
    found = await store.load_one(tx, asked.payment_intent_id) if asked.payment_intent_id in known else None
    return _completed(found) if found else Reply(outcome=Outcome.REFUSED, problem=_NOT_ASSESSED)


def _completed(resource: PaymentLabel | LabelsImported) -> Reply:
    return Reply(outcome=Outcome.COMPLETED, resource=resource.model_dump(mode="json", exclude_none=True))
