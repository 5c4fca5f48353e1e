from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from apps.payments.processors.sandbox import SandboxProcessor
from apps.payments.tests.processors.local_servers import SandboxProcess, sandbox_process, settings_for
from outbox.database import Database
from tests.fresh_databases import FreshDatabaseFactory


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    directory: Path = tmp_path_factory.mktemp("sandbox-processor")
    with sandbox_process(directory) as process:
        yield process


@pytest.fixture
async def sandbox(sandbox_server: SandboxProcess) -> AsyncIterator[SandboxProcessor]:
    processor = SandboxProcessor(settings_for(sandbox_server.url()))
    yield processor
    await processor.close()


@pytest.fixture
async def database(fresh_database: FreshDatabaseFactory) -> AsyncIterator[Database]:
    fresh = await fresh_database("payments")
    database = Database(fresh.url, 6)
    await database.open()
    yield database
    await database.close()
