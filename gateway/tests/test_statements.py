"""Statements over HTTP: forms, pages, who may see them; and the bytes of a closed period's, which never change."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from httpx import Response

from contracts.ids import new_id
from contracts.message import Reply
from contracts.wallet import GetStatement
from gateway.account_statements import pdf_form, printing, reading
from gateway.account_statements.forms import Form, form_asked_for
from gateway.account_statements.pdf_form import render_pdf
from gateway.problems import ProblemError
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

GOLDEN = Path(__file__).parents[2] / "tests" / "golden_statement"
JANUARY = {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z"}
Pages = list[dict[str, Any]]


def closed_pages() -> Pages:
    """The pages that the wallet service answers, as its own test holds them."""
    pages: Pages = orjson.loads((GOLDEN / "statement.json").read_bytes())
    return pages


def by_cursor(pages: Pages) -> Callable[[GetStatement], Reply]:
    cursors = [None, *(page["next_cursor"] for page in pages[:-1])]
    return lambda query: completed(pages[cursors.index(query.cursor)])


@pytest.fixture
def wallet(services: ScriptedServices, user: UUID) -> UUID:
    services.answers[GetStatement] = by_cursor(closed_pages())
    return services.wallet(user)


async def fetch(gateway: Gateway, headers: dict[str, str], wallet: UUID, **parameters: Any) -> Response:
    return await gateway.http.get(f"/v1/wallets/{wallet}/statement", params=JANUARY | parameters, headers=headers)


async def test_pages_of_json_are_as_the_ledger_says(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID
) -> None:
    more: dict[str, Any] = {}
    for number, page in enumerate(closed_pages()):
        answer = await fetch(gateway, services.signer.bearer(user), wallet, limit=25, **more)
        assert (answer.status_code, answer.json()) == (200, {"next_cursor": None} | page)
        assert answer.content == (GOLDEN / f"page_{number + 1}.json").read_bytes()
        more = {"cursor": answer.json()["next_cursor"]}
    asked = services.commands(GetStatement)[0].data
    assert (asked.account_id, asked.limit, asked.starts_at.isoformat()) == (wallet, 25, "2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize(("form", "media_type"), [("csv", "text/csv; charset=utf-8"), ("pdf", "application/pdf")])
async def test_a_closed_statement_is_the_same_byte_for_byte(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID, form: str, media_type: str
) -> None:
    headers = services.signer.bearer(user)
    asked = [
        await fetch(gateway, headers, wallet, format=form),
        await fetch(gateway, headers | {"Accept": f"{media_type.partition(';')[0]}, */*;q=0.1"}, wallet),
    ]
    for answer in asked:
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.content == (GOLDEN / f"statement.{form}").read_bytes()
        account = closed_pages()[0]["account_id"]
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="statement-{account}-2026-01-01-2026-02-01.{form}"'
        )


def test_a_pdf_depends_on_nothing_but_the_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert render_pdf(closed_pages()) == (GOLDEN / "statement.pdf").read_bytes()
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_csv_adds_up(gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID) -> None:
    answer = await fetch(gateway, services.signer.bearer(user), wallet, format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["row"] for row in (rows[0], rows[1], rows[-1])] == ["opening", "entry", "closing"]
    assert len(rows) == sum(len(page["lines"]) for page in closed_pages()) + 2
    balance = int(rows[0]["balance"])
    for row in rows[1:-1]:
        balance += int(row["amount"])
        assert int(row["balance"]) == balance
    assert int(rows[-1]["balance"]) == balance


async def test_the_statement_of_an_open_period_says_so(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID
) -> None:
    services.answers[GetStatement] = by_cursor([page | {"closed": False} for page in closed_pages()])
    headers = services.signer.bearer(user)
    assert (await fetch(gateway, headers, wallet)).json()["closed"] is False
    assert "\r\nclosing_provisional," in (await fetch(gateway, headers, wallet, format="csv")).text
    assert b"PROVISIONAL" in (await fetch(gateway, headers, wallet, format="pdf")).content


async def test_a_statement_without_entries(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID
) -> None:
    services.answers[GetStatement] = lambda _: completed(closed_pages()[-1] | {"lines": [], "closing": 123456})
    headers = services.signer.bearer(user)
    assert len((await fetch(gateway, headers, wallet, format="csv")).text.splitlines()) == 3
    pdf = await fetch(gateway, headers, wallet, format="pdf")
    assert b"Page 1 of 1" in pdf.content


async def test_only_owner_and_operators_see_it(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID
) -> None:
    signer, clearing = services.signer, services.wallet(None)
    seen = [(signer.bearer(user), 200), (signer.operator(), 200), (signer.bearer(new_id()), 404)]
    for headers, status in seen:
        assert (await fetch(gateway, headers, wallet)).status_code == status
    for account, headers, status in (
        (clearing, signer.operator(), 200),
        (wallet, signer.operator(), 200),
        (new_id(), signer.operator(), 404),
        (clearing, signer.bearer(user), 403),
    ):
        path = f"/v1/accounts/{account}/statement"
        assert (await gateway.http.get(path, params=JANUARY, headers=headers)).status_code == status


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"ends_at": JANUARY["starts_at"]}, "invalid_request", "ends_at"),
    ({"starts_at": "2026-03-01T00:00:00Z"}, "invalid_request", "ends_at"),
    ({"starts_at": "2026-01-01T00:00:00"}, "invalid_request", "starts_at"),
    ({"starts_at": "2026-01-01"}, "invalid_request", "starts_at"),
    ({"starts_at": "1767225600"}, "invalid_request", "starts_at"),
    ({"starts_at": "2026-01-01T00:00:00.1234567Z"}, "invalid_request", "starts_at"),
    ({"ends_at": "2026-02-30T00:00:00Z"}, "invalid_request", "ends_at"),
    ({"limit": "1001"}, "invalid_request", "limit"),
    ({"cursor": "a b"}, "invalid_request", "cursor"),
    ({"end_at": JANUARY["ends_at"]}, "invalid_request", "end_at"),
    ({"format": "xls"}, "invalid_request", "format"),
    ({"format": "csv", "cursor": "abcd"}, "invalid_request", "cursor"),
    ({"format": "pdf", "limit": "5"}, "invalid_request", "limit"),
]


@pytest.mark.parametrize(("parameters", "code", "parameter"), WRONG)
async def test_what_cannot_be_asked(
    gateway: Gateway,
    services: ScriptedServices,
    wallet: UUID,
    user: UUID,
    parameters: dict[str, str],
    code: str,
    parameter: str,
) -> None:
    answer = await fetch(gateway, services.signer.bearer(user), wallet, **parameters)
    assert (answer.status_code, answer.json()["code"], answer.json()["parameter"]) == (422, code, parameter)


async def test_both_ends_are_required(gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID) -> None:
    headers = services.signer.bearer(user)
    answer = await gateway.http.get(f"/v1/wallets/{wallet}/statement", headers=headers)
    assert [e["location"] for e in answer.json()["errors"]] == ["query/starts_at", "query/ends_at"]


@pytest.mark.parametrize("form", ["json", "csv", "pdf"])
async def test_what_the_ledger_refuses_is_refused_in_every_form(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID, form: str
) -> None:
    services.answers[GetStatement] = lambda _: refused("cursor_invalid", parameter="cursor")
    answer = await fetch(gateway, services.signer.bearer(user), wallet, format=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


async def test_more_lines_than_fit_on_paper(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "MAX_LINES", 30)
    answer = await fetch(gateway, services.signer.bearer(user), wallet, format="pdf")
    assert (answer.status_code, answer.json()["code"]) == (422, "statement_too_long")
    assert "format=csv" in answer.json()["detail"]


async def test_who_waits_too_long_for_the_printer_is_told(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "WAITING_SECONDS", 0.05)
    async with gateway.parts.printer._turn:
        answer = await fetch(gateway, services.signer.bearer(user), wallet, format="pdf")
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert (await fetch(gateway, services.signer.bearer(user), wallet, format="pdf")).status_code == 200


async def test_a_page_that_is_late_is_asked_for_again(
    gateway: Gateway, services: ScriptedServices, wallet: UUID, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAUSE_SECONDS", 0.01)
    pages, failures = by_cursor(closed_pages()), iter([True, True])
    services.answers[GetStatement] = lambda q: (
        refused("unavailable") if q.cursor and next(failures, False) else pages(q)
    )
    answer = await fetch(gateway, services.signer.bearer(user), wallet, format="csv")
    assert answer.content == (GOLDEN / "statement.csv").read_bytes()


ACCEPTS: list[tuple[str | None, Form | None]] = [
    (None, Form.JSON),
    ("*/*", Form.JSON),
    ("application/json", Form.JSON),
    ("text/csv", Form.CSV),
    ("text/*", Form.CSV),
    ("application/pdf", Form.PDF),
    ("Application/PDF;q=0.9, text/csv;q=0.8, */*;q=0.1", Form.PDF),
    ("application/*;q=0.2, text/csv;q=0.3", Form.CSV),
    ("application/json;q=0, */*", Form.CSV),
    ("text/html,application/xhtml+xml,*/*;q=0.8", Form.JSON),
    ("text/html", None),
    ("text/csv;q=0", None),
    ("text/csv;q=high", None),
    (";", None),
]


@pytest.mark.parametrize(("accept", "form"), ACCEPTS)
def test_the_form_that_is_accepted_most(accept: str | None, form: Form | None) -> None:
    if form is None:
        with pytest.raises(ProblemError) as caught:
            form_asked_for(None, accept)
        assert (caught.value.code, caught.value.status_code) == ("not_acceptable", 406)
    else:
        assert form_asked_for(None, accept) is form
    assert form_asked_for(Form.PDF, accept) is Form.PDF


@pytest.mark.parametrize("lines", [0, 1, 24, 25, 26, 54, 55, 56, 300])
def test_every_line_is_on_a_page(lines: int) -> None:
    page = closed_pages()[0]
    entries = [page["lines"][0] | {"transfer_id": f"transfer-{n:04}"} for n in range(lines)]
    pdf = render_pdf([page | {"lines": entries}])
    assert pdf.count(b"(Transfer transfer-") == lines
    assert pdf.count(b"(Opening balance)") == 2
    assert pdf.count(b"(Brought forward)") == pdf.count(b"(Carried forward)") == pdf.count(b"(Page ") - 1
    lowest = pdf_form.BOTTOM + 12
    assert all(y >= lowest for y in _entry_heights(pdf))


def _entry_heights(pdf: bytes) -> list[float]:
    """Return how high above the paper's lower edge each entry's text begins."""
    marks = (b"(Transfer transfer-", b" balance)", b" forward)")
    texts = [line for line in pdf.splitlines() if any(mark in line for mark in marks)]
    return [float(text.split(b" Tm")[0].split()[-1]) for text in texts]
