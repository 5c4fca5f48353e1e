"""A payment intent as its customer sees it."""

from collections.abc import Mapping
from types import MappingProxyType

from apps.payments.domain.intents import Intent
from apps.payments.domain.transitions import State
from contracts.payments import PaymentIntent, PaymentStatus

_STATUS: Mapping[State, PaymentStatus] = MappingProxyType(
    {
        State.REQUIRES_CONFIRMATION: PaymentStatus.REQUIRES_CONFIRMATION,
        State.ASSESSING: PaymentStatus.PROCESSING,
        State.POSTING: PaymentStatus.PROCESSING,
        State.SUCCEEDED: PaymentStatus.SUCCEEDED,
        State.REQUIRES_PAYMENT_METHOD: PaymentStatus.REQUIRES_PAYMENT_METHOD,
    }
)


def public_status(state: State) -> PaymentStatus:
    """Return the status that stands for a state."""
    return _STATUS[state]


def public_view(intent: Intent) -> PaymentIntent:
    """Return the message of an intent, unchecked: its values were checked when they came in.

    `transfer_id` is shown once the ledger has that transfer.
    """
    posted = intent.attempt if intent.state is State.SUCCEEDED else None
    return PaymentIntent.model_construct(
        id=intent.id,
        customer=intent.customer,
        source_wallet=intent.source_wallet,
        destination_wallet=intent.destination_wallet,
        amount=intent.amount,
        currency=intent.currency,
        description=intent.description,
        status=public_status(intent.state),
        transfer_id=posted.transfer_id if posted else None,
        last_payment_error=intent.last_payment_error,
        created_at=intent.created_at,
        updated_at=intent.updated_at,
    )
