"""Questions from one service to another, over a real NATS server with the permissions of both."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.ids import new_id
from contracts.message import Envelope
from contracts.wallet import Effects, GetBalance, GetEffects, RefusedEffect
from outbox.database import Database
from outbox.requester import NoAnswerError, RefusedError, Requester
from outbox.responder import Refused, Responder
from tests.servers import NatsServer

QUESTION = GetEffects(ids=[new_id(), new_id()])
Owner = Callable[[Callable[[Msg], Awaitable[None]]], AbstractAsyncContextManager[None]]


@pytest.fixture
async def payments(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await nats_server.connect("payments")
    yield client
    await client.close()


@pytest.fixture
def owner(nats_server: NatsServer) -> Owner:
    @asynccontextmanager
    async def answering(respond: Callable[[Msg], Awaitable[None]]) -> AsyncIterator[None]:
        wallet = await nats_server.connect("wallet")
        await wallet.subscribe(GetEffects.contract.subject, cb=respond)
        for _ in range(2):  # its ping overtakes what is still to be sent
            await wallet.flush()
        yield
        await wallet.close()

    return answering


def _requester(client: Client, seconds: float = 2.0) -> Requester:
    async def connect() -> Client:
        return client

    return Requester("payments", connect, seconds)


def _responding(answer: Callable[[Envelope[GetEffects]], Effects]) -> Callable[[Msg], Awaitable[None]]:
    async def read(_database: Database, query: Envelope[GetEffects]) -> Effects:
        return answer(query)

    responder = Responder(GetEffects, read, Database("postgresql://nowhere", 2), "wallet")

    async def respond(message: Msg) -> None:
        await message.respond(await responder.respond(message.data))

    return respond


async def test_the_owner_answers(payments: Client, owner: Owner) -> None:
    asked: list[Envelope[GetEffects]] = []
    effects = Effects(transfers=[], holds=[], refused=[RefusedEffect(id=QUESTION.ids[0], code="insufficient_funds")])

    def answer(query: Envelope[GetEffects]) -> Effects:
        asked.append(query)
        return effects

    async with owner(_responding(answer)):
        assert await _requester(payments).ask(QUESTION, Effects) == effects
    [question] = asked
    assert question.data == QUESTION
    assert question.source == "/ledgerlink/payments"
    assert question.deadline is not None


async def test_a_refusal_says_why(payments: Client, owner: Owner) -> None:
    def refuse(_query: Envelope[GetEffects]) -> Effects:
        raise Refused("too_many_effects", "Ask for fewer ids.", "ids")

    async with owner(_responding(refuse)):
        with pytest.raises(RefusedError) as refusal:
            await _requester(payments).ask(QUESTION, Effects)
    assert refusal.value.problem.code == "too_many_effects"


async def test_an_owner_in_trouble_gives_no_answer(payments: Client, owner: Owner) -> None:
    def fail(_query: Envelope[GetEffects]) -> Effects:
        raise RuntimeError("broken")

    async with owner(_responding(fail)):
        with pytest.raises(NoAnswerError, match="unavailable"):
            await _requester(payments).ask(QUESTION, Effects)


async def test_an_answer_of_another_shape_is_none(payments: Client, owner: Owner) -> None:
    async def respond(message: Msg) -> None:
        await message.respond(b'{"not": "a reply"}')

    async with owner(respond):
        with pytest.raises(NoAnswerError, match="ValidationError"):
            await _requester(payments).ask(QUESTION, Effects)


async def test_nobody_there_is_told_at_once(payments: Client) -> None:
    started = time.monotonic()
    with pytest.raises(NoAnswerError):
        await _requester(payments, seconds=30).ask(QUESTION, Effects)
    assert time.monotonic() - started < 10


async def test_silence_has_an_end(payments: Client, owner: Owner) -> None:
    async def say_nothing(_message: Msg) -> None:
        await asyncio.sleep(0)

    async with owner(say_nothing):
        with pytest.raises(NoAnswerError):
            await _requester(payments, seconds=0.2).ask(QUESTION, Effects)


async def test_the_broker_takes_only_questions_that_are_the_services_to_ask(payments: Client) -> None:
    with pytest.raises(NoAnswerError):
        await _requester(payments, seconds=0.3).ask(GetBalance(account_id=new_id()), Effects)
