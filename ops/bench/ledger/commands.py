"""Encoded commands for the wallet, as other services send them: made cheaply, so that making them is not the test."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from contracts.ids import new_id
from contracts.message import SOURCE_PREFIX, Idempotency, Message, envelope_of
from contracts.wallet import FundAccount, OpenAccount, PostTransfer

CURRENCY = "EUR"
FUNDS = 10**9
"""What each account starts with, in minor units: more than any run spends."""
_MOST = 100
_AMOUNT = 123_454_321
_FINGERPRINT = "0" * 64
_TRACEPARENT = f"00-{1:032x}-{1:016x}-00"


@dataclass(frozen=True, slots=True)
class Customer:
    """A wallet and its owner, as they stand in JSON."""

    account: str
    owner: str


def make_customers(number: int) -> list[Customer]:
    """Return ids for wallets that are still to be opened."""
    return [Customer(str(new_id()), str(new_id())) for _ in range(number)]


class Template:
    """One encoded command with places for ids and amounts: filling it gives what encoding anew would."""

    def __init__(self, message: Message, sender: str, places: Sequence[str]) -> None:
        """Encode `message` once; `places` are texts in it, each of which `fill` replaces, in the order given here."""
        identifier = new_id()
        envelope = envelope_of(type(message))(
            id=identifier,
            source=SOURCE_PREFIX + sender,
            type=message.contract.type,
            time=datetime.now(UTC),
            correlationid=str(identifier),
            traceparent=_TRACEPARENT,
            data=message,
        )
        order = {place: number for number, place in enumerate((str(identifier), *places))}
        parts = re.split("(" + "|".join(map(re.escape, order)) + ")", envelope.encode().decode())
        self._parts = [order.get(part, part) for part in parts]

    def fill(self, *values: str) -> bytes:
        """Return an encoded command under a fresh id."""
        filled = (str(new_id()), *values)
        return "".join([part if isinstance(part, str) else filled[part] for part in self._parts]).encode()


def openings(customers: Sequence[Customer]) -> list[bytes]:
    """Return a command to open each customer's wallet."""
    account, owner, key = new_id(), new_id(), new_id()
    asked = Idempotency(scope="bench", key=str(key), fingerprint=_FINGERPRINT)
    message = OpenAccount(account_id=account, owner=owner, currency=CURRENCY, idempotency=asked)
    template = Template(message, "gateway", (str(account), str(owner), str(key)))
    return [template.fill(c.account, c.owner, str(new_id())) for c in customers]


def fundings(customers: Sequence[Customer]) -> list[bytes]:
    """Return a command to bring FUNDS into each customer's wallet."""
    transfer, account, key = new_id(), new_id(), new_id()
    asked = Idempotency(scope="bench", key=str(key), fingerprint=_FINGERPRINT)
    message = FundAccount(transfer_id=transfer, account_id=account, amount=FUNDS, currency=CURRENCY, idempotency=asked)
    template = Template(message, "gateway", (str(transfer), str(account), str(key)))
    return [template.fill(str(new_id()), c.account, str(new_id())) for c in customers]


class Payments:
    """Makes payments between customers: uniform over all of them, or with the first of them in every one."""

    def __init__(self, customers: Sequence[Customer], *, hot: bool) -> None:
        self._customers = customers
        self._hot = hot
        transfer, debit, credit, owner, reference = (new_id() for _ in range(5))
        message = PostTransfer(
            transfer_id=transfer,
            debit_account=debit,
            credit_account=credit,
            amount=_AMOUNT,
            currency=CURRENCY,
            authorised_by=owner,
            reference=reference,
        )
        places = (*map(str, (transfer, debit, credit, owner, reference)), str(_AMOUNT))
        self._template = Template(message, "payments", places)
        self._random = random.Random()  # noqa: S311 - who pays whom

    def make(self, number: int) -> list[bytes]:
        """Return encoded commands."""
        return [self.one(new_id()) for _ in range(number)]

    def one(self, transfer: UUID) -> bytes:
        """Return one encoded command to post the transfer of this id."""
        payer, payee = self._pair()
        amount = str(self._random.randint(1, _MOST))
        return self._template.fill(str(transfer), payer.account, payee.account, payer.owner, str(new_id()), amount)

    def _pair(self) -> tuple[Customer, Customer]:
        customers, count = self._customers, len(self._customers)
        first = 0 if self._hot else int(self._random.random() * count)
        second = (first + 1 + int(self._random.random() * (count - 1))) % count
        pair = customers[first], customers[second]
        # The hot account pays as often as it is paid.
        return pair if self._random.getrandbits(1) else (pair[1], pair[0])
