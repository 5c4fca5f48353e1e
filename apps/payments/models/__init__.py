"""The room's own tables. The relay's and the inbox's tables come with outbox.schema.

Triggers say what no constraint here can: what was captured and went back only grows, and adds up.
"""

from apps.payments.models import checks, operations, parts, payments, webhooks
from apps.payments.models.base import metadata

__all__ = ["checks", "metadata", "operations", "parts", "payments", "webhooks"]
