"""Composition root of the network: its memory, its workers, its routes."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from apps.sandbox_processor.api.answers import JSONAnswer
from apps.sandbox_processor.api.authentication import get_authentication, post_authentication
from apps.sandbox_processor.api.company import Company
from apps.sandbox_processor.api.disputes import list_disputes, post_closing
from apps.sandbox_processor.api.errors import RefusedError, not_routed, refused
from apps.sandbox_processor.api.operations import get_operation, list_operations, post_operation
from apps.sandbox_processor.api.tokens import post_token
from apps.sandbox_processor.domain.answering import Delays
from apps.sandbox_processor.domain.signing import key_of
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.settings import SandboxProcessorSettings
from apps.sandbox_processor.store.database import open_database
from apps.sandbox_processor.workers.bell import Bell
from apps.sandbox_processor.workers.clock import apply_changes_in_time
from apps.sandbox_processor.workers.connections import Connections
from apps.sandbox_processor.workers.webhook_sender import Subscriber, WebhookSender

_log = logging.getLogger(__name__)


async def _well(_: Request) -> Response:
    return JSONAnswer({"status": "ok"})


def _routes() -> list[Route | Mount]:
    of_account = [
        Route("/v1/operations", post_operation, methods=["POST"]),
        Route("/v1/operations", list_operations, methods=["GET"]),
        Route("/v1/operations/{operation_id:uuid}", get_operation, methods=["GET"]),
        Route("/v1/tokens", post_token, methods=["POST"]),
        Route("/v1/disputes", list_disputes, methods=["GET"]),
        Route("/v1/disputes/{dispute}/close", post_closing, methods=["POST"]),
        Route("/authenticate/{operation}", get_authentication, methods=["GET"]),
        Route("/authenticate/{operation}", post_authentication, methods=["POST"]),
    ]
    return [Route("/healthz", _well), Route("/readyz", _well), Mount("/{account}", routes=of_account)]


def create_application(settings: SandboxProcessorSettings) -> Starlette:
    """Return the network as an ASGI application; its workers run as long as it is served. Raises OSError."""
    clock_bell, sender_bell = Bell(), Bell()

    def wake() -> None:
        clock_bell.ring()
        sender_bell.ring()

    delays = Delays(settings.latency_ms / 1000, settings.late_seconds, settings.hang_seconds)
    network = Network(open_database(settings.data_dir), settings.seed, settings.base_url, delays, wake)
    sender = WebhookSender(network, sender_bell, _subscribers(settings))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        workers = [
            asyncio.create_task(apply_changes_in_time(network, clock_bell), name="clock"),
            asyncio.create_task(sender.run(), name="webhook sender"),
        ]
        for worker in workers:
            worker.add_done_callback(_end_with)
        try:
            yield
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            network.database.close()

    handlers = {RefusedError: refused, HTTPException: not_routed}
    application = Starlette(routes=_routes(), exception_handlers=handlers, lifespan=lifespan)
    keys = {name: account.api_key.get_secret_value() for name, account in settings.accounts.items()}
    application.state.company = Company(network, keys)
    return application


def _end_with(worker: asyncio.Task[None]) -> None:
    """End the process when a worker fails: restarted, it goes on where the file says."""
    if not worker.cancelled() and (error := worker.exception()):
        _log.critical("the %s failed", worker.get_name(), exc_info=error)
        signal.raise_signal(signal.SIGTERM)


def _subscribers(settings: SandboxProcessorSettings) -> dict[str, Subscriber]:
    return {
        name: Subscriber(
            Connections(settings.webhook_url.replace("{account}", name)),
            key_of(account.webhook_secret.get_secret_value()),
        )
        for name, account in settings.accounts.items()
    }
