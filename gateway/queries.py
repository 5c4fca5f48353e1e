"""Asks services: core NATS request and reply, each with a deadline."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import nats.errors
import structlog
from pydantic import ValidationError

from contracts.message import Message, Reply, decode
from gateway.broker import Broker
from gateway.envelopes import envelope
from gateway.problems import ProblemError
from gateway.request_context import RequestContext

_LOG = structlog.get_logger()


class Queries:
    """Questions to the services that own the answers."""

    def __init__(self, broker: Broker, seconds: float) -> None:
        self._broker = broker
        self._seconds = seconds

    @property
    def can_ask(self) -> bool:
        """Whether there is a connection to ask over."""
        return self._broker.is_ready

    async def ask(self, query: Message, context: RequestContext, seconds: float | None = None) -> Mapping[str, Any]:
        """Return the answer's resource. Raises ProblemError: the service's refusal, or `unavailable`."""
        subject = query.contract.subject
        if not self.can_ask:
            raise _unavailable(query)
        seconds = seconds or self._seconds
        question = envelope(query, context, timedelta(seconds=seconds)).encode()
        try:
            with context.timings.measured(query.contract.owner):
                answer = await self._broker.client.request(subject, question, timeout=seconds)
            reply = decode(answer.data, Reply).data
        except (nats.errors.Error, OSError, TimeoutError) as error:
            _LOG.warning("no answer", subject=subject, error=str(error) or type(error).__name__)
            raise _unavailable(query) from error
        except ValidationError as error:
            _LOG.error("not an answer", subject=subject, errors=error.error_count())
            raise _unavailable(query) from None
        if reply.problem is not None:
            raise ProblemError.refused(reply.problem)
        return reply.resource

    async def ask_to_change(
        self, query: Message, context: RequestContext, seconds: float | None = None
    ) -> Mapping[str, Any]:
        """Ask for something that changes what its owner keeps: what takes too long may have been done all the same.

        Raises ProblemError as `ask` does, and `outcome_unknown`.
        """
        try:
            return await self.ask(query, context, seconds)
        except ProblemError as problem:
            if isinstance(problem.__cause__, TimeoutError):
                raise _unknown(query) from problem.__cause__
            raise


def not_confirmed(owner: str) -> str:
    """Return what is told of a change that its owner has not confirmed in time."""
    return f"The {owner} service did not answer in time; it may or may not have done this. Look before you repeat it."


def _unknown(query: Message) -> ProblemError:
    return ProblemError("outcome_unknown", not_confirmed(query.contract.owner))


def _unavailable(query: Message) -> ProblemError:
    owner = query.contract.owner
    return ProblemError("unavailable", f"The {owner} service does not answer now; send the request again in a moment.")
