"""A story in which everything is said that services say to each other, told over HTTP."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from nats.aio.client import Client

from contracts.identity import GetScreeningSubjects, ScreeningSubjects
from contracts.wallet import Effects, GetEffects
from ops.stack.stack import Stack
from outbox.requester import Requester
from tests.brokers import connected
from tests.pacts.accounts_story import tell_of_accounts
from tests.pacts.actors import Actor, good, log_in, registered, with_role
from tests.pacts.operators_story import tell_of_bank, tell_of_doubt, tell_of_period, tell_of_stray_webhook
from tests.pacts.rules_story import tell_of_rules
from tests.people import CURRENCY
from tests.waiting import eventually

UNDER_REVIEW, DECLINED = 8_500_00, 1_000_001_00
ASK_SECONDS = 10.0
OWN_CURRENCY = "UYU"
"""There is one account of fees of each, and others on the stack open theirs."""
_MONEY = {"currency": CURRENCY, "confirm": True}


async def tell(stack: Stack, http: httpx.AsyncClient) -> None:
    """Tell the whole story at one gateway."""
    secrets = stack.parts.secrets
    admin = await log_in(http, secrets.admin_email, secrets.admin_password.get_secret_value())
    operator = await log_in(http, secrets.operator_email, secrets.operator_password.get_secret_value())
    ada, shop = [await registered(http) for _ in range(2)]
    analyst = await with_role(admin, "analyst")
    purse, savings, third, till = [(await w.post("wallets", currency=CURRENCY))["id"] for w in (ada, ada, ada, shop)]
    await operator.post(f"wallets/{purse}/top_ups", amount=20_000_00, currency=CURRENCY)
    async with asyncio.TaskGroup() as together:
        together.create_task(tell_of_accounts(stack, admin, ada))
        await _asked_by_services(stack, ada.id, await _wallets(operator, ada, purse, savings))
        fees = await _chart(operator, purse, savings, third)
        own = (await ada.post("wallets", currency=OWN_CURRENCY))["id"]
        await tell_of_bank(operator, own, OWN_CURRENCY, fees)
        await tell_of_period(operator)
        await _payments(ada, shop, purse, savings, till)
        await _cards(ada, shop, till)
        await _hooks(shop)
    async with asyncio.TaskGroup() as together:
        together.create_task(tell_of_doubt(stack, operator, ada, till))
        await _risk(ada, analyst, purse, till)
        await tell_of_rules(stack, admin, analyst, ada, {"source_wallet": purse, "destination_wallet": till})
        await tell_of_stray_webhook(stack, operator)


async def _asked_by_services(stack: Stack, user: str, transfer: str) -> None:
    """Let payments and risk ask now what their workers ask now and then."""
    async with connected(stack, "payments") as payments, connected(stack, "risk") as risk:
        effects = await _requester("payments", payments).ask(GetEffects(ids=[UUID(transfer)]), Effects)
        subjects = await _requester("risk", risk).ask(GetScreeningSubjects(users=[UUID(user)]), ScreeningSubjects)
    assert (len(effects.transfers), len(subjects.subjects)) == (1, 1)


def _requester(service: str, client: Client) -> Requester:
    async def connect() -> Client:
        return client

    return Requester(service, connect, ASK_SECONDS)


async def _wallets(operator: Actor, ada: Actor, purse: str, savings: str) -> str:
    """Move money between one's own wallets, hold it, and read all about it; return a transfer."""
    ends = {"debit_account": purse, "credit_account": savings, "currency": CURRENCY}
    moved = await ada.post("transfers", **ends, amount=300)
    assert (await ada.ask("POST", "transfers", {**ends, "amount": 10**9})).status_code in {402, 409, 422}
    hold = await ada.post("holds", **ends, amount=100, expires_in=3600)
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    await ada.post(f"holds/{hold['id']}/extensions", expires_at=later)
    owner = await ada.get(f"holds/{hold['id']}")
    assert owner["id"] == hold["id"]
    await ada.post(f"holds/{hold['id']}/captures", amount=40)
    await ada.post("holds", **ends, amount=10, expires_in=1)
    voided = await ada.post("holds", **ends, amount=10, expires_in=3600)
    await ada.post(f"holds/{voided['id']}/void")
    await operator.post(f"transfers/{moved['id']}/reversals", amount=50)
    await ada.follow("post_transfer", "transfers", **ends, amount=10)
    for part in ("", "/entries", "/transfers", "/holds", "/balances"):
        await ada.get(f"wallets/{purse}{part}")
    year = datetime.now(UTC).year
    await ada.get(f"wallets/{purse}/statement?starts_at={year}-01-01T00:00:00Z&ends_at={year + 1}-01-01T00:00:00Z")
    await ada.get(f"transfers/{moved['id']}")
    await ada.get("wallets")
    await ada.get("ledger/keys")

    async def sealed() -> bool:
        return (await ada.ask("GET", f"transfers/{moved['id']}/receipt")).is_success

    await eventually("the transfer is sealed", sealed)
    return str(moved["id"])


