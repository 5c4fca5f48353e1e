"""A dispute is about what was captured and has not gone back: it waits while that is not settled."""

from datetime import UTC, datetime

import pytest

from apps.payments.domain.deciding import Ignored, Payment, Step, decide
from apps.payments.domain.intents import Attempt, Intent, Method
from apps.payments.domain.processing import DisputeNews
from apps.payments.domain.signals import DisputeWord
from apps.payments.domain.transitions import State
from apps.payments.tests.room import TERMS
from contracts.ids import new_id
from contracts.payments import CaptureMethod, DisputeFunds, MethodType, PaymentDirection

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PAID = Intent(
    id=new_id(),
    customer=new_id(),
    merchant=new_id(),
    direction=PaymentDirection.PAYMENT,
    source_wallet=None,
    destination_wallet=new_id(),
    method=Method(MethodType.CARD, "tok_disputed"),
    amount=100,
    currency="EUR",
    capture_method=CaptureMethod.MANUAL,
    application_fee=0,
    description=None,
    statement_descriptor=None,
    metadata={},
    return_url=None,
    country=None,
    state=State.SUCCEEDED,
    created_at=NOW,
    updated_at=NOW,
    attempt=Attempt(1, new_id(), new_id()),
    processor="sandbox",
    authorised=100,
    captured=60,
)


def _decided(intent: Intent, amount: int) -> object:
    news = DisputeNews("dp_1", "ref_1", amount, "EUR", "fraudulent", "needs_response")
    return decide(Payment(intent), DisputeWord(intent.id, "sandbox", news), TERMS, NOW)


@pytest.mark.parametrize(
    "intent",
    [
        PAID._replace(captured=0, capturing=60, state=State.POSTING),  # nothing is booked yet
        PAID._replace(refunding=10),  # the refund may fail
        PAID._replace(captured=50, capturing=10, state=State.POSTING),  # a second capture is not booked yet
    ],
)
def test_it_waits_for_what_is_on_its_way(intent: Intent) -> None:
    assert _decided(intent, 60) is Ignored.TOO_EARLY


@pytest.mark.parametrize(
    ("intent", "amount", "contested"),
    [
        (PAID, 60, 60),
        (PAID._replace(refunding=10), 50, 50),  # what is on its way is not needed
        (PAID._replace(refunded=10), 60, 50),  # the rest has gone back already
    ],
)
def test_otherwise_what_is_there_is_held_at_once(intent: Intent, amount: int, contested: int) -> None:
    step = _decided(intent, amount)
    assert isinstance(step, Step)
    [dispute] = step.payment.disputes.values()
    assert (dispute.amount, dispute.contested, dispute.funds) == (amount, contested, DisputeFunds.HOLDING)
