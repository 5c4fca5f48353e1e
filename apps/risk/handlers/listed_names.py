"""The index of all listed parties, one for each process, made again whenever another list was imported."""

import asyncio

import structlog

from apps.risk.domain.screening.index import PartyIndex
from apps.risk.domain.screening.parties import Match, Screened
from apps.risk.store import sanctions_lists as store
from outbox.database import Database

_LOG = structlog.get_logger()
THRESHOLD = 85


class ListedNames:
    """Whom somebody is like, by the lists of `version`; before the first refresh, and without lists, nobody knows."""

    def __init__(self, threshold: int = THRESHOLD) -> None:
        self._threshold = threshold
        self._index: PartyIndex | None = None
        self._version = 0

    @property
    def version(self) -> int:
        """The newest version in the index, 0 while there is none."""
        return self._version

    async def refresh(self, database: Database) -> None:
        """Read the lists if there are others than before."""
        async with database.reads() as reads:
            newest = await store.newest_version(reads)
            if newest is None or newest == self._version:
                return
            parties = await store.load_parties(reads)
        # In a thread: payments are decided meanwhile, by the lists of before.
        index = await asyncio.to_thread(PartyIndex, parties)
        self._index, self._version = index, newest
        _LOG.info("sanctions lists read", version=newest, parties=index.parties, names=index.names)

    def screen(self, asked: Screened) -> list[Match] | None:
        """Return the listed parties that somebody is like, None where there are no lists."""
        return None if self._index is None else self._index.screen(asked, self._threshold)
