"""Change the allow, deny and watch lists; both changes are said as events."""

from collections.abc import Sequence

from apps.risk.domain.lists import ListRefusal, add, remove
from apps.risk.store import lists as store
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import AddListEntry, ListEntry, ListEntryAdded, ListEntryRemoved, RemoveListEntry
from outbox.transaction import Transaction

_Command = AddListEntry | RemoveListEntry
_PARAMETERS = {
    ListRefusal.LIST_VALUE_INVALID: "value",
    ListRefusal.LIST_ENTRY_EXPIRED: "expires_at",
    ListRefusal.LIST_ENTRY_EXISTS: "value",
    ListRefusal.LIST_ENTRY_NOT_FOUND: "entry_id",
    ListRefusal.LIST_ENTRY_ENDED: "entry_id",
}


async def change_lists(tx: Transaction, commands: Sequence[Envelope[_Command]]) -> None:
    """Add or remove the entry of each command, in order, or refuse to."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    entries = await store.take_turn(tx)
    for command in accepted:  # people's work, one at a time: no batch of them is worth set-based writes
        match command.data:
            case AddListEntry() as asked:
                entries += await _add(tx, command, asked, entries)
            case RemoveListEntry() as asked:
                await _remove(tx, command, asked)


async def _add(tx: Transaction, command: Envelope[_Command], asked: AddListEntry, entries: int) -> int:
    """Return how many entries there are more."""
    known = await store.load_active(tx, asked.list, asked.kind, asked.value)
    outcome = add(asked, known, entries, tx.now)
    _answer(tx, command, outcome)
    if isinstance(outcome, ListRefusal):
        return 0
    await store.save_new(tx, outcome, known)
    tx.say(ListEntryAdded.model_validate(outcome.model_dump() | {"entry_id": outcome.id}), command)
    return int(known is None)


async def _remove(tx: Transaction, command: Envelope[_Command], asked: RemoveListEntry) -> None:
    outcome = remove(asked, await store.load_one(tx, asked.entry_id), tx.now)
    _answer(tx, command, outcome)
    if isinstance(outcome, ListEntry):
        await store.save_removal(tx, outcome)
        tx.say(ListEntryRemoved.model_validate(outcome.model_dump() | {"entry_id": outcome.id}), command)


def _answer(tx: Transaction, command: Envelope[_Command], outcome: ListEntry | ListRefusal) -> None:
    if isinstance(outcome, ListRefusal):
        problem = Problem(code=outcome.value, detail=outcome.detail, parameter=_PARAMETERS.get(outcome))
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
        return
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=outcome.model_dump(mode="json")))
