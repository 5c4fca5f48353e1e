"""One run of the bench of a flood: reads, refreshes and payments with nothing else going on, and then beside a flood.

The flood comes from a process of its own, at the lowest priority: its work is not the system's.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import aiohttp

from ledgerlink_client import LedgerLink
from ops.bench.asks import payments
from ops.bench.edge.kinds import Kind as EdgeKind
from ops.bench.edge.load import ASKS, REQUEST_SECONDS, Client, Measured
from ops.bench.edge.run import PLENTY
from ops.bench.load import Payer, drive
from ops.bench.logins.flood_report import Disturbed, FloodReport, flood_report
from ops.bench.logins.hashing import Hashing
from ops.bench.logins.load import flood, on_schedule
from ops.bench.progress import progress_bars, timed
from ops.bench.setup import AT_A_TIME, CURRENCY, PASSWORD_SUFFIX, make_payers
from ops.stack.stack import Stack

WARM_UP_SECONDS = 3.0
CALIBRATION_SECONDS = 3.0
CLIENTS = 64
"""Sessions that take turns, since each is refreshed at most 32 times in ten seconds."""
PAYERS = 8
LOWEST_PRIORITY = 19


@dataclass(frozen=True)
class Options:
    """What is asked for: each phase for `seconds`, with so many reads, refreshes and payments a second.

    `times` is how many logins a second come for each that the machine could work on.
    """

    seconds: float
    reads: float
    refreshes: float
    payments: float
    times: float


async def run(options: Options) -> FloodReport:
    """Start a stack of its own in a temporary directory, and flood it. Raises StackError."""
    os.environ.setdefault("GATEWAY_RATE_LIMITS", str(PLENTY))
    os.environ.setdefault("GATEWAY_TRUSTED_PROXIES", "127.0.0.1")
    hashing = Hashing.of_identity()
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data") as stack, LedgerLink(stack.url) as gateway:
            bars.remove_task(starting)
            users = bars.add_task("making the users", total=PAYERS)
            secrets = stack.parts.secrets
            operator = (secrets.operator_email, secrets.operator_password)
            payers = await make_payers(gateway, operator, PAYERS, lambda: bars.advance(users))
            clients = await _make_clients(gateway)
            capacity = await hashing.verified_a_second(CALIBRATION_SECONDS)
            rest = _Rest(stack.url, clients, payers, options)
            async with timed(bars, "warming up", WARM_UP_SECONDS):
                await rest.measured(WARM_UP_SECONDS)
            async with timed(bars, "without a flood", options.seconds):
                quiet = await rest.measured(options.seconds)
            async with timed(bars, "beside a flood", options.seconds + WARM_UP_SECONDS):
                flooded, came = await _beside_a_flood(rest, stack.url, capacity * options.times, options.seconds)
    return flood_report(capacity, came, quiet, flooded)


class _Rest:
    """All that is not logging in: what a flood must not disturb."""

    def __init__(self, url: str, clients: Sequence[Client], payers: Sequence[Payer], options: Options) -> None:
        self._url, self._clients, self._payers, self._options = url, clients, payers, options

    async def measured(self, seconds: float) -> Disturbed:
        """Ask for all of it at once, for so long."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(self._url, timeout=timeout) as session:
            reads, refreshes, outcomes = await asyncio.gather(
                self._edge(session, EdgeKind.READ, self._options.reads, seconds),
                self._edge(session, EdgeKind.REFRESH, self._options.refreshes, seconds),
                drive(self._url, payments(self._payers), seconds, self._options.payments, 1),
            )
        paid = Measured(outcomes.seconds, outcomes.latencies, outcomes.errors)
        return {"read": reads, "refresh": refreshes, "payment": paid}

    async def _edge(self, session: aiohttp.ClientSession, kind: EdgeKind, rate: float, seconds: float) -> Measured:
        measured, turns, ask = Measured(), cycle(self._clients), ASKS[kind]

        async def ask_next() -> str:
            return await ask(session, next(turns))

        await on_schedule(ask_next, rate, seconds, measured, len(self._clients))
        return measured


async def _beside_a_flood(rest: _Rest, url: str, rate: float, seconds: float) -> tuple[Disturbed, Measured]:
    """Let the flood come first, and then measure the rest while it lasts."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        lasting = seconds + WARM_UP_SECONDS
        flooding = loop.run_in_executor(elsewhere, _flood, url, rate, lasting)
        await asyncio.sleep(WARM_UP_SECONDS)
        flooded = await rest.measured(seconds)
        return flooded, await flooding


def _flood(url: str, rate: float, seconds: float) -> Measured:
    os.nice(LOWEST_PRIORITY)
    return asyncio.run(flood(url, rate, seconds))


async def _make_clients(gateway: LedgerLink) -> list[Client]:
    """Log one user in many times: each login hashes a password, and registering would do so once more."""
    email, password = "sessions@bench.example", f"{uuid4().hex}{PASSWORD_SUFFIX}"
    first = await gateway.register_and_login(email, password)
    wallet = str((await first.wallets.open(CURRENCY)).id)
    turns = asyncio.Semaphore(AT_A_TIME)

    async def make() -> Client:
        async with turns:
            session = await gateway.login(email, password)
        return Client(session.tokens.access_token, str(session.tokens.refresh_token), wallet)

    return list(await asyncio.gather(*(make() for _ in range(CLIENTS))))
