"""Let analysts work on cases: claim them, write on them, decide them; and close those with nothing left to decide."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from prometheus_client import Gauge

from apps.risk.domain.case_view import shown
from apps.risk.domain.cases import Case, CasePolicy, CaseRefusal, Change, Opinion, cancel, claim, decide, release, write
from apps.risk.domain.limits import Ended
from apps.risk.domain.review import verdict_of
from apps.risk.handlers import verdicts
from apps.risk.store import cases as store
from apps.risk.store import decisions, reviews
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import (
    AddCaseEvidence,
    AddCaseNote,
    CaseEventKind,
    CaseKind,
    CaseStatus,
    ClaimCase,
    DecideCase,
    ReleaseCase,
)
from outbox.transaction import Transaction

CaseCommand = ClaimCase | ReleaseCase | AddCaseNote | AddCaseEvidence | DecideCase
OnScreenings = Callable[[Transaction, Sequence[Case]], Awaitable[None]]
"""Lets decisions about screenings take effect: approve says that it is somebody else, decline that it is them."""

OVER = "The payment was canceled or given up: there is nothing to decide any more."

WAITING = Gauge("ledgerlink_risk_cases_waiting", "Cases that are to be decided", ["kind"])
OVERDUE = Gauge("ledgerlink_risk_cases_overdue", "Cases that should have been decided by now", ["kind"])


async def _nothing_follows(_tx: Transaction, _cases: Sequence[Case]) -> None:
    return


class CaseWork:
    """What analysts do with cases, by the policy of how long claims hold."""

    def __init__(self, policy: CasePolicy, on_screenings: OnScreenings = _nothing_follows) -> None:
        self._policy = policy
        self._on_screenings = on_screenings

    async def work(self, tx: Transaction, commands: Sequence[Envelope[CaseCommand]]) -> None:
        """Do what each command asks for, in order, or refuse to."""
        accepted = await tx.first_time(commands)
        if not accepted:
            return
        if any(isinstance(command.data, DecideCase) for command in accepted):
            await decisions.take_turn(tx)
        cases = await store.lock(tx, {command.data.case_id for command in accepted})
        changes: list[tuple[Change, Envelope[CaseCommand]]] = []
        for command in accepted:
            case = cases.get(command.data.case_id)
            outcome = self._change(case, command.data, tx.now) if case else CaseRefusal.CASE_NOT_FOUND
            if isinstance(outcome, Change):
                cases[outcome.case.id] = outcome.case
                changes.append((outcome, command))
            _answer(tx, command, outcome)
        await store.save(tx, [change for change, _ in changes])
        await self._follow(tx, [pair for pair in changes if pair[0].case.status is CaseStatus.DECIDED])

    def _change(self, case: Case, command: CaseCommand, now: datetime) -> Change | CaseRefusal:
        analyst = command.analyst
        match command:
            case ClaimCase():
                return claim(case, analyst, self._policy, now)
            case ReleaseCase():
                return release(case, analyst, now)
            case AddCaseNote(note=note):
                return write(case, CaseEventKind.NOTE, analyst, {"text": note}, now)
            case AddCaseEvidence():
                body = command.model_dump(include={"title", "text", "url", "document"}, exclude_none=True)
                return write(case, CaseEventKind.EVIDENCE, analyst, body, now)
            case DecideCase(outcome=outcome, reason=reason):
                return decide(case, Opinion(outcome, analyst, reason, now))

    async def _follow(self, tx: Transaction, decided: Sequence[tuple[Change, Envelope[CaseCommand]]]) -> None:
        """Let what was decided take effect; notes on cases that were decided before change nothing."""
        fresh = [(c.case, command) for c, command in decided if c.event.kind is CaseEventKind.DECISION]
        known = await reviews.load(tx, {case.id for case, _ in fresh if case.kind is CaseKind.PAYMENT})
        await verdicts.give(tx, [(verdict_of(known[case.id], case), why) for case, why in fresh if case.id in known])
        if screenings := [case for case, _ in fresh if case.kind is CaseKind.SCREENING]:
            await self._on_screenings(tx, screenings)


async def close_cases(tx: Transaction, ends: Mapping[UUID, Ended]) -> None:
    """Close the cases of attempts to pay that are over, as canceled ones, and their reviews: nothing is left to decide.

    `ends` are by payment intent. The case of a later attempt stays. That of a payment whose money has moved is closed
    when that is settled (workers.moved_money). Payments without an open case stay as they are.
    """
    if not ends:
        return
    open_cases = await store.lock_of_payments(tx, ends)
    over = [case for case in open_cases if case.payment_intent_id and _is_over(case, ends[case.payment_intent_id])]
    changes = [cancel(case, OVER, tx.now) for case in over]
    canceled = [change for change in changes if isinstance(change, Change)]
    await store.save(tx, canceled)
    if canceled:
        await reviews.close(tx, {change.case.id for change in canceled})


def _is_over(case: Case, end: Ended) -> bool:
    return end.covers(case.id) and not end.kept


async def measure_cases(tx: Transaction) -> None:
    """Say how many cases wait, and how many of them for too long."""
    waiting = await store.count_waiting(tx, tx.now)
    for kind in CaseKind:
        count, overdue = waiting.get(kind, (0, 0))
        WAITING.labels(kind.value).set(count)
        OVERDUE.labels(kind.value).set(overdue)


def _answer(tx: Transaction, command: Envelope[CaseCommand], outcome: Change | CaseRefusal) -> None:
    if isinstance(outcome, CaseRefusal):
        parameter = "outcome" if outcome is CaseRefusal.OUTCOME_INVALID else "case_id"
        problem = Problem(code=outcome.value, detail=outcome.detail, parameter=parameter)
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
        return
    resource = shown(outcome.case, tx.now).model_dump(mode="json", exclude_none=True)
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))
