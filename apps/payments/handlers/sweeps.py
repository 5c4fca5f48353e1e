"""What happens by the clock: waits that are over, and commands to the ledger that stay without an outcome."""

from collections.abc import Sequence
from datetime import timedelta

import orjson

from apps.payments.domain.asking_again import DAILY
from apps.payments.domain.deciding import Terms
from apps.payments.domain.processing import Verb
from apps.payments.domain.signals import Timeout
from apps.payments.handlers.signals import apply_signals
from apps.payments.store import calls, intents, operations
from contracts.message import Message
from contracts.payments import OperationNeedsAttention
from contracts.wallet import CaptureHold, PlaceHold, PostJournal, PostTransfer, VoidHold
from outbox.transaction import Transaction

BATCH = 500
PATIENCE = timedelta(seconds=60)
"""How long the ledger may leave a command without an outcome before it is sent again; it does nothing twice."""


async def end_waits(tx: Transaction, *, terms: Terms) -> None:
    """End waits whose deadline has passed, at most `BATCH` of them; what is left over comes next time."""
    overdue = await intents.lock_overdue(tx, tx.now, BATCH)
    if overdue:
        await apply_signals(tx, [Timeout(intent_id) for intent_id in overdue], terms=terms)


async def ask_ledger_again(tx: Transaction) -> None:
    """Send the ledger again what it has not answered, and for the first time what was put off."""
    for verb, asked in await operations.take_unanswered(tx, PATIENCE, BATCH):
        tx.say_encoded(_command(verb, asked), asked.encode(), None)


async def miss_processors(tx: Transaction, *, known: Sequence[str]) -> None:
    """Tell, every day, of what waits for a processor that the settings do not name any more: nobody else would."""
    for operation in await calls.take_strangers(tx, known, tx.now + DAILY, BATCH):
        word = OperationNeedsAttention(
            operation_id=operation.id,
            payment_intent=operation.intent_id,
            processor=str(operation.processor),
            asked_at=operation.asked_at,
            tries=operation.tries,
        )
        tx.say(word, None)


def _command(verb: Verb, asked: str) -> type[Message]:
    match verb:
        case Verb.HOLD:
            return PlaceHold
        case Verb.CAPTURE_HOLD:
            return CaptureHold
        case Verb.VOID_HOLD:
            return VoidHold
        case _:
            return PostJournal if "journal_id" in orjson.loads(asked) else PostTransfer
