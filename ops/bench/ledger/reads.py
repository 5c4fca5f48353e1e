"""Times reads of history through the wallet's own responders: encoded query in, encoded reply out."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from contracts.ids import new_id
from contracts.message import SOURCE_PREFIX, Message, Outcome, envelope_of
from contracts.wallet import GetBalance, GetStatement
from ops.bench.ledger.commands import Customer
from ops.bench.ledger.teller import Teller
from ops.stack.errors import StackError

PAGE = 100
_SPAN = "SELECT min(posted_at) AS starts_at, max(posted_at) AS ends_at FROM transfer"
_WARM_UPS = 50


class Reader:
    """Asks about random customers and random instants of the ledger's history."""

    def __init__(self, teller: Teller, customers: Sequence[Customer], starts_at: datetime, ends_at: datetime) -> None:
        self._teller = teller
        self._customers = customers
        self._starts_at, self._ends_at = starts_at, ends_at
        self._random = random.Random()  # noqa: S311 - whom and when to ask about

    @classmethod
    async def of(cls, teller: Teller, customers: Sequence[Customer]) -> "Reader":
        """Return a reader of the ledger's whole span."""
        row = await teller.service.database.pool.fetchrow(_SPAN)
        starts_at, ends_at = row or (None, None)
        return cls(teller, customers, starts_at or datetime.now(UTC), ends_at or datetime.now(UTC))

    async def balances(self, number: int, seconds: float) -> list[float]:
        """Return the seconds of each of up to `number` balances as of a random instant, within `seconds`."""
        return await self._timed(number, seconds, self._balance)

    async def statement_pages(self, number: int, seconds: float) -> list[float]:
        """Return the seconds of each of up to `number` pages of statements, which begin at a random instant."""
        return await self._timed(number, seconds, self._statement)

    async def _timed(self, number: int, seconds: float, ask: Callable[[], Awaitable[None]]) -> list[float]:
        for _ in range(_WARM_UPS):
            await ask()
        measured: list[float] = []
        end = time.perf_counter() + seconds
        while len(measured) < number and time.perf_counter() < end:
            started = time.perf_counter()
            await ask()
            measured.append(time.perf_counter() - started)
        return measured

    async def _balance(self) -> None:
        await self._ask(GetBalance(account_id=self._account(), at=self._instant()))

    async def _statement(self) -> None:
        query = GetStatement(
            account_id=self._account(), starts_at=self._instant(), ends_at=self._ends_at + timedelta(days=1), limit=PAGE
        )
        await self._ask(query)

    async def _ask(self, query: Message) -> None:
        request = envelope_of(type(query))(
            id=new_id(),
            source=SOURCE_PREFIX + "gateway",
            type=query.contract.type,
            time=datetime.now(UTC),
            correlationid="bench",
            data=query,
        )
        reply = await self._teller.service.responders[query.contract.subject].respond(request.encode())
        outcome = orjson.loads(reply)["data"]
        if outcome["outcome"] != Outcome.COMPLETED:
            raise StackError(f"{query.contract.subject} was refused: {outcome['problem']}")

    def _account(self) -> UUID:
        return UUID(self._random.choice(self._customers).account)

    def _instant(self) -> datetime:
        return self._starts_at + (self._ends_at - self._starts_at) * self._random.random()
