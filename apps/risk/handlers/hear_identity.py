"""What follows for risk from what identity says of its users."""

from collections.abc import Sequence

from apps.risk.domain.customers import Told
from apps.risk.handlers import customers
from apps.risk.handlers.screen_customers import note_registered
from contracts.identity import UserRegistered
from contracts.message import Envelope
from outbox.transaction import Transaction


async def hear(tx: Transaction, events: Sequence[Envelope[Told]]) -> None:
    """Learn who is a customer and in which tier; who is new gets screened."""
    await customers.hear(tx, events)
    registered = [event.data.user_id for event in events if isinstance(event.data, UserRegistered)]
    if registered:
        await note_registered(tx, registered)
