"""The whole life of a payment over HTTP: through every process and the sandbox processor, to entries and webhooks."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.people import CURRENCY, Customer, new_customer
from tests.waiting import eventually
from tests.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")

INTENTS, REFUNDS, DISPUTES, ENDPOINTS = (
    f"/v1/{name}" for name in ("payment_intents", "refunds", "disputes", "webhook_endpoints")
)
GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "webhooks.md"


class Scene:
    """A customer with 100.00 EUR, a merchant with nothing, and how they ask."""

    def __init__(self, http: httpx.AsyncClient, ada: Customer, shop: Customer) -> None:
        self.http, self.ada, self.shop = http, ada, shop

    async def ask(self, who: Customer, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        own = who.bearer | {"Idempotency-Key": str(new_id())} | headers
        return await self.http.request(method, path, json=body, headers=own)

    async def done(self, who: Customer, path: str, body: Any = None, method: str = "POST") -> dict[str, Any]:
        """Ask, and return what succeeded."""
        answer = await self.ask(who, method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        resource: dict[str, Any] = answer.json()
        return resource

    async def refused(self, who: Customer, path: str, body: Any = None, method: str = "POST") -> tuple[int, str]:
        """Ask, and return how it was refused or declined."""
        answer = await self.ask(who, method, path, body)
        return answer.status_code, answer.json().get("code", answer.text)

    def by_card(self, paid_with: str = "tok_visa", **more: Any) -> dict[str, Any]:
        """Return a card payment of 10.00 EUR to the merchant."""
        money = {"amount": 1000, "currency": CURRENCY, "confirm": True}
        return money | {"destination_wallet": str(self.shop.wallet), "payment_method": card(paid_with)} | more

    def by_wallet(self, **more: Any) -> dict[str, Any]:
        """Return a payment of 10.00 EUR from wallet to wallet."""
        wallets = {"source_wallet": str(self.ada.wallet), "destination_wallet": str(self.shop.wallet)}
        return wallets | {"amount": 1000, "currency": CURRENCY, "confirm": True} | more

    async def balances(self) -> tuple[int, int]:
        return await self.ada.balance(), await self.shop.balance()


def card(token: str) -> dict[str, str]:
    return {"type": "card", "token": token}


@pytest_asyncio.fixture(loop_scope="session")
async def scene(http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink) -> Scene:
    ada, shop = await asyncio.gather(new_customer(gateway, operator, 10_000), new_customer(gateway, operator))
    return Scene(http, ada, shop)


async def test_a_card_payment_reaches_the_merchant_less_the_fee(scene: Scene) -> None:
    paid = await scene.done(scene.ada, INTENTS, scene.by_card(application_fee=30, metadata={"order": "4711"}))
    assert (paid["status"], paid["processor"], paid["amount_captured"]) == ("succeeded", "sandbox", 1000)
    assert await scene.balances() == (10_000, 970)
    for who in (scene.ada, scene.shop):
        listed = await scene.done(who, f"{INTENTS}?metadata[order]=4711", method="GET")
        assert [intent["id"] for intent in listed["payment_intents"]] == [paid["id"]]


async def test_a_decline_can_be_tried_again_with_another_card(scene: Scene) -> None:
    declined = await scene.ask(scene.ada, "POST", INTENTS, scene.by_card("tok_insufficient_funds"))
    assert (declined.status_code, declined.json()["code"]) == (402, "insufficient_funds")
    path = f"{INTENTS}/{declined.json()['payment_intent']['id']}"
    changed = await scene.done(scene.ada, path, {"amount": 900})
    assert (changed["status"], changed["amount"]) == ("requires_payment_method", 900)
    paid = await scene.done(scene.ada, f"{path}/confirm", {"payment_method": card("tok_visa")})
    assert (paid["status"], paid.get("last_payment_error")) == ("succeeded", None)
    assert await scene.balances() == (10_000, 900)


async def test_a_processor_that_did_nothing_is_passed_over(scene: Scene) -> None:
    paid = await scene.done(scene.ada, INTENTS, scene.by_card("tok_unavailable"))
    assert (paid["status"], paid["processor"]) == ("succeeded", "sandbox_backup")


METHODS: list[Callable[[Scene], dict[str, Any]]] = [Scene.by_wallet, Scene.by_card]


@pytest.mark.parametrize("order", METHODS, ids=["wallet", "card"])
async def test_what_is_authorised_is_captured_bit_by_bit(
    scene: Scene, order: Callable[[Scene], dict[str, Any]]
) -> None:
    held = await scene.done(scene.ada, INTENTS, order(scene) | {"capture_method": "manual"})
    path = f"{INTENTS}/{held['id']}"
    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 1000)
    assert await scene.refused(scene.ada, f"{path}/capture") == (404, "payment_intent_not_found")
    part = await scene.done(scene.shop, f"{path}/capture", {"amount": 300, "final_capture": False})
    assert (part["status"], part["amount_captured"], part["amount_capturable"]) == ("requires_capture", 300, 700)
    assert await scene.refused(scene.shop, f"{path}/capture", {"amount": 701}) == (409, "amount_exceeds_capturable")
    rest = await scene.done(scene.shop, f"{path}/capture", {"amount": 400})
    assert (rest["status"], rest["amount_captured"], rest["amount_capturable"]) == ("succeeded", 700, 0)
    assert await scene.shop.balance() == 700
    assert await scene.refused(scene.shop, f"{path}/capture") == (409, "payment_intent_unexpected_state")


async def test_what_is_canceled_is_the_customers_again(scene: Scene) -> None:
    held = await scene.done(scene.ada, INTENTS, scene.by_wallet(capture_method="manual"))
    path = f"{INTENTS}/{held['id']}"
    assert (await scene.ada.session.wallets.get(scene.ada.wallet)).available == 9_000
    gone = await scene.done(scene.shop, f"{path}/cancel", {"cancellation_reason": "duplicate"})
    assert (gone["status"], gone["cancellation_reason"], gone["allowed_operations"]) == ("canceled", "duplicate", [])
    assert (await scene.ada.session.wallets.get(scene.ada.wallet)).available == 10_000


async def test_money_comes_in_by_card_and_leaves_for_a_bank(scene: Scene) -> None:
    mine, money = str(scene.ada.wallet), {"amount": 2500, "currency": CURRENCY, "confirm": True}
    top_up = money | {"direction": "top_up", "destination_wallet": mine, "payment_method": card("tok_visa")}
    assert (await scene.done(scene.ada, INTENTS, top_up))["status"] == "succeeded"
    assert await scene.ada.balance() == 12_500
    payout = money | {"direction": "payout", "source_wallet": mine}
    bank = {"type": "bank", "token": "tok_bank"}
    assert (await scene.done(scene.ada, INTENTS, payout | {"payment_method": bank}))["status"] == "succeeded"
    closed = payout | {"payment_method": bank | {"token": "tok_bank_closed"}}
    assert await scene.refused(scene.ada, INTENTS, closed) == (402, "account_closed")
    balance = await scene.ada.session.wallets.get(scene.ada.wallet)
    assert (balance.balance, balance.available) == (10_000, 10_000)


@pytest.mark.parametrize("order", METHODS, ids=["wallet", "card"])
async def test_two_refunds_of_sixty_on_a_hundred_leave_exactly_one(
    scene: Scene, order: Callable[[Scene], dict[str, Any]]
) -> None:
    paid = await scene.done(scene.ada, INTENTS, order(scene))
    body = {"payment_intent": paid["id"], "amount": 600}
    assert await scene.refused(scene.ada, REFUNDS, body) == (404, "payment_intent_not_found")
    answers = await asyncio.gather(*(scene.ask(scene.shop, "POST", REFUNDS, body) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (refused,) = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    assert refused == "refund_exceeds_captured"
    assert await scene.shop.balance() == 400
    (refund,) = (await scene.done(scene.ada, f"{REFUNDS}?payment_intent={paid['id']}", method="GET"))["refunds"]
    assert (refund["status"], refund["amount"]) == ("succeeded", 600)
    shown = await scene.done(scene.ada, f"{INTENTS}/{paid['id']}", method="GET")
    assert (shown["amount_refunded"], shown["allowed_operations"]) == (600, ["refund"])


async def test_a_refund_that_fails_gives_the_merchant_the_money_back(scene: Scene) -> None:
    paid = await scene.done(scene.ada, INTENTS, scene.by_card("tok_refund_fails"))
    failed = await scene.ask(scene.shop, "POST", REFUNDS, {"payment_intent": paid["id"]})
    assert (failed.status_code, failed.json()["code"]) == (402, "refund_failed")
    assert failed.json()["refund"]["status"] == "failed"
    assert (await scene.shop.session.wallets.get(scene.shop.wallet)).available == 1000


@pytest.mark.parametrize(("evidence", "status", "left"), [("winning", "won", 1000), ("losing", "lost", 0)])
async def test_a_dispute_holds_the_money_until_it_is_decided(
    scene: Scene, evidence: str, status: str, left: int
) -> None:
    paid = await scene.done(scene.ada, INTENTS, scene.by_card("tok_disputed"))

    async def dispute() -> dict[str, Any] | None:
        listed = await scene.done(scene.shop, f"{DISPUTES}?payment_intent={paid['id']}", method="GET")
        return next(iter(listed["disputes"]), None)

    async def stands(wanted: str) -> bool:
        found = await dispute()
        return found is not None and wanted in (found["status"], found["funds"])

    await eventually("the money is held", lambda: stands("held"))
    assert (await scene.shop.session.wallets.get(scene.shop.wallet)).available == 0
    path = f"{DISPUTES}/{(await dispute() or {})['id']}"
    assert await scene.refused(scene.ada, f"{path}/evidence", {"evidence": {"a": "b"}}) == (404, "dispute_not_found")
    answered = await scene.done(scene.shop, f"{path}/evidence", {"evidence": {"receipt": f"{evidence}_evidence"}})
    assert answered["status"] == "under_review"
    again = await scene.refused(scene.shop, f"{path}/evidence", {"evidence": {"receipt": "more"}})
    assert again == (409, "evidence_submitted")
    await eventually("the dispute is decided", lambda: stands("returned" if status == "won" else "taken"))
    assert (await scene.done(scene.shop, path, method="GET"))["status"] == status
    assert (await scene.shop.session.wallets.get(scene.shop.wallet)).available == left


async def test_a_payment_is_followed_from_its_creation_to_its_end(scene: Scene) -> None:
    made = await scene.done(scene.ada, INTENTS, scene.by_card(confirm=False, payment_method=None))
    path = f"{INTENTS}/{made['id']}"
    told: list[tuple[str, str]] = []

    async def follow() -> None:
        async with scene.http.stream("GET", f"{path}/events", headers=scene.shop.bearer) as stream:
            text = ""
            async for piece in stream.aiter_text():
                text += piece
            for event in text.split("\n\n"):
                fields = dict(line.split(": ", 1) for line in event.splitlines())
                if "event" in fields:
                    assert json.loads(fields["data"])["type"] == fields["event"]
                    told.append((fields["id"], fields["event"].removeprefix("payment_intent.")))

    following = asyncio.create_task(follow())
    waiting = await scene.done(scene.ada, f"{path}/confirm", {"payment_method": card("tok_requires_action")})
    assert (waiting["status"], waiting["next_action"]["type"]) == ("requires_action", "redirect_to_url")
    await scene.http.post(waiting["next_action"]["url"], json={"result": "approve"})
    async with asyncio.timeout(20):
        await following
    assert [event for _, event in told] == ["created", "processing", "requires_action", "succeeded"]
    last = await scene.ask(scene.shop, "GET", f"{path}/events", None, **{"Last-Event-ID": told[-1][0]})
    assert last.status_code == 204
    hops = (await scene.done(scene.ada, f"{path}/timeline", method="GET"))["hops"]
    assert [hop["number"] for hop in hops] == list(range(1, len(hops) + 1))
    assert {(str(h["number"]), h["event"].removeprefix("payment_intent.")) for h in hops if h.get("event")} == set(told)


async def test_a_payment_is_nobody_elses_business(scene: Scene, gateway: LedgerLink, operator: LedgerLink) -> None:
    eve = await new_customer(gateway, operator)
    paid = await scene.done(scene.ada, INTENTS, scene.by_card())
    path = f"{INTENTS}/{paid['id']}"
    for method, of_it, body in (
        ("GET", "", None),
        ("GET", "/timeline", None),
        ("GET", "/events", None),
        ("POST", "", {"description": "mine"}),
        ("POST", "/confirm", None),
        ("POST", "/capture", None),
        ("POST", "/cancel", None),
    ):
        assert await scene.refused(eve, f"{path}{of_it}", body, method) == (404, "payment_intent_not_found"), of_it
    assert await scene.refused(eve, REFUNDS, {"payment_intent": paid["id"]}) == (404, "payment_intent_not_found")
    assert (await scene.done(eve, INTENTS, method="GET"))["payment_intents"] == []


async def test_no_card_number_is_kept_anywhere(scene: Scene, stack: Stack) -> None:
    number = "4000056655665556"
    for body in (
        scene.by_card(payment_method={"type": "card", "number": number}),
        scene.by_card(f"tok_{number}"),
        scene.by_card(metadata={"note": f"card {number[:4]} {number[4:8]} {number[8:12]} {number[12:]}"}),
    ):
        assert await scene.refused(scene.ada, INTENTS, body) == (422, "card_number_refused")
    logs = list((stack.layout.root / "logs").glob("*.log"))
    assert any(log.name == "gateway.log" for log in logs)
    assert not any(number in log.read_text() for log in logs)


def _verify_of_the_guide() -> Callable[[bytes, dict[str, str], str], None]:
    """Return the function that the guide shows to who verifies signatures without a library."""
    source = next(
        code for code in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "def verify" in code
    )
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - the guide's own words are under test
    verify: Callable[[bytes, dict[str, str], str], None] = names["verify"]
    return verify


async def _events(merchant: Receiver, number: int) -> list[dict[str, Any]]:
    async def have_come() -> bool:
        return len(merchant.received) >= number

    await eventually(f"{number} webhooks", have_come)
    return [json.loads(received.body) for received in merchant.received]


async def test_a_merchant_hears_of_its_payments_and_can_verify_it(scene: Scene) -> None:
    async with receiving() as merchant:
        body = {"url": merchant.url, "events": ["payment_intent.*", "refund.succeeded"]}
        endpoint = await scene.done(scene.shop, ENDPOINTS, body)
        path = f"{ENDPOINTS}/{endpoint['id']}"
        paid = await scene.done(scene.ada, INTENTS, scene.by_card())
        await scene.done(scene.shop, REFUNDS, {"payment_intent": paid["id"]})
        told = await _events(merchant, 4)
        assert [event["type"] for event in told] == [
            "payment_intent.created", "payment_intent.processing", "payment_intent.succeeded", "refund.succeeded",
        ]  # fmt: skip
        verify = _verify_of_the_guide()
        for received in merchant.received:
            verify(received.body, received.headers, endpoint["secret"])
            Webhook(endpoint["secret"]).verify(received.body, received.headers)
            with pytest.raises(ValueError, match="not signed"):
                verify(received.body + b" ", received.headers, endpoint["secret"])
        deliveries = (await scene.done(scene.shop, f"{path}/deliveries?status=succeeded", method="GET"))["deliveries"]
        assert {d["event_id"] for d in deliveries} <= {event["id"] for event in told}

        rotated = await scene.done(scene.shop, f"{path}/rotate_secret", {"overlap_hours": 1})
        await scene.done(scene.shop, f"{path}/test")
        *_, test = await _events(merchant, 5)
        assert test["type"] == "endpoint.test"
        for secret in (endpoint["secret"], rotated["secret"]):
            verify(merchant.received[-1].body, merchant.received[-1].headers, secret)

        again = await scene.done(scene.shop, f"{path}/replay", {"since": paid["created_at"]})
        assert again == {"deliveries": 4, "next_since": None}
        assert [event["id"] for event in (await _events(merchant, 9))[5:]] == [event["id"] for event in told]
        gone = await scene.ask(scene.shop, "DELETE", path)
        assert gone.status_code == 204
        assert await scene.refused(scene.shop, path, method="GET") == (404, "endpoint_not_found")
