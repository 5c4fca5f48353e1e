"""A statement as CSV (RFC 4180): a row for the opening balance, one for each entry, one for the closing balance.

Amounts are whole minor units, as everywhere in the API. The last row says whether the period is closed: the bytes of
such a statement never change, so nothing in here may depend on when or where it is written.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from gateway.account_statements.reading import Page

MEDIA_TYPE = "text/csv"
COLUMNS = (
    "row",
    "effective_at",
    "posted_at",
    "sequence",
    "transfer_id",
    "counterparty",
    "reference",
    "amount",
    "balance",
    "currency",
)


async def csv_parts(pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
    """Yield the file in parts, one for each page. Takes at least one page."""
    first = last = await anext(pages)
    yield _text([COLUMNS, _balance_row("opening", first["starts_at"], first["opening"], first)])
    yield _text(_entry_rows(first))
    async for last in pages:
        yield _text(_entry_rows(last))
    row = "closing" if first["closed"] else "closing_provisional"
    yield _text([_balance_row(row, first["ends_at"], last["closing"], first)])


def _balance_row(row: str, moment: str, balance: int, page: Page) -> Sequence[object]:
    return (row, moment, "", "", "", "", "", "", balance, page["currency"])


def _entry_rows(page: Page) -> Iterable[Sequence[object]]:
    for line in page["lines"]:
        yield (
            "entry",
            line["effective_at"],
            line["posted_at"],
            line["sequence"],
            line["transfer_id"],
            line["counterparty"],
            line.get("reference", ""),
            line["amount"],
            line["balance"],
            page["currency"],
        )


def _text(rows: Iterable[Sequence[object]]) -> bytes:
    """Write rows; every value is a number, an id, an instant or a word of ours, so that no cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
