"""Cases on a real database: opened with reviews, claimed, written on, decided by one or two, closed, listed, told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from apps.risk.domain.limits import Ended, latest
from apps.risk.handlers.cases import close_cases, measure_cases
from apps.risk.queries import cases as queries
from apps.risk.tests.case_desk import CaseDesk, commanded, enveloped
from apps.risk.tests.desk import ANALYST, POLICY, REPLY_TO, Desk, again, deciding, request
from apps.risk.tests.rule_sets import limits
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.risk import (
    AddCaseEvidence,
    AddCaseNote,
    Assess,
    Case,
    ClaimCase,
    DecideCase,
    GetCase,
    GetSuspiciousActivityReport,
    ListCaseEvents,
    ListCases,
    ReleaseCase,
)
from outbox.responder import Refused

SMALL, LARGE = 2_000_00, 4_500_00
OTHER = new_id()


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.rules, desk.policy = limits(review_amount=1_000), replace(POLICY, four_eyes_amount=4_000)
    return desk


@pytest.fixture
def work(desk: Desk) -> CaseDesk:
    return CaseDesk(desk, POLICY)


async def waiting(desk: Desk, amount: int = SMALL, payer: UUID | None = None) -> Envelope[Assess]:
    command = request(payer or new_id(), amount)
    assert await desk.assess(command) == ["review large_payment_review"]
    return command


def claim(asked: Envelope[Assess], analyst: UUID = ANALYST) -> Envelope[ClaimCase]:
    return commanded(ClaimCase, case_id=asked.data.assessment_id, analyst=analyst)


def decision(asked: Envelope[Assess], outcome: str, analyst: UUID = ANALYST) -> Envelope[DecideCase]:
    facts = {"case_id": asked.data.assessment_id, "analyst": analyst, "outcome": outcome, "reason": "Looked at it."}
    return commanded(DecideCase, **facts)


async def case_of(desk: Desk, asked: Envelope[Assess]) -> Case:
    return await queries.get_case(desk.database, enveloped(GetCase(case_id=asked.data.assessment_id)))


async def listed(desk: Desk, **asked: Any) -> list[UUID]:
    page = await queries.list_cases(desk.database, enveloped(ListCases.model_validate(asked)))
    return [case.id for case in page.cases]


async def said_to_payments(desk: Desk) -> list[str]:
    return [e["data"]["outcome"] for subject, e in await desk.said() if subject == REPLY_TO]


async def test_a_case_is_opened_with_the_review_and_decided_by_who_has_it(desk: Desk, work: CaseDesk) -> None:
    asked = await waiting(desk)
    assert await desk.assess(again(asked)) == ["review large_payment_review"]
    case = await case_of(desk, asked)
    assert (case.status, case.payment_intent_id, case.amount, case.four_eyes, case.events) == (
        "open", asked.data.payment_intent_id, SMALL, False, 1,
    )  # fmt: skip
    assert case.due_at - case.opened_at == timedelta(hours=24)
    assert await work.work(decision(asked, "approve"), claim(asked), decision(asked, "approve")) == [
        "case_not_claimed", "claimed", "decided",
    ]  # fmt: skip
    assert await said_to_payments(desk) == ["review", "review", "approve"]
    assert (await desk.reviews()).reviews == []
    assert await desk.decide(deciding(asked, "decline")) == ["refused review_decided"]
    assert await work.work(claim(asked), decision(asked, "decline")) == ["case_closed"] * 2


async def test_a_large_amount_takes_two_analysts_wherever_they_decide(desk: Desk, work: CaseDesk) -> None:
    agreed, torn = await waiting(desk, LARGE), await waiting(desk, LARGE)
    assert await work.work(claim(agreed), decision(agreed, "approve")) == ["claimed", "awaiting_second_decision"]
    assert await work.work(claim(agreed), decision(agreed, "approve")) == ["second_analyst_required"] * 2
    assert await desk.decide(deciding(agreed, "approve")) == ["refused second_analyst_required"]
    assert (await desk.count("verdict"), len((await desk.reviews()).reviews)) == (0, 2)
    assert await work.work(claim(agreed, OTHER), decision(agreed, "approve", OTHER)) == [
        "awaiting_second_decision", "decided",
    ]  # fmt: skip
    first = deciding(torn, "decline", note="A stolen wallet.")
    assert await desk.decide(first) == ["completed"]
    assert desk.replies[first.id].resource["awaits_second_decision"] is True
    assert await work.work(claim(torn, OTHER), decision(torn, "approve", OTHER)) == [
        "awaiting_second_decision", "decided",
    ]  # fmt: skip
    assert await said_to_payments(desk) == ["review", "review", "approve", "decline"]
    last = (await desk.said())[-1][1]["data"]
    assert last["rules"] == [{"name": "analyst", "reason": "A stolen wallet."}]
    case = await case_of(desk, torn)
    assert case.first_decision is not None
    assert case.decision is not None
    assert (case.outcome, case.first_decision.outcome, case.decision.outcome) == ("decline", "decline", "approve")


async def test_a_claim_keeps_others_away_until_it_expires(desk: Desk, work: CaseDesk) -> None:
    asked, now = await waiting(desk), datetime.now(UTC)
    assert await work.work(claim(asked), claim(asked, OTHER), at=now) == ["claimed", "case_claimed"]
    by_other = deciding(asked, "approve").data.model_copy(update={"decided_by": OTHER})
    assert await desk.decide(enveloped(by_other), at=now) == ["refused case_claimed"]
    release = commanded(ReleaseCase, case_id=asked.data.assessment_id, analyst=OTHER)
    assert await work.work(release, at=now) == ["case_not_claimed"]
    assert await work.work(claim(asked, OTHER), at=now + timedelta(hours=1)) == ["claimed"]
    assert await listed(desk, assignee=ANALYST) == []
    assert await listed(desk, assignee=OTHER, status="claimed") == [asked.data.assessment_id]


async def test_notes_and_evidence_are_kept_in_order_and_paged(desk: Desk, work: CaseDesk) -> None:
    asked = await waiting(desk)
    where = {"case_id": asked.data.assessment_id, "analyst": ANALYST}
    document = {"order": {"id": 7, "lines": ["tea", None]}, "text": "ü"}
    commands = [
        commanded(AddCaseNote, **where, note="Rang the shop."),
        commanded(AddCaseEvidence, **where, title="Invoice", url="https://files.example/1.pdf"),
        commanded(AddCaseEvidence, **where, title="Order", document=document),
        commanded(AddCaseNote, case_id=new_id(), analyst=ANALYST, note="Where?"),
    ]
    assert await work.work(*commands) == ["open", "open", "open", "case_not_found"]
    query = ListCaseEvents(case_id=asked.data.assessment_id, after=1, limit=2)
    page = await queries.list_case_events(desk.database, enveloped(query))
    assert [(e.number, e.kind, e.text, e.url) for e in page.events] == [
        (2, "note", "Rang the shop.", None), (3, "evidence", None, "https://files.example/1.pdf"),
    ]  # fmt: skip
    assert page.next_after == 3
    rest = await queries.list_case_events(desk.database, enveloped(query.model_copy(update={"after": 3})))
    assert [(e.number, e.title, e.document) for e in rest.events] == [(4, "Order", document)]
    assert rest.next_after is None


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"text": "x", "url": "https://a.example"},
        {"url": "http://a.example"},
        {"document": {"long": "x" * 9_000}},
        {"document": {"nul": "\x00"}},
        {"document": {"large": 2**70}},
        {"text": "a\x00b"},
    ],
)
def test_evidence_is_one_small_thing(evidence: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        commanded(AddCaseEvidence, case_id=new_id(), analyst=ANALYST, title="It", **evidence)


async def test_the_queue_shows_what_is_due_first_page_by_page(desk: Desk, work: CaseDesk) -> None:
    asked = [await waiting(desk) for _ in range(4)]
    ids = [command.data.assessment_id for command in asked]
    await work.work(claim(asked[1]), claim(asked[3]), decision(asked[3], "decline"))
    page = await queries.list_cases(desk.database, enveloped(ListCases(limit=2)))
    assert ([case.id for case in page.cases], page.next_after) == (ids[:2], ids[1])
    assert await listed(desk, after=page.next_after) == [ids[2]]
    assert await listed(desk, status="open") == [ids[0], ids[2]]
    assert await listed(desk, status="claimed", kind="payment") == [ids[1]]
    assert await listed(desk, status="decided") == [ids[3]]
    assert await listed(desk, kind="screening") == await listed(desk, overdue=True) == []
    assert await listed(desk, overdue=False) == ids[:3]
    async with desk.transactions.begin() as tx:
        tx.now += timedelta(hours=25)
        await measure_cases(tx)
    labels = {"kind": "payment"}
    assert REGISTRY.get_sample_value("ledgerlink_risk_cases_overdue", labels) == 3
    assert REGISTRY.get_sample_value("ledgerlink_risk_cases_waiting", labels) == 3


async def test_a_canceled_payment_closes_its_case_and_its_review(desk: Desk, work: CaseDesk) -> None:
    asked, other = await waiting(desk), await waiting(desk)
    later = datetime.now(UTC) + timedelta(seconds=1)
    for _ in range(2):
        async with desk.transactions.begin() as tx:
            ends = [Ended(payment, later, 0) for payment in (asked.data.payment_intent_id, new_id())]
            await close_cases(tx, latest(ends))
    case = await case_of(desk, asked)
    assert (case.status, case.outcome, case.events) == ("canceled", None, 2)
    assert await listed(desk) == [other.data.assessment_id]
    assert [review.assessment_id for review in (await desk.reviews()).reviews] == [other.data.assessment_id]
    assert await work.work(claim(asked)) == ["case_closed"]
    assert await desk.decide(deciding(asked, "approve")) == ["refused review_canceled"]


async def test_a_report_tells_the_case_and_the_payers_other_payments(desk: Desk, work: CaseDesk) -> None:
    payer = new_id()
    await desk.assess(request(payer, 100), request(new_id(), 100))
    asked = await waiting(desk, payer=payer)
    note = commanded(AddCaseNote, case_id=asked.data.assessment_id, analyst=ANALYST, note="x" * 3_000)
    await work.work(note)
    query = enveloped(GetSuspiciousActivityReport(case_id=asked.data.assessment_id))
    report = await queries.get_report(desk.database, query)
    assert report.decision is not None
    assert report.decision.values is not None
    assert (report.decision.values["amount"], [rule.name for rule in report.decision.rules]) == (
        SMALL, ["large_payment_review"],
    )  # fmt: skip
    assert [len(event.text or "") for event in report.case_events][1] == 1_000
    assert [(other.amount, other.outcome) for other in report.related_payments] == [(100, "approve")]
    assert not report.related_payments_left_out
    with pytest.raises(Refused, match="case_not_found"):
        await queries.get_report(desk.database, enveloped(GetSuspiciousActivityReport(case_id=new_id())))


FORBIDDEN = (
    "UPDATE case_event SET body = '{}'",
    "DELETE FROM case_event",
    "TRUNCATE case_event",
    "DELETE FROM risk_case",
    "UPDATE risk_case SET amount = 1",
    "UPDATE risk_case SET four_eyes = false",
    "UPDATE risk_case SET due_at = now()",
    "DELETE FROM label_statement",
    "DELETE FROM label",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_role_cannot_rewrite_what_happened(desk: Desk, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.database.pool.execute(statement)


@pytest.mark.parametrize("first", ["NULL", "$1::uuid"])
async def test_the_database_lets_nobody_decide_a_large_case_alone(desk: Desk, first: str) -> None:
    """Planted: a decision of one where two have to decide, or the same one twice."""
    await waiting(desk, LARGE)
    alone = {
        "NULL": """
            UPDATE risk_case SET status = 'decided', outcome = 'approve', closed_at = now(), last_outcome = 'approve',
                                 last_by = $1, last_reason = 'Alone', last_at = now()
            """,
        "$1::uuid": """
            UPDATE risk_case SET status = 'decided', outcome = 'approve', closed_at = now(), last_outcome = 'approve',
                                 last_by = $1, last_reason = 'Alone', last_at = now(), first_outcome = 'approve',
                                 first_by = $1, first_reason = 'Twice', first_at = now()
            """,
    }
    with pytest.raises(asyncpg.CheckViolationError):
        await desk.database.pool.execute(alone[first], ANALYST)
