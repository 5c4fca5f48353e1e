"""Labels out of a CSV file: read whole before anything is sent, and then sent in parts in the name of an analyst."""

import asyncio
import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from contracts.risk import LABELS_AT_ONCE, Label, LabelsImported
from ops.gateway_session import GatewaySession, answered
from ops.stack.errors import StackError

MOST_ROWS = 200_000
_NEEDED = {"payment_intent_id", "label"}
_PATH = "/v1/risk/labels"
_LONGEST_REFERENCE = 200
_TOO_MANY_REQUESTS = 429
_MOST_TRIES = 10

Row = dict[str, str]


def read_labels(path: Path) -> list[Row]:
    """Return the rows of a file with a header: payment_intent_id, label (fraud, good), and labelled_at if it has that.

    Raises StackError with the line that is wrong; OSError.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(_rows(csv.DictReader(file)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise StackError(f"{path} is no CSV in UTF-8: {error}") from None


async def send_labels(
    session: GatewaySession, file: str, rows: Sequence[Row], tell: Callable[[int], None]
) -> LabelsImported:
    """Send the labels of a file, telling after each part how many are sent. Raises StackError."""
    taken, unknown = 0, list[UUID]()
    for start in range(0, len(rows), LABELS_AT_ONCE):
        part = rows[start : start + LABELS_AT_ONCE]
        done = await _send(session, {"reference": file[:_LONGEST_REFERENCE], "labels": part})
        taken += done.taken
        unknown += done.unknown
        tell(start + len(part))
    return LabelsImported(taken=taken, unknown=unknown)


async def _send(session: GatewaySession, body: dict[str, Any]) -> LabelsImported:
    # The same part of the same file has the same key: sent again after an interruption, it is taken once.
    key = hashlib.sha256(orjson.dumps(body)).hexdigest()
    for _ in range(_MOST_TRIES):
        answer = await session.send(_PATH, body, key)
        if answer.status_code != _TOO_MANY_REQUESTS:
            return LabelsImported.model_validate(answered(answer))
        await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
    raise StackError("the gateway takes no more requests for now; send the file again later")


def _rows(reader: "csv.DictReader[str]") -> Iterator[Row]:
    if missing := _NEEDED.difference(reader.fieldnames or ()):
        raise StackError(f"the header has no {' and no '.join(sorted(missing))}")
    for count, row in enumerate(reader, start=1):
        if count > MOST_ROWS:
            raise StackError(f"more than {MOST_ROWS:,} labels; split the file")
        try:
            yield _row(row)
        except (ValueError, TypeError, AttributeError) as error:
            raise StackError(f"line {reader.line_num}: {error}") from None


def _row(row: Mapping[str, str]) -> Row:
    """Return what is sent of a line. Raises ValueError."""
    read = {"payment_intent_id": str(UUID(row["payment_intent_id"].strip())), "label": Label(row["label"].strip())}
    if labelled_at := (row.get("labelled_at") or "").strip():
        moment = datetime.fromisoformat(labelled_at)
        known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        read["labelled_at"] = known.astimezone(UTC).isoformat()
    return read
