"""Each service's NATS user may do its own rows of the table of message kinds, and no others."""

import asyncio

import nats
import pytest
from nats.js.api import StreamConfig

from contracts.topology import USERS
from tests.servers import NatsServer


async def _refusals(server: NatsServer, user: str, publish: str = "", subscribe: str = "") -> list[str]:
    """Return what the server refuses when `user` publishes or subscribes."""
    heard: list[str] = []

    async def on_error(error: Exception) -> None:
        heard.append(str(error).lower())

    connection = await nats.connect(server.url, nkeys_seed_str=server.seeds[user], error_cb=on_error)
    if publish:
        await connection.publish(publish, b"{}")
    if subscribe:
        await connection.subscribe(subscribe)
    await connection.flush()
    await asyncio.sleep(0.05)  # the refusal is reported beside the flush's answer
    await connection.close()
    return heard


@pytest.mark.parametrize("user", USERS)
async def test_every_user_connects(nats_server: NatsServer, user: str) -> None:
    connection = await nats_server.connect(user)
    await connection.flush()
    await connection.close()


async def test_nobody_connects_without_a_known_key(nats_server: NatsServer) -> None:
    with pytest.raises(Exception, match=r"(?i)authorization"):
        await nats.connect(nats_server.url, allow_reconnect=False, max_reconnect_attempts=0)


async def test_own_event_is_allowed(nats_server: NatsServer) -> None:
    assert await _refusals(nats_server, "wallet", publish="wallet.events.transfer.posted") == []


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("payments", "wallet.events.transfer.posted"),
        ("wallet", "payments.events.payment_intent.succeeded"),
        ("risk", "wallet.commands.post_transfer"),
        ("gateway", "payments.events.payment_intent.succeeded"),
        ("wallet", "$JS.API.STREAM.DELETE.WALLET_EVENTS"),
        ("wallet", "dlq.payments.any"),
    ],
)
async def test_foreign_publish_is_refused(nats_server: NatsServer, user: str, subject: str) -> None:
    (refusal,) = await _refusals(nats_server, user, publish=subject)
    assert "permissions violation" in refusal


@pytest.mark.parametrize(
    ("user", "subject"),
    [("risk", ">"), ("payments", "wallet.queries.get_balance"), ("wallet", "_INBOX_gateway.>")],
)
async def test_foreign_subscription_is_refused(nats_server: NatsServer, user: str, subject: str) -> None:
    (refusal,) = await _refusals(nats_server, user, subscribe=subject)
    assert "permissions violation" in refusal


async def test_a_service_makes_no_stream(nats_server: NatsServer) -> None:
    connection = await nats_server.connect("wallet")
    with pytest.raises(TimeoutError):  # how nats-py shows a forbidden request
        await connection.jetstream(timeout=0.3).add_stream(StreamConfig(name="MINE", subjects=["mine.>"]))
    await connection.close()


async def test_a_wiped_server_forgets_and_is_provisioned_again(nats_server: NatsServer) -> None:
    await nats_server.provision()
    await nats_server.wipe()
    connection = await nats_server.connect("provisioner")
    assert await connection.jetstream().streams_info() == []
    await connection.close()
    await nats_server.provision()
