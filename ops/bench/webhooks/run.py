"""One run of the bench of webhooks: users pay each other over HTTP, and each has an endpoint that hears of it."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from rich.progress import Progress

from ledgerlink_client import AccessToken, LedgerLink
from ops.bench.asks import payments
from ops.bench.cpu import CpuMeter
from ops.bench.load import Outcomes, Payer, drive
from ops.bench.progress import progress_bars, timed
from ops.bench.setup import make_payers
from ops.bench.webhooks.receivers import Arrivals, Kind, receivers
from ops.bench.webhooks.report import WebhooksReport, delay
from ops.stack.stack import Stack

MEASURED = ("gateway", "payments", "postgres", "nats")
WARM_UP_SECONDS = 3.0
SETTLE_SECONDS = 30.0
DEADLINE_SECONDS = 30.0
EVENTS = ["payment_intent.*"]
_DELAYS = """
SELECT e.url, extract(epoch FROM a.at - d.created_at)::float8 AS seconds
FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id
LEFT JOIN webhook_attempt a ON a.delivery_id = d.id AND a.number = 1
WHERE d.created_at >= $1
"""
_PENDING = """
SELECT count(*) FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id
WHERE d.status = 'pending' AND e.url LIKE $1
"""
_ATTEMPTS = "SELECT count(*) FROM webhook_attempt WHERE at >= $1"


@dataclass(frozen=True)
class Options:
    """What is asked for: `endpoints`, of which the share `dead` is dead, and `rate` payments a second."""

    endpoints: int
    dead: float
    rate: float
    seconds: float


async def run(options: Options) -> WebhooksReport:
    """Start a stack of its own in a temporary directory, pay, and look at what arrives. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with (
            Stack(Path(directory) / "data") as stack,
            LedgerLink(stack.url) as gateway,
            receivers() as (arrivals, urls),
        ):
            bars.remove_task(starting)
            users = bars.add_task("making the users", total=options.endpoints)
            secrets = stack.parts.secrets
            operator = (secrets.operator_email, secrets.operator_password)
            payers = await make_payers(gateway, operator, options.endpoints, lambda: bars.advance(users))
            await _add_endpoints(gateway, payers, _urls(options, urls))
            return await _Run(options, stack, bars, payers, arrivals, urls[Kind.ANSWERS]).report()


class _Run:
    def __init__(
        self, options: Options, stack: Stack, bars: Progress, payers: Sequence[Payer], arrivals: Arrivals, alive: str
    ) -> None:
        self._options, self._stack, self._bars, self._payers = options, stack, bars, payers
        self._arrivals, self._alive = arrivals, alive

    async def report(self) -> WebhooksReport:
        options, load_average = self._options, os.getloadavg()[0]
        async with timed(self._bars, "warming up", WARM_UP_SECONDS):
            await self._pay(WARM_UP_SECONDS)
        url = self._stack.parts.postgres.service_url("payments")
        database = await asyncpg.connect(url, timeout=DEADLINE_SECONDS, command_timeout=DEADLINE_SECONDS)
        try:
            await self._settled(database)
            self._arrivals.seconds.clear()
            since = await database.fetchval("SELECT now()")
            meter = CpuMeter({name: self._stack.pid(name) for name in MEASURED} | {"client": os.getpid()})
            meter.start()
            async with timed(self._bars, "paying", options.seconds):
                paid = await self._pay(options.seconds)
            cpu = meter.stop()
            attempts = await database.fetchval(_ATTEMPTS, since)
            await self._settled(database)
            rows = await database.fetch(_DELAYS, since)
        finally:
            await database.close(timeout=DEADLINE_SECONDS)
        alive = [row["seconds"] for row in rows if row["url"].startswith(self._alive)]
        dead = [row["seconds"] for row in rows if not row["url"].startswith(self._alive)]
        return WebhooksReport(
            seconds=options.seconds,
            endpoints=options.endpoints,
            dead_endpoints=_dead(options),
            rate=options.rate,
            payments=len(paid.latencies),
            errors=dict(paid.errors),
            load_average=round(load_average, 2),
            arrival=delay(list(self._arrivals.seconds.values())),
            attempt=delay([seconds for seconds in alive if seconds is not None]),
            dead=delay([seconds for seconds in dead if seconds is not None]),
            attempts_per_second=round(attempts / options.seconds, 1),
            missing=len(alive) - len(self._arrivals.seconds),
            repeated=self._arrivals.repeated,
            cpu_seconds={name: round(seconds, 2) for name, seconds in cpu.items()},
        )

    async def _pay(self, seconds: float) -> Outcomes:
        asks = payments(self._payers)
        return await drive(self._stack.url, asks, seconds, self._options.rate, concurrency=1)

    async def _settled(self, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Wait until nothing waits for the endpoints that answer; what is still missing then is missing."""
        for _ in range(int(SETTLE_SECONDS / 0.1)):
            if not await database.fetchval(_PENDING, f"{self._alive}/%"):
                return
            await asyncio.sleep(0.1)


def _dead(options: Options) -> int:
    return round(options.endpoints * options.dead)


def _urls(options: Options, urls: dict[Kind, str]) -> list[str]:
    """Return where each user's endpoint is; the dead ones are silent and absent in turns."""
    dead = [urls[Kind.SILENT] if n % 2 == 0 else urls[Kind.ABSENT] for n in range(_dead(options))]
    alive = [urls[Kind.ANSWERS]] * (options.endpoints - len(dead))
    return [f"{url}/{number}" for number, url in enumerate(dead + alive)]


async def _add_endpoints(gateway: LedgerLink, payers: Sequence[Payer], urls: Sequence[str]) -> None:
    """Let each user add an endpoint. Raises LedgerLinkError."""
    for payer, place in zip(payers, urls, strict=True):
        await gateway.acting_as(AccessToken(payer.token)).webhook_endpoints.create(place, EVENTS)
