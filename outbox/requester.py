"""Asks other services: core NATS request/reply, an envelope out, its reply in, never longer than a deadline."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import nats.errors
from nats.aio.client import Client
from pydantic import ValidationError

from contracts.ids import new_id
from contracts.message import SOURCE_PREFIX, Message, Outcome, Problem, Reply, decode, envelope_of

A = TypeVar("A", bound=Message)


class NoAnswerError(Exception):
    """The owner did not answer in time, or cannot answer now: ask again later."""


class RefusedError(Exception):
    """The owner's answer is no; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class Requester:
    """Sends one service's questions to those who own the answers; replies come to the service's own inbox."""

    def __init__(self, service: str, connect: Callable[[], Awaitable[Client]], seconds: float) -> None:
        self._source = SOURCE_PREFIX + service
        self._connect = connect
        self._seconds = seconds

    async def ask(self, question: Message, answer: type[A]) -> A:
        """Return the answer to a query. Raises NoAnswerError or RefusedError."""
        identifier, now = new_id(), datetime.now(UTC)
        envelope = envelope_of(type(question))(
            id=identifier,
            source=self._source,
            type=question.contract.type,
            time=now,
            correlationid=str(identifier),
            deadline=now + timedelta(seconds=self._seconds),
            data=question,
        )
        subject = question.contract.subject
        try:
            connection = await self._connect()
            message = await connection.request(subject, envelope.encode(), timeout=self._seconds)
            reply = decode(message.data, Reply).data
            if reply.outcome is Outcome.COMPLETED and reply.problem is None:
                return answer.model_validate(reply.resource)
        except (nats.errors.Error, OSError, TimeoutError, ValidationError) as error:
            raise NoAnswerError(f"{subject}: {type(error).__name__}") from error
        problem = reply.problem
        if problem is None or problem.code == "unavailable":
            raise NoAnswerError(f"{subject}: {problem.code if problem else reply.outcome.value}")
        raise RefusedError(problem)
