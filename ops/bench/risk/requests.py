"""What payments asks risk in the bench: payments of many customers, from their devices, to a few shops."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from contracts.ids import new_id
from contracts.risk import Assess, RiskDecision
from outbox.envelopes import data_json, envelope_json

PAYEES = 500
CARDS_EACH, DEVICES_EACH = 2, 2
CURRENCY = "EUR"
ANSWER_TO = RiskDecision.contract.subject.replace("*", "payments")
_SEED = 20_260_105


@dataclass(frozen=True, slots=True)
class Payer:
    """A customer with what they pay with; addresses are shared by some of them."""

    id: UUID
    cards: tuple[str, ...]
    devices: tuple[str, ...]
    address: str


class Requests:
    """Makes requests, the same ones for the same number of payers."""

    def __init__(self, payers: int) -> None:
        self._luck = random.Random(_SEED)  # noqa: S311 - a load, no secret
        self._payers = [self._payer(payers) for _ in range(payers)]
        self._payees = [new_id() for _ in range(min(PAYEES, payers))]

    def one(self) -> tuple[UUID, bytes]:
        """Return a request's assessment id and its envelope, said now."""
        luck, payer, assessment = self._luck, self._luck.choice(self._payers), new_id()
        asked = Assess.model_construct(
            assessment_id=assessment,
            payment_intent_id=new_id(),
            payer=payer.id,
            amount=luck.randrange(100, 20_000),
            currency=CURRENCY,
            direction="payment",
            method="card",
            authenticated_at=datetime.now(UTC),
            payee=luck.choice(self._payees),
            device=luck.choice(payer.devices),
            address=payer.address,
            card=luck.choice(payer.cards),
            country="DE",
        )
        identifier = new_id()
        envelope = envelope_json(
            identifier,
            "payments",
            Assess,
            data_json(asked),
            correlation=None,
            causation=None,
            traceparent=None,
            replyto=ANSWER_TO,
        )
        return assessment, envelope

    def _payer(self, payers: int) -> Payer:
        address = f"{self._luck.randrange(max(1, payers // 2)):032x}"
        return Payer(new_id(), self._pseudonyms(CARDS_EACH), self._pseudonyms(DEVICES_EACH), address)

    def _pseudonyms(self, number: int) -> tuple[str, ...]:
        return tuple(f"{self._luck.getrandbits(128):032x}" for _ in range(number))
