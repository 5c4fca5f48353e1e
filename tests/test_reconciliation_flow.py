"""A bank's statement, from the upload to the last resolved break, through every process."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from tests.people import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")

CURRENCY = "BHD"  # of which this test has the clearing account for itself; its minor unit is a thousandth
CAMT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>{name}</Id>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="BHD">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>{first}</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="BHD">{closing}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>{last}</Dt></Dt></Bal>
{entries}
</Stmt></BkToCstmrStmt></Document>"""
ENTRY = """<Ntry><Amt Ccy="BHD">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{on}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs></TxDtls></NtryDtls>
</Ntry>"""


class Desk:
    """The operator, in plain HTTP."""

    def __init__(self, http: httpx.AsyncClient, operator: LedgerLink) -> None:
        self._http, self._operator = http, operator

    async def ask(self, method: str, path: str, key: str | None = None, **request: Any) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self._operator.tokens.access_token}",
            "Idempotency-Key": key or str(new_id()),
        } | request.pop("headers", {})
        return await self._http.request(method, f"/v1/{path}", headers=headers, **request)

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def clearing(self) -> str:
        accounts = (await self.get(f"accounts?kind=clearing&currency={CURRENCY}"))["accounts"]
        return str(accounts[0]["id"])

    async def upload(self, key: str, content: str, query: dict[str, str], kind: str = "text/csv") -> httpx.Response:
        headers = {"Content-Type": kind, "Prefer": "wait=20"}
        return await self.ask("POST", "reconciliations", key, params=query, content=content, headers=headers)


@pytest.fixture
def desk(http: httpx.AsyncClient, operator: LedgerLink) -> Desk:
    return Desk(http, operator)


async def _funded(gateway: LedgerLink, operator: LedgerLink, *amounts: int) -> list[UUID]:
    email = f"{new_id().hex}@reconciliation.example"
    wallet = await (await gateway.register_and_login(email, PASSWORD)).wallets.open(CURRENCY)
    return [(await operator.wallets.top_up(wallet.id, amount, CURRENCY)).id for amount in amounts]


def _entry(amount: str, on: object, reference: str) -> str:
    side = "DBIT" if amount.startswith("-") else "CRDT"
    return ENTRY.format(amount=amount.lstrip("-"), side=side, on=on, reference=reference)


async def test_a_month_of_a_bank(gateway: LedgerLink, operator: LedgerLink, desk: Desk) -> None:
    exact, late, _, short = await _funded(gateway, operator, 1_500, 2_000, 3_125, 900)
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=5), today + timedelta(days=1)
    entries = [
        _entry("1.500", today, exact.hex),
        _entry("2.0", last, str(late)),
        _entry("3.125", last, "NOTPROVIDED"),
        _entry("0.890", today, short.hex),  # the bank kept something
        _entry("-0.250", today, "FEE"),
    ]
    content = CAMT.format(name="S1", first=first, last=last, closing="7.265", entries="".join(entries))
    query = {"account_id": await desk.clearing()}
    answer = await desk.upload("month", content, query, "application/xml")
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["status"], shown["lines"], shown["entries"], shown["open_breaks"]) == ("matched", 5, 4, 2)
    matched = {m["rule"]: m["lines"] for m in shown["matched"] if m["lines"]}
    assert matched == {"exact": 1, "reference": 1, "amount_and_date": 1}
    again = await desk.upload("month", content, query, "application/xml")
    assert (again.status_code, again.json()) == (201, shown)
    one = f"reconciliations/{shown['id']}"
    differs, fee = (await desk.get(f"{one}/breaks"))["breaks"]
    assert (differs["kind"], differs["difference"]) == ("amount_differs", -10)
    assert (fee["kind"], fee["difference"], fee["line"]["reference"]) == ("line_without_entry", -250, "FEE")
    body = {"kind": "transfer", "note": "What the bank took", "account_id": await _fees(desk)}
    before = await _balance(desk, query["account_id"])
    for number in (1, 2):
        answer = await desk.ask("POST", f"{one}/breaks/{number}/resolutions", json=body)
        assert answer.status_code == 201, answer.text
    assert await _balance(desk, query["account_id"]) - before == 260
    assert (await desk.get(one))["status"] == "closed"
    assert (await desk.get(f"{one}/breaks?unresolved=true"))["breaks"] == []
    # What the account has is what the bank says: 7.265, which reached us, and so is a debit.
    assert await _balance(desk, query["account_id"]) == -7265


async def _fees(desk: Desk) -> str:
    body = {"kind": "fees", "type": "expense", "currency": CURRENCY}
    answer = await desk.ask("POST", "accounts", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _balance(desk: Desk, account: str) -> int:
    return int((await desk.get(f"accounts/{account}"))["balance"])


async def test_a_large_statement_is_matched_while_payments_go_on(
    gateway: LedgerLink, operator: LedgerLink, desk: Desk
) -> None:
    await _funded(gateway, operator, 5)
    today = datetime.now(UTC).date()
    rows = [f"{today},{n},Row {n}" for n in range(1, 12_001)]
    content = "\n".join(["date,amount_minor,description", *rows])
    query = {"account_id": await desk.clearing(), "starts_on": str(today), "ends_on": str(today)}
    uploading = asyncio.create_task(desk.upload("large", content, query | {"may_overlap": "true"}))
    await _funded(gateway, operator, 7)
    answer = await uploading
    assert answer.status_code == 201, answer.text
    assert (answer.json()["lines"], answer.json()["status"]) == (12_000, "matched")
    assert answer.json()["breaks"] >= 11_990
    again = await desk.upload("large, once more", content, query)
    assert (again.status_code, again.json()["code"]) == (409, "statement_overlaps")


async def test_a_statement_whose_balances_disagree_is_refused(
    gateway: LedgerLink, operator: LedgerLink, desk: Desk
) -> None:
    await _funded(gateway, operator, 5)
    today = str(datetime.now(UTC).date())
    query = {"account_id": await desk.clearing(), "starts_on": today, "ends_on": today, "may_overlap": "true"}
    balances = {"opening": "0", "closing": "6"}
    answer = await desk.upload("sum", f"date,amount_minor\n{today},5\n", query | balances)
    assert (answer.status_code, answer.json()["code"]) == (422, "statement_does_not_add_up")
    answer = await desk.upload("sum", f"date,amount_minor\n{today},6\n", query | balances)
    assert (answer.status_code, answer.json()["code"]) == (409, "line_differs")
