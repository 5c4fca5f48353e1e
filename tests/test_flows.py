"""docs/architecture/flows.md: what each diagram has stored is what its flow stores when it is played."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.ids import new_id
from ledgerlink_client import DeclinedError, LedgerLink
from ledgerlink_client.models.payments import CaptureMethod, Direction
from ops.stack.stack import Stack
from tests.books import at_rest
from tests.oauth_people import log_in
from tests.people import CURRENCY, PASSWORD, Customer, new_customer
from tests.runnable_documents import ROOT
from tests.streams import lengths, stored_since
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOWS = ROOT / "docs" / "architecture" / "flows.md"
FUNDS = 2_000_000
UNDER_REVIEW = 850_000
"""The rules that ship have an analyst look at it."""
SUBJECT = re.compile(r"\b\w+\.(?:commands|events|decisions|queries)\.[a-z_]+(?:\.[a-z_]+)*")
PAYING = {
    "payments.commands.create_payment_intent",
    "risk.commands.assess",
    "risk.decisions.payments",
    "wallet.commands.post_transfer",
}
"""What it takes that there is something to refund or to contest."""


@dataclass(frozen=True)
class Diagram:
    """The subjects on the arrows of one diagram: solid for what is stored on its way, dashed for what is not."""

    solid: frozenset[str]
    dashed: frozenset[str]

    @classmethod
    def of(cls, title: str) -> "Diagram":
        """Return the diagram below a heading. Raises ValueError."""
        (section,) = re.findall(rf"^## {title}\n+```mermaid\n(.*?)```", FLOWS.read_text(), re.MULTILINE | re.DOTALL)
        arrows = [line.strip() for line in section.splitlines() if ">>" in line]
        dashed = [line for line in arrows if "-->>" in line]
        solid = [line for line in arrows if "-->>" not in line]
        return cls(_subjects(solid), _subjects(dashed))


def _subjects(arrows: list[str]) -> frozenset[str]:
    return frozenset(subject for arrow in arrows for subject in SUBJECT.findall(arrow))


@dataclass(frozen=True)
class Cast:
    """Who plays."""

    stack: Stack
    http: httpx.AsyncClient
    gateway: LedgerLink
    operator: LedgerLink
    payer: Customer
    shop: Customer

    async def by_card(self, token: str, **more: Any) -> Any:
        method = {"type": "card", "token": token}
        return await self.payer.session.payment_intents.create(
            destination_wallet=self.shop.wallet,
            payment_method=method,
            amount=1_000,
            currency=CURRENCY,
            confirm=True,
            **more,
        )


async def wallet_payment(cast: Cast) -> None:
    await cast.payer.pay(cast.shop.wallet, 1_000)


async def card_payment(cast: Cast) -> None:
    held = await cast.by_card("tok_visa", capture_method=CaptureMethod.MANUAL)
    await cast.shop.session.payment_intents.capture(held.id, amount=400)


async def refund(cast: Cast) -> None:
    for paid in (await cast.payer.pay(cast.shop.wallet, 1_000), await cast.by_card("tok_visa")):
        await cast.shop.session.refunds.create(payment_intent=paid.id, amount=500)


async def dispute(cast: Cast) -> None:
    contested = await cast.by_card("tok_disputed")
    await eventually("a dispute is open", lambda: _stands(cast, contested.id, "needs_response"))
    (opened,) = [d async for d in cast.shop.session.disputes.list(payment_intent=contested.id)]
    await cast.shop.session.disputes.submit_evidence(opened.id, {"receipt": "winning_evidence"})
    await eventually("it is won", lambda: _stands(cast, contested.id, "won"))
    lost = await cast.by_card("tok_disputed_lost")
    await eventually("it is lost", lambda: _stands(cast, lost.id, "lost"))


async def _stands(cast: Cast, intent: UUID, status: str) -> bool:
    return [d.status async for d in cast.shop.session.disputes.list(payment_intent=intent)] == [status]


async def payout(cast: Cast) -> None:
    for token in ("tok_bank", "tok_bank_closed"):
        try:
            await cast.payer.session.payment_intents.create(
                direction=Direction.PAYOUT,
                source_wallet=cast.payer.wallet,
                payment_method={"type": "bank", "token": token},
                amount=1_000,
                currency=CURRENCY,
                confirm=True,
            )
        except DeclinedError:
            assert token == "tok_bank_closed"


async def review(cast: Cast) -> None:
    analyst = await _analyst(cast)
    waiting = await cast.payer.pay(cast.shop.wallet, UNDER_REVIEW)
    listed = await cast.http.get("/v1/risk/decisions", params={"payment_intent_id": str(waiting.id)}, headers=analyst)
    case = f"/v1/cases/{listed.json()['decisions'][0]['assessment_id']}"
    for step, body in (("claim", None), ("decision", {"outcome": "approve", "reason": "They know the shop"})):
        headers = analyst | {"Idempotency-Key": str(new_id())}
        assert (await cast.http.post(f"{case}/{step}", json=body, headers=headers)).status_code == 200


async def _analyst(cast: Cast) -> dict[str, str]:
    secrets = cast.stack.parts.secrets
    admin = await log_in(cast.http, secrets.admin_email, secrets.admin_password.get_secret_value())
    email = f"{new_id()}@ledgerlink.example"
    user = (await cast.http.post("/v1/users", json={"email": email, "password": PASSWORD})).json()
    made = await cast.http.post(f"/v1/users/{user['id']}/role", json={"role": "analyst"}, headers=admin)
    assert made.status_code == 200, made.text
    return await log_in(cast.http, email, PASSWORD)


async def registration(cast: Cast) -> None:
    await cast.gateway.register_and_login(f"{new_id()}@ledgerlink.example", PASSWORD)


async def revocation(cast: Cast) -> None:
    newcomer = await new_customer(cast.gateway, cast.operator)
    (own,) = (await cast.http.get("/v1/sessions", headers=newcomer.bearer)).json()["sessions"]
    assert (await cast.http.delete(f"/v1/sessions/{own['id']}", headers=newcomer.bearer)).is_success


OPENING = {"wallet.commands.open_account"}
PLAYS: dict[str, tuple[Callable[[Cast], Awaitable[None]], set[str], set[str]]] = {
    "A wallet pays another": (wallet_payment, set(), set()),
    "A card pays, and is captured later": (card_payment, set(), set()),
    "A refund": (refund, PAYING, set()),
    # Too little money is there only for who is quicker than the bank; apps/payments/tests play that.
    "A dispute": (dispute, PAYING, {"wallet.events.hold.refused"}),
    "A payout": (payout, set(), set()),
    "A payment under review, and its case": (review, PAYING, set()),
    # The newcomer is on no list; apps/risk/tests and tests/test_screening_flow.py have some who are.
    "Registration and screening": (registration, set(), {"risk.events.screening.opened", "risk.commands.decide_case"}),
    "Login, refresh, revocation": (revocation, OPENING, set()),
}
"""Heading -> how it is played, what else that takes, and what its diagram has beyond it."""


@pytest.mark.parametrize("title", PLAYS)
async def test_a_diagram_has_what_its_flow_stores(
    stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink, title: str
) -> None:
    play, besides, unplayed = PLAYS[title]
    payer, shop = await new_customer(gateway, operator, FUNDS), await new_customer(gateway, operator)
    await at_rest(stack)
    before = await lengths(stack)
    await play(Cast(stack, http, gateway, operator, payer, shop))
    await at_rest(stack)
    stored = {message.subject for message in await stored_since(stack, before)}
    drawn = Diagram.of(title).solid
    assert drawn - unplayed <= stored
    assert {subject for subject in stored if ".events." not in subject} <= drawn | besides


@pytest.mark.parametrize("title", re.findall(r"^## (.+)$", FLOWS.read_text(), re.MULTILINE))
async def test_arrows_are_solid_for_what_is_stored_and_dashed_for_queries(title: str) -> None:
    diagram = Diagram.of(title)
    assert not [subject for subject in diagram.solid if ".queries." in subject]
    assert not [subject for subject in diagram.dashed if ".queries." not in subject]
