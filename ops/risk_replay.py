"""Decides again what risk has decided, from what was stored of it, and compares bit for bit."""

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from apps.risk.domain.replaying import Difference, Kept, NotReplayableError, replay
from apps.risk.domain.rule_sets.compiling import CompiledRuleSet
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.domain.ruling import Ruling
from apps.risk.domain.scoring.model import Model
from apps.risk.store import decision_records
from ops.read_only import read_only
from outbox.database import Reads

AT_A_TIME = 1_000
SHOWN = 100
"""Differences that are shown; all are counted."""


class ReplayedDifference(BaseModel):
    """A part of a decision that comes out otherwise than it was stored."""

    assessment_id: UUID
    part: str
    stored: str
    replayed: str


class ReplayReport(BaseModel):
    """How many decisions were made again, and which of them came out otherwise.

    `not_replayable` were made before decisions kept what they were made from.
    """

    replayed: int
    not_replayable: int
    differing: int
    differences: list[ReplayedDifference]
    seconds: float

    @property
    def is_exact(self) -> bool:
        """Whether every decision came out as it was stored."""
        return self.differing == 0


@dataclass(frozen=True)
class Wanted:
    """Which decisions: one, or all of those asked for in `since` <= time < `until`."""

    assessment_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


async def run_replay(url: str, wanted: Wanted) -> ReplayReport:
    """Replay decisions of a risk database. Raises LookupError, NotReplayableError, OSError, asyncpg.PostgresError."""
    started, tally = time.monotonic(), _Tally()
    async with read_only(url) as connection:
        reads = Reads(connection)
        replaying = _Replaying(reads)
        with _spinner() as spinner:
            task = spinner.add_task("decisions")
            async for kept, not_replayable in _pages(reads, wanted):
                tally.not_replayable += not_replayable
                for decision in kept:
                    tally.add(await replaying.replay(decision))
                spinner.update(task, description=f"{tally.replayed:,} decisions")
    return ReplayReport(
        replayed=tally.replayed,
        not_replayable=tally.not_replayable,
        differing=tally.differing,
        differences=tally.differences,
        seconds=round(time.monotonic() - started, 1),
    )


class _Tally:
    def __init__(self) -> None:
        self.replayed = self.not_replayable = self.differing = 0
        self.differences: list[ReplayedDifference] = []

    def add(self, found: Sequence[ReplayedDifference]) -> None:
        self.replayed += 1
        self.differing += bool(found)
        self.differences += found[: SHOWN - len(self.differences)]


class _Replaying:
    """Makes decisions again, each by the documents that it names, which are read once."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._documents: dict[tuple[str, str], bytes] = {}
        self._rulings: dict[tuple[str, str | None], Ruling] = {}
        self._names: dict[str, list[str]] = {}

    async def replay(self, kept: Kept) -> list[ReplayedDifference]:
        found = await self._changed_documents(kept) or await self._decided_again(kept)
        return [
            ReplayedDifference(
                assessment_id=d.assessment_id, part=d.part, stored=repr(d.stored), replayed=repr(d.replayed)
            )
            for d in found
        ]

    async def _changed_documents(self, kept: Kept) -> list[Difference]:
        """Return which of the documents that made a decision is not what its name, a hash, says."""
        named = [(kept.rule_set, "rule_set"), *([(kept.model, "model")] if kept.model else [])]
        hashes = [(name, kind, hashlib.sha256(await self._document(name, kind)).hexdigest()) for name, kind in named]
        return [Difference(kept.assessment_id, kind, name, now) for name, kind, now in hashes if name != now]

    async def _decided_again(self, kept: Kept) -> list[Difference]:
        ruling = await self._ruling(kept.rule_set, kept.model)
        if kept.catalogue not in self._names:
            self._names[kept.catalogue] = await decision_records.load_names(self._reads, kept.catalogue)
        try:
            return replay(ruling, self._names[kept.catalogue], kept)
        except (NotReplayableError, TypeError, ValueError) as error:  # no service has stored such values
            return [Difference(kept.assessment_id, "values", kept.values, str(error))]

    async def _ruling(self, rule_set: str, model: str | None) -> Ruling:
        if (rule_set, model) not in self._rulings:
            document = await self._document(rule_set, "rule_set")
            scoring = Model.of(await self._document(model, "model")) if model else None
            rules = CompiledRuleSet.of(RuleSetDocument.model_validate_json(document), scoring)
            self._rulings[rule_set, model] = Ruling(rules, scoring)
        return self._rulings[rule_set, model]

    async def _document(self, name: str, kind: str) -> bytes:
        if (name, kind) not in self._documents:
            self._documents[name, kind] = await decision_records.load_document(self._reads, name, kind)
        return self._documents[name, kind]


async def _pages(reads: Reads, wanted: Wanted) -> AsyncIterator[tuple[Sequence[Kept], int]]:
    """Return decisions in the order of their time, with how many of each page cannot be replayed."""
    if wanted.assessment_id:
        one = await decision_records.load_kept(reads, wanted.assessment_id)
        if one is None:
            raise NotReplayableError(f"there is no decision {wanted.assessment_id} that can be replayed")
        yield [one], 0
        return
    after: UUID | None = None
    while True:
        page = await decision_records.load_kept_of(reads, after, wanted.since, wanted.until, AT_A_TIME)
        kept, after, not_replayable = page
        if after is None:
            return
        yield kept, not_replayable


def _spinner() -> Progress:
    console = Console(stderr=True)
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, disable=not console.is_terminal)
