"""All that clients ask of payments, in the order in which they ask."""

from collections.abc import Sequence

from apps.payments.domain.deciding import Terms
from apps.payments.domain.signals import Wish, WishCommand
from apps.payments.handlers.signals import apply_signals
from contracts.message import Envelope, Outcome, Problem, Reply
from outbox.transaction import Request, Transaction


async def take_commands(tx: Transaction, commands: Sequence[Envelope[WishCommand]], *, terms: Terms) -> None:
    """Fulfil or refuse each command, each on what the one before it left."""
    wanted = await tx.first_time(commands)
    wishes = [Wish(c.data, Request.of(c).model_dump_json(exclude_none=True)) for c in wanted]
    decisions = await apply_signals(tx, wishes, terms=terms, causes=wanted)
    for command, decision in zip(wanted, decisions, strict=True):
        if isinstance(decision, Problem):
            tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=decision))
