"""Matches of people with listed parties: kept, asked about once for each pair, withdrawn when the lists change.

Whoever calls this has the turn (store.decisions).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.risk.domain.cases import CasePolicy, Change, NewCase, cancel
from apps.risk.domain.screening.parties import ListedParty, Match
from apps.risk.domain.screening.standing import Standing, standing
from apps.risk.store import cases as case_store
from apps.risk.store import screenings as store
from apps.risk.store.screenings import KnownMatch
from contracts.ids import new_id
from contracts.risk import (
    CaseKind,
    ListedPartyShown,
    Screening,
    ScreeningOpened,
    ScreeningStatus,
    SubjectKind,
)
from outbox.transaction import Transaction

MOST_NAMES_SHOWN = 20
_WHO = {
    SubjectKind.CUSTOMER: "A customer is like",
    SubjectKind.BENEFICIARY: "The beneficiary of a payout is like",
}
WITHDRAWN = "The sanctions list has changed: the party has left it, has changed, or is like the subject no more."


@dataclass(frozen=True, slots=True)
class Found:
    """Whom somebody who was screened is like. Of customers the name is kept nowhere here, of beneficiaries it is."""

    subject: UUID
    kind: SubjectKind
    customer: UUID
    matches: Sequence[Match]
    name: str | None = None
    payment_intent_id: UUID | None = None


async def keep_matches(tx: Transaction, found: Collection[Found], policy: CasePolicy) -> dict[UUID, Standing]:
    """Keep what is new and withdraw what is over; return where each subject stands."""
    known = await store.load_matches(tx, {one.subject for one in found})
    opened: dict[tuple[UUID, str, str, str], tuple[UUID, str, Screening]] = {}
    withdrawn: list[KnownMatch] = []
    again: list[tuple[KnownMatch, Screening]] = []
    standings: dict[UUID, Standing] = {}
    for one in found:
        kept = {_pair(k): k for k in known.get(one.subject, ())}
        current = {(one.subject, m.party.source, m.party.reference, m.party.hash): m for m in one.matches}
        statuses = {pair: k.status for pair, k in kept.items()}
        for pair, match in current.items():
            if pair not in kept:
                opened.setdefault(pair, (one.subject, match.party.hash, _screening(one, match, tx)))
            elif kept[pair].status is ScreeningStatus.WITHDRAWN:
                again.append((kept[pair], _screening(one, match, tx).model_copy(update={"id": kept[pair].id})))
            else:
                continue
            statuses[pair] = ScreeningStatus.POSSIBLE
        over = [k for pair, k in kept.items() if k.status is ScreeningStatus.POSSIBLE and pair not in current]
        statuses.update({_pair(k): ScreeningStatus.WITHDRAWN for k in over})
        withdrawn += over
        standings[one.subject] = standing(set(statuses.values()))
    await _open(tx, list(opened.values()), again, policy)
    await _withdraw(tx, {match.id for match in withdrawn})
    return standings


async def _open(
    tx: Transaction,
    opened: Sequence[tuple[UUID, str, Screening]],
    again: Sequence[tuple[KnownMatch, Screening]],
    policy: CasePolicy,
) -> None:
    """Ask about matches; one that was withdrawn and is back waits among the possible ones, without another case."""
    await store.add(tx, opened)
    await store.change(tx, [known.id for known, _ in again], ScreeningStatus.POSSIBLE)
    new = [screening for _, _, screening in opened]
    await case_store.open_cases(tx, map(_case, new), policy)
    for screening in (*new, *(screening for _, screening in again)):
        said = screening.model_dump() | {
            "screening_id": screening.id,
            "source": screening.party.source,
            "reference": screening.party.reference,
        }
        tx.say(ScreeningOpened.model_validate(said), None)


async def _withdraw(tx: Transaction, screenings: Collection[UUID]) -> None:
    if not screenings:
        return
    await store.change(tx, screenings, ScreeningStatus.WITHDRAWN)
    cases = await case_store.lock(tx, screenings)
    changes = (cancel(case, WITHDRAWN, tx.now) for case in cases.values())
    await case_store.save(tx, [change for change in changes if isinstance(change, Change)])


def _pair(known: KnownMatch) -> tuple[UUID, str, str, str]:
    return known.subject, known.source, known.reference, known.party_hash


def _screening(one: Found, match: Match, tx: Transaction) -> Screening:
    return Screening(
        id=new_id(),
        subject_kind=one.kind,
        customer=one.customer,
        payment_intent_id=one.payment_intent_id,
        status=ScreeningStatus.POSSIBLE,
        score=match.score,
        listed_name=match.listed_name,
        party=_shown(match.party),
        opened_at=tx.now,
        screened_name=one.name,
    )


def _shown(party: ListedParty) -> ListedPartyShown:
    return ListedPartyShown(
        source=party.source,
        reference=party.reference,
        kind=party.kind,
        names=[*party.names, *party.weak_names][:MOST_NAMES_SHOWN],
        birth_dates=[str(birth_date) for birth_date in party.birth_dates][:MOST_NAMES_SHOWN],
        programs=list(party.programs),
    )


def _case(screening: Screening) -> NewCase:
    party = screening.party
    title = f"{_WHO[screening.subject_kind]} {party.source.upper()} {party.reference} ({screening.score} of 100)"
    return NewCase(screening.id, CaseKind.SCREENING, title, screening.customer, screening.payment_intent_id)
