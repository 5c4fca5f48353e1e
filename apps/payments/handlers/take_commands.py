"""All that clients and operators ask of payments, in the order in which they ask."""

from collections.abc import Sequence

from apps.payments.domain.deciding import Step, Terms
from apps.payments.domain.payment_errors import REFERENCE_OF_ANOTHER
from apps.payments.domain.signals import Wish, WishCommand
from apps.payments.handlers.signals import apply_signals
from apps.payments.store import settlements
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.payments import SettleOperation
from outbox.transaction import Request, Transaction


async def take_commands(tx: Transaction, commands: Sequence[Envelope[WishCommand]], *, terms: Terms) -> None:
    """Fulfil or refuse each command, each on what the one before it left."""
    wanted = await _without_references_of_others(tx, await tx.first_time(commands))
    wishes = [Wish(c.data, Request.of(c).model_dump_json(exclude_none=True)) for c in wanted]
    decisions = await apply_signals(tx, wishes, terms=terms, causes=wanted)
    for command, decision in zip(wanted, decisions, strict=True):
        if isinstance(decision, Problem):
            tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=decision))
    done = [c.data for c, decision in zip(wanted, decisions, strict=True) if isinstance(decision, Step)]
    await settlements.insert(tx, [command for command in done if isinstance(command, SettleOperation)])


async def _without_references_of_others(
    tx: Transaction, wanted: list[Envelope[WishCommand]]
) -> list[Envelope[WishCommand]]:
    """Refuse to settle an operation under the name of another payment's: refunds would take that one's money."""
    settling = {c.id: c.data for c in wanted if isinstance(c.data, SettleOperation)}
    said = {(s.operation_id, s.reference) for s in settling.values() if s.reference}
    of_others = await settlements.references_of_others(tx, said)
    refused = {identifier for identifier, s in settling.items() if (s.operation_id, s.reference) in of_others}
    for command in wanted:
        if command.id in refused:
            tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=REFERENCE_OF_ANOTHER))
    return [command for command in wanted if command.id not in refused]
