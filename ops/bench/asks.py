"""What is asked for: payments of each user in turn, and refunds of what was paid."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any

import orjson

from ops.bench.kinds import Kind
from ops.bench.load import Ask, Done, Payer

AMOUNT = 100
CARD = {"type": "card", "token": "tok_visa"}


def payments(payers: Sequence[Payer], kind: Kind = Kind.WALLET) -> Iterator[Ask]:
    """Return payments by wallet or card without end, of each payer in turn."""

    def body(payer: Payer) -> dict[str, Any]:
        method = {"payment_method": CARD} if kind is Kind.CARD else {"source_wallet": payer.wallet}
        money = {"amount": AMOUNT, "currency": payer.currency, "confirm": True}
        return method | money | {"destination_wallet": payer.pays_to}

    return cycle([Ask(p.token, "/v1/payment_intents", orjson.dumps(body(p)), p.payee_token) for p in payers])


def refunds(paid: Iterable[Done]) -> Iterator[Ask]:
    """Return a full refund of each payment, asked for by who was paid."""
    return (Ask(done.payee_token, "/v1/refunds", orjson.dumps({"payment_intent": done.id})) for done in paid)
