"""Queues messages to users; the worker `messages` finds out what there is to say, and sends them."""

from apps.identity.domain.account import Account
from apps.identity.domain.messages import Addressee
from apps.identity.handlers.parts import Parts
from apps.identity.store import outgoing_messages
from contracts.identity import MessageQueued, Origin, Purpose
from contracts.ids import new_id
from outbox.transaction import Cause, Transaction


async def queue_message(
    parts: Parts, tx: Transaction, purpose: Purpose, account: Account, cause: Cause | None = None
) -> None:
    """Queue a message to the owner of an account, and say so; who is erased gets none."""
    if account.email is None:
        return
    message = new_id()
    sealed = Addressee(email=account.email).sealed(parts.sealer)
    await outgoing_messages.add(tx, message, purpose, account.id, sealed)
    tx.say(MessageQueued(message_id=message, user_id=account.id, purpose=purpose, queued_at=tx.now), cause)


async def queue_to_address(
    parts: Parts, tx: Transaction, purpose: Purpose, email: str, origin: Origin | None = None
) -> None:
    """Queue a message to a normalised address, whether it has an account or not: that is found out when it is sent.

    So whoever asks for it learns nothing, not even from the time that the answer takes.
    """
    sealed = Addressee(email=email, origin=origin).sealed(parts.sealer)
    await outgoing_messages.add(tx, new_id(), purpose, None, sealed)


async def queue_warning(parts: Parts, tx: Transaction, email: str) -> None:
    """Queue the warning that somebody guesses at the password of an account."""
    await queue_to_address(parts, tx, Purpose.SUSPICIOUS_LOGINS, email)
