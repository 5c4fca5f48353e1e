"""Dead letters: which messages their consumers gave up, why, and giving one to the same consumer again.

A replay is the same message with the same id, on a subject that only its consumer reads. So what the inbox knows of it
holds: a consumer that has handled the message drops the replay, and one that has not handles it once, however often it
is replayed. Whoever else read the message does not hear of it.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel

from contracts.message import DeadLetter, Envelope
from contracts.topology import DEAD_LETTERS, Durable, durable
from ops.read_only import read_only
from ops.stack.errors import StackError
from outbox.database import Reads
from outbox.publisher import PUBLISH_SECONDS, stream_state

MOST = 1000
"""Letters that are read at once."""
FindDatabase = Callable[[str], str]
"""Returns the URL of a service's database."""
_LOOK_SECONDS = 0.2
_HANDLED = "SELECT message_id, recorded_at FROM inbox WHERE consumer = $1 AND message_id = ANY ($2::uuid[])"


class Letter(BaseModel):
    """A dead letter; `number` is its place in the stream of dead letters.

    Of a message that is no envelope, its own id, type and correlation id are None. `handled_at` is when its consumer
    has handled it all the same, since; `is_late` says that its sender gave up waiting: it would only be refused.
    """

    number: int
    at: datetime
    id: UUID
    service: str
    consumer: str
    reason: str
    deliveries: int
    stream: str
    stream_sequence: int
    subject: str
    message_id: UUID | None
    message_type: str | None
    correlation_id: str | None
    is_late: bool
    handled_at: datetime | None = None
    message: Any = None


class Outcome(StrEnum):
    """What became of a replay."""

    HANDLED = "handled"
    ALREADY_HANDLED = "already_handled"
    DEAD_AGAIN = "dead_again"
    WAITING = "waiting"


class Replay(BaseModel):
    """A dead letter that was given to its consumer again; `reason` tells why it is a dead letter again."""

    number: int
    message_id: UUID | None
    consumer: str
    outcome: Outcome
    reason: str | None = None


async def letters(
    nc: Client, service: str | None = None, consumer: str | None = None, *, after: int = 0, limit: int = MOST
) -> list[Letter]:
    """Return dead letters, oldest first, those with a number above `after`."""
    found = [letter async for letter in _letters(nc, f"dlq.{service or '*'}.{consumer or '*'}", after, limit)]
    return [letter for letter, _ in found]


async def find(nc: Client, number: int) -> Letter:
    """Return one dead letter with its message. Raises StackError when there is none of that number."""
    async for letter, payload in _letters(nc, "dlq.*.*", number - 1, 1):
        if letter.number == number:
            return letter.model_copy(update={"message": _readable(payload)})
    raise StackError(f"there is no dead letter {number}; see `ledgerlink dlq list`")


async def handled(find_database: FindDatabase, found: Sequence[Letter]) -> list[Letter]:
    """Return the letters with when their consumers have handled them since, as the services' inboxes say.

    Raises OSError or asyncpg.PostgresError when a database cannot be read.
    """
    async with _Inboxes(find_database) as inboxes:
        at = await inboxes.handled_at(found)
    return [letter.model_copy(update={"handled_at": at.get(letter.number)}) for letter in found]


async def replay(nc: Client, find_database: FindDatabase, numbers: Sequence[int], wait_seconds: float) -> list[Replay]:
    """Give dead letters to their consumers again, in this order, and wait for what becomes of them.

    A letter is removed once the broker has its message; one whose message was handled since is only removed. Raises
    StackError when a letter, or its consumer, does not exist (and replays none), and broker's and database's errors.
    """
    found = [await _found(nc, number) for number in numbers]
    async with _Inboxes(find_database) as inboxes:
        known = await inboxes.handled_at([letter for letter, _, _ in found])
        sent = [one for one in found if one[0].number not in known]
        last = await stream_state(nc, DEAD_LETTERS)
        for letter, consumer, payload in sent:
            await _send(nc, letter, consumer, payload)
            await drop(nc, letter.number)
        for number in known:
            await drop(nc, number)
        waited_for = [letter for letter, _, _ in sent]
        outcomes = await _outcomes(nc, inboxes, waited_for, last.last_sequence if last else 0, wait_seconds)
    for number in known:
        outcomes[number] = (Outcome.ALREADY_HANDLED, None)
    return [
        Replay(number=x.number, message_id=x.message_id, consumer=x.consumer, outcome=o, reason=reason)
        for x, _, _ in found
        for o, reason in [outcomes[x.number]]
    ]


async def drop(nc: Client, number: int) -> None:
    """Remove one dead letter. Raises StackError when there is none of that number."""
    query = orjson.dumps({"seq": number, "no_erase": True})
    answer = await nc.request(f"$JS.API.STREAM.MSG.DELETE.{DEAD_LETTERS}", query, timeout=PUBLISH_SECONDS)
    if error := orjson.loads(answer.data).get("error"):
        raise StackError(f"dead letter {number} is not removed: {error.get('description')}")


