"""The ledger as customers and operators use it: over HTTP, through every process, until the books are closed."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from tests.people import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNDS = 100_000


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in, and talks to the gateway in plain HTTP."""

    http: httpx.AsyncClient
    session: LedgerLink

    async def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self.session.tokens.access_token}",
            "Idempotency-Key": key or str(new_id()),
        }
        return await self.http.request(method, f"/v1/{path}", json=body, headers=headers)

    async def get(self, path: str) -> dict[str, Any]:
        return _good(await self.ask("GET", path), 200)

    async def post(self, path: str, body: Any = None, status: int = 201) -> dict[str, Any]:
        return _good(await self.ask("POST", path, body), status)

    async def refused(self, path: str, body: Any = None, method: str = "POST") -> tuple[int, str]:
        answer = await self.ask(method, path, body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def money(self, wallet: str) -> tuple[int, int, int]:
        """Return a wallet's balance, held and available."""
        shown = await self.get(f"wallets/{wallet}")
        return shown["balance"], shown["held"], shown["available"]


def _good(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _order(debit: str, credit: str, amount: int, currency: str = "EUR", **other: Any) -> dict[str, Any]:
    return {"debit_account": debit, "credit_account": credit, "amount": amount, "currency": currency} | other


@pytest.fixture
def keeper(http: httpx.AsyncClient, operator: LedgerLink) -> Person:
    """The operator."""
    return Person(http, operator)


async def _newcomer(http: httpx.AsyncClient, gateway: LedgerLink) -> Person:
    return Person(http, await gateway.register_and_login(f"{new_id()}@ledgerlink.example", PASSWORD))


async def _funded(person: Person, keeper: Person, amount: int = FUNDS, currency: str = "EUR") -> str:
    """Open a wallet with money in it; return its id."""
    wallet: str = (await person.post("wallets", {"currency": currency}))["id"]
    await keeper.post(f"wallets/{wallet}/top_ups", {"amount": amount, "currency": currency, "processor": "acme"})
    return wallet


async def _account(keeper: Person, kind: str, kind_of_account: str, currency: str = "EUR") -> str:
    """Return a system account's id; those that exist only once are opened the first time."""
    body = {"kind": kind, "type": kind_of_account, "currency": currency}
    answer = await keeper.ask("POST", "accounts", body)
    if answer.status_code == 201:
        opened: str = answer.json()["id"]
        return opened
    assert answer.json()["code"] == "account_exists"
    (known,) = (await keeper.get(f"accounts?kind={kind}&currency={currency}"))["accounts"]
    identifier: str = known["id"]
    return identifier


async def test_a_wallet_holds_several_currencies(http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person) -> None:
    ada = await _newcomer(http, gateway)
    euros = await ada.post("wallets", {"currency": "EUR"})
    dollars = await ada.post("wallets", {"currency": "USD", "wallet": euros["id"]})
    yen = await ada.post("wallets", {"currency": "JPY", "wallet": dollars["id"]})
    assert {euros["wallet"], dollars["wallet"], yen["wallet"]} == {euros["id"]}
    assert (dollars["currency"], dollars["balance"], dollars["available"], dollars["frozen"]) == ("USD", 0, 0, "none")
    assert await ada.refused("wallets", {"currency": "USD", "wallet": yen["id"]}) == (409, "currency_taken")
    assert {w["id"] for w in (await ada.get("wallets"))["wallets"]} == {euros["id"], dollars["id"], yen["id"]}
    mallory = await _newcomer(http, gateway)
    theirs = {"currency": "SEK", "wallet": euros["id"]}
    assert await mallory.refused("wallets", theirs) == (404, "wallet_not_found")
    assert (await keeper.get(f"accounts/{dollars['id']}"))["normal_side"] == "credit"


async def test_customers_move_money_between_their_own_wallets_only(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada, grace = await _newcomer(http, gateway), await _newcomer(http, gateway)
    mine = await _funded(ada, keeper)
    savings = (await ada.post("wallets", {"currency": "EUR"}))["id"]
    moved = await ada.post("transfers", _order(mine, savings, 30_000, metadata={"goal": "boat"}))
    assert (await ada.money(mine), await ada.money(savings)) == ((70_000, 0, 70_000), (30_000, 0, 30_000))
    assert (await ada.get(f"transfers/{moved['id']}")) == moved
    assert moved["metadata"] == {"goal": "boat"}
    assert moved["effective_at"] == moved["posted_at"]
    theirs = await _funded(grace, keeper)
    assert await ada.refused("transfers", _order(mine, theirs, 1)) == (404, "wallet_not_found")
    assert await ada.refused("transfers", _order(theirs, mine, 1)) == (404, "wallet_not_found")
    assert await ada.refused("transfers", _order(mine, savings, 70_001)) == (402, "insufficient_funds")
    listed = (await ada.get(f"wallets/{savings}/transfers"))["transfers"]
    assert [t["id"] for t in listed] == [moved["id"]]
    assert await grace.refused(f"wallets/{savings}/transfers", method="GET") == (404, "wallet_not_found")


async def test_a_journal_of_payment_fee_and_tax_posts_whole_or_not_at_all(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada, shop = await _newcomer(http, gateway), await _newcomer(http, gateway)
    payer, payee = await _funded(ada, keeper), (await shop.post("wallets", {"currency": "EUR"}))["id"]
    fees, tax = await _account(keeper, "fees", "income"), await _account(keeper, "general", "liability")
    before = (await keeper.get(f"accounts/{fees}"))["balance"]
    legs = [
        {"kind": "transfer", **_order(payer, payee, 10_000)},
        {"kind": "transfer", **_order(payee, fees, 290)},
        {"kind": "transfer", **_order(fees, tax, 55)},
    ]
    too_much = [*legs, {"kind": "transfer", **_order(payee, payer, 9_711)}]
    refused = await keeper.ask("POST", "journals", {"legs": too_much})
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_funds")
    assert refused.json()["parameter"] == "legs/3"
    assert await shop.money(payee) == (0, 0, 0)
    journal = await keeper.post("journals", {"legs": legs, "metadata": {"order": "4711"}})
    assert await keeper.get(f"journals/{journal['id']}") == journal
    assert [t["amount"] for t in journal["transfers"]] == [10_000, 290, 55]
    assert {t["journal_id"] for t in journal["transfers"]} == {journal["id"]}
    assert await shop.money(payee) == (9_710, 0, 9_710)
    assert (await keeper.get(f"accounts/{fees}"))["balance"] == before + 235
    assert (await keeper.get(f"accounts/{tax}/entries"))["entries"][0]["amount"] == 55
    assert await ada.refused("journals", {"legs": legs}) == (403, "insufficient_scope")


async def test_money_changes_currency_through_the_fx_accounts(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada = await _newcomer(http, gateway)
    euros = await _funded(ada, keeper)
    dollars = (await ada.post("wallets", {"currency": "USD", "wallet": euros}))["id"]
    sides = {"sold": 10_000, "sold_currency": "EUR", "bought": 10_853, "bought_currency": "USD"}
    leg = {"kind": "exchange", "debit_account": euros, "credit_account": dollars, **sides, "rate": "1.0853"}
    wrong = leg | {"bought": 10_854}
    assert await keeper.refused("journals", {"legs": [wrong]}) == (422, "rate_mismatch")
    journal = await keeper.post("journals", {"legs": [leg]})
    (exchange,) = journal["exchanges"]
    sell, buy = journal["transfers"]
    assert (exchange["sell_transfer_id"], exchange["buy_transfer_id"]) == (sell["id"], buy["id"])
    assert float(exchange["rate"]) == 1.0853
    assert (await ada.money(euros), await ada.money(dollars)) == ((90_000, 0, 90_000), (10_853, 0, 10_853))
    for through, currency in ((sell["credit_account"], "EUR"), (buy["debit_account"], "USD")):
        shown = await keeper.get(f"accounts/{through}")
        assert (shown["kind"], shown["currency"]) == ("fx", currency)


async def test_a_hold_is_captured_twice_and_the_rest_voided(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada, shop = await _newcomer(http, gateway), await _newcomer(http, gateway)
    payer, payee = await _funded(ada, keeper), (await shop.post("wallets", {"currency": "EUR"}))["id"]
    hold = await keeper.post("holds", _order(payer, payee, 60_000, expires_in=3600))
    path = f"holds/{hold['id']}"
    assert (hold["status"], hold["remaining"], hold["captured"]) == ("pending", 60_000, 0)
    assert await ada.money(payer) == (FUNDS, 60_000, 40_000)
    savings = (await ada.post("wallets", {"currency": "EUR"}))["id"]
    assert await ada.refused("transfers", _order(payer, savings, 40_001)) == (402, "insufficient_funds")

    assert await ada.refused(f"{path}/captures", {"amount": 1}) == (403, "not_permitted")
    key = str(new_id())
    first, again = [await shop.ask("POST", f"{path}/captures", {"amount": 25_000}, key) for _ in range(2)]
    assert (first.status_code, first.json(), first.headers["Location"]) == (
        201, again.json(), again.headers["Location"],
    )  # fmt: skip
    transfer = first.json()["transfer"]
    assert await shop.get(first.headers["Location"].removeprefix("/v1/")) == transfer
    assert (transfer["hold_id"], transfer["amount"]) == (hold["id"], 25_000)
    assert await shop.refused(f"{path}/captures", {"amount": 35_001}) == (422, "exceeds_hold")
    second = await shop.post(f"{path}/captures", {"amount": 15_000})
    assert (second["hold"]["captured"], second["hold"]["remaining"]) == (40_000, 20_000)
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    assert (await ada.post(f"{path}/extensions", {"expires_at": later}, 200))["expires_at"] > hold["expires_at"]
    assert await shop.refused(f"{path}/extensions", {"expires_at": later}) == (403, "not_permitted")

    voided = await shop.post(f"{path}/void", status=200)
    assert (voided["status"], voided["captured"], voided["remaining"]) == ("voided", 40_000, 0)
    assert (await ada.money(payer), await shop.money(payee)) == ((60_000, 0, 60_000), (40_000, 0, 40_000))
    assert await shop.refused(f"{path}/captures") == (409, "hold_not_pending")
    assert await ada.get(path) == voided
    mallory = await _newcomer(http, gateway)
    assert await mallory.refused(path, method="GET") == (404, "hold_not_found")
    assert (await ada.get(f"wallets/{payer}/holds"))["holds"] == [voided]
    assert (await ada.get(f"wallets/{payer}/holds?pending=true"))["holds"] == []


async def test_racing_captures_take_no_more_than_is_held(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada, shop = await _newcomer(http, gateway), await _newcomer(http, gateway)
    payer, payee = await _funded(ada, keeper), (await shop.post("wallets", {"currency": "EUR"}))["id"]
    hold = await keeper.post("holds", _order(payer, payee, 10_000, expires_in=3600))
    captures = [shop.ask("POST", f"holds/{hold['id']}/captures", {"amount": 1_000}) for _ in range(40)]
    answers = await asyncio.gather(*captures)
    assert Counter(answer.status_code for answer in answers) == {201: 10, 409: 30}
    assert {answer.json()["code"] for answer in answers if answer.is_error} == {"hold_not_pending"}
    assert (await ada.money(payer), await shop.money(payee)) == ((90_000, 0, 90_000), (10_000, 0, 10_000))


async def test_a_hold_expires_at_its_very_instant(http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person) -> None:
    ada = await _newcomer(http, gateway)
    mine, savings = await _funded(ada, keeper), (await ada.post("wallets", {"currency": "EUR"}))["id"]
    hold = await ada.post("holds", _order(mine, savings, FUNDS, expires_in=1))
    assert await ada.refused("transfers", _order(mine, savings, 1)) == (402, "insufficient_funds")
    expiry = datetime.fromisoformat(hold["expires_at"])
    await asyncio.sleep(max(0.0, (expiry - datetime.now(UTC)).total_seconds()))
    assert await ada.money(mine) == (FUNDS, 0, FUNDS)
    assert (await ada.get(f"holds/{hold['id']}"))["status"] == "expired"
    await ada.post("transfers", _order(mine, savings, FUNDS))
    assert await ada.refused(f"holds/{hold['id']}/captures") == (409, "hold_expired")


async def test_a_reversal_is_reversed(http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person) -> None:
    ada, shop = await _newcomer(http, gateway), await _newcomer(http, gateway)
    payer, payee = await _funded(ada, keeper), (await shop.post("wallets", {"currency": "EUR"}))["id"]
    paid = await keeper.post("transfers", _order(payer, payee, 10_000))
    part = await keeper.post(f"transfers/{paid['id']}/reversals", {"amount": 4_000, "metadata": {"ticket": "1"}})
    assert (part["reverses"], part["reversed_total"], part["debit_account"]) == (paid["id"], 4_000, payee)
    assert await keeper.refused(f"transfers/{paid['id']}/reversals", {"amount": 6_001}) == (422, "exceeds_original")
    rest = await keeper.post(f"transfers/{paid['id']}/reversals")
    assert (rest["amount"], rest["reversed_total"]) == (6_000, 10_000)
    assert await keeper.refused(f"transfers/{paid['id']}/reversals") == (409, "already_reversed")
    assert (await ada.money(payer), await shop.money(payee)) == ((FUNDS, 0, FUNDS), (0, 0, 0))
    back = await keeper.post(f"transfers/{rest['id']}/reversals")
    assert (back["debit_account"], back["amount"], back["reverses"]) == (payer, 6_000, rest["id"])
    assert (await ada.money(payer), await shop.money(payee)) == ((94_000, 0, 94_000), (6_000, 0, 6_000))
    assert await keeper.refused(f"transfers/{new_id()}/reversals") == (404, "transfer_not_found")
    assert await shop.refused(f"transfers/{paid['id']}/reversals") == (403, "insufficient_scope")


async def test_what_is_frozen_refuses_and_what_is_closed_stays_closed(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada = await _newcomer(http, gateway)
    mine, savings = await _funded(ada, keeper), (await ada.post("wallets", {"currency": "EUR"}))["id"]
    frozen = await keeper.post(f"accounts/{mine}/freeze", {"direction": "out", "reason": "Court order"}, 200)
    assert frozen["frozen"] == "out"
    assert (await ada.get(f"wallets/{mine}"))["frozen"] == "out"
    assert await ada.refused("transfers", _order(mine, savings, 1)) == (409, "debit_account_frozen")
    await keeper.post(f"wallets/{mine}/top_ups", {"amount": 1, "currency": "EUR"})
    closure = {"reason": "Customer left"}
    assert await keeper.refused(f"accounts/{mine}/close", closure) == (409, "account_not_empty")
    await keeper.post(f"accounts/{mine}/freeze", {"direction": "none", "reason": "Lifted"}, 200)
    await ada.post("transfers", _order(mine, savings, FUNDS + 1))
    assert "closed_at" in await keeper.post(f"accounts/{mine}/close", closure, 200)
    assert (await ada.get(f"wallets/{mine}"))["balance"] == 0
    assert await ada.refused("transfers", _order(savings, mine, 1)) == (409, "credit_account_closed")
    again = {"direction": "both", "reason": "Court order"}
    assert await keeper.refused(f"accounts/{mine}/freeze", again) == (409, "account_closed")


async def test_payments_stop_at_frozen_and_closed_wallets(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada, grace = await _newcomer(http, gateway), await _newcomer(http, gateway)
    mine, theirs = await _funded(ada, keeper), (await grace.post("wallets", {"currency": "EUR"}))["id"]
    order = {"source_wallet": mine, "destination_wallet": theirs, "amount": 100, "currency": "EUR", "confirm": True}
    freeze = {"direction": "in", "reason": "Court order"}
    await keeper.post(f"accounts/{theirs}/freeze", freeze, 200)
    declined = await ada.ask("POST", "payment_intents", order)
    assert (declined.status_code, declined.json()["code"]) == (402, "credit_account_frozen")
    await keeper.post(f"accounts/{theirs}/freeze", freeze | {"direction": "none"}, 200)
    again = f"payment_intents/{declined.json()['payment_intent']['id']}/confirm"
    assert (await ada.post(again, status=200))["status"] == "succeeded"
    await grace.post("payment_intents", order | {"source_wallet": theirs, "destination_wallet": mine})
    await keeper.post(f"accounts/{theirs}/close", {"reason": "Customer left"}, 200)
    assert await ada.refused("payment_intents", order) == (402, "credit_account_closed")
    assert await ada.money(mine) == (FUNDS, 0, FUNDS)


async def test_limits_are_kept_and_changed_with_a_reason(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada = await _newcomer(http, gateway)
    mine, savings = await _funded(ada, keeper, 100), (await ada.post("wallets", {"currency": "EUR"}))["id"]
    limits = {"floor": -50, "ceiling": 1_000}
    name = f"crm-{new_id()}"
    change = {"limits": limits, "external_id": name, "metadata": {"tier": "gold"}, "reason": "Overdraft granted"}
    changed = _good(await keeper.ask("PATCH", f"accounts/{mine}", change), 200)
    assert (changed["floor"], changed["ceiling"], changed["metadata"]) == (-50, 1_000, {"tier": "gold"})
    assert (await keeper.get(f"accounts?external_id={name}"))["accounts"] == [changed]
    taken = {"external_id": name, "reason": "Typing error"}
    assert await keeper.refused(f"accounts/{savings}", taken, "PATCH") == (409, "external_id_taken")
    await ada.post("transfers", _order(mine, savings, 150))
    assert await ada.refused("transfers", _order(mine, savings, 1)) == (402, "insufficient_funds")
    no_more = {"limits": {"floor": 0, "ceiling": None}, "reason": "Overdraft withdrawn"}
    assert await keeper.refused(f"accounts/{mine}", no_more, "PATCH") == (422, "limit_broken")
    over = {"amount": 1_051, "currency": "EUR"}
    assert await keeper.refused(f"wallets/{mine}/top_ups", over) == (422, "ceiling_exceeded")


async def test_operators_date_back_and_no_further_than_the_money_was_there(
    http: httpx.AsyncClient, gateway: LedgerLink, keeper: Person
) -> None:
    ada = await _newcomer(http, gateway)
    mine, savings = await _funded(ada, keeper), (await ada.post("wallets", {"currency": "EUR"}))["id"]
    suspense = await _account(keeper, "suspense", "liability")
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    then = {"effective_at": an_hour_ago}
    assert await keeper.refused("transfers", _order(mine, savings, 1, **then)) == (402, "insufficient_funds_then")
    correction = await keeper.post("transfers", _order(suspense, mine, 500, **then))
    assert datetime.fromisoformat(correction["effective_at"]) == datetime.fromisoformat(an_hour_ago)
    assert correction["effective_at"] < correction["posted_at"]
    await keeper.post("transfers", _order(mine, savings, 500, **then))
    tomorrow = {"effective_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    assert await keeper.refused("transfers", _order(suspense, mine, 1, **tomorrow)) == (422, "effective_in_future")


async def test_the_whole_chart_adds_up_to_zero(keeper: Person) -> None:
    """After everything that the tests before have done."""
    sums: Counter[str] = Counter()
    cursor, pages, seen = "", 0, set[UUID]()
    while True:
        page = await keeper.get(f"accounts?limit=10{cursor}")
        for account in page["accounts"]:
            sums[account["currency"]] += account["balance"]
            seen.add(UUID(account["id"]))
        pages += 1
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert not any(sums.values()), sums
    assert 10 * (pages - 1) < len(seen) <= 10 * pages
    assert await keeper.refused("accounts?cursor=bm9uZQ", method="GET") == (422, "cursor_invalid")
