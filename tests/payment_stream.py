"""Customers that pay without pause, each repeating a payment under its key until it has a definite answer."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx

from contracts.ids import new_id
from contracts.payments import PaymentStatus
from outbox.ending import end
from tests.people import CURRENCY, Customer

LANES = 3  # payments of one customer at the same time, so that a crash finds batches and not single messages
PACE = 0.4  # seconds from one start to the next in a lane: below the risk service's limit of payments per minute
ABOVE_THE_RISK_LIMIT = 1_000_001
DEFINITE = frozenset({201, 202, 402})
NOT_YET = frozenset({409, 429, 503})  # "the same key again, in a moment"
PAUSE = 0.2
PATIENCE = 45.0  # within which every payment must have its answer: less than payments waits for risk
HANG = 12.0  # no single request may take longer: the gateway answers within its wait, and asks once more


@dataclass
class Payment:
    """One key's story: what was asked, each answer's status (0 for a broken connection), and how it ended."""

    key: str
    payer: Customer
    amount: int
    answers: list[int] = field(default_factory=list)
    intent: str | None = None
    status: PaymentStatus | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the client knows the outcome."""
        return self.status is not None and self.status is not PaymentStatus.PROCESSING

    @property
    def had_trouble(self) -> bool:
        """Whether it took more than one try to learn the outcome."""
        return not DEFINITE.issuperset(self.answers[:1])

    @property
    def succeeded(self) -> bool:
        """Whether the client was told that the money has moved."""
        return self.status is PaymentStatus.SUCCEEDED


class PaymentStream:
    """Payments from many customers to one, for as long as the block lasts; it ends when all are answered."""

    def __init__(self, url: str, payers: Sequence[Customer], payee: Customer) -> None:
        self.payments: list[Payment] = []
        self._url = url
        self._client = self._new_client()
        self._payers, self._payee = payers, payee
        self._amounts = self._endless_amounts()
        self._stopping = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for payer in self._payers:
            self._lanes += [asyncio.create_task(self._pay_on_and_on(payer, lane)) for lane in range(LANES)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        try:
            if error is None:
                await asyncio.gather(*self._lanes)
        finally:
            await end(self._lanes)
            await self._client.aclose()

    async def answered(self, more: int, deadline: float = PATIENCE) -> None:
        """Wait until `more` payments that start from now on are answered."""
        known, latest = len(self.payments), time.monotonic() + deadline
        while sum(payment.is_answered for payment in self.payments[known:]) < more:
            assert time.monotonic() < latest, f"the stream has dried up: {self.answers}"
            for lane in self._lanes:
                if lane.done():
                    lane.result()
            await asyncio.sleep(PAUSE / 4)

    @property
    def answers(self) -> Counter[int]:
        """How often each status was answered; 0 stands for a broken connection."""
        return Counter(answer for payment in self.payments for answer in payment.answers)

    async def ask_again(self, payments: Sequence[Payment]) -> None:
        """Repeat payments under their keys: the answer must be the one that was given before."""
        async with self._new_client() as self._client:
            for payment in payments:
                outcome = payment.intent, payment.status
                await self._pay(payment, respond_async=False)
                assert (payment.intent, payment.status) == outcome, f"{payment.key} is answered otherwise now"

    def _new_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, timeout=HANG, limits=httpx.Limits(max_connections=100))

    def _endless_amounts(self) -> Iterator[int]:
        """Yield small amounts, and now and then one that risk declines."""
        for number in count(1):
            yield ABOVE_THE_RISK_LIMIT if number % 9 == 0 else 1 + number % 50

    async def _pay_on_and_on(self, payer: Customer, lane: int) -> None:
        while not self._stopping.is_set():
            payment = Payment(f"chaos-{new_id()}", payer, next(self._amounts))
            self.payments.append(payment)
            next_start = time.monotonic() + PACE
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._pay(payment, respond_async=lane == 0)
            except TimeoutError:
                raise AssertionError(
                    f"{payment.key} has no definite answer after {PATIENCE} s: {payment.answers}"
                ) from None
            await asyncio.sleep(max(0.0, next_start - time.monotonic()))

    async def _pay(self, payment: Payment, *, respond_async: bool) -> None:
        headers = payment.payer.bearer | {"Idempotency-Key": payment.key}
        headers |= {"Prefer": "respond-async"} if respond_async else {}
        order = {
            "source_wallet": str(payment.payer.wallet),
            "destination_wallet": str(self._payee.wallet),
            "amount": payment.amount,
            "currency": CURRENCY,
            "confirm": True,
            "description": payment.key,
        }
        response = await self._definite(payment, "POST", "/v1/payment_intents", headers=headers, json=order)
        while response.headers.get("Content-Location", "").startswith("/v1/operations/"):
            await asyncio.sleep(PAUSE)  # its owner was away: there is no payment to show yet
            response = await self._definite(payment, "POST", "/v1/payment_intents", headers=headers, json=order)
        note(payment, response)
        while not payment.is_answered:
            await asyncio.sleep(PAUSE)
            location = f"/v1/payment_intents/{payment.intent}"
            note(payment, await self._definite(payment, "GET", location, headers=payment.payer.bearer))

    async def _definite(self, payment: Payment, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask until the answer is definite. A time-out is not among what is put up with: that would be a hang."""
        while True:
            try:
                response = await self._client.request(method, path, **request)
            except (httpx.NetworkError, httpx.RemoteProtocolError):  # the gateway is gone
                payment.answers.append(0)
            else:
                payment.answers.append(response.status_code)
                if response.status_code in DEFINITE or response.is_success:
                    return response
                assert response.status_code in NOT_YET, f"{response.status_code} {response.text}"
            await asyncio.sleep(PAUSE)


def note(payment: Payment, response: httpx.Response) -> None:
    """Write down what an answer says; what was once said to be final must never change."""
    body = response.json()
    intent = body["payment_intent"] if response.status_code == 402 else body
    status = PaymentStatus(intent["status"])
    assert payment.intent in {None, intent["id"]}, f"{payment.key} became two intents"
    if response.status_code == 201:
        assert status is PaymentStatus.SUCCEEDED
    payment.intent, payment.status = intent["id"], status