async def _chart(operator: Actor, purse: str, savings: str, third: str) -> str:
    """Keep the chart of accounts, post a journal, and look at the whole ledger; return an account of expenses."""
    fees = await operator.post("accounts", kind="fees", type="expense", currency=OWN_CURRENCY)
    await operator.get("accounts")
    for path in (fees["id"], f"{fees['id']}/balance"):
        await operator.get(f"accounts/{path}")
    good(await operator.ask("PATCH", f"accounts/{third}", {"metadata": {"kept": "by us"}, "reason": "A test"}))
    for direction in ("both", "none"):
        await operator.post(f"accounts/{third}/freeze", direction=direction, reason="A test")
    await operator.post(f"accounts/{third}/close", reason="A test")
    leg = {"kind": "transfer", "debit_account": purse, "credit_account": savings, "amount": 20, "currency": CURRENCY}
    journal = await operator.post("journals", legs=[leg])
    for path in (f"journals/{journal['id']}", "ledger/trial_balance", "ledger/periods"):
        await operator.get(path)
    return str(fees["id"])


async def _payments(ada: Actor, shop: Actor, purse: str, savings: str, till: str) -> None:
    """Pay from a wallet: at once, in parts, never; be declined, by risk and by the ledger; give money back."""
    order = _MONEY | {"source_wallet": purse, "destination_wallet": till, "amount": 1000}
    paid = await ada.post("payment_intents", **order, application_fee=30)
    for part in ("", "/timeline"):
        await ada.get(f"payment_intents/{paid['id']}{part}")
    await ada.get("payment_intents")
    later = await ada.post("payment_intents", **order | {"confirm": False})
    await ada.post(f"payment_intents/{later['id']}", amount=900)
    await ada.post(f"payment_intents/{later['id']}/confirm")
    held = await ada.post("payment_intents", **order, capture_method="manual")
    await shop.post(f"payment_intents/{held['id']}/capture", amount=300, final_capture=False)
    await shop.post(f"payment_intents/{held['id']}/capture", amount=400)
    given_up = await ada.post("payment_intents", **order, capture_method="manual")
    await shop.post(f"payment_intents/{given_up['id']}/cancel")
    poor = order | {"source_wallet": savings, "amount": 5_000}
    for more in ({}, {"application_fee": 30}, {"capture_method": "manual"}):
        refused = await ada.ask("POST", "payment_intents", poor | more)
        assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_funds"), refused.text
    assert (await ada.ask("POST", "payment_intents", order | {"amount": DECLINED})).status_code == 402
    refund = await shop.post("refunds", payment_intent=paid["id"], amount=100)
    await shop.get(f"refunds/{refund['id']}")
    await shop.get(f"refunds?payment_intent={paid['id']}")
    await ada.follow("create_payment_intent", "payment_intents", **order)
    await ada.get("overview")


