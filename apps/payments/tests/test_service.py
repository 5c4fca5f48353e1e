"""The whole process on a real broker, with every NATS user's own permissions; risk and ledger are scripted."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from cryptography.fernet import Fernet
from nats.aio.client import Client
from pydantic import SecretStr

from apps.payments.main import build
from apps.payments.settings import PaymentsSettings
from apps.payments.tests.building import GATEWAY, PAYER, approval, create, decline, enveloped, posted
from contracts.message import Envelope, Message, Outcome, Reply, decode
from contracts.payments import GetPaymentIntent, PaymentIntent, PaymentStatus
from contracts.risk import Assess, RiskDecision
from contracts.wallet import PostTransfer, TransferPosted
from tests.fresh_databases import FreshDatabase
from tests.servers import NatsServer

M = TypeVar("M", bound=Message)
PATIENCE = 20.0
EXPENSIVE = 100_000


@asynccontextmanager
async def connected(nats_server: NatsServer, user: str) -> AsyncIterator[Client]:
    connection = await nats_server.connect(user)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def answering(
    connection: Client, durable: str, message: type[M], answer: Callable[[Envelope[M]], tuple[str, bytes]]
) -> AsyncIterator[None]:
    """Play another service: answer each of a durable's messages, always twice."""
    stream = str(message.contract.stream)
    jetstream = connection.jetstream()
    pull = await jetstream.pull_subscribe_bind(durable, stream)

    async def play() -> None:
        while True:
            try:
                arrived = await pull.fetch(10, timeout=1)
            except TimeoutError:
                continue
            for one in arrived:
                subject, payload = answer(decode(one.data, message))
                await jetstream.publish(subject, payload)
                await jetstream.publish(subject, payload)
                await one.ack()

    playing = asyncio.create_task(play())
    try:
        yield
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


def risk(asked: Envelope[Assess]) -> tuple[str, bytes]:
    decision: Envelope[RiskDecision] = decline(asked.data) if asked.data.amount >= EXPENSIVE else approval(asked.data)
    return str(asked.replyto), decision.encode()


def ledger(asked: Envelope[PostTransfer]) -> tuple[str, bytes]:
    return TransferPosted.contract.subject, posted(asked.data).encode()


@asynccontextmanager  # not a fixture: FastStream's life cycle must end in the task that began it
async def gateway_of(nats_server: NatsServer, payments_database: FreshDatabase) -> AsyncIterator[Client]:
    """A gateway's connection beside a running payments service, risk and ledger."""
    await nats_server.provision()
    settings = PaymentsSettings(
        database_url=SecretStr(payments_database.url),
        nats_url=nats_server.url,
        nats_seed=SecretStr(nats_server.seeds["payments"]),
        webhook_signing_key=SecretStr(base64.b64encode(bytes(32)).decode()),
        secrets_key=SecretStr(Fernet.generate_key().decode()),
        http_port=1,  # nothing is served: only the life cycle runs, without the HTTP server around it
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(build(settings).app().start_lifespan_context())
        for user, durable, message, answer in (
            ("risk", "risk-assess", Assess, risk),
            ("wallet", "wallet-ledger", PostTransfer, ledger),
        ):
            connection = await stack.enter_async_context(connected(nats_server, user))
            await stack.enter_async_context(answering(connection, durable, message, answer))  # type: ignore[arg-type]
        yield await stack.enter_async_context(connected(nats_server, "gateway"))


async def final_answers(gateway: Client, *commands: Envelope[Message]) -> list[Reply]:
    """Send each command twice; return each one's final answer. Raises TimeoutError."""
    answers: dict[object, Reply] = {}
    replies = await gateway.subscribe(GATEWAY)
    for command in commands * 2:
        await gateway.jetstream().publish(command.data.contract.subject, command.encode())
    async with asyncio.timeout(PATIENCE):
        while len(answers) < len(commands):
            reply = decode((await replies.next_msg(timeout=PATIENCE)).data, Reply)
            if reply.data.outcome is not Outcome.ACCEPTED:
                assert reply.causationid not in answers
                answers[reply.causationid] = reply.data
    return [answers[command.id] for command in commands]


async def test_payments_go_through_though_every_message_comes_twice(
    nats_server: NatsServer, payments_database: FreshDatabase
) -> None:
    commands = [create(amount=amount) for amount in (100, EXPENSIVE, 200)]
    async with gateway_of(nats_server, payments_database) as gateway:
        replies = await final_answers(gateway, *commands)
    assert [reply.outcome for reply in replies] == [Outcome.COMPLETED] * 3
    assert [reply.problem.code if reply.problem else None for reply in replies] == [None, "payment_declined", None]
    statuses = [PaymentIntent.model_validate(reply.resource).status for reply in replies]
    assert statuses == [
        PaymentStatus.SUCCEEDED,
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        PaymentStatus.SUCCEEDED,
    ]


async def test_the_intent_can_be_read_over_nats(nats_server: NatsServer, payments_database: FreshDatabase) -> None:
    command = create(amount=300)
    question = enveloped(GetPaymentIntent(id=command.data.payment_intent_id, customer=PAYER))
    async with gateway_of(nats_server, payments_database) as gateway:
        (final,) = await final_answers(gateway, command)
        answer = await gateway.request(GetPaymentIntent.contract.subject, question.encode(), timeout=PATIENCE)
    assert decode(answer.data, Reply).data.resource == final.resource
