"""Structured logs: for people on a console, as JSON for machines."""

import logging

import structlog

from outbox.settings import LogSettings


def set_up_logs(settings: LogSettings, process: str) -> None:
    """Send structlog and standard logging to standard output in the chosen format."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.types.Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=False)]
    )
    level = logging.getLevelNamesMapping()[settings.log_level]
    structlog.configure(processors=[*shared, *renderer], wrapper_class=structlog.make_filtering_bound_logger(level))
    structlog.contextvars.bind_contextvars(service=process)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[*_from_stdlib(), *renderer], foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def _from_stdlib() -> list[structlog.types.Processor]:
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
