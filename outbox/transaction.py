"""One transaction per batch: inbox, state, idempotency keys and outbox commit together, and only then is it said."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from pydantic import UUID7, BaseModel, ConfigDict

from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Outcome, Problem, Reply
from contracts.topology import stream_of
from outbox.cooperation import let_others_go_on
from outbox.database import Connection, Database, Reads, columns
from outbox.envelopes import data_json, envelope_json
from outbox.publisher import Said
from outbox.tracing import producer_context, statement

# A commit takes its turn here, so the outbox's order is its commit order and one number is a whole cursor (ADR 2).
_TURN = 7002

# Returns those that are there already, which are few: what is returned costs both sides as much as what is inserted.
_RECORD = """
WITH recorded AS (
    INSERT INTO inbox (message_id, consumer)
    SELECT id, $2 FROM unnest($1::uuid[]) AS id ORDER BY id
    ON CONFLICT DO NOTHING RETURNING message_id
)
SELECT id FROM unnest($1::uuid[]) AS id EXCEPT SELECT message_id FROM recorded
"""
# Nobody else takes positions during this transaction's turn, so the first one tells them all.
_APPEND = """
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($1)), appended AS (
    INSERT INTO outbox (event_id, stream, subject, envelope)
    SELECT said.event_id, said.stream, said.subject, said.envelope::json
    FROM turn, unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
         AS said (event_id, stream, subject, envelope, n)
    ORDER BY said.n
    RETURNING position
)
SELECT min(position) FROM appended
"""
_CLAIM = """
INSERT INTO idempotency_key (scope, key, fingerprint)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS claim (scope, key, fingerprint) ORDER BY scope, key
ON CONFLICT DO NOTHING RETURNING scope, key
"""
_PRIOR = """
SELECT scope, key, fingerprint, answer
FROM idempotency_key JOIN unnest($1::text[], $2::text[]) AS asked (scope, key) USING (scope, key)
"""
_SETTLE = """
UPDATE idempotency_key AS k SET answer = a.answer::json
FROM unnest($1::text[], $2::text[], $3::text[]) AS a (scope, key, answer)
WHERE k.scope = a.scope AND k.key = a.key
"""

KEY_REUSED = Problem(
    code="idempotency_key_reused",
    detail="This Idempotency-Key was used with another request; use a new key for a new request.",
    parameter="Idempotency-Key",
)
KEY_IN_PROGRESS = Problem(
    code="idempotency_key_in_progress",
    detail="The first request with this Idempotency-Key is still being worked on; ask again in a moment.",
    parameter="Idempotency-Key",
)

TOO_LATE = Problem(
    code="deadline_exceeded",
    detail="The request waited too long and was not executed. Send it again, with the same Idempotency-Key.",
)


class Request(BaseModel):
    """Who asked: enough to answer a command later, from another transaction; a room stores it as JSON."""

    model_config = ConfigDict(frozen=True)

    id: UUID7
    correlationid: str
    traceparent: str | None = None
    replyto: str | None = None
    idempotency: Idempotency | None = None

    @classmethod
    def of(cls, command: Envelope[Message]) -> "Request":
        """Take the address out of a command."""
        return cls(
            id=command.id,
            correlationid=command.correlationid,
            traceparent=command.traceparent,
            replyto=command.replyto,
            idempotency=getattr(command.data, "idempotency", None),
        )


Cause = Envelope[Message] | Request
C = TypeVar("C", bound=Message)


@dataclass
class Spoken:
    """What a committed transaction leaves to do: rows to publish (stream, row), in order, and replies to send.

    `wakes` are workers of this process for whom there is work now; they look for it now and then anyway.
    """

    said: list[tuple[str, Said]] = field(default_factory=list)
    replies: list[tuple[str, bytes]] = field(default_factory=list)
    wakes: set[str] = field(default_factory=set)


class Transaction(Reads):
    """A write session that becomes one commit. Nothing leaves the service before that commit."""

    def __init__(self, connection: Connection, service: str) -> None:
        super().__init__(connection)
        self.now = datetime.now(UTC)
        self.spoken = Spoken()
        self._service = service
        self._outgoing: list[tuple[UUID, str, str, str]] = []
        self._answers: list[tuple[str, str, str]] = []

    async def execute(self, query: str, *parameters: object) -> None:
        """Write."""
        with statement(query):
            await self._connection.execute(query, *parameters)

    async def meanwhile(self, write: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
        """Let the database write while this process works, on what needs none of the written: what is to be said."""
        writing = asyncio.create_task(write)
        try:
            await let_others_go_on()
            await work
        finally:
            work.close()  # if it never began
            await writing

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what the block wrote, and only that, when it raises."""
        async with self._connection.transaction():
            yield

    async def take_new(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Record messages as consumed; return those that this consumer had not consumed before."""
        asked = set(ids)
        return asked.difference(row["id"] for row in await self.fetch(_RECORD, list(asked), consumer))

    def say(
        self, message: Message, cause: Cause | None, *, subject: str | None = None, replyto: str | None = None
    ) -> None:
        """Put a message in the outbox; `cause` is the envelope or request that it follows from."""
        self.say_encoded(type(message), data_json(message), cause, subject=subject, replyto=replyto)

    def say_encoded(
        self,
        kind: type[Message],
        data: bytes,
        cause: Cause | None,
        *,
        subject: str | None = None,
        replyto: str | None = None,
    ) -> UUID:
        """Put a message in the outbox that is encoded already, and return its id.

        `data` is the JSON of a message of this kind.
        """
        identifier = new_id()
        target = subject or kind.contract.subject
        envelope = self._envelope(identifier, kind, data, cause, replyto)
        self._outgoing.append((identifier, stream_of(target), target, envelope.decode()))
        return identifier

    def answer(self, request: Cause, reply: Reply) -> None:
        """Answer a command after the commit; a final answer is also kept under its idempotency key."""
        if isinstance(request, Envelope):
            request = Request.of(request)
        if request.idempotency and reply.outcome is not Outcome.ACCEPTED:
            kept = reply.model_dump_json(exclude_none=True)
            self._answers.append((request.idempotency.scope, request.idempotency.key, kept))
        self._send(request, reply)

    def wake(self, worker: str) -> None:
        """Wake a worker of this process after the commit: there is work for it (outbox.workers)."""
        self.spoken.wakes.add(worker)

    async def first_time(self, commands: Sequence[Envelope[C]]) -> list[Envelope[C]]:
        """Claim the commands' idempotency keys; answer late and repeated commands, return the others.

        A late command whose key was used before is a repetition too. Any other late command is refused without a claim:
        nobody waits for it any more, and its key must stay free for the retry.
        """
        claims: dict[tuple[str, str], Envelope[C]] = {}
        answerable = [
            command
            for command in commands
            if command.is_late(self.now) or claims.setdefault(_key_of(command), command) is not command
        ]
        asked = [(*name, _idempotency_of(command).fingerprint) for name, command in claims.items()]
        rows = await self.fetch(_CLAIM, *columns(asked, 3)) if asked else []
        won = {(row["scope"], row["key"]) for row in rows}
        answerable += [command for name, command in claims.items() if name not in won]
        if answerable:
            await self._answer_without_doing(answerable)
        return [command for name, command in claims.items() if name in won]

    async def _answer_without_doing(self, commands: Sequence[Envelope[C]]) -> None:
        keys = sorted({_key_of(command) for command in commands})
        prior = {(r["scope"], r["key"]): r for r in await self.fetch(_PRIOR, *columns(keys, 2))}
        for command in commands:
            reply = _reply_to_repetition(_idempotency_of(command), prior.get(_key_of(command)))
            self._send(Request.of(command), reply)

    def _send(self, request: Request, reply: Reply) -> None:
        if request.replyto:
            self.spoken.replies.append((request.replyto, self._envelope(new_id(), Reply, data_json(reply), request)))

    def _envelope(
        self, identifier: UUID, kind: type[Message], data: bytes, cause: Cause | None, replyto: str | None = None
    ) -> bytes:
        return envelope_json(
            identifier,
            self._service,
            kind,
            data,
            correlation=cause.correlationid if cause else None,
            causation=cause.id if cause else None,
            traceparent=producer_context(cause.traceparent if cause else None, kind.contract.type),
            replyto=replyto,
        )

    async def flush(self) -> None:
        """Write answers and outgoing messages: the last statements before the commit."""
        if self._answers:
            await self.execute(_SETTLE, *columns(self._answers, 3))
        if self._outgoing:
            [[first]] = await self.fetch(_APPEND, _TURN, *columns(self._outgoing, 4))
            self.spoken.said = [
                (stream, Said(position, event_id, subject, envelope))
                for position, (event_id, stream, subject, envelope) in enumerate(self._outgoing, start=first)
            ]


def _idempotency_of(command: Envelope[C]) -> Idempotency:
    idempotency: Idempotency = command.data.idempotency  # type: ignore[attr-defined]
    return idempotency


def _key_of(command: Envelope[C]) -> tuple[str, str]:
    asked = _idempotency_of(command)
    return asked.scope, asked.key


def _reply_to_repetition(asked: Idempotency, prior: asyncpg.Record | None) -> Reply:
    """Return the answer to a command that is not executed; `prior` is what its key was used for, if it was."""
    if prior is None:
        return Reply(outcome=Outcome.REFUSED, problem=TOO_LATE)
    if prior["fingerprint"] != asked.fingerprint:
        return Reply(outcome=Outcome.REFUSED, problem=KEY_REUSED)
    if prior["answer"] is None:
        return Reply(outcome=Outcome.REFUSED, problem=KEY_IN_PROGRESS)
    return Reply.model_validate_json(prior["answer"])


class Transactions:
    """Begins transactions, and tells the relay and the reply sender once one has committed."""

    def __init__(self, database: Database, service: str, after_commit: Callable[[Spoken], Awaitable[None]]) -> None:
        self._database = database
        self._service = service
        self._after_commit = after_commit

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Lend a transaction: it commits when the block ends, rolls back when the block raises."""
        async with self._database.lent() as connection:
            async with connection.transaction():
                transaction = Transaction(connection, self._service)
                yield transaction
                await transaction.flush()
            await self._after_commit(transaction.spoken)
