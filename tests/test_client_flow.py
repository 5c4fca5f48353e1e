"""The client on the real system: what is killed, revoked or slow meanwhile is nothing that its user has to see."""

import asyncio

import pytest

from contracts.ids import new_id
from ledgerlink_client import (
    DeclinedError,
    LedgerLink,
    NotAuthenticatedError,
    Options,
    Password,
    SavedTokens,
    SessionEndedError,
    Tokens,
)
from ledgerlink_client.models.operations import OperationStatus
from ledgerlink_client.models.payments import PaymentStatus
from ops.stack.stack import Stack
from tests.people import PASSWORD, new_customer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNDS = 10_000


async def test_payments_outlive_a_gateway_that_is_killed(
    stack: Stack, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await new_customer(gateway, operator, FUNDS), await new_customer(gateway, operator)

    async def pay() -> str:
        options = Options(deadline=90.0)
        return (await ada.pay(grace.wallet, 100, options=options)).status

    paying = [asyncio.create_task(pay()) for _ in range(10)]
    await asyncio.sleep(0)
    await stack.kill_process("gateway")
    paying += [asyncio.create_task(pay()) for _ in range(10)]
    assert await asyncio.gather(*paying) == [PaymentStatus.SUCCEEDED] * 20
    assert (await ada.balance(), await grace.balance()) == (FUNDS - 2000, 2000)


async def test_a_payment_that_takes_long_is_followed_to_its_end(
    stack: Stack, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await new_customer(gateway, operator, FUNDS), await new_customer(gateway, operator)
    await stack.stop_process("risk")
    try:
        slow = await ada.pay(grace.wallet, 100, options=Options(wait=1, deadline=3.0))
        assert (slow.answer.status, slow.status) == (202, PaymentStatus.PROCESSING)
        followed = asyncio.create_task(ada.pay(grace.wallet, 200, options=Options(wait=1, deadline=90.0)))
        declined = asyncio.create_task(ada.pay(grace.wallet, FUNDS * 2, options=Options(wait=1, deadline=90.0)))
        await asyncio.sleep(0)
    finally:
        await stack.start_process("risk")
    paid = await followed
    assert (paid.answer.status, paid.status) == (201, PaymentStatus.SUCCEEDED)
    with pytest.raises(DeclinedError):
        await declined
    assert slow.answer.location is not None
    operation = await ada.session.operations.wait(slow.answer.location, seconds=60)
    assert operation.status is OperationStatus.SUCCEEDED
    events = [event.type async for event in ada.session.payment_intents.events(paid.id)]
    assert (events[0], events[-1]) == ("payment_intent.created", "payment_intent.succeeded")
    listed = [intent.id async for intent in grace.session.payment_intents.list(limit=1)]
    assert {paid.id, slow.id} <= set(listed)


async def test_a_session_goes_on_by_its_refresh_token_until_it_is_ended(gateway: LedgerLink) -> None:
    email = f"{new_id()}@ledgerlink.example"
    kept: list[Tokens] = []

    async def keep(tokens: Tokens) -> None:
        kept.append(tokens)

    await gateway.users.register(email, PASSWORD)
    first = gateway.acting_as(Password(email, PASSWORD), keep_tokens=keep)
    await first.wallets.open("EUR")
    due = SavedTokens(_due(kept[-1]))
    second = gateway.acting_as(due, keep_tokens=keep)
    pages = await asyncio.gather(*(second.wallets.list().page() for _ in range(10)))
    assert {len(page.items) for page in pages} == {1}
    assert len(kept) == 2, "the ten did not share one refresh"
    assert kept[1].session_id == kept[0].session_id
    assert [session.id for session in await second.sessions.list().all()] == [kept[0].session_id]
    await second.sessions.log_out()
    with pytest.raises(SessionEndedError):
        await gateway.acting_as(SavedTokens(_due(kept[1]))).wallets.list().page()
    assert (await first.wallets.list().page()).items, "who knows the password logs in again"


async def test_a_wrong_password_is_told_at_once(gateway: LedgerLink) -> None:
    with pytest.raises(NotAuthenticatedError) as raised:
        await gateway.login(f"{new_id()}@ledgerlink.example", "a wrong password")
    assert raised.value.code == "invalid_credentials"


async def test_the_overview_shows_what_there_is(gateway: LedgerLink, operator: LedgerLink) -> None:
    ada = await new_customer(gateway, operator, FUNDS)
    overview = await ada.session.overview()
    assert overview.profile is not None
    assert [wallet.id for wallet in overview.balances or []] == [ada.wallet]
    assert overview.missing == []


def _due(tokens: Tokens) -> Tokens:
    """Return tokens whose access token counts as over."""
    return Tokens(
        tokens.access_token,
        tokens.expires_at.replace(year=2000),
        refresh_token=tokens.refresh_token,
        session_id=tokens.session_id,
    )
