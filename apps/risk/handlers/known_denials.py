"""What each process remembers of the deny list and of confirmed sanctions matches, for its answers at the deadline."""

import asyncio

import structlog
from prometheus_client import Gauge

from apps.risk.domain.denials import Denials
from apps.risk.store import denials as store
from apps.risk.store.denials import Fingerprint
from outbox.database import Database
from outbox.workers import Worker

_LOG = structlog.get_logger()
POLL_SECONDS = 2.0
READ_AT = Gauge(
    "ledgerlink_risk_denials_read_timestamp_seconds",
    "When the deny list and confirmed matches were last asked for, for the answers at the deadline",
)


class KnownDenials:
    """The denials as this process has read them last; before the first time, those that are known are not all."""

    def __init__(self) -> None:
        self._fingerprint: Fingerprint | None = None
        self.latest = Denials()

    def worker(self, database: Database) -> Worker:
        """Return the worker that reads them again and again."""

        async def refresh() -> bool:
            await self.refresh(database)
            return False

        return Worker("denials", refresh, POLL_SECONDS)

    async def refresh(self, database: Database) -> None:
        """Read them if they are others than before."""
        async with database.reads() as reads:
            # The fingerprint is of before: what changes in between is read twice, and never missed.
            fingerprint = await store.load_fingerprint(reads)
            if fingerprint != self._fingerprint:
                rows = await store.load(reads)
                # In a thread: whoever waits for an answer meanwhile gets it in time.
                self.latest = await asyncio.to_thread(store.denials_of, rows)
                self._fingerprint = fingerprint
                entries, payers = len(self.latest.entries), len(self.latest.payers)
                _LOG.info("denials read", entries=entries, payers=payers, complete=self.latest.complete)
        READ_AT.set_to_current_time()
