"""Bad input gets a 4xx problem document that says what to change; never a 5xx, never a hang, never an effect."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio

from apps.identity.domain.sealing import Sealer
from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.bad_requests import ALL_OF_THEM, HUGE, JSON, ORDER, Bad, filled
from tests.bad_tokens import bad_tokens
from tests.brokers import connected
from tests.people import CURRENCY, PASSWORD, Customer, new_customer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECONDS = 10.0  # the longest that an answer may take
CHUNK = 64 * 1024
FUNDS = 100_000


@dataclass(frozen=True)
class Scene:
    """Who asks, and the real ids that the table's placeholders stand for."""

    mine: Customer
    theirs: Customer
    names: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(stack: Stack, gateway: LedgerLink, operator: LedgerLink) -> Scene:
    mine, theirs = await new_customer(gateway, operator, FUNDS), await new_customer(gateway, operator)
    yen = await theirs.session.wallets.open("JPY")
    taken = f"{new_id()}@ledgerlink.example"
    await gateway.users.register(taken, PASSWORD)
    names = {
        "mine": str(mine.wallet),
        "theirs": str(theirs.wallet),
        "savings": str((await mine.session.wallets.open(CURRENCY)).id),
        "yen": str(yen.id),
        "clearing": str(await _clearing_account(stack)),
        "email": f"{new_id()}@ledgerlink.example",
        "taken": taken,
        "TAKEN": taken.upper(),
    }
    return Scene(mine, theirs, names | bad_tokens(mine.session.tokens.access_token, await _signing_key(stack)))


async def _signing_key(stack: Stack) -> str:
    """Return the private key that signs tokens now, as PEM: identity alone keeps it, sealed."""
    connection = await asyncpg.connect(stack.parts.postgres.owner_url("identity"))
    try:
        sealed = await connection.fetchval(
            "SELECT sealed_private FROM signing_key WHERE signs_from <= now() ORDER BY signs_from DESC LIMIT 1"
        )
    finally:
        await connection.close()
    return Sealer([stack.parts.secrets.identity_secrets_key.get_secret_value()]).open(sealed).decode()


async def _clearing_account(stack: Stack) -> UUID:
    connection = await asyncpg.connect(stack.parts.postgres.owner_url("wallet"))
    try:
        found: UUID = await connection.fetchval(
            "SELECT id FROM account WHERE kind = 'clearing' AND currency = $1", CURRENCY
        )
    finally:
        await connection.close()
    return found


async def _sent(http: httpx.AsyncClient, bad: Bad, scene: Scene) -> httpx.Response:
    headers: dict[str, str | bytes | None] = {
        **scene.mine.bearer,
        "Idempotency-Key": str(new_id()),
        "Content-Type": JSON,
        **bad.headers,
    }
    raw = [
        (name, filled(value, scene.names).encode() if isinstance(value, str) else value)
        for name, value in headers.items()
        if value is not None
    ]
    content = bad.content(scene.names) if bad.method == "POST" else b""
    return await http.request(
        bad.method,
        filled(bad.path, scene.names),
        headers=[(name.encode(), value) for name, value in raw],
        content=_in_chunks(content) if bad.chunked else content,
    )


async def _in_chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


NO_CHALLENGE = {"invalid_credentials", "signature_invalid"}
"""These are about what stands in the body, and no access token would help."""


@pytest.mark.parametrize("bad", ALL_OF_THEM, ids=lambda bad: bad.what)
async def test_bad_input_is_told_what_to_change(http: httpx.AsyncClient, scene: Scene, bad: Bad) -> None:
    async with asyncio.timeout(SECONDS):
        response = await _sent(http, bad, scene)
    assert (response.status_code, response.headers["Content-Type"]) == (bad.status, "application/problem+json"), (
        response.text
    )
    problem = response.json()
    assert (problem["code"], problem["type"], problem["status"]) == (bad.code, f"/problems/{bad.code}", bad.status)
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert bad.tells in response.text
    assert response.headers["X-Correlation-Id"] == problem["correlation_id"]
    assert ("WWW-Authenticate" in response.headers) == (bad.status in {401, 403} and bad.code not in NO_CHALLENGE)
    assert ("Allow" in response.headers) == (bad.status == 405)
    assert PASSWORD not in response.text


async def test_the_request_that_all_of_them_change_is_good(http: httpx.AsyncClient, scene: Scene) -> None:
    """Otherwise the table might be refused for another reason than it says."""
    before = await scene.theirs.balance()
    response = await _sent(http, Bad("nothing", 201, "", ORDER), scene)
    assert response.status_code == 201, response.text
    assert await scene.theirs.balance() == before + 100


@pytest.mark.parametrize("prefer", ["wait=soon", "wait=-1", "wait=99999999999", "respond-async=maybe", ",;=", "é"])
async def test_an_unsound_preference_is_ignored(http: httpx.AsyncClient, scene: Scene, prefer: str) -> None:
    """RFC 7240 §2: what cannot be understood in a Prefer header is to be ignored."""
    response = await _sent(http, Bad("Prefer", 201, "", ORDER, {"Prefer": prefer.encode()}), scene)
    assert response.status_code == 201, response.text
    assert "Preference-Applied" not in response.headers


async def test_all_of_it_together_has_no_effect(stack: Stack, http: httpx.AsyncClient, scene: Scene) -> None:
    async with connected(stack, "provisioner") as nc:
        buried = (await nc.jetstream().stream_info("DEAD_LETTERS")).state.messages
        before = await scene.mine.balance(), await scene.theirs.balance(), await _intents(stack)
        small = [bad for bad in ALL_OF_THEM if bad.body is None or len(bad.content(scene.names)) < HUGE]
        answers = await asyncio.gather(*(_sent(http, bad, scene) for bad in small))
        assert {answer.status_code // 100 for answer in answers} == {4}
        assert (await scene.mine.balance(), await scene.theirs.balance(), await _intents(stack)) == before
        assert (await nc.jetstream().stream_info("DEAD_LETTERS")).state.messages == buried


async def _intents(stack: Stack) -> int:
    connection = await asyncpg.connect(stack.parts.postgres.owner_url("payments"))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM payment_intent"))
    finally:
        await connection.close()
