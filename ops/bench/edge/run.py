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
SESSIONS_EACH = 50
PLENTY = Path(__file__).with_name("rate_limits.toml")
"""As many policies as a request usually has, all of them with quotas that nobody exhausts."""
GENERATOR = "load generator"


@dataclass(frozen=True)
class Options:
    """What is asked for: each kind for `seconds`, `at_a_time` requests under way, of users with SESSIONS_EACH sessions.

    The sessions take turns, since each is refreshed at most 32 times in ten seconds.
    """

    kinds: Sequence[Kind]
    seconds: float
    at_a_time: int
    users: int


async def run(options: Options) -> EdgeReport:
    """Start a stack of its own in a temporary directory, and ask. Raises StackError."""
    os.environ.setdefault("GATEWAY_RATE_LIMITS", str(PLENTY))
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data") as stack, LedgerLink(stack.url) as gateway:
            bars.remove_task(starting)
            users = bars.add_task("logging in", total=options.users)
            clients = await _make_clients(gateway, options.users, lambda: bars.advance(users))
            load_average, runs = os.getloadavg()[0], []
            for kind in options.kinds:
                async with timed(bars, f"{kind}: warming up", WARM_UP_SECONDS):
                    await drive(stack.url, kind, clients, WARM_UP_SECONDS, options.at_a_time)
                async with timed(bars, f"{kind}: measuring", options.seconds):
                    runs.append(await _measured(stack, kind, clients, options))
    return EdgeReport(at_a_time=options.at_a_time, load_average=round(load_average, 2), runs=runs)


async def _measured(stack: Stack, kind: Kind, clients: Sequence[Client], options: Options) -> KindReport:
    pids = {name: stack.pid(name) for name in stack.supervisor.names if name != "migrate"}
    meter = CpuMeter(pids | {GENERATOR: os.getpid()})
    meter.start()
    measured = await drive(stack.url, kind, clients, options.seconds, options.at_a_time)
    cpu = meter.stop()
    del cpu[GENERATOR]  # it is no part of what is measured, though it takes its share of the machine
    return summarise(kind, measured, cpu)


async def _make_clients(gateway: LedgerLink, users: int, advance: Callable[[], None]) -> list[Client]:
    """Log in again and again as a few users: each login hashes a password, and registering would do so once more."""
    turns = asyncio.Semaphore(AT_A_TIME)

    async def make() -> list[Client]:
        email, password = f"{uuid4().hex}@bench.example", f"{uuid4().hex}{PASSWORD_SUFFIX}"
        async with turns:
            session = await gateway.register_and_login(email, password)
            wallet = str((await session.wallets.open(CURRENCY)).id)
            logins = [session, *[await gateway.login(email, password) for _ in range(SESSIONS_EACH - 1)]]
            advance()
            return [Client(login.tokens.access_token, str(login.tokens.refresh_token), wallet) for login in logins]

    made = await asyncio.gather(*(make() for _ in range(users)))
    return [client for clients in made for client in clients]
