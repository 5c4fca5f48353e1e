"""Runs the network as a process."""

import logging

import uvicorn

from apps.sandbox_processor.application import create_application
from apps.sandbox_processor.settings import SandboxProcessorSettings

_KEEP_ALIVE_SECONDS = 75
_SHUTDOWN_SECONDS = 2  # answers that hang on purpose are not waited for


def run() -> None:
    """Serve until SIGTERM."""
    settings = SandboxProcessorSettings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_application(settings),
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        workers=1,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
