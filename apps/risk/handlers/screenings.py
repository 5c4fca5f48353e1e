"""Let analysts say whether a match is the listed party: as such, or as the case that was opened about it."""

from collections.abc import Sequence
from uuid import UUID

from apps.risk.domain.cases import Case, CaseRefusal, Opinion
from apps.risk.domain.cases import decide as decide_case
from apps.risk.domain.screening.standing import ScreeningRefusal, refusal, standing
from apps.risk.store import cases, decisions
from apps.risk.store import screenings as store
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import (
    DecideScreening,
    RiskOutcome,
    Screening,
    ScreeningDecided,
    ScreeningDecision,
    ScreeningOutcome,
    ScreeningStatus,
    SubjectKind,
)
from outbox.transaction import Transaction

_OF_CASES = {RiskOutcome.APPROVE: ScreeningOutcome.DISMISSED, RiskOutcome.DECLINE: ScreeningOutcome.CONFIRMED}
_AS_CASES = {outcome: case for case, outcome in _OF_CASES.items()}


async def decide(tx: Transaction, commands: Sequence[Envelope[DecideScreening]]) -> None:
    """Decide each match with its case, or refuse to, in order."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    await decisions.take_turn(tx)
    for command in accepted:  # people's work, one at a time
        asked = command.data
        known = await store.load_one(tx, asked.screening_id)
        refused = (
            refusal(known[1] if known else None, asked.outcome) or _own(known, asked) or await _decide_case(tx, asked)
        )
        if refused or known is None:
            _refuse(tx, command, refused or ScreeningRefusal.SCREENING_NOT_FOUND)
            continue
        decision = ScreeningDecision(
            outcome=asked.outcome, decided_by=asked.decided_by, reason=asked.reason, decided_at=tx.now
        )
        shown = await _keep(tx, *known, decision, command)
        tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=shown.model_dump(mode="json", exclude_none=True)))


async def follow_cases(tx: Transaction, decided: Sequence[Case]) -> None:
    """Let decisions of cases about matches take effect: approve is somebody else, decline is the listed party."""
    for case in decided:
        known, opinion = await store.load_one(tx, case.id), case.standing
        if known is None or opinion is None or case.outcome is None:
            continue
        outcome = _OF_CASES[case.outcome]
        if refusal(known[1], outcome) is None:
            decision = ScreeningDecision(
                outcome=outcome, decided_by=opinion.decided_by, reason=opinion.reason, decided_at=tx.now
            )
            await _keep(tx, *known, decision, None)


def _own(known: tuple[UUID, Screening] | None, asked: DecideScreening) -> CaseRefusal | None:
    return CaseRefusal.OWN_ACCOUNT if known and known[1].customer == asked.decided_by else None


async def _decide_case(tx: Transaction, asked: DecideScreening) -> CaseRefusal | None:
    """Decide the case too, where it is still open. Returns why it cannot be, as where another analyst has it."""
    case = (await cases.lock(tx, {asked.screening_id})).get(asked.screening_id)
    if case is None or case.is_closed:
        return None
    opinion = Opinion(_AS_CASES[asked.outcome], asked.decided_by, asked.reason, tx.now)
    outcome = decide_case(case, opinion, unclaimed=True)
    if isinstance(outcome, CaseRefusal):
        return outcome
    await cases.save(tx, [outcome])
    return None


async def _keep(
    tx: Transaction,
    subject: UUID,
    screening: Screening,
    decision: ScreeningDecision,
    cause: Envelope[DecideScreening] | None,
) -> Screening:
    """Keep a decision, say it, and let the customer stand where it leaves them; return the match as it is now."""
    await store.save_decision(tx, screening.id, decision)
    if screening.subject_kind is SubjectKind.CUSTOMER:
        matches = (await store.load_matches(tx, {subject})).get(subject, {})
        await store.save_standing(tx, subject, standing({match.status for match in matches.values()}))
    said = ScreeningDecided(
        screening_id=screening.id,
        subject_kind=screening.subject_kind,
        customer=screening.customer,
        source=screening.party.source,
        reference=screening.party.reference,
        outcome=decision.outcome,
        decided_by=decision.decided_by,
        decided_at=decision.decided_at,
    )
    tx.say(said, cause)
    # Replies to commands are kept under their idempotency keys: no name is in them.
    return screening.model_copy(
        update={
            "status": ScreeningStatus(decision.outcome.value),
            "decisions": [*screening.decisions, decision],
            "screened_name": None,
        }
    )


def _refuse(tx: Transaction, command: Envelope[DecideScreening], refused: ScreeningRefusal | CaseRefusal) -> None:
    problem = Problem(code=refused.value, detail=refused.detail, parameter="screening_id")
    tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
