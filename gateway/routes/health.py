"""For those who run the gateway: is it alive, is it ready, and its metrics."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from gateway.dependencies import PartsDep
from gateway.outcomes import json_response

router = APIRouter(include_in_schema=False)


@router.get("/healthz", response_model=None)
async def alive() -> Response:
    """Tell that the process answers."""
    return json_response({"status": "alive"})


@router.get("/readyz", response_model=None)
async def ready(parts: PartsDep) -> Response:
    """Tell whether requests can be served: NATS is connected and tokens can be checked. Redis may be away."""
    checks = {
        "nats": "connected" if parts.broker.is_ready else "not connected",
        "signing_keys": "known" if parts.keys.are_known else "unknown",
        "revocations": "not known" if parts.revocations.is_stale else "known",
        "redis": "away, each process limits alone" if parts.limit.is_degraded else "answers",
    }
    is_ready = parts.broker.is_ready and parts.keys.are_known and not parts.revocations.is_stale
    return json_response({"status": "ready" if is_ready else "not ready", "checks": checks}, 200 if is_ready else 503)


@router.get("/metrics", response_model=None)
async def metrics() -> Response:
    """Answer in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
