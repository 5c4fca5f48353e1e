"""A message is handled exactly once, or becomes a dead letter; its neighbours never notice."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from nats.aio.client import Client
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from contracts.ids import first_id_of
from contracts.message import Envelope
from contracts.topology import MAX_MESSAGE_BYTES
from contracts.wallet import OpenAccount
from outbox.tests.conftest import (
    DURABLE,
    STREAM,
    SUBJECT,
    ServiceFactory,
    count_effects,
    effects,
    open_account,
    send,
    stored,
    until,
)
from outbox.transaction import Transaction
from tests.servers import NatsServer


async def test_each_command_has_one_effect_one_event_and_one_answer(
    running: ServiceFactory, gateway: Client, operator: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    answers = []

    async def keep(message: object) -> None:
        answers.append(message)

    await gateway.subscribe("gateway.replies.here", cb=keep)
    commands = [
        open_account(replyto="gateway.replies.here", traceparent=f"00-{n:032x}-{n:016x}-01") for n in range(1, 41)
    ]
    async with running():
        await send(gateway, [command.encode() for command in commands])
        events = await until(lambda: _at_least(operator, "WALLET_EVENTS", 40))
        await until(lambda: _async(len(answers) == 40))
    assert await effects(session) == sorted(c.data.account_id for c in commands)
    assert {e["causationid"] for e in events} == {str(c.id) for c in commands}
    assert {e["correlationid"] for e in events} == {"a-correlation-id"}
    assert [e["traceparent"][:35] for e in events] == [f"00-{n:032x}" for n in range(1, 41)]
    assert [int(e["sequence"]) for e in events] == sorted(int(e["sequence"]) for e in events)


async def test_a_message_delivered_twice_has_one_effect(
    running: ServiceFactory, gateway: Client, operator: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    payloads = [open_account().encode() for _ in range(20)]
    async with running(batch_size=7):
        await send(gateway, [payload for payload in payloads for _ in range(2)])
        await send(gateway, payloads)
        await until(lambda: _nothing_pending(operator))
    assert len(await effects(session)) == 20
    assert len(await stored(operator, "WALLET_EVENTS")) == 20


async def test_a_poison_message_becomes_a_dead_letter_and_its_neighbours_are_unharmed(
    running: ServiceFactory, gateway: Client, operator: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    commands = [open_account() for _ in range(9)]
    poison = commands[4]

    async def handle(tx: Transaction, batch: Sequence[Envelope[OpenAccount]]) -> None:
        await count_effects(tx, batch)
        if poison.id in {command.id for command in batch}:
            raise RuntimeError("cannot digest this")

    await send(gateway, [command.encode() for command in commands])
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with running(handle):
            (letter,) = await until(lambda: _at_least(operator, "DEAD_LETTERS", 1))
            await until(lambda: _nothing_pending(operator))
    assert await effects(session) == sorted(c.data.account_id for c in commands if c is not poison)
    about = [line["event_id"] for line in lines if line["event"] in {"will try again", "dead letter"}]
    assert about == [str(poison.id)] * 5, "what is logged of a message names it"
    assert letter["data"]["reason"] == "RuntimeError: cannot digest this"
    assert letter["data"]["deliveries"] == 5
    assert letter["data"]["consumer"] == DURABLE
    assert base64.b64decode(letter["data"]["payload"]) == poison.encode()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b"[1]",
        b"null",
        b'{"type":[]}',
        b'{"type":"ledgerlink.wallet.open_account.v1"}',
        open_account().encode().replace(b"open_account.v1", b"open_account.v9"),
        open_account(id=first_id_of(datetime.now(UTC) - timedelta(days=30))).encode(),
        open_account(id=first_id_of(datetime.now(UTC) + timedelta(days=30))).encode(),
    ],
    ids=["empty", "no-json", "list", "null", "type-is-a-list", "no-data", "other-type", "too-old", "from-the-future"],
)
async def test_what_cannot_be_read_is_a_dead_letter_at_once(
    payload: bytes,
    running: ServiceFactory,
    gateway: Client,
    operator: Client,
    session: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    good = open_account()
    await send(gateway, [payload, good.encode()])
    async with running():
        (letter,) = await until(lambda: _at_least(operator, "DEAD_LETTERS", 1))
        await until(lambda: _nothing_pending(operator))
    assert letter["data"]["deliveries"] == 1
    assert base64.b64decode(letter["data"]["payload"]) == payload
    assert await effects(session) == [good.data.account_id]


async def test_deliveries_that_were_no_fault_of_a_message_do_not_count_against_it(
    running: ServiceFactory,
    broker: NatsServer,
    gateway: Client,
    operator: Client,
    session: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    command = open_account()
    failures: list[int] = []

    async def handle(tx: Transaction, batch: Sequence[Envelope[OpenAccount]]) -> None:
        await count_effects(tx, batch)
        if len(failures) < 2:
            failures.append(1)
            raise RuntimeError("only at first")

    await send(gateway, [command.encode()])
    wallet = await broker.connect("wallet")
    inbox = wallet.new_inbox()
    delivered = await wallet.subscribe(inbox)
    for _ in range(6):  # as if six processes had been killed, or had waited in vain for their database
        await wallet.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{DURABLE}", b"1", reply=inbox)
        await (await delivered.next_msg(timeout=5)).nak()
    await wallet.close()
    async with running(handle):
        await until(lambda: _nothing_pending(operator))
    assert await stored(operator, "DEAD_LETTERS") == []
    assert await effects(session) == [command.data.account_id]


async def test_a_header_that_looks_like_the_servers_own_does_not_hide_a_message(
    running: ServiceFactory, gateway: Client, operator: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    command = open_account()
    await gateway.request(SUBJECT, command.encode(), timeout=5, headers={"Status": "100"})
    async with running():
        await until(lambda: _nothing_pending(operator))
    assert await effects(session) == [command.data.account_id]


@pytest.mark.usefixtures("broker")
async def test_a_message_too_large_for_a_dead_letter_is_refused_by_its_stream(gateway: Client) -> None:
    refusal = await gateway.request(SUBJECT, b"x" * (gateway.max_payload - 1024), timeout=5)
    assert b"message size exceeds maximum allowed" in refusal.data


async def test_the_largest_message_fits_into_a_dead_letter(
    running: ServiceFactory, gateway: Client, operator: Client
) -> None:
    payload = b"x" * MAX_MESSAGE_BYTES
    await send(gateway, [payload[: -len(SUBJECT) - 64]])
    async with running():
        await until(lambda: _at_least(operator, "DEAD_LETTERS", 1))


async def test_a_database_that_drops_its_connections_loses_and_repeats_nothing(
    running: ServiceFactory, gateway: Client, operator: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    cut: list[int] = []

    async def handle(tx: Transaction, batch: Sequence[Envelope[OpenAccount]]) -> None:
        await count_effects(tx, batch)
        if len(cut) < 3:
            cut.append(
                await session.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                    "AND usename = current_user"
                )
            )

    commands = [open_account() for _ in range(30)]
    async with running(handle, batch_size=10):
        await send(gateway, [command.encode() for command in commands])
        await until(lambda: _at_least(operator, "WALLET_EVENTS", 30), seconds=30)
        await until(lambda: _nothing_pending(operator))
    assert len(cut) == 3
    assert await effects(session) == sorted(c.data.account_id for c in commands)
    assert await stored(operator, "DEAD_LETTERS") == []


async def test_a_backlog_becomes_big_batches_and_a_lone_message_does_not_wait(
    running: ServiceFactory, gateway: Client, operator: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await send(gateway, [open_account().encode() for _ in range(200)])
    async with running(batch_size=64):
        await until(lambda: _nothing_pending(operator))
        sizes = [row["batch"] for row in await session.fetch("SELECT DISTINCT batch FROM effect")]
        assert max(sizes) > 16
        assert max(sizes) <= 64
        await send(gateway, [open_account().encode()])
        await until(lambda: _nothing_pending(operator))
    assert await session.fetchval("SELECT count(*) FROM effect WHERE batch = 1") >= 1


async def _async(value: object) -> object:
    return value


async def _at_least(operator: Client, stream: str, number: int) -> object:
    messages = await stored(operator, stream)
    return messages if len(messages) >= number else None


async def _nothing_pending(operator: Client) -> bool:
    info = await operator.jetstream(timeout=5).consumer_info(STREAM, DURABLE)
    return bool(info.num_pending == 0 and info.num_ack_pending == 0)
