"""Decides a batch of operations: in order, each on what the ones before it left; the same id has one effect."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from apps.wallet.domain.batch import Batch
from apps.wallet.domain.books import Books, Decided
from apps.wallet.domain.holding import expire_due, take_capture, take_extension, take_hold, take_void
from apps.wallet.domain.operation import (
    CaptureRequest,
    ExtensionRequest,
    HoldRequest,
    JournalRequest,
    Operation,
    ReversalRequest,
    TransferRequest,
    VoidRequest,
)
from apps.wallet.domain.posting import take_journal, take_reversal, take_transfer
from apps.wallet.domain.transfer import Outcome

_TAKE: dict[type[Any], Callable[[Batch, Any], Outcome]] = {
    TransferRequest: take_transfer,
    ReversalRequest: take_reversal,
    JournalRequest: take_journal,
    HoldRequest: take_hold,
    CaptureRequest: take_capture,
    VoidRequest: take_void,
    ExtensionRequest: take_extension,
}


def decide(books: Books, operations: Sequence[Operation], now: datetime) -> Decided:
    """Return the outcome of each operation, in order, and all that is to be written; `books` stay as they are.

    The same id with the same content has the outcome that it had before, and no second effect. Holds that were read
    and whose time is over are released first.
    """
    batch = Batch(books, now)
    expire_due(batch)
    return batch.decided([_TAKE[type(operation)](batch, operation) for operation in operations])
