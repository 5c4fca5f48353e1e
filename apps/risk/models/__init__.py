"""The room's own tables. The relay's and the inbox's tables come with outbox.schema."""

from apps.risk.models import cases, decisions, features, limits, lists, models, rule_sets
from apps.risk.models.base import metadata

__all__ = ["cases", "decisions", "features", "limits", "lists", "metadata", "models", "rule_sets"]
