"""Balances along the effective axis, as far as the backdated operations of a batch ask for them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from apps.wallet.domain.account import AccountState, SystemAccount
from apps.wallet.domain.books import LATER_ENTRIES_LIMIT, Timeline
from apps.wallet.domain.operation import (
    CaptureRequest,
    ExchangeRequest,
    HoldRequest,
    JournalRequest,
    Operation,
    ReversalRequest,
    TransferRequest,
)
from contracts.wallet import AccountKind
from outbox.database import Reads, columns

# For each account from its first date on: per span between two dates how much moved in it, its lowest and highest
# balance at an instant with an entry, and the first such instant. The newest entries are read, whatever their dates; if
# there are as many as may be read, `cut` is when the oldest of them was posted. What is effective since a later date
# was all posted since then, and so was read. (Account and sequence are one key, as in apps.wallet.store.history.)
_TIMELINES = """
WITH asked AS (
    SELECT account_id, array_agg(start ORDER BY start) AS starts
    FROM unnest($1::uuid[], $2::timestamptz[]) AS a (account_id, start) GROUP BY account_id
)
SELECT k.account_id, width_bucket(i.effective_at, k.starts) - 1 AS span, sum(i.moved)::bigint AS moved,
       min(i.balance)::bigint AS lowest, max(i.balance)::bigint AS highest, min(i.effective_at) AS first,
       min(i.cut) AS cut
FROM asked k JOIN account a ON a.id = k.account_id CROSS JOIN LATERAL (
    SELECT effective_at, moved, CASE WHEN sum(entries) OVER () >= $3 THEN min(oldest) OVER () END AS cut,
           a.balance - coalesce(sum(moved) OVER (ORDER BY effective_at DESC
                                                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS balance
    FROM (
        SELECT effective_at, sum(amount) AS moved, count(*) AS entries, min(posted_at) AS oldest FROM (
            SELECT e.effective_at, e.amount, e.posted_at FROM entry e
            WHERE (e.account_id, e.sequence) <= (k.account_id, 9223372036854775807)
              AND (e.account_id, e.sequence) > (k.account_id, coalesce((
                      SELECT t.sequence FROM transfer t WHERE t.posted_at < k.starts[1]
                      ORDER BY t.posted_at DESC, t.sequence DESC LIMIT 1), 0))
            ORDER BY e.account_id DESC, e.sequence DESC LIMIT $3
        ) e GROUP BY effective_at
    ) e
) i
GROUP BY 1, 2
"""


# For the rest of the transaction. By bitmap, all that there is would be read and sorted before the limit counts.
_IN_ORDER = "SELECT set_config('enable_bitmapscan', 'off', true)"

Ends = frozenset[UUID]
"""The two accounts of a transfer or hold."""


def dates_of(
    operations: Sequence[Operation],
    known: Mapping[UUID, Ends],
    system: Mapping[SystemAccount, UUID],
    late: Collection[datetime],
) -> dict[UUID, set[datetime]]:
    """Return for each account the dates among `late` that operations ask for on it.

    `known` are the ends of the transfers and holds that operations name, but for those that they make themselves.
    """
    ends, dates = dict(known), defaultdict[UUID, set[datetime]](set)
    for operation in operations:
        effective_at: datetime | None = getattr(operation, "effective_at", None)
        for identifier, accounts in _ends_of(operation, ends, system):
            ends[identifier] = ends.get(identifier, frozenset()) | accounts
            if effective_at is not None and effective_at in late:
                for account in accounts:
                    dates[account].add(effective_at)
    return dates


def _ends_of(
    operation: Operation, ends: Mapping[UUID, Ends], system: Mapping[SystemAccount, UUID]
) -> Iterator[tuple[UUID, Ends]]:
    """Yield the transfers and holds that an operation is to make, and between which accounts."""
    match operation:
        case TransferRequest() | HoldRequest():
            yield operation.id, _pair(operation.debit_account, operation.credit_account, system)
        case JournalRequest():
            for leg in operation.legs:
                if isinstance(leg, ExchangeRequest):
                    sold, bought = (SystemAccount(AccountKind.FX, c) for c in (leg.sold_currency, leg.bought_currency))
                    yield leg.sell_id, _pair(leg.debit_account, sold, system)
                    yield leg.buy_id, _pair(bought, leg.credit_account, system)
                else:
                    yield leg.id, _pair(leg.debit_account, leg.credit_account, system)
        case CaptureRequest():
            yield operation.id, ends.get(operation.hold_id, frozenset())
        case ReversalRequest():
            yield operation.id, ends.get(operation.reverses, frozenset())


def _pair(debit: UUID | SystemAccount, credit: UUID | SystemAccount, system: Mapping[SystemAccount, UUID]) -> Ends:
    return frozenset(account if isinstance(account, UUID) else system[account] for account in (debit, credit))


@dataclass(slots=True)
class _Read:
    """What was read of one account: its spans, as (moved, lowest, highest, first), and where reading ended."""

    spans: dict[int, tuple[int, int, int, datetime]] = field(default_factory=dict)
    cut: datetime | None = None


async def load_timelines(
    reads: Reads, accounts: Iterable[AccountState], dates: Mapping[UUID, Collection[datetime]]
) -> dict[UUID, Timeline]:
    """Return the timelines of those accounts that have limits and `dates`, from the first of its dates on each."""
    starts = {a.id: sorted(dates[a.id]) for a in accounts if (a.floor, a.ceiling) != (None, None) and dates.get(a.id)}
    asked = [(account, start) for account, own in starts.items() for start in own]
    if not asked:
        return {}
    await reads.fetchval(_IN_ORDER)
    rows = await reads.fetch(_TIMELINES, *columns(asked, 2), LATER_ENTRIES_LIMIT + 1)
    read: dict[UUID, _Read] = defaultdict(_Read)
    for account_id, span, moved, lowest, highest, first, cut in rows:
        read[account_id].spans[span] = moved, lowest, highest, first
        read[account_id].cut = cut
    return {a.id: _timeline(a.balance, starts[a.id], read[a.id]) for a in accounts if a.id in starts}


def _timeline(balance: int, starts: Sequence[datetime], read: _Read) -> Timeline:
    lowest, highest = [balance] * len(starts), [balance] * len(starts)
    for place in range(len(starts) - 1, -1, -1):
        if span := read.spans.get(place):
            moved, low, high, first = span
            balance -= moved
            # What the account had before counts, too, unless it moved at the very instant that the span begins.
            before = () if first == starts[place] else (balance,)
            lowest[place], highest[place] = min((low, *before)), max((high, *before))
        else:
            lowest[place] = highest[place] = balance
    return Timeline(starts, lowest, highest, read.cut)
