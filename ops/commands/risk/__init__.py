"""`ledgerlink risk`: train, evaluate, replay and change what decides about payments. One file per command."""

from ops.commands.risk import cases, evaluate, labels, limits, lists, quality, replay, rules, sanctions, train
from ops.commands.risk.app import app

__all__ = ["app", "cases", "evaluate", "labels", "limits", "lists", "quality", "replay", "rules", "sanctions", "train"]
