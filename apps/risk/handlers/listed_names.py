"""The index of all listed parties, one for each process, made again whenever another list was imported."""

import asyncio
from dataclasses import dataclass

import structlog

from apps.risk.domain.screening.index import PartyIndex
from apps.risk.domain.screening.parties import Match, PartyKey, Screened
from apps.risk.store import sanctions_lists as store
from outbox.database import Database

_LOG = structlog.get_logger()
THRESHOLD = 85


@dataclass(frozen=True, slots=True)
class ReadLists:
    """The sanctions lists up to `version`, as they were read."""

    version: int
    _index: PartyIndex
    _threshold: int

    def screen(self, asked: Screened) -> list[Match]:
        """Return the listed parties that somebody is like, the best first, and of many the best only."""
        return self._index.screen(asked, self._threshold)

    def is_like(self, asked: Screened, party: PartyKey) -> bool:
        """Tell whether somebody is like a party as it was then, also where they are more like many others."""
        return self._index.is_like(asked, party, self._threshold)


class ListedNames:
    """The newest lists that this process has read: those of other processes may be older or newer for a while."""

    def __init__(self, threshold: int = THRESHOLD) -> None:
        self._threshold = threshold
        self._lists: ReadLists | None = None

    @property
    def lists(self) -> ReadLists | None:
        """Whom to screen by; None before the first refresh, and while there are no lists."""
        return self._lists

    async def refresh(self, database: Database) -> None:
        """Read the lists if there are others than before."""
        async with database.reads() as reads:
            newest = await store.newest_version(reads)
            if newest is None or (self._lists and newest == self._lists.version):
                return
            parties = await store.load_parties(reads)
        # In a thread: payments are decided meanwhile, by the lists of before.
        index = await asyncio.to_thread(PartyIndex, parties)
        self._lists = ReadLists(newest, index, self._threshold)
        _LOG.info("sanctions lists read", version=newest, parties=index.parties, names=index.names)
