"""Time through every process: a period is closed over HTTP, and then its statement is the same whatever happens."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from tests.people import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORMS = ("json", "csv", "pdf")


class Desk:
    """One person's requests."""

    def __init__(self, http: httpx.AsyncClient, session: LedgerLink) -> None:
        self._http = http
        self._token = session.tokens.access_token

    async def ask(self, method: str, path: str, status: int, body: Any = None, **parameters: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": str(new_id())}
        answer = await self._http.request(method, f"/v1/{path}", json=body, params=parameters, headers=headers)
        assert answer.status_code == status, answer.text
        return answer


def _order(debit: str, credit: str, amount: int, effective_at: datetime | None = None) -> dict[str, Any]:
    order = {"debit_account": debit, "credit_account": credit, "amount": amount, "currency": "CHF"}
    return order | ({"effective_at": effective_at.isoformat()} if effective_at else {})


async def test_the_statement_of_a_closed_period_stays_as_it_is(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    keeper = Desk(http, operator)
    ada = Desk(http, await gateway.register_and_login(f"{new_id()}@ledgerlink.example", PASSWORD))
    wallet = (await ada.ask("POST", "wallets", 201, {"currency": "CHF"})).json()["id"]
    account = {"kind": "general", "type": "asset", "currency": "CHF"}
    vault = (await keeper.ask("POST", "accounts", 201, account)).json()["id"]
    # Days ago, so that who else dates back in this ledger does so after the period.
    ends_at = datetime.now(UTC) - timedelta(days=5)
    hours = [ends_at - timedelta(hours=back) for back in (5, 4, 3, 2)]
    for moment, amount in zip(hours, (1000, 200, 30, 4), strict=True):
        await keeper.ask("POST", "transfers", 201, _order(vault, wallet, amount, moment))
    await keeper.ask("POST", "transfers", 201, _order(wallet, vault, 200, hours[1]))
    period = {"starts_at": hours[1].isoformat(), "ends_at": ends_at.isoformat()}

    async def statements(desk: Desk, path: str) -> list[bytes]:
        answers = [await desk.ask("GET", f"{path}/statement", 200, **period, format=form) for form in FORMS]
        return [answer.content for answer in answers]

    opened = (await ada.ask("GET", f"wallets/{wallet}/statement", 200, **period)).json()
    assert (opened["opening"], opened["closing"], opened["closed"]) == (1000, 1034, False)
    assert [line["balance"] for line in opened["lines"]] == [1200, 1000, 1030, 1034]
    closed = (await keeper.ask("POST", "ledger/periods", 201, {"ends_at": period["ends_at"]})).json()
    assert (await keeper.ask("GET", f"ledger/periods/{closed['id']}", 200)).json() == closed
    assert closed in (await keeper.ask("GET", "ledger/periods", 200)).json()["periods"]

    final = await statements(ada, f"wallets/{wallet}")
    assert b'"closed":true' in final[0]
    late = await keeper.ask("POST", "transfers", 409, _order(vault, wallet, 1, ends_at - timedelta(microseconds=1)))
    assert late.json()["code"] == "period_closed"
    await keeper.ask("POST", "transfers", 201, _order(vault, wallet, 1, ends_at))
    await keeper.ask("POST", "transfers", 201, _order(vault, wallet, 1))
    change = {"metadata": {"name": "Ada's"}, "external_id": str(new_id()), "reason": "Asked for"}
    await keeper.ask("PATCH", f"accounts/{wallet}", 200, change)
    freeze = {"direction": "both", "reason": "Court order"}
    await keeper.ask("POST", f"accounts/{wallet}/freeze", 200, freeze)
    assert await statements(ada, f"wallets/{wallet}") == final
    assert await statements(keeper, f"accounts/{wallet}") == final

    balances = [
        (await ada.ask("GET", f"wallets/{wallet}/balances", 200, **when)).json()["balances"][0]["balance"]
        for when in ({}, {"at": hours[0].isoformat()}, {"at": ends_at.isoformat()}, {"known_at": hours[3].isoformat()})
    ]
    assert balances == [1036, 1000, 1035, 0]
    trial = (await keeper.ask("GET", "ledger/trial_balance", 200, at=hours[0].isoformat())).json()["lines"]
    francs = {line["kind"]: (line["debit"], line["credit"]) for line in trial if line["currency"] == "CHF"}
    assert francs == {"general": (1000, 0), "wallet": (0, 1000)}
