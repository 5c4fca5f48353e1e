"""Labels on a real database: from analysts, files and disputes to features and quality, once each, in any order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from apps.risk.domain.features.computing import Context, compute
from apps.risk.domain.features.entities import entities_of
from apps.risk.queries import labels as queries
from apps.risk.store import decisions, feature_states
from apps.risk.tests.case_desk import CaseDesk, commanded, disputed, enveloped
from apps.risk.tests.desk import ANALYST, POLICY, Desk, deciding, request
from apps.risk.tests.rule_sets import limits
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.risk import Assess, GetLabel, GetQuality, ImportLabels, LabelPayment, Quality
from outbox.responder import Refused

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def work(desk: Desk) -> CaseDesk:
    desk.rules = limits(amount=9_000, review_amount=1_000)
    return CaseDesk(desk, POLICY)


def saying(asked: Envelope[Assess], label: str) -> Envelope[LabelPayment]:
    facts = {"payment_intent_id": asked.data.payment_intent_id, "label": label, "reason": "Rang.", "analyst": ANALYST}
    return commanded(LabelPayment, **facts)


async def paid(desk: Desk, amount: int = 100_00) -> Envelope[Assess]:
    asked = request(new_id(), amount)
    await desk.assess(asked)
    return asked


async def frauds(desk: Desk, asked: Envelope[Assess]) -> int:
    """Return how many frauds of the payer the features know, once labels are due."""
    identifier = asked.data.assessment_id
    async with desk.transactions.begin() as tx:
        subject = (await decisions.load_subjects(tx, {identifier}))[identifier]
        states = await feature_states.load(tx, entities_of(subject))
    later = replace(subject, asked_at=subject.asked_at + timedelta(days=10))
    return int(compute(later, states, Context())["payer_frauds_30d"])


async def known(desk: Desk, payment: UUID) -> str:
    found = await queries.get_label(desk.database, enveloped(GetLabel(payment_intent_id=payment)))
    return f"{found.source} {found.label}"


async def changes(desk: Desk) -> list[str]:
    said = [e["data"] for subject, e in await desk.said() if subject == "risk.events.label.changed"]
    return [f"{data.get('before')} {data['label']}" for data in said]


async def test_an_analyst_teaches_the_features_and_thinks_again(desk: Desk, work: CaseDesk) -> None:
    asked = await paid(desk)
    assert await work.label(saying(asked, "fraud"), saying(asked, "fraud")) == ["fraud", "fraud"]
    assert await frauds(desk, asked) == 1
    assert await work.label(saying(asked, "good")) == ["good"]
    assert await frauds(desk, asked) == 0
    assert await changes(desk) == ["None fraud", "fraud good"]
    unknown = request(new_id(), 1)
    assert await work.label(saying(unknown, "fraud")) == ["payment_not_assessed"]
    with pytest.raises(Refused, match="label_not_found"):
        await known(desk, unknown.data.payment_intent_id)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
async def test_disputes_in_any_order_and_twice_end_in_the_same(
    desk: Desk, work: CaseDesk, order: tuple[int, ...]
) -> None:
    asked = await paid(desk)
    payment = asked.data.payment_intent_id
    said = [
        disputed(payment, "needs_response", NOW),
        disputed(payment, "won", NOW + HOUR),
        disputed(payment, "lost", NOW + 2 * HOUR),
    ]
    for place in order:
        await work.hear(said[place])
        await work.hear(said[place], said[place])
    assert (await known(desk, payment), await frauds(desk, asked)) == ("dispute fraud", 1)


async def test_a_dispute_counts_more_than_an_analyst_and_that_more_than_a_file(desk: Desk, work: CaseDesk) -> None:
    asked = await paid(desk)
    payment = asked.data.payment_intent_id
    imported = commanded(
        ImportLabels,
        labels=[{"payment_intent_id": payment, "label": "fraud"}, {"payment_intent_id": new_id(), "label": "good"}],
        reference="old.csv",
        imported_by=ANALYST,
    )
    await work.label(imported)
    resource = desk.replies[imported.id].resource
    assert (resource["taken"], len(resource["unknown"])) == (1, 1)
    assert (await known(desk, payment), await frauds(desk, asked)) == ("import fraud", 1)
    await work.label(saying(asked, "good"))
    assert (await known(desk, payment), await frauds(desk, asked)) == ("analyst good", 0)
    await work.hear(disputed(payment, "needs_response", NOW))
    assert (await known(desk, payment), await frauds(desk, asked)) == ("dispute fraud", 1)
    await work.label(saying(asked, "good"))
    assert (await known(desk, payment), await frauds(desk, asked)) == ("dispute fraud", 1)
    await work.hear(disputed(payment, "won", NOW + HOUR))
    assert (await known(desk, payment), await frauds(desk, asked)) == ("dispute good", 0)
    found = await queries.get_label(desk.database, enveloped(GetLabel(payment_intent_id=payment)))
    assert [(s.source, s.label) for s in found.statements] == [
        ("dispute", "good"), ("analyst", "good"), ("import", "fraud"),
    ]  # fmt: skip


async def test_a_dispute_of_a_payment_that_risk_never_saw_is_kept(desk: Desk, work: CaseDesk) -> None:
    payment = new_id()
    await work.hear(disputed(payment, "lost", NOW), disputed(new_id(), "lost", NOW, reason="product_not_received"))
    assert await known(desk, payment) == "dispute fraud"
    assert await changes(desk) == ["None fraud"]


async def test_quality_counts_what_is_known(desk: Desk, work: CaseDesk) -> None:
    stolen, good, reviewed, blocked = [await paid(desk, euros * 100) for euros in (100, 200, 2_000, 9_500)]
    await desk.decide(deciding(reviewed, "decline"))
    await paid(desk, 300_00)  # nobody knows what it was
    await work.label(*(saying(a, label) for a, label in (
        (stolen, "fraud"), (good, "good"), (reviewed, "fraud"), (blocked, "good"),
    )))  # fmt: skip
    quality = await measured(desk, NOW - HOUR)
    assert (quality.frauds, quality.goods, quality.fraud_amount) == (2, 2, {"EUR": 2_100_00})
    assert (quality.stopped.precision, quality.stopped.recall, quality.stopped.false_positive_rate) == (0.5, 0.5, 0.5)
    assert quality.stopped.amount == {"EUR": 2_000_00}
    rules = {rule.rule: (rule.frauds, rule.goods) for rule in quality.rules}
    assert (rules["large_payment_review"], rules["amount_limit"]) == ((1, 1), (0, 1))
    assert {o.outcome: o.fired for o in quality.outcomes} == {"approve": 2, "review": 1, "decline": 1}
    (rule_set,) = quality.rule_sets
    assert (rule_set.labelled, rule_set.recall, quality.is_whole) == (4, 0.5, True)
    assert (await measured(desk, NOW - 2 * HOUR, NOW - HOUR)).rules == []


async def measured(desk: Desk, since: datetime, until: datetime = NOW + HOUR) -> Quality:
    return await queries.get_quality(desk.database, enveloped(GetQuality(since=since, until=until)))
