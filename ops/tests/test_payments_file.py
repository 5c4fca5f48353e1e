"""Files of labelled payments: every form is read alike, and what is wrong with a file is said with its place."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from ops.risk_model.errors import RiskModelError
from ops.risk_model.payments_file import LabelledPayments, read_payments
from ops.tests.handbook_files import HEADER, Row, town, write_csv


@pytest.fixture
def rows() -> list[Row]:
    return town(days=3, customers=20)


def _columns(rows: list[Row], *, cents: bool) -> dict[str, Any]:
    amount = [round(row.amount * 100) if cents else round(row.amount, 2) for row in rows]
    return {
        "TRANSACTION_ID": list(range(len(rows))),
        "TX_DATETIME": [row.at for row in rows],
        "CUSTOMER_ID": [str(row.customer) if cents else row.customer for row in rows],
        "TERMINAL_ID": [str(row.terminal) if cents else row.terminal for row in rows],
        "TX_AMOUNT_CENTS" if cents else "TX_AMOUNT": amount,
        "TX_FRAUD": [int(row.is_fraud) for row in rows],
    }


def _same(one: LabelledPayments, other: LabelledPayments) -> None:
    for name in LabelledPayments.__slots__:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_every_form_of_a_file_is_read_alike(tmp_path: Path, rows: list[Row]) -> None:
    plain = read_payments(write_csv(tmp_path / "a.csv", rows))
    assert len(plain) == len(rows)
    assert plain.cents.tolist() == [round(row.amount * 100) for row in rows]
    assert plain.frauds.tolist() == [row.is_fraud for row in rows]
    _same(plain, read_payments(write_csv(tmp_path / "b.csv.gz", rows, packed=True)))
    for cents in (False, True):
        path = tmp_path / f"{cents}.parquet"
        pa.parquet.write_table(pa.table(_columns(rows, cents=cents)), path)
        _same(plain, read_payments(path))
        packed = tmp_path / f"{cents}.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        _same(plain, read_payments(packed))


def test_a_file_may_have_been_through_other_tools(tmp_path: Path, rows: list[Row]) -> None:
    plain = read_payments(write_csv(tmp_path / "a.csv", rows))
    columns = _columns(rows, cents=True)
    moments = pa.array(columns["TX_DATETIME"])
    forms: list[dict[str, Any]] = [
        {"TX_DATETIME": [f"{row.at:%Y-%m-%d %H:%M:%S}" for row in rows]},
        {"TX_DATETIME": moments.cast(pa.timestamp("ns")), "TX_FRAUD": [row.is_fraud for row in rows]},
        {"TX_DATETIME": moments.cast(pa.timestamp("us", "UTC")), "TX_FRAUD": [float(row.is_fraud) for row in rows]},
        {"CUSTOMER_ID": [float(row.customer) for row in rows], "TERMINAL_ID": pa.array([row.terminal for row in rows])},
        {"CUSTOMER_ID": pa.array(columns["CUSTOMER_ID"]).dictionary_encode(), "TX_FRAUD_SCENARIO": [9] * len(rows)},
        {"TX_AMOUNT_CENTS": [float(row) for row in columns["TX_AMOUNT_CENTS"]], "__index_level_0__": [0] * len(rows)},
    ]
    for number, form in enumerate(forms):
        whole = dict(reversed((columns | form).items()))
        path = tmp_path / f"{number}.parquet"
        pa.parquet.write_table(pa.table(whole), path)
        _same(plain, read_payments(path))


def test_columns_that_are_not_read_may_hold_anything(tmp_path: Path, rows: list[Row]) -> None:
    plain = read_payments(write_csv(tmp_path / "a.csv", rows))
    lines = [",CUSTOMER_ID,TX_FRAUD,remark,TERMINAL_ID,TX_DATETIME,TX_AMOUNT_CENTS"]
    for number, row in enumerate(rows):
        remark = number if number < len(rows) - 1 else '"at last, a text"'
        cents = round(row.amount * 100)
        lines.append(f"{number},{row.customer}.0,{int(row.is_fraud)}.0,{remark},{row.terminal},{row.at},{cents}.0")
    other = tmp_path / "b.csv"
    other.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    _same(plain, read_payments(other))


def test_payments_are_brought_into_the_order_of_time(tmp_path: Path, rows: list[Row]) -> None:
    shuffled = read_payments(write_csv(tmp_path / "a.csv", rows[::-1]))
    assert shuffled.times.tolist() == sorted(shuffled.times.tolist())
    assert shuffled.cents.tolist() == read_payments(write_csv(tmp_path / "b.csv", rows)).cents.tolist()


GOOD = "1,2018-06-01 00:00:01,5,6,12.50,0,0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "lacks TX_DATETIME, CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT or TX_AMOUNT_CENTS, TX_FRAUD"),
        (f"{','.join(HEADER)}\n", "has no payments"),
        (f"{','.join(HEADER)}\n{GOOD}\n2,yesterday,5,6,1,0,0\n", "yesterday"),
        (f"{','.join(HEADER)}\n{GOOD}\n2,2018-06-01 00:00:02,,6,1,0,0\n", "Payment 2 of the file: CUSTOMER_ID is miss"),
        (f"{','.join(HEADER)}\n{GOOD}\n2,2018-06-01 00:00:02,5,6,-1,0,0\n", "Payment 2 of the file: the amount"),
        (f"{','.join(HEADER)}\n{GOOD}\n2,2018-06-01 00:00:02,5,6,nan,0,0\n", "Payment 2 of the file: "),
        (f"{','.join(HEADER)}\n{GOOD}\n2,2018-06-01 00:00:02,5,6,1,2,0\n", "Payment 2 of the file: TX_FRAUD"),
        (f"{','.join(HEADER)}\n{GOOD}\n2,2018-06-01\n", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(RiskModelError, match=said):
        read_payments(path)


def test_a_broken_archive_and_a_missing_file_are_said(tmp_path: Path, rows: list[Row]) -> None:
    whole = write_csv(tmp_path / "a.csv.gz", rows, packed=True)
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(whole.read_bytes()[:-40])
    for path in (cut, tmp_path / "missing.csv", tmp_path):
        with pytest.raises(RiskModelError, match="cannot be read"):
            read_payments(path)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(RiskModelError, match="cannot be read"):
        read_payments(broken)
