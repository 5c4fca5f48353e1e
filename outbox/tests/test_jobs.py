"""A recurring job that fails is tried again, and stops neither the others nor the service."""

import asyncio

import asyncpg
import pytest
from pydantic import SecretStr

from outbox import service as service_module
from outbox.metrics import JOB_FAILURES
from outbox.service import Service
from outbox.settings import ServiceSettings
from tests.servers import NatsServer
from tests.waiting import eventually


@pytest.mark.parametrize("error", [ValueError("a bug"), asyncpg.QueryCanceledError("too slow"), OSError("away")])
async def test_a_job_that_fails_goes_on(
    nats_server: NatsServer, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "JOB_PAUSE_SECONDS", 0.02)
    seed = SecretStr(nats_server.seeds["wallet"])
    settings = ServiceSettings(database_url=SecretStr("postgresql://nowhere"), nats_seed=seed, http_port=1)
    runs = 0

    async def step() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise error

    before = JOB_FAILURES.labels("a job")._value.get()
    job = asyncio.create_task(Service("wallet", settings)._repeat(0.001, step, "a job"))

    async def goes_on() -> bool:
        return runs >= 6

    await eventually("the job goes on", goes_on)
    assert not job.done()
    assert JOB_FAILURES.labels("a job")._value.get() - before == 3
    job.cancel()
