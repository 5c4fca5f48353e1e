"""The tables of the identity service."""

from apps.identity.models import accounts
from apps.identity.models.base import metadata

__all__ = ["accounts", "metadata"]
