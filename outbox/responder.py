"""Answers queries: core NATS request/reply, one envelope in, one out; trouble becomes an answer, never silence."""

import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import ValidationError

from contracts.ids import new_id
from contracts.message import SOURCE_PREFIX, Envelope, Message, Outcome, Problem, Reply, decode, envelope_of
from outbox.database import Database
from outbox.logs import about
from outbox.metrics import QUERIES, QUERY_SECONDS
from outbox.tracing import answering

_LOG = structlog.get_logger()

Answerer = Callable[[Database, Envelope[Any]], Awaitable[Message]]


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The query's answer is no: the problem says why, and after how many seconds asking again may help."""

    def __init__(self, code: str, detail: str, parameter: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.problem = Problem(code=code, detail=detail, parameter=parameter, retry_after=retry_after)


class Responder:
    """Turns one query type's requests into replies. `unavailable` and `invalid_message` are the two it adds itself."""

    def __init__(self, query: type[Message], answer: Answerer, database: Database, service: str) -> None:
        self.subject = query.contract.subject
        self._answer = answer
        self._database = database
        self._source = SOURCE_PREFIX + service
        self._query = query

    async def respond(self, payload: bytes) -> bytes:
        """Return the encoded reply to an encoded query."""
        request: Envelope[Message] | None = None
        started = time.perf_counter()
        with ExitStack() as lines:
            try:
                request = decode(payload, self._query)
                lines.enter_context(about(request))
                with answering(f"process {self.subject}", request.traceparent):
                    resource = await self._answer(self._database, request)
                reply = Reply(outcome=Outcome.COMPLETED, resource=resource.model_dump(mode="json", exclude_none=True))
            except Refused as refusal:
                reply = Reply(outcome=Outcome.REFUSED, problem=refusal.problem)
            except ValidationError as error:
                places = sorted({".".join(map(str, e["loc"])) for e in error.errors(include_input=False)})
                reply = _refusal("invalid_message", f"Not a valid query: {', '.join(places)}")
            except Exception:  # noqa: BLE001 - whatever went wrong, the asker gets an answer and the log the trace
                _LOG.exception("query failed", subject=self.subject)
                reply = _refusal("unavailable", "The service cannot answer now; ask again.")
        QUERIES.labels(self.subject, reply.problem.code if reply.problem else reply.outcome.value).inc()
        QUERY_SECONDS.labels(self.subject).observe(time.perf_counter() - started)
        return self._envelope(request, reply).encode()

    def _envelope(self, request: Envelope[Message] | None, reply: Reply) -> Envelope[Reply]:
        identifier = new_id()
        return envelope_of(Reply).model_construct(
            id=identifier,
            source=self._source,
            type=Reply.contract.type,
            time=datetime.now(UTC),
            correlationid=request.correlationid if request else str(identifier),
            causationid=request.id if request else None,
            traceparent=request.traceparent if request else None,
            data=reply,
        )


def _refusal(code: str, detail: str) -> Reply:
    return Reply(outcome=Outcome.REFUSED, problem=Problem(code=code, detail=detail))