async def _found(nc: Client, number: int) -> tuple[Letter, Durable, bytes]:
    async for letter, payload in _letters(nc, "dlq.*.*", number - 1, 1):
        if letter.number != number:
            break
        try:
            return letter, durable(letter.consumer), payload
        except KeyError:
            raise StackError(f"dead letter {number}: there is no consumer {letter.consumer} any more") from None
    raise StackError(f"there is no dead letter {number}; see `ledgerlink dlq list`")


async def _send(nc: Client, letter: Letter, consumer: Durable, payload: bytes) -> None:
    """Publish the very message. A second replay of a letter within minutes the stream itself drops."""
    headers = {"Nats-Msg-Id": f"replay-{letter.id}", "Nats-Expected-Stream": consumer.stream}
    answer = await nc.request(consumer.replays, payload, timeout=PUBLISH_SECONDS, headers=headers)
    told = orjson.loads(answer.data) if answer.data else {"error": {"description": "no stream takes it"}}
    if error := told.get("error"):
        raise StackError(f"dead letter {letter.number} is not replayed: {error.get('description')}")


async def _outcomes(
    nc: Client, inboxes: "_Inboxes", sent: Sequence[Letter], last: int, wait_seconds: float
) -> dict[int, tuple[Outcome, str | None]]:
    """Look into inboxes, and for dead letters after the `last`, until all is known or the time is over."""
    outcomes: dict[int, tuple[Outcome, str | None]] = {}
    deadline = time.monotonic() + wait_seconds
    while waiting := [letter for letter in sent if letter.number not in outcomes]:
        outcomes |= dict.fromkeys(await inboxes.handled_at(waiting), (Outcome.HANDLED, None))
        for again in await letters(nc, after=last):
            last = again.number
            outcomes |= {x.number: (Outcome.DEAD_AGAIN, again.reason) for x in waiting if _same(again, x)}
        if time.monotonic() > deadline:
            return {letter.number: (Outcome.WAITING, None) for letter in sent} | outcomes
        await asyncio.sleep(_LOOK_SECONDS)
    return outcomes


def _same(one: Letter, other: Letter) -> bool:
    return one.consumer == other.consumer and one.message_id == other.message_id


async def _letters(nc: Client, subject: str, after: int, limit: int) -> AsyncIterator[tuple[Letter, bytes]]:
    """Yield dead letters past a number, and what each one's consumer was given (direct get of the next by subject)."""
    for _ in range(limit):
        query = orjson.dumps({"seq": after + 1, "next_by_subj": subject})
        answer = await nc.request(f"$JS.API.DIRECT.GET.{DEAD_LETTERS}", query, timeout=PUBLISH_SECONDS)
        headers = answer.headers or {}
        if headers.get("Status"):
            return
        letter, payload = _parsed(answer, headers)
        after = letter.number
        yield letter, payload


def _parsed(stored: Msg, headers: Mapping[str, str]) -> tuple[Letter, bytes]:
    envelope = Envelope[DeadLetter].model_validate_json(stored.data)
    data, payload = envelope.data, base64.b64decode(envelope.data.payload)
    _, service, consumer = headers["Nats-Subject"].split(".")
    event = _event(payload)
    return Letter(
        number=int(headers["Nats-Sequence"]),
        at=envelope.time,
        id=envelope.id,
        service=service,
        consumer=consumer,
        reason=data.reason,
        deliveries=data.deliveries,
        stream=data.stream,
        stream_sequence=data.stream_sequence,
        subject=data.subject,
        message_id=_uuid(event.get("id")),
        message_type=_text(event.get("type")),
        correlation_id=_text(event.get("correlationid")),
        is_late=_is_past(event.get("deadline")),
    ), payload


def _event(payload: bytes) -> dict[str, Any]:
    """Return a message's attributes, none of what is no JSON object: a dead letter may hold anything."""
    try:
        event = orjson.loads(payload)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _readable(payload: bytes) -> Any:
    """Return a message as JSON, or else as text."""
    return _event(payload) or payload.decode(errors="replace")


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_past(value: object) -> bool:
    try:
        return datetime.fromisoformat(str(value)) < datetime.now(UTC)
    except (ValueError, TypeError):
        return False


class _Inboxes:
    """The services' inboxes, each opened when it is first looked into."""

    def __init__(self, find_database: FindDatabase) -> None:
        self._find_database = find_database
        self._open: dict[str, Reads] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def handled_at(self, found: Sequence[Letter]) -> dict[int, datetime]:
        """Return the numbers of those letters whose consumers have handled their messages, and when."""
        at: dict[int, datetime] = {}
        for service, consumer in {(letter.service, letter.consumer) for letter in found}:
            mine = [x for x in found if (x.service, x.consumer) == (service, consumer) and x.message_id]
            rows = await (await self._reads(service)).fetch(_HANDLED, consumer, [x.message_id for x in mine])
            when = {row["message_id"]: row["recorded_at"] for row in rows}
            at |= {x.number: when[x.message_id] for x in mine if x.message_id in when}
        return at

    async def _reads(self, service: str) -> Reads:
        if service not in self._open:
            self._open[service] = Reads(await self._stack.enter_async_context(read_only(self._find_database(service))))
        return self._open[service]