async def _cards(ada: Actor, shop: Actor, till: str) -> None:
    """Pay by card, and contest it."""
    card = {"type": "card", "token": "tok_disputed"}
    paid = await ada.post("payment_intents", **_MONEY, destination_wallet=till, amount=1000, payment_method=card)

    async def dispute(wanted: str) -> Any:
        listed = (await shop.get(f"disputes?payment_intent={paid['id']}"))["disputes"]
        return next((one for one in listed if wanted in (one["status"], one["funds"])), None)

    contested = await eventually("the money is held", lambda: dispute("held"))
    await shop.post(f"disputes/{contested['id']}/evidence", evidence={"receipt": "losing_evidence"})
    await eventually("the dispute is lost", lambda: dispute("taken"))
    await shop.get(f"disputes/{contested['id']}")


async def _hooks(shop: Actor) -> None:
    """Have events sent to a server that is not there."""
    endpoint = await shop.post("webhook_endpoints", url="http://127.0.0.1:9", events=["*"])
    path = f"webhook_endpoints/{endpoint['id']}"
    await shop.get("webhook_endpoints")
    await shop.get(path)
    good(await shop.ask("PATCH", path, {"description": "Nobody is there"}))
    await shop.post(f"{path}/rotate_secret")
    delivery = await shop.post(f"{path}/test")
    await shop.get(f"{path}/deliveries")
    await shop.post(f"webhook_deliveries/{delivery['id']}/redeliver")
    await shop.post(f"{path}/replay", since=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    good(await shop.http.get("/v1/webhook_keys"))
    good(await shop.ask("DELETE", path))


async def _risk(ada: Actor, analyst: Actor, purse: str, till: str) -> None:
    """Have a payment reviewed, label it, and change lists, limits and tiers."""
    order = _MONEY | {"source_wallet": purse, "destination_wallet": till, "amount": UNDER_REVIEW}
    waiting = [(await ada.post("payment_intents", **order))["id"] for _ in range(2)]
    await analyst.get("reviews")
    decided = (await analyst.get(f"risk/decisions?payment_intent_id={waiting[0]}"))["decisions"]
    assessment = decided[0]["assessment_id"]
    await analyst.get(f"risk/decisions/{assessment}")
    case = f"cases/{assessment}"
    for act in ("claim", "release", "claim"):
        await analyst.post(f"{case}/{act}")
    await analyst.post(f"{case}/notes", note="Rang the customer.")
    await analyst.post(f"{case}/evidence", title="Order", document={"lines": ["tea"]})
    for path in ("cases", case, f"{case}/events", f"{case}/suspicious_activity_report"):
        await analyst.get(path)
    await analyst.post(f"{case}/decision", outcome="approve", reason="They know the shop.")
    await analyst.post(f"reviews/{waiting[1]}/decision", outcome="decline", note="Too much.")
    good(await analyst.ask("PUT", f"risk/labels/{waiting[0]}", {"label": "good", "reason": "All is well."}))
    await analyst.get(f"risk/labels/{waiting[0]}")
    labels = [{"payment_intent_id": waiting[1], "label": "fraud"}]
    await analyst.post("risk/labels", reference="A test", labels=labels)
    limit = {"tier": "unverified", "currency": "ISK", "per_payment": 50, "per_day": 80, "per_month": 100}
    await analyst.post("risk/limits", **limit, reason="For small money.")
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    listed = {
        "list": "watch",
        "kind": "country",
        "value": "AQ",
        "reason": "Nobody pays there",
        "expires_at": expires_at,
    }
    entry = await analyst.post("risk/lists", **listed)
    await analyst.get("risk/lists")
    await analyst.post(f"risk/lists/{entry['id']}/removal", reason="A test")
    await analyst.follow("add_list_entry", "risk/lists", **listed | {"value": "BV"})
    await analyst.post(f"risk/customers/{ada.id}/tier", tier="verified", reason="Seen a passport.")
    await analyst.get(f"risk/customers/{ada.id}")
    year = datetime.now(UTC).year
    await analyst.get(f"risk/quality?since={year}-01-01T00:00:00Z&until={year + 1}-01-01T00:00:00Z")
    for path in ("limits", "limits/changes", "models", "rule_sets", "backtests", "screenings", "sanctions_lists"):
        await analyst.get(f"risk/{path}")
