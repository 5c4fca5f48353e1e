"""Reads files of labelled payments as the Fraud-Detection-Handbook publishes them, in CSV or parquet, gzip or not.

What the simulator knows beside the payments, TX_FRAUD_SCENARIO above all, is never read.
"""

import csv
import gzip
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from ops.risk_model.errors import RiskModelError

MOST_PAYMENTS = 20_000_000
"""So many fit into a gigabyte."""
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_BATCH = 1 << 20
TIME, CUSTOMER, TERMINAL, FRAUD = "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_FRAUD"
AMOUNT, CENTS = "TX_AMOUNT", "TX_AMOUNT_CENTS"
_TYPES = {
    TIME: pa.timestamp("us"),
    CUSTOMER: pa.string(),
    TERMINAL: pa.string(),
    AMOUNT: pa.float64(),
    CENTS: pa.float64(),
    FRAUD: pa.float64(),
}
"""Cents and labels too are read as doubles: a tool that met a gap once has written them as such."""
_MOST_CENTS = 10**15


@dataclass(frozen=True, slots=True)
class LabelledPayments:
    """Payments in the order of time, as columns: seconds since 1970 (UTC), whose, to whom, cents, and whether fraud.

    Customers and terminals are numbered in the order in which the file names them.
    """

    times: NDArray[np.float64]
    customers: NDArray[np.int64]
    terminals: NDArray[np.int64]
    cents: NDArray[np.int64]
    frauds: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)

    def between(self, first: int, end: int) -> "LabelledPayments":
        """Return the payments from the place `first` on, before the place `end`."""
        part = slice(first, end)
        return LabelledPayments(
            self.times[part], self.customers[part], self.terminals[part], self.cents[part], self.frauds[part]
        )


def read_payments(path: Path) -> LabelledPayments:
    """Read a whole file. Raises RiskModelError for one that is no such file, naming what is wrong with it."""
    try:
        with _opened(path) as (file, is_parquet):
            return _assembled(path, _parquet_batches(file) if is_parquet else _csv_batches(file))
    except (OSError, EOFError, pa.ArrowException) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RiskModelError(f"{path} cannot be read: {reason}") from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedIOBase, bool]]:
    """Open it unpacked, and tell whether it is parquet, by its content and not by its name."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not packed:
            yield raw, _starts_as_parquet(raw)
            return
        with gzip.open(raw) as unpacked:
            if not _starts_as_parquet(unpacked):
                yield unpacked, False
                return
            with tempfile.TemporaryFile() as copy:  # parquet is read from its end
                shutil.copyfileobj(unpacked, copy, _BATCH)
                copy.seek(0)
                yield copy, True


def _starts_as_parquet(file: BufferedIOBase) -> bool:
    start = file.read(len(_PARQUET))
    file.seek(0)
    return start == _PARQUET


def _csv_batches(file: BufferedIOBase) -> Iterator[pa.RecordBatch]:
    columns = _columns(_header(file))
    convert = pa.csv.ConvertOptions(column_types=_TYPES, include_columns=columns, strings_can_be_null=True)
    read = pa.csv.ReadOptions(block_size=_BATCH * 8)
    with pa.csv.open_csv(file, read_options=read, convert_options=convert) as reader:
        yield from reader


def _header(file: BufferedIOBase) -> list[str]:
    """Return the names of the columns: others than those that are read may hold whatever they like."""
    line = file.readline(_BATCH).decode("utf-8-sig", "replace")
    if not line.strip():
        raise RiskModelError("The file is empty: its first line names no columns")
    file.seek(0)
    return next(csv.reader([line]), [])


def _parquet_batches(file: BufferedIOBase) -> Iterator[pa.RecordBatch]:
    reader = pa.parquet.ParquetFile(file)
    columns = _columns(reader.schema_arrow.names)
    for batch in reader.iter_batches(batch_size=_BATCH, columns=columns):
        yield pa.RecordBatch.from_arrays([_cast(batch.column(name), name) for name in columns], names=columns)


def _cast(column: pa.Array, name: str) -> pa.Array:
    """Return the column in its type, whatever tool has written it in another; times to the microsecond."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return pc.cast(column, _TYPES[name], safe=name != TIME)


def _columns(found: list[str]) -> list[str]:
    amount = CENTS if CENTS in found else AMOUNT
    columns = [TIME, CUSTOMER, TERMINAL, amount, FRAUD]
    missing = [AMOUNT + " or " + CENTS if c == amount else c for c in columns if c not in found]
    if missing:
        raise RiskModelError(f"The file lacks {', '.join(missing)}; it has {', '.join(found[:20])}")
    return columns


def _assembled(path: Path, batches: Iterator[pa.RecordBatch]) -> LabelledPayments:
    customers, terminals = _Numbers(), _Numbers()
    parts: list[tuple[NDArray[np.generic], ...]] = []
    read = 0
    for batch in batches:
        _refuse_gaps(batch, read)
        cents = _cents(batch, read)
        times = pc.cast(batch.column(TIME), pa.int64()).to_numpy() / 1e6
        frauds = _frauds(batch, read)
        parts.append((times, customers.of(batch.column(CUSTOMER)), terminals.of(batch.column(TERMINAL)), cents, frauds))
        read += batch.num_rows
        if read > MOST_PAYMENTS:
            raise RiskModelError(f"{path} has more than {MOST_PAYMENTS:,} payments; split it by time")
    if not read:
        raise RiskModelError(f"{path} has no payments in it")
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return LabelledPayments(*(column[order] for column in columns))


def _refuse_gaps(batch: pa.RecordBatch, before: int) -> None:
    for name in batch.schema.names:
        column = batch.column(name)
        if column.null_count:
            _refuse(before, np.asarray(column.is_null()), f"{name} is missing")


def _cents(batch: pa.RecordBatch, before: int) -> NDArray[np.int64]:
    if CENTS in batch.schema.names:
        cents = batch.column(CENTS).to_numpy().astype(np.float64)
    else:
        cents = batch.column(AMOUNT).to_numpy() * 100
    _refuse(before, ~((cents >= 0) & (cents <= _MOST_CENTS)), "the amount is no amount of money")
    return np.asarray(np.rint(cents), dtype=np.int64)


def _frauds(batch: pa.RecordBatch, before: int) -> NDArray[np.bool_]:
    labels = batch.column(FRAUD).to_numpy()
    _refuse(before, (labels != 0) & (labels != 1), f"{FRAUD} is neither 0 nor 1")
    return np.asarray(labels == 1)


def _refuse(before: int, wrong: NDArray[np.bool_], reason: str) -> None:
    if wrong.any():
        raise RiskModelError(f"Payment {before + int(np.argmax(wrong)) + 1:,} of the file: {reason}")


class _Numbers:
    """Numbers names in the order in which they are first seen."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, names: pa.Array) -> NDArray[np.int64]:
        coded = names.dictionary_encode()
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in coded.dictionary.to_pylist()]
        return np.asarray(np.asarray(numbers)[coded.indices.to_numpy()], dtype=np.int64)
