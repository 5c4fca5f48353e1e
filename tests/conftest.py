"""One whole stack for the tests that look at the system from outside; they share the event loop that keeps it alive."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from contracts.topology import SERVICES
from ledgerlink_client import LedgerLink, Retries
from ledgerlink_client.transport import Transport
from ops.stack.stack import Stack
from tests.people import log_operator_in
from tests.span_collector import SpanCollector, collecting

SECONDS_PER_REQUEST = 35.0  # above the longest wait that the gateway grants


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many seeds tests/test_interleavings.py plays, and from which one on."""
    group = parser.getgroup("interleavings")
    group.addoption("--seeds", type=int, default=1000, help="seeds of interleavings to play (1000)")
    group.addoption("--first-seed", type=int, default=0, help="the first of them (0)")


@pytest.fixture(scope="session")
def spans() -> Iterator[SpanCollector]:
    """The spans of the stack's processes: of what fails, and of the few traces whose ids are chosen to be recorded."""
    with collecting() as collector, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")  # milliseconds until spans are sent
        environment.setenv("GATEWAY_TRACE_SAMPLE_RATIO", "0.000001")
        for process in (*SERVICES, "gateway"):
            environment.setenv(f"{process.upper()}_OTLP_ENDPOINT", collector.url)
        yield collector


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(_servers_directory: Path, spans: SpanCollector) -> AsyncIterator[Stack]:  # noqa: ARG001 - set up first
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
