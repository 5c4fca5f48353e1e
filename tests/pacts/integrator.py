"""An example of somebody else's system that hears of payments: it knows nothing of ours but the documents."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Receipt:
    """What the integrator's accounts are told of a payment."""

    payment: str
    amount: int
    currency: str
    status: str


def receipt_of(event: dict[str, Any]) -> Receipt:
    """Return the receipt for a payment_intent event. Raises KeyError on anything else."""
    intent = event["data"]["payment_intent"]
    return Receipt(intent["id"], intent["amount_captured"], intent["currency"], intent["status"])
