"""What statements say, in whatever pieces they arrive; and what is answered to those that cannot be read."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.wallet import ExternalLine
from gateway.external_statements.camt053 import Camt053Reader
from gateway.external_statements.csv_reader import CsvReader
from gateway.external_statements.reading import Facts, Reader, StatementError

SAMPLES = Path(__file__).parent / "statements"
JANUARY = Facts("january", "EUR", date(2026, 1, 1), date(2026, 1, 31))


def _read(reader: Reader, content: bytes, size: int = 2**20) -> list[ExternalLine]:
    lines: list[ExternalLine] = []
    for start in range(0, len(content), size):
        lines += reader.feed(content[start : start + size])
    return lines + reader.close()


def _line(number: int, on: str, amount: int, **more: str) -> ExternalLine:
    return ExternalLine(number=number, booked_on=date.fromisoformat(on), amount=amount, **more)


CAMT = {
    "bank_v08.xml": (
        Facts("STMT-2026-01", "EUR", date(2026, 1, 1), date(2026, 1, 31), 500000, 534500),
        [
            _line(
                1,
                "2026-01-05",
                10000,
                reference="01990f3e7c307d449e555f66a77b8801",
                description="Top-up of a wallet",
                external_id="2026010500001",
            ),
            _line(2, "2026-01-14", 27000, reference="TX-1", external_id="2026011400007"),
            _line(3, "2026-01-14", -2000, reference="REFUND-9", external_id="2026011400007"),
            _line(4, "2026-01-31", -500, reference="FEE-2026-01", description="Account fee"),
        ],
    ),
    "bank_v02.xml": (
        Facts("61", "JPY", date(2026, 3, 2), date(2026, 3, 2), -1000, 500),
        [_line(1, "2026-03-02", 1500, reference="RF18539007547034", description="Rückzahlung")],
    ),
    "batch_v13.xml": (
        Facts("B1", "EUR", date(2026, 5, 1), date(2026, 5, 1), 0, 3050),
        [_line(1, "2026-05-01", 3050, reference="BATCH-7")],
    ),
}


@pytest.mark.parametrize("sample", CAMT)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_camt053_says_the_same_in_any_pieces(sample: str, size: int) -> None:
    facts, lines = CAMT[sample]
    reader = Camt053Reader()
    assert _read(reader, (SAMPLES / sample).read_bytes(), size) == lines
    assert reader.facts == facts
    if facts.closing is not None and facts.opening is not None:
        assert facts.opening + sum(line.amount for line in lines) == facts.closing


def test_what_the_client_says_comes_before_what_the_statement_says() -> None:
    reader = Camt053Reader("mine", date(2026, 1, 5), date(2026, 2, 28))
    _read(reader, (SAMPLES / "bank_v08.xml").read_bytes())
    assert reader.facts == Facts("mine", "EUR", date(2026, 1, 5), date(2026, 2, 28), 500000, 534500)


SAMPLE = (SAMPLES / "bank_v08.xml").read_text()
BAD_XML = [
    ("", "it is not XML: no element found"),
    ("date,amount\n", "it is not XML: syntax error"),
    ("<Document/>", "it is '', not camt.053.001.02 to .13"),
    (SAMPLE.replace("053.001.08", "052.001.08"), "not camt.053.001.02 to .13"),
    (SAMPLE.replace("053.001.08", "053.001.01"), "not camt.053.001.02 to .13"),
    (SAMPLE.replace("053.001.08", "053.001.14"), "not camt.053.001.02 to .13"),
    (SAMPLE[:2000], "it is not XML: no element found"),
    (SAMPLE.replace("<Document", "<!DOCTYPE Document [<!ENTITY a 'b'>]><Document"), "a statement has no DOCTYPE"),
    (SAMPLE.replace("OPBD", "ITBD"), "the statement has no OPBD or PRCD balance"),
    (SAMPLE.replace("CLBD", "ITBD"), "the statement has no CLBD balance"),
    (SAMPLE.replace('Ccy="EUR">5000', 'Ccy="EUX">5000'), "'EUX' is not an ISO 4217 currency"),
    (SAMPLE.replace("5345.00", "5345,00"), "'5345,00' is not an amount such as -12.50"),
    (SAMPLE.replace('<Amt Ccy="EUR">5.00', '<Amt Ccy="EUR">5.001'), "'5.001' has more decimals than EUR has"),
    (SAMPLE.replace('<Amt Ccy="EUR">5.00', '<Amt Ccy="USD">5.00'), "it is not in EUR, as the opening balance is"),
    (SAMPLE.replace("<CdtDbtInd>DBIT</CdtDbtInd>\n        <Sts>", "<Sts>"), "it is neither CRDT nor DBIT"),
    (SAMPLE.replace("<Dt>2026-01-05</Dt></BookgDt>", "<Dt>5.1.2026</Dt></BookgDt>"), "'5.1.2026' is not a date"),
    (SAMPLE.replace("<Dt>2026-01-05</Dt></BookgDt>", "<Dt>2026-02-30</Dt></BookgDt>"), "'2026-02-30' is not a date"),
    (
        SAMPLE.replace("<Dt>2026-01-05</Dt></BookgDt>", "<Dt>2025-12-31</Dt></BookgDt>"),
        "outside the statement's period",
    ),
    (SAMPLE.replace("</BkToCstmrStmt>", "<Stmt/></BkToCstmrStmt>"), "more than one statement"),
    (SAMPLE.replace("<GrpHdr>", "<GrpHdr>" + "<a>" * 50), "nested too deeply"),
    (SAMPLE.replace("Top-up", "x" * 5000), "a text is too long"),
    (SAMPLE.replace("Stmt>", "Other>"), "the document has no statement"),
]


FROM_TO = "<FrToDt><FrDtTm>{}T00:00:00</FrDtTm><ToDtTm>{}T00:00:00</ToDtTm></FrToDt>"


@pytest.mark.parametrize(
    ("first", "past", "detail"),
    [
        ("2026-02-01", "2026-01-31", "not of the days from 2026-02-01 to 2026-01-30"),
        ("0001-01-01", "0001-01-01", "'0001-01-01' is not between"),
        ("1970-01-01", "1970-01-01", "not of the days from 1970-01-01 to 1969-12-31"),
        ("2026-01-01", "9999-12-31", "'9999-12-31' is not between"),
    ],
)
def test_a_period_that_is_none_is_named(first: str, past: str, detail: str) -> None:
    before, rest = SAMPLE.split("<FrToDt>")
    content = before + FROM_TO.format(first, past) + rest.split("</FrToDt>")[1]
    with pytest.raises(StatementError) as caught:
        _read(Camt053Reader(), content.encode())
    assert detail in caught.value.detail
    with pytest.raises(StatementError, match="not of the days from 2026-02-01 to 2026-01-31"):
        _read(Camt053Reader(starts_on=date(2026, 2, 1)), SAMPLE.encode())


@pytest.mark.parametrize(("content", "detail"), BAD_XML)
def test_a_bad_document_is_named(content: str, detail: str) -> None:
    with pytest.raises(StatementError, match=r"\S") as caught:
        _read(Camt053Reader(), content.encode())
    assert detail in caught.value.detail


def test_a_bad_element_is_found() -> None:
    content = SAMPLE.replace('<Amt Ccy="EUR">5.00', '<Amt Ccy="EUR">5.001')
    with pytest.raises(StatementError) as caught:
        _read(Camt053Reader(), content.encode())
    problem = caught.value.problem()
    line = content[: content.index("</Ntry>", content.index("5.001"))].count("\n") + 1
    assert problem.members == {"line": line, "column": "Ntry/Amt"}
    assert problem.detail == f"line {line}, `Ntry/Amt`: '5.001' has more decimals than EUR has"


CSV = """\ufeffId;Date;Amount;Booked by;Reference;Description
a-1;2026-01-05;100.00;Bank;01990f3e-7c30-7d44-9e55-5f66a77b8801;"Top-up; of
a ""wallet"" now"

