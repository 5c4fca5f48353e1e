"""The whole ledger, walk after walk."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from apps.wallet.audit.accounts import ACCOUNTS, CHANGES
from apps.wallet.audit.holds import HOLDS, STEPS
from apps.wallet.audit.journals import JOURNALS, ExchangeWalk
from apps.wallet.audit.ledger import CURRENCIES, LedgerWalk
from apps.wallet.audit.refusals import REFUSALS
from apps.wallet.audit.seals import SealWalk
from apps.wallet.audit.totals import TOTALS
from apps.wallet.audit.transfers import TRANSFERS
from apps.wallet.audit.walk import Finding, Slice, Walk
from outbox.database import Connection, Reads

WALKS: tuple[Walk, ...] = (
    LedgerWalk(),
    TRANSFERS,
    ACCOUNTS,
    CHANGES,
    HOLDS,
    STEPS,
    JOURNALS,
    ExchangeWalk(),
    TOTALS,
    REFUSALS,
    SealWalk(),
)
SLICE = 20_000
"""Rows in a slice, where nobody else waits for the statement."""
FINDINGS = 1000
"""The most findings that are kept; there may be more."""


@dataclass(frozen=True)
class CurrencyTotal:
    """The sum over all accounts of one currency, in minor units: zero in balanced books."""

    currency: str
    accounts: int
    total: int


@dataclass(frozen=True)
class Audit:
    """What the books hold, and what is wrong with them: some examples of each kind of finding."""

    currencies: tuple[CurrencyTotal, ...]
    transfers: int
    entries: int
    findings: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Tell whether every currency sums to zero and nothing else was found."""
        return not self.findings


async def audit(connection: Connection) -> Audit:
    """Prove the whole ledger while the service goes on. Reads only; any role that may read will do."""
    reads, transfers = Reads(connection), 0
    findings: list[Finding] = []
    async for walk, step in proved(reads):
        findings += step.findings[: FINDINGS - len(findings)]
        transfers += step.rows if walk is TRANSFERS else 0
    return Audit(await currencies(reads), transfers, 2 * transfers, tuple(map(str, findings)))


async def proved(reads: Reads, rows: int = SLICE) -> AsyncIterator[tuple[Walk, Slice]]:
    """Prove the ledger slice by slice."""
    for walk in WALKS:
        span = await walk.begin(reads)
        while span is not None:
            step = await walk.step(reads, span, rows)
            yield walk, step
            span = step.left


async def currencies(reads: Reads) -> tuple[CurrencyTotal, ...]:
    """Return the sum of each currency."""
    rows = await reads.fetch(CURRENCIES)
    return tuple(CurrencyTotal(row["currency"], row["accounts"], int(row["total"])) for row in rows)
