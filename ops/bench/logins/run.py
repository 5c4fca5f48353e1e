"""One run of the bench of logins: a stack of its own, users who log in, and hashing alone before and after."""

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from ledgerlink_client import LedgerLink
from ops.bench.cpu import CpuMeter
from ops.bench.edge.run import PLENTY
from ops.bench.logins.hashing import Hashing
from ops.bench.logins.load import log_in
from ops.bench.logins.report import LoginReport, summarise
from ops.bench.progress import progress_bars, timed
from ops.bench.setup import AT_A_TIME, PASSWORD_SUFFIX
from ops.stack.stack import Stack

WARM_UP_SECONDS = 2.0


@dataclass(frozen=True)
class Options:
    """What is asked for: logins for `seconds`, `at_a_time` under way, of so many users."""

    seconds: float
    at_a_time: int
    users: int


async def run(options: Options) -> LoginReport:
    """Start a stack of its own in a temporary directory, and log in. Raises StackError."""
    os.environ.setdefault("GATEWAY_RATE_LIMITS", str(PLENTY))
    hashing, half = Hashing.of_identity(), options.seconds / 2
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data") as stack, LedgerLink(stack.url) as gateway:
            bars.remove_task(starting)
            users = await make_users(gateway, options.users)
            async with timed(bars, "warming up", WARM_UP_SECONDS):
                await log_in(stack.url, users, WARM_UP_SECONDS, options.at_a_time)
            load_average = os.getloadavg()[0]
            async with timed(bars, "hashing alone", half):
                before = await hashing.verified_a_second(half)
            pids = {name: stack.pid(name) for name in stack.supervisor.names if name != "migrate"}
            meter = CpuMeter(pids | {"load generator": os.getpid()})
            meter.start()
            async with timed(bars, "logging in", options.seconds):
                measured = await log_in(stack.url, users, options.seconds, options.at_a_time)
            cpu = meter.stop()
            async with timed(bars, "hashing alone", half):
                after = await hashing.verified_a_second(half)
    alone = (before + after) / 2
    return summarise(measured, alone, cpu, hashing.threads, options.at_a_time, load_average)


async def make_users(gateway: LedgerLink, number: int) -> list[tuple[str, str]]:
    """Register users, and return their addresses with their passwords. Raises LedgerLinkError."""
    turns = asyncio.Semaphore(AT_A_TIME)

    async def make() -> tuple[str, str]:
        email, password = f"{uuid4().hex}@bench.example", f"{uuid4().hex}{PASSWORD_SUFFIX}"
        async with turns:
            await gateway.register_and_login(email, password)
        return email, password

    return list(await asyncio.gather(*(make() for _ in range(number))))