;2026-01-31;-5;Bank;;
"""


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_says_the_same_in_any_pieces(size: int, end: str) -> None:
    lines = _read(CsvReader(JANUARY), CSV.replace("\n", end).encode(), size)
    assert [(x.number, x.booked_on.day, x.amount, x.reference, x.external_id) for x in lines] == [
        (1, 5, 10000, "01990f3e-7c30-7d44-9e55-5f66a77b8801", "a-1"),
        (2, 31, -500, None, None),
    ]
    assert (lines[0].description or "").split() == ["Top-up;", "of", "a", '"wallet"', "now"]


def test_csv_in_minor_units() -> None:
    (line,) = _read(CsvReader(JANUARY), b"amount_minor,date\n-1250,2026-01-02")
    assert (line.amount, line.booked_on) == (-1250, date(2026, 1, 2))


HEADER = "date,amount\n2026-01-01,1\n"
BAD_CSV = [
    (b"", 1, None, "the file is empty"),
    (b"amount\n", 1, "date", "the header has no such column"),
    (b"date\n", 1, "amount", "the header has no such column"),
    (b"date,amount,amount_minor\n", 1, "amount", "has both"),
    (b"date,amount,date\n", 1, "date", "has this column twice"),
    (HEADER.encode() + b"2026-01-02\n", 3, None, "it has 1 fields, the header has 2"),
    (HEADER.encode() + b"2026-01-02,1,50\n", 3, None, "it has 3 fields, the header has 2"),
    (HEADER.encode() + b"02.01.2026,1\n", 3, "date", "'02.01.2026' is not a date"),
    (HEADER.encode() + b"9999-12-31,1\n", 3, "date", "'9999-12-31' is not between 1970-01-01 and 2100-12-31"),
    (HEADER.encode() + b"0001-01-01,1\n", 3, "date", "'0001-01-01' is not between 1970-01-01 and 2100-12-31"),
    (HEADER.encode() + b"2026-02-01,1\n", 3, None, "outside the statement's period"),
    (HEADER.encode() + b"2026-01-02,1e3\n", 3, "amount", "'1e3' is not an amount"),
    (HEADER.encode() + b'2026-01-02,"1,234.00"\n', 3, "amount", "'1,234.00' is not an amount"),
    (HEADER.encode() + b"2026-01-02,NaN\n", 3, "amount", "'NaN' is not an amount"),
    (HEADER.encode() + b"2026-01-02,0.001\n", 3, "amount", "has more decimals than EUR has"),
    (HEADER.encode() + b"2026-01-02,0.00\n", 3, "amount", "a line that moves no money"),
    (HEADER.encode() + b"2026-01-02," + b"9" * 18 + b"\n", 3, "amount", "is too large"),
    (HEADER.encode() + b"2026-01-02,99999999999999\n", 3, None, "above 1000000000000000 minor units"),
    (HEADER.encode() + b'2026-01-02,"1\n', 3, None, "a quoted field does not end"),
    (HEADER.encode() + b'2026-01-02,"1"x"y"\n', 3, None, "it is not CSV"),
    (HEADER.encode() + b"\xff\xfe", 3, None, "it is not written in UTF-8"),
    (HEADER.encode() + b"2026-01-02," + b" " * 20000, 3, None, "more than 16384 characters"),
    (b"date,amount_minor\n2026-01-02,1.5\n", 2, "amount_minor", "'1.5' is not a number of minor units"),
    (b"date,amount_minor\n2026-01-02,+-1\n", 2, "amount_minor", "'+-1' is not a number of minor units"),
]


@pytest.mark.parametrize(("content", "line", "column", "detail"), BAD_CSV)
def test_a_bad_line_is_named(content: bytes, line: int, column: str | None, detail: str) -> None:
    with pytest.raises(StatementError, match=r"\S") as caught:
        _read(CsvReader(JANUARY), content)
    assert detail in caught.value.detail
    assert (caught.value.line, caught.value.place) == (line, column)


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_named(content: bytes) -> None:
    for reader in (CsvReader(JANUARY), Camt053Reader()):
        with suppress(StatementError):
            _read(reader, content, 50)


@given(st.text(max_size=60), st.text(max_size=60))
def test_texts_become_what_a_message_can_hold(reference: str, description: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    content = f"date,amount,reference,description\n2026-01-02,1,{quoted(reference)},{quoted(description)}\n"
    (line,) = _read(CsvReader(JANUARY), content.encode("utf-8", "replace"))
    assert ExternalLine.model_validate_json(line.model_dump_json()) == line
