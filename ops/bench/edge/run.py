"""One run of the bench of the edge: a stack of its own, users with sessions, each kind of request in turn."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from ledgerlink_client import LedgerLink
from ops.bench.cpu import CpuMeter
from ops.bench.edge.kinds import Kind
from ops.bench.edge.load import Client, drive
from ops.bench.edge.report import EdgeReport, KindReport, summarise
from ops.bench.progress import progress_bars, timed
from ops.bench.setup import AT_A_TIME, CURRENCY, PASSWORD_SUFFIX
from ops.stack.stack import Stack

WARM_UP_SECONDS = 2.0
GENERATOR = "load generator"


@dataclass(frozen=True)
class Options:
    """What is asked for: each kind for `seconds`, by `clients` at a time."""

    kinds: Sequence[Kind]
    seconds: float
    clients: int


async def run(options: Options) -> EdgeReport:
    """Start a stack of its own in a temporary directory, and ask. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data") as stack, LedgerLink(stack.url) as gateway:
            bars.remove_task(starting)
            users = bars.add_task("making the users", total=options.clients)
            clients = await _make_clients(gateway, options.clients, lambda: bars.advance(users))
            load_average, runs = os.getloadavg()[0], []
            for kind in options.kinds:
                async with timed(bars, f"{kind}: warming up", WARM_UP_SECONDS):
                    await drive(stack.url, kind, clients, WARM_UP_SECONDS)
                async with timed(bars, f"{kind}: measuring", options.seconds):
                    runs.append(await _measured(stack, kind, clients, options.seconds))
    return EdgeReport(clients=options.clients, load_average=round(load_average, 2), runs=runs)


async def _measured(stack: Stack, kind: Kind, clients: Sequence[Client], seconds: float) -> KindReport:
    pids = {name: stack.pid(name) for name in stack.supervisor.names if name != "migrate"}
    meter = CpuMeter(pids | {GENERATOR: os.getpid()})
    meter.start()
    measured = await drive(stack.url, kind, clients, seconds)
    cpu = meter.stop()
    del cpu[GENERATOR]  # it is no part of what is measured, though it takes its share of the machine
    return summarise(kind, measured, cpu)


async def _make_clients(gateway: LedgerLink, number: int, advance: Callable[[], None]) -> list[Client]:
    turns = asyncio.Semaphore(AT_A_TIME)

    async def make() -> Client:
        async with turns:
            session = await gateway.register_and_login(
                f"{uuid4().hex}@bench.example", f"{uuid4().hex}{PASSWORD_SUFFIX}"
            )
            wallet = await session.wallets.open(CURRENCY)
            advance()
            return Client(session.tokens.access_token, str(session.tokens.refresh_token), str(wallet.id))

    return list(await asyncio.gather(*(make() for _ in range(number))))
