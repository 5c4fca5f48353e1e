"""Matches of people with listed parties: kept, asked about once for each pair, withdrawn when the lists change.

Whoever calls this has the turn (store.decisions).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from apps.risk.domain.cases import CasePolicy, Change, NewCase, cancel
from apps.risk.domain.screening.parties import ListedParty, Match, PartyKey, Screened
from apps.risk.domain.screening.standing import Standing, standing
from apps.risk.handlers.listed_names import ReadLists
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
OVER = "The sanctions list has changed: the party has left it, has changed, or is like the subject no more."


@dataclass(frozen=True, slots=True)
class Found:
    """Whom somebody who was screened is like; `asked` is None where nobody knows their name.

    Of customers the name is kept nowhere here, of beneficiaries it is.
    """

    subject: UUID
    kind: SubjectKind
    customer: UUID
    asked: Screened | None = None
    matches: Sequence[Match] = ()
    payment_intent_id: UUID | None = None


@dataclass(slots=True)
class _Changes:
    """What is new, is found again by newer lists, and is over, of all who were screened."""

    opened: list[tuple[UUID, str, Screening]] = field(default_factory=list)
    found_again: list[UUID] = field(default_factory=list)
    over: list[UUID] = field(default_factory=list)


async def keep_matches(
    tx: Transaction, found: Collection[Found], lists: ReadLists, policy: CasePolicy
) -> dict[UUID, Standing]:
    """Keep what is new and withdraw what is over, by these lists; return where each subject stands.

    What was found or withdrawn by newer lists than these, in another process, stays as it is.
    """
    known = await store.load_matches(tx, {one.subject for one in found})
    changes = _Changes()
    standings = {one.subject: _compare(one, known.get(one.subject, {}), lists, changes, tx) for one in found}
    await _withdraw(tx, changes.over, lists.version)
    await store.find_again(tx, changes.found_again, lists.version)
    await _open(tx, changes.opened, lists.version, policy)
    return standings


def _compare(
    one: Found, known: Mapping[PartyKey, KnownMatch], lists: ReadLists, changes: _Changes, tx: Transaction
) -> Standing:
    current = {match.party.key: match for match in one.matches}
    statuses = {party: match.status for party, match in known.items()}
    for party, match in current.items():
        before = known.get(party)
        if before is None or (before.status is ScreeningStatus.WITHDRAWN and before.lists_version < lists.version):
            changes.opened.append((one.subject, party.hash, _screening(one, match, tx)))
            statuses[party] = ScreeningStatus.POSSIBLE
    for party, before in known.items():
        if before.status is not ScreeningStatus.POSSIBLE or before.lists_version >= lists.version:
            continue
        if party in current or (one.asked and lists.is_like(one.asked, party)):
            changes.found_again.append(before.id)
        else:
            changes.over.append(before.id)
            statuses[party] = ScreeningStatus.WITHDRAWN
    return standing(set(statuses.values()))


async def _open(
    tx: Transaction, opened: Sequence[tuple[UUID, str, Screening]], version: int, policy: CasePolicy
) -> None:
    """Ask about matches. One that was withdrawn and is back is another one: it is looked at again."""
    await store.add(tx, opened, version)
    await case_store.open_cases(tx, (_case(screening) for _, _, screening in opened), policy)
    for _, _, screening in opened:
        said = screening.model_dump() | {
            "screening_id": screening.id,
            "source": screening.party.source,
            "reference": screening.party.reference,
        }
        tx.say(ScreeningOpened.model_validate(said), None)


async def _withdraw(tx: Transaction, screenings: Collection[UUID], version: int) -> None:
    if not screenings:
        return
    await store.withdraw(tx, screenings, version)
    cases = await case_store.lock(tx, screenings)
    changes = (cancel(case, OVER, tx.now) for case in cases.values())
    await case_store.save(tx, [change for change in changes if isinstance(change, Change)])


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
        screened_name=one.asked.name if one.asked and one.kind is SubjectKind.BENEFICIARY else None,
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
