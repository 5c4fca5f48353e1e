"""A gateway that is never connected: for its documents."""

from fastapi import FastAPI
from pydantic import SecretStr

from gateway.app import create_app
from gateway.settings import GatewaySettings


def unconnected_gateway() -> FastAPI:
    """Return the application as it is with nothing but what must be set."""
    nowhere, key = SecretStr("redis://127.0.0.1:1"), SecretStr("0" * 32)
    return create_app(GatewaySettings(nats_seed=SecretStr("SU"), redis_url=nowhere, pseudonym_key=key))
