"""The whole service as a process runs it: commands, events and queries over a real NATS."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from pydantic import SecretStr

from apps.wallet.main import build
from apps.wallet.settings import WalletSettings
from apps.wallet.tests.bank import envelope, funding, opening, payment
from apps.wallet.tests.full_ledger import private_key_pem
from contracts.ids import new_id
from contracts.message import Envelope, Message, Outcome, Reply, decode
from contracts.wallet import GetAccounts
from outbox.service import Service
from tests.fresh_databases import FreshDatabaseFactory
from tests.servers import NatsServer

INSTANCE = "gateway.replies.wallet-test"


@pytest.fixture
async def service(fresh_database: FreshDatabaseFactory, nats_server: NatsServer) -> Service:
    await nats_server.provision()
    return build(
        WalletSettings(
            database_url=SecretStr((await fresh_database("wallet")).url),
            nats_url=nats_server.url,
            nats_seed=SecretStr(nats_server.seeds["wallet"]),
            http_port=1,
            seal_key=SecretStr(private_key_pem()),
        )
    )


@pytest.fixture
async def gateway(nats_server: NatsServer) -> AsyncIterator[Client]:
    connection = await nats_server.connect("gateway")
    yield connection
    await connection.close()


async def _ask(gateway: Client, query: Envelope[Message]) -> Reply:
    async with asyncio.timeout(10):
        while True:
            try:
                answer = await gateway.request(query.data.contract.subject, query.encode(), timeout=5)
                return decode(answer.data, Reply).data
            except NoRespondersError:  # the life cycle's start does not wait for the subscriptions
                await asyncio.sleep(0.02)


async def _command(gateway: Client, command: Envelope[Message]) -> Reply:
    replies = await gateway.subscribe(INSTANCE)
    addressed = command.model_copy(update={"replyto": INSTANCE})
    await gateway.jetstream().publish(command.data.contract.subject, addressed.encode())
    answer = decode((await replies.next_msg(timeout=10)).data, Reply)
    await replies.unsubscribe()
    assert answer.causationid == command.id
    return answer.data


async def test_open_fund_pay_and_read_over_nats(service: Service, gateway: Client, nats_server: NatsServer) -> None:
    ann, source, target = new_id(), new_id(), new_id()
    async with service.app().start_lifespan_context():
        for account, owner in ((source, ann), (target, new_id())):
            assert (await _command(gateway, opening(account, owner))).outcome is Outcome.COMPLETED
        assert (await _command(gateway, funding(source, 1000))).outcome is Outcome.COMPLETED
        payments = await nats_server.connect("payments")
        command = payment(ann, source, target, 250)
        await payments.jetstream().publish(command.data.contract.subject, command.encode())
        event = await _posted(nats_server, sequence=2)
        assert (event["causationid"], event["source"]) == (str(command.id), "/ledgerlink/wallet")
        read = await _ask(gateway, envelope(GetAccounts(ids=[source, target])))
        assert [account["balance"] for account in read.resource["accounts"]] == [750, 250]
        await payments.close()


async def _posted(nats_server: NatsServer, sequence: int) -> dict[str, object]:
    """Wait for the transfer at that place of the ledger in the wallet's event stream."""
    operator = await nats_server.connect("provisioner")
    try:
        async with asyncio.timeout(10):
            while True:
                info = await operator.jetstream().stream_info("WALLET_EVENTS")
                for number in range(1, info.state.last_seq + 1):
                    stored = await operator.jetstream().get_msg("WALLET_EVENTS", number)
                    event: dict[str, object] = orjson.loads(stored.data or b"{}")
                    data = event["data"]
                    if isinstance(data, dict) and data.get("transfer", {}).get("sequence") == sequence:
                        return event
                await asyncio.sleep(0.05)
    finally:
        await operator.close()
