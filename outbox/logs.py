"""Structured logs: for people on a console, as JSON for machines."""

import logging
from contextlib import AbstractContextManager
from typing import Any

import structlog

from contracts.message import Envelope
from outbox.settings import LogSettings

_TRACE_ID = slice(3, 35)  # of a traceparent

# Both formats' own defaults print every frame's local variables, and with them passwords and keys.
_TRACEBACKS_AS_DATA = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def set_up_logs(settings: LogSettings, process: str) -> None:
    """Send structlog and standard logging to standard output in the chosen format."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.types.Processor] = (
        [_TRACEBACKS_AS_DATA, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    level = logging.getLevelNamesMapping()[settings.log_level]
    structlog.configure(processors=[*shared, *renderer], wrapper_class=structlog.make_filtering_bound_logger(level))
    structlog.contextvars.bind_contextvars(service=process)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[*_from_stdlib(), *renderer], foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def about(envelope: Envelope[Any]) -> AbstractContextManager[None]:
    """Let each line that is logged meanwhile, in this task, name the message that is worked on."""
    ids = {"event_id": str(envelope.id), "correlation_id": envelope.correlationid}
    return structlog.contextvars.bound_contextvars(**ids, **trace_of(envelope.traceparent))


def trace_of(traceparent: str | None) -> dict[str, str]:
    """Return the field that names a trace; none where there is none."""
    return {"trace_id": traceparent[_TRACE_ID]} if traceparent else {}


def _from_stdlib() -> list[structlog.types.Processor]:
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
