"""One whole stack for the tests that look at the system from outside; they share the event loop that keeps it alive."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from ledgerlink_client import LedgerLink, Retries
from ledgerlink_client.transport import Transport
from ops.stack.stack import Stack
from tests.people import log_operator_in

SECONDS_PER_REQUEST = 35.0  # above the longest wait that the gateway grants


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many seeds tests/test_interleavings.py plays, and from which one on."""
    group = parser.getgroup("interleavings")
    group.addoption("--seeds", type=int, default=1000, help="seeds of interleavings to play (1000)")
    group.addoption("--first-seed", type=int, default=0, help="the first of them (0)")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(_servers_directory: Path) -> AsyncIterator[Stack]:
    """Every process of the system. Its data need not survive the machine, so nothing waits for a disk."""
    async with Stack(_servers_directory / "stack", durable=False) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client of the gateway."""
    async with httpx.AsyncClient(base_url=stack.url, timeout=SECONDS_PER_REQUEST) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway(http: httpx.AsyncClient) -> LedgerLink:
    """The typed client, on the same connections."""
    return LedgerLink(Transport(http, Retries()))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def operator(stack: Stack, gateway: LedgerLink) -> LedgerLink:
    """The operator's session."""
    return await log_operator_in(stack, gateway)
