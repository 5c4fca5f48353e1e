"""Applies what is due: pending operations settle, disputes open and close."""

import time

from apps.sandbox_processor.handlers.apply_due_changes import apply_due_change
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import changes
from apps.sandbox_processor.workers.bell import Bell


async def apply_changes_in_time(network: Network, bell: Bell) -> None:
    """Apply every change when it is due, for ever."""
    while True:
        applied = apply_due_change(network, time.time())
        due = changes.next_due(network.database)
        await bell.wait(0.0 if applied else None if due is None else max(0.0, due - time.time()))
