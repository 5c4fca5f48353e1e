"""Import external statements of clearing accounts, line by line, until they are complete."""

from collections.abc import Sequence
from typing import TypeAlias

from apps.wallet.domain.reconciliation import ReconciliationRefusal, Statement, refuse_matching, refuse_start
from apps.wallet.domain.reconciliation_view import reconciliation_resource
from apps.wallet.store import accounts, reconciliation
from contracts.message import Envelope, Message, Outcome, Problem, Reply
from contracts.wallet import (
    ExternalLine,
    ImportLines,
    LinesImported,
    MatchLines,
    ReconciliationStatus,
    StartReconciliation,
)
from outbox.transaction import Transaction

Command: TypeAlias = Envelope[StartReconciliation] | Envelope[ImportLines] | Envelope[MatchLines]

_MATCHABLE = frozenset({ReconciliationStatus.IMPORTING, ReconciliationStatus.FAILED})


async def import_statements(tx: Transaction, commands: Sequence[Command]) -> None:
    """Carry out each command in order. Lines and the end of an import need no key: said again, they change nothing."""
    starts = [c for c in commands if isinstance(c.data, StartReconciliation)]
    new = {c.id for c in await tx.first_time(starts)} if starts else set()
    for command in commands:
        match command.data:
            case StartReconciliation():
                if command.id in new:
                    tx.answer(command, await _started(tx, command.data))
            case ImportLines():
                tx.answer(command, await _imported(tx, command.data))
            case MatchLines():
                tx.answer(command, await _completed(tx, command.data))


async def _started(tx: Transaction, command: StartReconciliation) -> Reply:
    known = await reconciliation.load_statement(tx, command.reconciliation_id)
    account = (await accounts.load_accounts(tx, {command.account_id})).get(command.account_id)
    days = command.account_id, command.starts_on, command.ends_on
    is_overlapped = await reconciliation.is_overlapped(tx, command.reconciliation_id, *days)
    if refusal := refuse_start(command, account, id_is_taken=known is not None, is_overlapped=is_overlapped):
        return refused(refusal)
    await reconciliation.start(tx, command)
    return await shown(tx, command)


async def _imported(tx: Transaction, command: ImportLines) -> Reply:
    statement = await reconciliation.lock_for_import(tx, command.reconciliation_id)
    if statement is None:
        return refused(ReconciliationRefusal.RECONCILIATION_NOT_FOUND)
    lines = list({line.number: line for line in command.lines}.values())
    if not all(statement.starts_on <= line.booked_on <= statement.ends_on for line in lines):
        return refused(ReconciliationRefusal.LINE_OUTSIDE_PERIOD)
    is_open = statement.status is ReconciliationStatus.IMPORTING
    saved = await reconciliation.save_lines(tx, statement.id, lines) if is_open else 0
    if saved < len(command.lines) and not await _are_stored(tx, command):
        differs = ReconciliationRefusal.LINE_DIFFERS
        return refused(differs if is_open else ReconciliationRefusal.RECONCILIATION_NOT_IMPORTING)
    return _numbers_of(command.lines, command)


async def _are_stored(tx: Transaction, command: ImportLines) -> bool:
    return await reconciliation.count_same(tx, command.reconciliation_id, command.lines) == len(command.lines)


def _numbers_of(lines: Sequence[ExternalLine], command: ImportLines) -> Reply:
    numbers = [line.number for line in lines]
    done = LinesImported(reconciliation_id=command.reconciliation_id, first=min(numbers), last=max(numbers))
    return completed(done)


async def _completed(tx: Transaction, command: MatchLines) -> Reply:
    statement = await reconciliation.lock(tx, command.reconciliation_id)
    if statement is None:
        return refused(ReconciliationRefusal.RECONCILIATION_NOT_FOUND)
    counted, announced = await reconciliation.count_lines(tx, statement.id), (command.lines, command.total)
    is_new = statement.status in _MATCHABLE
    is_overlapped = is_new and await _is_overlapped(tx, statement)
    if refusal := refuse_matching(statement, counted=counted, announced=announced, is_overlapped=is_overlapped):
        return refused(refusal)
    if is_new:
        await reconciliation.save_to_match(tx, statement.id, command.lines)
    return await shown(tx, command)


async def _is_overlapped(tx: Transaction, statement: Statement) -> bool:
    """Tell whether another statement of the same days came first; of two that come at once, one does."""
    await reconciliation.lock_periods(tx)
    days = statement.account_id, statement.starts_on, statement.ends_on
    return await reconciliation.is_overlapped(tx, statement.id, *days)


async def shown(tx: Transaction, command: StartReconciliation | MatchLines) -> Reply:
    """Return the reconciliation as it is now."""
    row = await reconciliation.load_shown(tx, command.reconciliation_id)
    assert row is not None  # noqa: S101 - it was just written
    return completed(reconciliation_resource(row))


def completed(resource: Message) -> Reply:
    """Return the answer to a command that was carried out."""
    return Reply(outcome=Outcome.COMPLETED, resource=resource.model_dump(mode="json", exclude_none=True))


def refused(refusal: ReconciliationRefusal) -> Reply:
    """Return the answer to a command that was not."""
    return Reply(outcome=Outcome.REFUSED, problem=Problem(code=refusal.code, detail=refusal.detail))
