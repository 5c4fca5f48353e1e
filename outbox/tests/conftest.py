"""A small service of the tests on real PostgreSQL and NATS: its handler counts effects in a table of its own."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Outcome, Reply
from contracts.wallet import AccountOpened, OpenAccount
from ops.stack.ports import free_port
from outbox import consumer
from outbox.database import Database
from outbox.deadlines import AnswerBy
from outbox.schema import install_v1
from outbox.service import Service
from outbox.settings import ServiceSettings
from outbox.transaction import Transaction, Transactions
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory
from tests.servers import NatsServer

DURABLE = "wallet-open-account"
STREAM = "WALLET_COMMANDS"
SUBJECT = OpenAccount.contract.subject


class Statements:
    """Collects what a migration would run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def execute(self, sqltext: str) -> None:
        self.texts.append(sqltext)


@pytest.fixture
async def database(fresh_database: FreshDatabaseFactory) -> FreshDatabase:
    """A database with the delivery tables and one table of effects, under the wallet's runtime role."""
    fresh = await fresh_database("wallet", migrated=False)
    statements = Statements()
    install_v1(statements, "wallet")
    statements.execute("CREATE TABLE effect (id uuid NOT NULL, batch int NOT NULL)")
    statements.execute("GRANT SELECT, INSERT ON effect TO wallet")
    owner = await asyncpg.connect(fresh.owner_url)
    for text in statements.texts:
        await owner.execute(text)
    await owner.close()
    return fresh


@pytest.fixture
async def session(database: FreshDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database.url)
    yield connection
    connection.terminate()


@pytest.fixture
async def transactions(database: FreshDatabase) -> AsyncIterator[Transactions]:
    pool = Database(database.url, 4)
    await pool.open()

    async def say_nothing(_spoken: object) -> None:
        pass

    yield Transactions(pool, "wallet", say_nothing)
    await pool.close()


@pytest.fixture
async def broker(nats_server: NatsServer) -> NatsServer:
    await nats_server.provision()
    return nats_server


@pytest.fixture
async def gateway(broker: NatsServer) -> AsyncIterator[Client]:
    client = await broker.connect("gateway")
    yield client
    await client.close()


@pytest.fixture
async def operator(broker: NatsServer) -> AsyncIterator[Client]:
    client = await broker.connect("provisioner")
    yield client
    await client.close()


async def count_effects(tx: Transaction, commands: Sequence[Envelope[OpenAccount]]) -> None:
    """A handler: one effect, one event and one answer per command."""
    rows = [command.data.account_id for command in commands]
    await tx.execute("INSERT INTO effect SELECT id, $2 FROM unnest($1::uuid[]) AS id", rows, len(rows))
    for command in commands:
        data = command.data
        tx.say(
            AccountOpened(account_id=data.account_id, owner=data.owner, currency=data.currency, opened_at=tx.now),
            command,
        )
        tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource={"id": str(data.account_id)}))


Handle = Callable[[Transaction, Sequence[Envelope[Any]]], Awaitable[None]]
ServiceFactory = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def running(
    database: FreshDatabase, broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractAsyncContextManager[Service]]:
    """Run the service in this process: `async with running(handler, batch_size=8): ...`."""
    monkeypatch.setattr(consumer, "BACK_OFF_SECONDS", (0.05, 0.05, 0.05, 0.05))

    @asynccontextmanager
    async def run(
        handle: Handle = count_effects, batch_size: int = 64, answer_by: AnswerBy | None = None
    ) -> AsyncIterator[Service]:
        settings = ServiceSettings(
            nats_url=broker.url,
            nats_seed=SecretStr(broker.seeds["wallet"]),
            database_url=SecretStr(database.url),
            http_port=free_port(),
            batch_size=batch_size,
        )
        service = Service("wallet", settings)
        service.consume(DURABLE, handle, answer_by=answer_by)
        async with service.app().start_lifespan_context():
            yield service

    return run


def open_account(**attributes: Any) -> Envelope[OpenAccount]:
    """A command as the gateway sends it."""
    key = Idempotency(scope="test", key=str(new_id()), fingerprint="0" * 64)
    data = OpenAccount(account_id=new_id(), owner=new_id(), currency="EUR", idempotency=key)
    defaults: dict[str, Any] = {
        "id": new_id(),
        "source": "/ledgerlink/gateway",
        "type": OpenAccount.contract.type,
        "time": "2026-11-22T10:15:30Z",
        "correlationid": "a-correlation-id",
        "data": data,
    }
    return Envelope[OpenAccount].model_validate(defaults | attributes)


async def send(client: Client, payloads: Sequence[bytes]) -> None:
    """Publish to the commands stream without a message id, so that the stream itself drops no duplicate."""
    for payload in payloads:
        ack = orjson.loads((await client.request(SUBJECT, payload, timeout=5)).data)
        assert "error" not in ack, ack


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 15.0) -> Any:
    """Wait until the condition gives something true; return it."""
    end = time.monotonic() + seconds
    while not (result := await condition()):
        assert time.monotonic() < end, f"still {result!r} after {seconds} s"
        await asyncio.sleep(0.02)
    return result


async def effects(session: "asyncpg.Connection[asyncpg.Record]") -> list[UUID]:
    return [row["id"] for row in await session.fetch("SELECT id FROM effect ORDER BY id")]


async def stored(operator: Client, stream: str) -> list[dict[str, Any]]:
    """The messages of a stream, decoded, oldest first."""
    js = operator.jetstream(timeout=5)
    state = (await js.stream_info(stream)).state
    messages = []
    for sequence in range(max(1, state.first_seq), state.last_seq + 1):
        message = await js.get_msg(stream, sequence)
        messages.append(orjson.loads(message.data or b""))
    return messages
