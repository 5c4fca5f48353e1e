"""What runs on a data directory and how well: every process, its health, and what waits in outboxes and streams."""

import asyncio
from pathlib import Path

import asyncpg
from pydantic import BaseModel

from contracts.topology import DURABLES, SERVICES, streams_said_by
from ops.stack.component import Component, State
from ops.stack.keeper import probed
from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import read_ports
from ops.stack.state import ProcessRecord, read_state

LAG_DEADLINE = 3.0
# Outbox rows past their stream's cursor: written, and not yet known to be published.
OUTBOX_LAG = """
SELECT count(*)
FROM unnest($1::text[]) AS said (stream)
LEFT JOIN relay_cursor ON relay_cursor.stream = said.stream
JOIN outbox ON outbox.stream = said.stream AND outbox.position > coalesce(relay_cursor.position, 0)
"""


class ProcessReport(BaseModel):
    """One process. Lags count rows or messages; None where there is none to have, or none could be asked."""

    name: str
    pid: int | None
    port: int | None
    state: State
    reason: str | None = None
    restarts: int
    outbox_lag: int | None = None
    consumer_lag: dict[str, int] | None = None


class StackReport(BaseModel):
    """A data directory's stack; `running` is False when no process of it lives.

    `supervised` is False when no `ledgerlink up` lives that would restart its processes, or stop them.
    """

    running: bool
    supervised: bool
    data_dir: Path
    processes: list[ProcessReport] = []


async def inspect(data_dir: Path) -> StackReport:
    """Ask every process of a stack, from outside, how it does. Raises StackError when its secrets are damaged."""
    layout = Layout.at(data_dir)
    state = read_state(layout.state)
    if state is None or all(record.process() is None for record in state.processes):
        return StackReport(running=False, supervised=state is not None and state.supervised, data_dir=layout.root)
    parts = Parts.of(layout, read_ports(layout.ports))
    components = {component.name: component for component in parts.components()}
    lags = await _consumer_lags(parts)
    reports = [_report(record, components[record.name], parts, lags) for record in state.processes]
    processes = await asyncio.gather(*reports)
    return StackReport(running=True, supervised=state.supervised, data_dir=layout.root, processes=processes)


async def _report(
    record: ProcessRecord, component: Component, parts: Parts, lags: dict[str, dict[str, int]] | None
) -> ProcessReport:
    state, reason = await _state(record, component)
    service = record.name in SERVICES
    return ProcessReport(
        name=record.name,
        pid=record.pid if record.process() else None,
        port=record.port,
        state=state,
        reason=reason,
        restarts=record.restarts,
        outbox_lag=await outbox_lag(parts, record.name) if service else None,
        consumer_lag=(lags or {}).get(record.name) if service else None,
    )


async def _state(record: ProcessRecord, component: Component) -> tuple[State, str | None]:
    """Return what it is doing and, if that is not its work, why."""
    if record.process() is None:
        known = record.state in {State.WAITING, State.DONE, State.STOPPED}
        return (record.state, None) if known else (State.DEAD, "its process has ended")
    reason = await probed(component)
    if reason is None:
        return State.HEALTHY, None
    return (State.STARTING if record.state is State.STARTING else State.UNHEALTHY), reason


async def outbox_lag(parts: Parts, service: str) -> int | None:
    """Return how many outbox rows of a service wait to be published; None when its database cannot say."""
    try:
        async with asyncio.timeout(LAG_DEADLINE):
            connection = await asyncpg.connect(parts.postgres.service_url(service), timeout=LAG_DEADLINE)
            try:
                return int(await connection.fetchval(OUTBOX_LAG, list(streams_said_by(service))))
            finally:
                connection.terminate()
    except (asyncpg.PostgresError, OSError, TimeoutError):
        return None


async def _consumer_lags(parts: Parts) -> dict[str, dict[str, int]] | None:
    """Return per service its durables and how many messages each has still to handle; None without NATS."""
    try:
        found = await parts.nats.consumers()
    except OSError:
        return None
    lags: dict[str, dict[str, int]] = {service: {} for service in SERVICES}
    for durable in DURABLES:
        if durable.name in found.get(durable.stream, {}):
            lags[durable.service][durable.name] = found[durable.stream][durable.name]
    return lags
