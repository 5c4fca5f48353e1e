"""Requests that wait at the same time are answered together, and each gets its own answer."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from contracts.ids import new_id
from contracts.message import Envelope, Message, envelope_of
from contracts.wallet import GetBalance
from outbox.batching import Batching
from outbox.database import Database
from outbox.responder import Refused

NOBODY = cast("Database", None)


class Answer(Message):
    """Which request it answers."""

    to: str


class Answering:
    """Answers when the test lets it, and remembers the batches; a request named `poison` breaks its batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.began = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception = ValueError("poison")

    async def __call__(self, _database: Database, requests: Sequence[Envelope[Any]]) -> list[Message | Refused]:
        names = [request.correlationid for request in requests]
        self.batches.append(names)
        self.began.set()
        await self.gate.wait()
        if "poison" in names:
            raise self.error
        return [Refused("not_now", "No.") if name == "refused" else Answer(to=name) for name in names]


def request(name: str) -> Envelope[GetBalance]:
    return envelope_of(GetBalance)(
        id=new_id(),
        source="/ledgerlink/gateway",
        type=GetBalance.contract.type,
        time=datetime.now(UTC),
        correlationid=name,
        data=GetBalance(account_id=new_id()),
    )


async def asked(batching: Batching, names: Sequence[str]) -> list[Any]:
    answers = await asyncio.gather(*(batching(NOBODY, request(name)) for name in names), return_exceptions=True)
    return [answer.to if isinstance(answer, Answer) else answer for answer in answers]


async def test_a_lone_request_is_answered_at_once() -> None:
    answering = Answering()
    assert await asked(Batching(answering, 64, 64), ["one"]) == ["one"]
    assert answering.batches == [["one"]]


async def test_what_comes_while_a_batch_is_answered_makes_the_next_one() -> None:
    answering = Answering()
    answering.gate.clear()
    batching = Batching(answering, most=3, waiting=64)
    first = asyncio.create_task(asked(batching, ["first"]))
    await answering.began.wait()
    others = asyncio.create_task(asked(batching, ["a", "b", "c", "d"]))
    await asyncio.sleep(0)
    answering.gate.set()
    assert await first == ["first"]
    assert await others == ["a", "b", "c", "d"]
    assert answering.batches == [["first"], ["a", "b", "c"], ["d"]]


async def test_a_refusal_is_of_one_request_only() -> None:
    one, refused, other = await asked(Batching(Answering(), 64, 64), ["one", "refused", "other"])
    assert (one, other) == ("one", "other")
    assert isinstance(refused, Refused)
    assert refused.problem.code == "not_now"


async def test_a_request_that_breaks_its_batch_fails_alone() -> None:
    answering = Answering()
    answers = await asked(Batching(answering, 64, 64), ["a", "b", "poison", "c", "d"])
    assert answers == ["a", "b", answering.error, "c", "d"]


async def test_while_the_database_is_away_nothing_is_tried_twice() -> None:
    answering = Answering()
    answering.error = ConnectionRefusedError("away")
    assert await asked(Batching(answering, 64, 64), ["a", "poison"]) == [answering.error] * 2
    assert answering.batches == [["a", "poison"]]


async def test_more_than_may_wait_are_refused() -> None:
    answering = Answering()
    answering.gate.clear()
    batching = Batching(answering, most=1, waiting=2)
    waiting = asyncio.create_task(asked(batching, ["first", "second", "third"]))
    await answering.began.wait()
    answering.gate.set()
    first, second, third = await waiting
    assert (first, second) == ("first", "second")
    assert isinstance(third, Refused)
    assert third.problem.code == "overloaded"


async def test_who_waits_no_more_does_not_stop_the_others() -> None:
    answering = Answering()
    answering.gate.clear()
    batching = Batching(answering, 64, 64)
    gone = asyncio.create_task(batching(NOBODY, request("gone")))
    await answering.began.wait()
    gone.cancel()
    answering.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await asked(batching, ["next"]) == ["next"]


async def test_whoever_gets_no_answer_is_told_so() -> None:
    async def forgetful(_database: Database, requests: Sequence[Envelope[Any]]) -> list[Message | Refused]:
        return [Answer(to=request.correlationid) for request in requests if request.correlationid != "forgotten"]

    async with asyncio.timeout(10):
        first, forgotten, last = await asked(Batching(forgetful, most=8, waiting=8), ["first", "forgotten", "last"])
    assert (first, last) == ("first", "last")
    assert isinstance(forgotten, ValueError)
