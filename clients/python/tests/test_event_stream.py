"""Server-sent events over connections that get lost."""

from collections.abc import AsyncIterator

import httpx
import pytest

from ledgerlink_client import AccessToken, NoAnswerError, NotFoundError
from ledgerlink_client.event_stream import EventParser, ServerSentEvent
from scripted_api import INTENT, Api, problem, steady

ANN = AccessToken("ann")


def _stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def test_lines_become_events_as_the_standard_says() -> None:
    parser = EventParser()
    lines = ["retry: 1000", "", ": hello", "", "id: 1", "event: a", "data: x", "data:y", "", "data: z", ""]
    events = [event for line in lines if (event := parser.take(line))]
    assert events == [ServerSentEvent("1", "a", "x\ny"), ServerSentEvent("1", "message", "z")]


async def test_a_lost_stream_is_taken_up_where_it_was_lost_until_there_is_no_more() -> None:
    one, two = 'id: 1\nevent: a\ndata: {"n":1}\n\n', 'id: 2\nevent: b\ndata: {"n":2}\n\n'
    api = Api(
        [
            _stream(one + "id: 2\ndata: {"),
            httpx.ReadError("lost"),
            problem(503, "unavailable", {"Retry-After": "1"}),
            _stream(two),
            httpx.Response(204),
        ]
    )
    events = [event async for event in api.client(ANN).payment_intents.events(INTENT["id"])]
    assert [(event.id, event.type, event.data) for event in events] == [("1", "a", {"n": 1}), ("2", "b", {"n": 2})]
    assert [request.headers.get("Last-Event-ID") for request in api.asked] == [None, "1", "1", "1", "2"]


async def test_following_ends_when_it_is_refused_or_takes_too_long() -> None:
    with pytest.raises(NotFoundError):
        _ = [e async for e in Api([problem(404, "x")]).client(ANN).payment_intents.events(INTENT["id"])]
    api = Api([_stream(": still open\n\n") for _ in range(200)])
    with pytest.raises(NoAnswerError):
        _ = [e async for e in api.client(ANN, steady()).payment_intents.events(INTENT["id"], seconds=10)]
    assert api.clock.now <= 10


async def test_a_connection_that_never_ends_is_not_followed_for_longer_either() -> None:
    api = Api()

    async def heartbeats() -> AsyncIterator[bytes]:
        for number in range(200):
            yield f"id: {number}\ndata: {{}}\n\n: still open\n\n".encode()
            await api.clock.sleep(1)

    api.script.append(httpx.Response(200, content=heartbeats(), headers={"Content-Type": "text/event-stream"}))
    events = api.client(ANN).payment_intents.events(INTENT["id"], seconds=10)
    assert [(await anext(events)).id for _ in range(10)] == [str(number) for number in range(10)]
    with pytest.raises(NoAnswerError):
        await anext(events)
    assert api.asked[0].extensions["timeout"]["read"] == 10  # nor is silence waited for beyond that
