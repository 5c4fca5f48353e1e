"""The tables of the identity service."""

from apps.identity.models import (
    accounts,
    api_keys,
    clients,
    factors,
    messages,
    personal_details,
    security,
    sessions,
    signing_keys,
)
from apps.identity.models.base import metadata

__all__ = [
    "accounts",
    "api_keys",
    "clients",
    "factors",
    "messages",
    "metadata",
    "personal_details",
    "security",
    "sessions",
    "signing_keys",
]
