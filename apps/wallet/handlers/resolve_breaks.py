"""Resolve breaks: by a note that explains them, or by a transfer that puts the books right, in the same transaction."""

from collections.abc import Sequence

from apps.wallet.domain.named import Named
from apps.wallet.domain.reconciliation import OpenBreak, Statement, correcting_transfer, refuse_resolution
from apps.wallet.domain.reconciliation_view import break_resource
from apps.wallet.domain.resources import transfer_resource
from apps.wallet.domain.transfer import Posted, Refused
from apps.wallet.handlers.import_statements import completed, refused
from apps.wallet.handlers.ledger_operations import decide_and_save
from apps.wallet.store import ledger, matching, reconciliation
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.wallet import Break, BreakResolved, ResolveBreak, TransferPosted, TransferRefused, TransferResolution
from outbox.transaction import Transaction


async def resolve_breaks(tx: Transaction, commands: Sequence[Envelope[ResolveBreak]]) -> None:
    """Resolve or refuse each command, in order."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    await matching.wait_for_turn(tx)
    for command in accepted:
        tx.answer(command, await _resolved(tx, command))


async def _resolved(tx: Transaction, command: Envelope[ResolveBreak]) -> Reply:
    asked = command.data
    statement = await reconciliation.lock(tx, asked.reconciliation_id)
    found = await reconciliation.load_break(tx, statement, asked.number) if statement else None
    by_transfer = isinstance(asked.resolution, TransferResolution)
    if refusal := refuse_resolution(found, by_transfer=by_transfer):
        return refused(refusal)
    assert statement is not None and found is not None  # noqa: S101, PT018 - or it was refused
    posted = await _posted(tx, command, statement, found)
    if isinstance(posted, Refused):
        return Reply(outcome=Outcome.REFUSED, problem=Problem(code=posted.refusal.value, detail=posted.refusal.detail))
    transfer = posted.id if posted else None
    left = await reconciliation.save_resolution(tx, found, asked.resolution.note, transfer, asked.resolved_by)
    if posted:
        await reconciliation.save_settled(tx, statement, found, posted.sequence)
    shown = await _shown(tx, found)
    tx.say(BreakResolved(resolved=shown, open_breaks=left), command)
    return completed(shown)


async def _posted(
    tx: Transaction, command: Envelope[ResolveBreak], statement: Statement, found: OpenBreak
) -> Posted | Refused | None:
    """Post the transfer of a resolution by one. None: it is a note."""
    resolution = command.data.resolution
    if not isinstance(resolution, TransferResolution):
        return None
    request = correcting_transfer(statement, found, resolution)
    books = await ledger.load_books(tx, [request], Named.by([request]))
    decided = await decide_and_save(tx, books, [request])
    (outcome,) = decided.outcomes
    if isinstance(outcome, Posted):
        tx.say(TransferPosted(transfer=transfer_resource(outcome)), command)
        return outcome
    if not isinstance(outcome, Refused):
        raise TypeError(f"{type(outcome).__name__} is not what becomes of a transfer")
    problem = Problem(code=outcome.refusal.value, detail=outcome.refusal.detail)
    tx.say(TransferRefused(transfer_id=outcome.id, reference=outcome.reference, problem=problem), command)
    return outcome


async def _shown(tx: Transaction, found: OpenBreak) -> Break:
    (row,) = await reconciliation.load_breaks(tx, found.reconciliation_id, found.number - 1, 1, unresolved=False)
    return break_resource(row)
