"""Labels in memory: what is known follows from what was said, in whatever order and however often it comes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.labelling import Statement, merge, of_dispute, standing
from apps.risk.domain.quality import Decided, Fired, measure
from contracts.ids import new_id
from contracts.payments import Dispute, DisputeFunds, DisputeStatus
from contracts.risk import Label, LabelSource

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAYMENT = UUID(int=1)
SAID = st.lists(
    st.builds(
        Statement,
        payment_intent_id=st.sampled_from([PAYMENT, UUID(int=2)]),
        source=st.sampled_from(LabelSource),
        label=st.sampled_from(Label),
        stated_at=st.integers(0, 4).map(lambda hours: NOON + timedelta(hours=hours)),
        reference=st.sampled_from(["a", "b"]),
        is_final=st.booleans(),
    ),
    max_size=12,
)
Kept = dict[tuple[UUID, LabelSource], Statement]


def _told(batches: Sequence[Sequence[Statement]]) -> Kept:
    kept: Kept = {}
    for batch in batches:
        kept |= merge(kept, batch)
    return kept


@given(SAID, st.data())
def test_order_batches_and_repetition_change_nothing(said: list[Statement], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said))) if said else []))
    cut = data.draw(st.integers(0, len(mixed)))
    assert _told([mixed[:cut], mixed[cut:]]) == _told([said])


@given(SAID)
def test_the_first_source_that_says_anything_counts_and_of_it_the_newest(said: list[Statement]) -> None:
    about = [statement for statement in said if statement.payment_intent_id == PAYMENT]
    counts = standing(s for (payment, _), s in _told([said]).items() if payment == PAYMENT)
    if not about:
        assert counts is None
        return
    source = next(source for source in LabelSource if any(s.source is source for s in about))
    assert counts is not None
    assert counts.source is source
    assert counts.stated_at == max(s.stated_at for s in about if s.source is source)


def a_dispute(status: DisputeStatus, reason: str = "fraudulent", hours: int = 0) -> Dispute:
    return Dispute(
        id=new_id(),
        payment_intent=new_id(),
        processor="sandbox",
        amount=1,
        currency="EUR",
        reason=reason,
        status=status,
        funds=DisputeFunds.HELD,
        created_at=NOON,
        updated_at=NOON + timedelta(hours=hours),
    )


@pytest.mark.parametrize(
    ("status", "reason", "label"),
    [
        (DisputeStatus.NEEDS_RESPONSE, "fraudulent", Label.FRAUD),
        (DisputeStatus.LOST, "fraudulent", Label.FRAUD),
        (DisputeStatus.WON, "fraudulent", Label.GOOD),
        (DisputeStatus.WON, "product_not_received", Label.GOOD),
        (DisputeStatus.NEEDS_RESPONSE, "product_not_received", None),
        (DisputeStatus.LOST, "product_not_received", None),
    ],
)
def test_what_a_dispute_says(status: DisputeStatus, reason: str, label: Label | None) -> None:
    said = of_dispute(a_dispute(status, reason))
    assert (said.label if said else None) == label


DECIDED = st.lists(
    st.builds(
        Decided,
        rule_set=st.sampled_from([None, "a" * 64, "b" * 64]),
        outcome=st.sampled_from(["approve", "review", "decline"]),
        step_up=st.just(value=False),
        label=st.sampled_from(Label),
        currency=st.sampled_from(["EUR", "USD"]),
        payments=st.integers(1, 9),
        amount=st.integers(1, 99),
    )
)


@given(DECIDED)
def test_quality_is_what_counting_by_hand_gives(rows: list[Decided]) -> None:
    fired = [Fired("r", "block", *row[3:]) for row in rows if row.outcome == "decline"]
    found = measure(rows, fired, NOON, NOON, is_whole=True)

    def payments(label: Label, *outcomes: str) -> int:
        return sum(row.payments for row in rows if row.label is label and row.outcome in outcomes)

    frauds, goods = (payments(label, "approve", "review", "decline") for label in (Label.FRAUD, Label.GOOD))
    caught, wronged = (payments(label, "review", "decline") for label in (Label.FRAUD, Label.GOOD))
    assert (found.frauds, found.goods) == (frauds, goods)
    assert (found.stopped.frauds, found.stopped.goods) == (caught, wronged)
    assert found.stopped.recall == (caught / frauds if frauds else None)
    assert found.stopped.precision == (caught / (caught + wronged) if caught + wronged else None)
    assert found.stopped.false_positive_rate == (wronged / goods if goods else None)
    assert sum(of_set.labelled for of_set in found.rule_sets) == frauds + goods
    assert sum(outcome.fired for outcome in found.outcomes) == frauds + goods
    rules = {(rule.rule, rule.action): (rule.frauds, rule.goods) for rule in found.rules}
    blocked = payments(Label.FRAUD, "decline"), payments(Label.GOOD, "decline")
    assert rules == ({("r", "block"): blocked} if fired else {})
    stopped = [row for row in rows if row.outcome != "approve" and row.label is Label.FRAUD]
    for currency in ("EUR", "USD"):
        assert found.stopped.amount.get(currency, 0) == sum(row.amount for row in stopped if row.currency == currency)
