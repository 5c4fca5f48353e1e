"""Composition root of the gateway."""

import structlog
import uvicorn

from gateway.app import create_app
from gateway.settings import GatewaySettings
from outbox.logs import set_up_logs
from outbox.tracing import set_up_tracing

_KEEP_ALIVE_SECONDS = 75
_SHUTDOWN_SECONDS = 10


def run() -> None:
    """Serve until SIGTERM; then finish the requests in hand, in bounded time."""
    settings = GatewaySettings()
    set_up_logs(settings, "gateway")
    set_up_tracing("gateway", settings.trace_sample_ratio)
    structlog.get_logger().info("starting", host=settings.http_host, port=settings.http_port)
    uvicorn.run(
        create_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        workers=1,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
