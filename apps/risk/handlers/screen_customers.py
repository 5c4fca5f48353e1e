"""Screen customers: when they have registered, and all of them again whenever a sanctions list was imported.

Their names are asked from identity each time, and are kept nowhere here.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from apps.risk.domain.cases import CasePolicy
from apps.risk.domain.screening.parties import Screened
from apps.risk.domain.screening.standing import Standing
from apps.risk.handlers.listed_names import ListedNames, ReadLists
from apps.risk.handlers.matches import Found, keep_matches
from apps.risk.store import decisions
from apps.risk.store import screenings as store
from contracts.identity import GetScreeningSubjects, ScreeningSubject, ScreeningSubjects
from contracts.risk import PartyKind, SubjectKind
from outbox.cooperation import by_and_by
from outbox.database import Database
from outbox.requester import Requester
from outbox.transaction import Transaction, Transactions
from outbox.workers import Worker

WORKER = "screening"
AT_A_TIME = 100
POLL_SECONDS = 2.0
"""So soon after an import its list is in use."""


async def note_registered(tx: Transaction, customers: Collection[UUID]) -> None:
    """Note who has registered, and have them screened."""
    await store.add_customers(tx, set(customers))
    tx.wake(WORKER)


class CustomerScreening:
    """Screens the customers who are due, some at a time."""

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        identity: Requester,
        names: ListedNames,
        policy: CasePolicy,
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._identity = identity
        self._names = names
        self._policy = policy

    def worker(self) -> Worker:
        """Return the worker that reads new lists, and screens until nobody is due."""
        return Worker(WORKER, self.screen_some, POLL_SECONDS)

    async def screen_some(self) -> bool:
        """Screen some of those who are due; tell whether there may be more. Raises NoAnswerError, RefusedError."""
        await self._names.refresh(self._database)
        lists = self._names.lists
        if lists is None:
            return False
        async with self._database.reads() as reads:
            due = await store.load_due(reads, lists.version, AT_A_TIME)
        if not due:
            return False
        answer = await self._identity.ask(GetScreeningSubjects(users=due), ScreeningSubjects)
        found = {user: Found(user, SubjectKind.CUSTOMER, user) for user in due}
        async for subject in by_and_by(answer.subjects, 1):
            if subject.name and subject.user in found:
                asked = _screened(subject, subject.name)
                found[subject.user] = Found(
                    subject.user, SubjectKind.CUSTOMER, subject.user, asked, lists.screen(asked)
                )
        async with self._transactions.begin() as tx:
            await self._keep(tx, list(found.values()), lists)
        return len(due) == AT_A_TIME

    async def _keep(self, tx: Transaction, found: Sequence[Found], lists: ReadLists) -> None:
        await decisions.take_turn(tx)
        standings = await keep_matches(tx, found, lists, self._policy)
        for one in found:
            # Who gave no name, or was erased, is not clear: nobody knows. What was confirmed stays so.
            if one.asked is None and standings[one.subject] is not Standing.CONFIRMED:
                standings[one.subject] = Standing.UNKNOWN
        await store.save_standings(tx, list(standings.items()), lists.version)


def _screened(subject: ScreeningSubject, name: str) -> Screened:
    return Screened(name, subject.birth_date, PartyKind.PERSON if subject.birth_date else None)
