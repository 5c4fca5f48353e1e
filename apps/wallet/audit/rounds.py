"""The audit that never ends: it goes round the ledger in small slices, and says what it finds once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

import asyncpg
import structlog
from prometheus_client import Counter, Gauge

from apps.wallet.audit.books import WALKS
from apps.wallet.audit.transfers import TRANSFERS
from apps.wallet.audit.walk import Finding, Span, Walk
from apps.wallet.store import audit_rounds as store
from apps.wallet.store.audit_rounds import Round
from contracts.wallet import FINDINGS_LIMIT, LedgerAudited
from contracts.wallet import Finding as SaidFinding
from outbox.database import is_transient
from outbox.transaction import Transaction

EVERY_SECONDS = 2.0
SLICE = 2000
"""Rows in a slice: some tens of milliseconds of a database's time."""
ROUND = timedelta(minutes=1)
"""The least time from one beginning to the next: a small ledger need not be proved all the time."""

KEPT = 10_000
"""When so much does not add up, more is not kept: `ledgerlink audit` tells it all."""

_LOG = structlog.get_logger()
ROWS = Counter("ledgerlink_audit_rows_total", "Rows that the audit has proved", ["walk"])
POSITION = Gauge("ledgerlink_audit_position", "Sequence up to which this round has proved the transfers")
OPEN = Gauge("ledgerlink_audit_open_findings", "What does not add up, as of the newest rounds")
COMPLETED = Gauge("ledgerlink_audit_completed_timestamp_seconds", "When the last full round ended")
INTERRUPTED = Counter("ledgerlink_audit_interrupted_total", "Slices that took longer than a statement may, or failed")


@dataclass
class Rounds:
    """Goes on with the round for `share` of the time. `rows` shrinks while slices take too long."""

    share: float
    rows: int = SLICE
    every: timedelta = ROUND

    async def go_on(self, tx: Transaction) -> None:
        """Prove some slices, unless another replica does; keep and say what was found."""
        now = await store.take_round(tx) if self.share else None
        COMPLETED.set(now.completed_at.timestamp() if now and now.completed_at else 0)
        if now is None or (now.walk is None and now.completed_at and tx.now < now.started_at + self.every):
            return
        if now.walk is None:
            now = replace(now, started_at=tx.now)
        try:
            walked, findings = await self._walk(tx, now)
        except asyncpg.QueryCanceledError:  # the transaction is lost, and nothing but this slice was in it
            self.rows = max(self.rows // 4, 1)
            INTERRUPTED.inc()
            _LOG.warning("audit slice took too long", walk=now.walk, rows=self.rows)
            return
        except Exception as error:
            if is_transient(error):
                raise
            # Whatever somebody wrote into a row must not end the service that keeps the books.
            INTERRUPTED.inc()
            _LOG.exception("audit slice failed", walk=now.walk)
            return
        self.rows = min(self.rows * 2, SLICE)
        await _conclude(tx, now, walked, findings)

    async def _walk(self, tx: Transaction, at: Round) -> tuple[Round, list[Finding]]:
        """Return how far it came within its share of the time, with `walk` None at the end of the round."""
        ends = monotonic() + self.share * EVERY_SECONDS
        findings: list[Finding] = []
        walks = [walk.name for walk in WALKS]
        while True:
            index = walks.index(at.walk) if at.walk in walks else 0
            walk = WALKS[index]
            left = await self._step(tx, walk, at, findings)
            if left is not None:
                at = replace(at, walk=walk.name, after=left.after, end=left.end)
            elif index + 1 < len(WALKS):
                at = replace(at, walk=walks[index + 1], after=None, end=None)
            else:
                return replace(at, walk=None, after=None, end=None), findings
            if monotonic() > ends:
                return at, findings

    async def _step(self, tx: Transaction, walk: Walk, at: Round, findings: list[Finding]) -> Span | None:
        span = Span(at.after, at.end) if at.after and at.end else await walk.begin(tx)
        if span is None:
            return None
        step = await walk.step(tx, span, self.rows)
        findings += step.findings
        ROWS.labels(walk.name).inc(step.rows)
        if walk is TRANSFERS:
            POSITION.set(int((step.left.after if step.left else span.end)[0]))
        return step.left


async def _conclude(tx: Transaction, began: Round, walked: Round, findings: Sequence[Finding]) -> None:
    """Keep where it stands; say what is new, and that a round is complete."""
    known = await store.count_findings(tx)
    places = [(f.place, f.claim) for f in findings]
    new = await store.save_findings(tx, began.number, places, take_new=known < KEPT)
    is_complete = walked.walk is None
    if is_complete:
        await store.forget_findings(tx, began.number)
    standing = await store.count_findings(tx)
    OPEN.set(standing)
    if new:
        _LOG.error("the ledger does not add up", findings=len(new), place=new[0][0], claim=new[0][1])
    if new or is_complete:
        tx.say(_audited(walked, is_complete=is_complete, new=new, standing=standing, tx=tx), None)
    if is_complete:
        walked = replace(walked, number=began.number + 1, completed_at=tx.now)
    await store.save_round(tx, walked)


def _audited(
    walked: Round, *, is_complete: bool, new: Sequence[tuple[str, str]], standing: int, tx: Transaction
) -> LedgerAudited:
    return LedgerAudited(
        round=walked.number,
        started_at=walked.started_at,
        completed_at=tx.now if is_complete else None,
        findings=[SaidFinding(place=place, claim=claim) for place, claim in new[:FINDINGS_LIMIT]],
        open_findings=standing,
    )
