"""Dashboards, recording rules and alerts read what a running system tells: a real Prometheus scrapes and answers."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from contracts.identity import FIRST_PARTY_CLIENT
from contracts.ids import new_id
from deploy.grafana.build import DIRECTORY, files
from deploy.grafana.pages import DASHBOARDS
from deploy.grafana.panels import WINDOW
from ledgerlink_client import LedgerLink, LedgerLinkError
from ops.stack.stack import Stack
from tests.people import CURRENCY, Customer, new_customer
from tests.prometheus import DEPLOYED, SERVER, Prometheus, scraping
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")
needs_prometheus = pytest.mark.skipif(not SERVER, reason="Prometheus is not installed")
SECONDS = 120.0
METRIC = re.compile(r"(?<!:)\bledgerlink_\w+")  # not within the name of what is recorded


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOYED / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


class Traffic:
    """Something of everything that dashboards show, again and again."""

    def __init__(self, http: httpx.AsyncClient, gateway: LedgerLink, ada: Customer, shop: Customer) -> None:
        self.http, self.gateway, self.ada, self.shop = http, gateway, ada, shop
        self.refresh_token = ada.session.tokens.refresh_token

    async def post(self, who: Customer, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.post(path, json=body, headers=who.bearer | {"Idempotency-Key": str(new_id())})
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    async def flow(self) -> None:
        """Pay by wallet and card, give back, have a payment contested, log in wrongly, refresh a session."""
        await self.ada.pay(self.shop.wallet, 100)
        for token in ("tok_disputed", "tok_visa"):
            method = {"type": "card", "token": token}
            order = {"destination_wallet": str(self.shop.wallet), "payment_method": method, "amount": 100}
            paid = await self.post(self.ada, "/v1/payment_intents", order | {"currency": CURRENCY, "confirm": True})
        await self.post(self.shop, "/v1/refunds", {"payment_intent": paid["id"], "amount": 1})
        with suppress(LedgerLinkError):
            await self.gateway.login("nobody@ledgerlink.example", "wrong")
        form = {"grant_type": "refresh_token", "client_id": FIRST_PARTY_CLIENT, "refresh_token": self.refresh_token}
        self.refresh_token = (await self.http.post("/oauth/token", data=form)).json()["refresh_token"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    async with scraping(stack.parts.ports, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traffic(http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink) -> AsyncIterator[Traffic]:
    ada, shop = await new_customer(gateway, operator, 100_000), await new_customer(gateway, operator)
    flows = Traffic(http, gateway, ada, shop)
    async with receiving() as merchant:
        await flows.post(shop, "/v1/webhook_endpoints", {"url": merchant.url, "events": ["*"]})
        yield flows


async def never_answered(prometheus: Prometheus, traffic: Traffic, expressions: Iterable[str]) -> set[str]:
    """Keep the traffic going until each expression has had an answer, or for `SECONDS`; return those that had none."""
    lacking = set(expressions)
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while lacking:
                await traffic.flow()
                lacking.difference_update([e for e in lacking if await prometheus.ask(e)])
    return lacking


@needs_prometheus
async def test_every_panel_shows_something(prometheus: Prometheus, traffic: Traffic) -> None:
    expressions = {
        (board.title, panel.title, query.expression.replace(WINDOW, "1m"))
        for board in DASHBOARDS
        for panel in board.panels
        for query in panel.queries
    }

    lacking = await never_answered(prometheus, traffic, {expression for *_, expression in expressions})
    assert not sorted(shown for shown in expressions if shown[-1] in lacking)


@needs_prometheus
async def test_rules_read_what_is_there(prometheus: Prometheus, traffic: Traffic) -> None:
    recorded = {rule["record"]: rule["expr"] for rule in rules("recording.yml")}
    asked = [rule["expr"] for rule in rules("alerts.yml")]
    names = {name for expression in (*recorded.values(), *asked) for name in METRIC.findall(expression)}
    assert not await never_answered(prometheus, traffic, names | recorded.keys() | set(recorded.values()))
    for expression in asked:
        await prometheus.ask(expression)


@needs_prometheus
async def test_a_name_that_is_wrong_shows_nothing(prometheus: Prometheus) -> None:
    assert await prometheus.ask("sum(rate(ledgerlink_no_such_thing_total[1m]))") == []


async def test_what_is_committed_is_what_is_built() -> None:
    committed = {path.name: path.read_text() for path in DIRECTORY.iterdir()}
    assert committed == files(), "run `task dashboards`"
