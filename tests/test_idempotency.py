"""Idempotency keys outlive what Redis knows: they are kept where the money is."""

import asyncio

import httpx
import pytest
from redis.asyncio import Redis

from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.books import balances_of
from tests.money_requests import money_requests, moved
from tests.people import new_customer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNDS = 10_000


async def test_no_request_is_carried_out_twice_although_redis_forgets_everything(
    stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    payer, payee = [await new_customer(gateway, operator, FUNDS) for _ in range(2)]
    requests = await money_requests(http, operator, payer, payee)
    wallets = [payer.wallet, payee.wallet]
    before = await balances_of(stack, wallets)
    first = await asyncio.gather(*(request.insist(http) for request in requests))
    after = await balances_of(stack, wallets)
    assert after == moved(before, requests)
    redis = Redis.from_url(stack.parts.valkey.url)
    try:
        await redis.flushall()
        assert await redis.dbsize() == 0
    finally:
        await redis.aclose()
    again = await asyncio.gather(*(request.send(http) for request in requests))
    for one, other in zip(first, again, strict=True):
        assert (other.status_code, other.json()) == (one.status_code, one.json())
        assert other.headers.get("Location") == one.headers.get("Location")
    assert await balances_of(stack, wallets) == after
