"""API keys: what they may do follows their owner, and ending one ends it everywhere."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from apps.identity.domain.api_keys import replaced_until
from apps.identity.handlers.api_keys import create_api_key, revoke_api_key, rotate_api_key
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from apps.identity.queries.api_keys import check_api_key, list_api_keys
from apps.identity.store import api_keys as store
from apps.identity.tests.asking import asking, register_request
from contracts.identity import (
    MOST_KEYS,
    CheckApiKey,
    CreateApiKey,
    KeyHolder,
    ListApiKeys,
    NewApiKey,
    Origin,
    RevokeApiKey,
    RotateApiKey,
    Scope,
)
from outbox.database import Database
from outbox.responder import Refused

HERE = Origin(address="192.0.2.7", user_agent="tests")


@pytest.fixture
async def shop(parts: Parts, database: Database) -> UUID:
    user = (await register(parts, database, register_request("shop@ledgerlink.example"))).id
    await database.pool.execute("UPDATE user_account SET role = 'merchant' WHERE id = $1", user)
    return user


async def _create(parts: Parts, database: Database, owner: UUID, **changes: Any) -> NewApiKey:
    asked = {"owner": owner, "name": "Till", "scopes": [Scope.PAYMENTS, Scope.WALLETS], "origin": HERE} | changes
    return await create_api_key(parts, database, asking(CreateApiKey(**asked)))


async def _check(database: Database, secret: str) -> KeyHolder:
    return await check_api_key(database, asking(CheckApiKey(sha256=hashlib.sha256(secret.encode()).hexdigest())))


async def _revocations(database: Database) -> list[dict[str, Any]]:
    rows = await database.pool.fetch("SELECT envelope FROM outbox WHERE subject = 'identity.events.access.revoked'")
    return [orjson.loads(row["envelope"])["data"] for row in rows]


async def test_a_key_acts_for_its_owner_and_is_shown_once(parts: Parts, database: Database, shop: UUID) -> None:
    made = await _create(parts, database, shop)
    assert made.secret.startswith("llk_")
    assert len(made.secret) == len("llk_") + 43
    assert made.key.prefix == made.secret[:12]
    holder = await _check(database, made.secret)
    assert (holder.key, holder.user, holder.role) == (made.key.id, shop, "merchant")
    assert (holder.scopes, holder.version) == ([Scope.WALLETS, Scope.PAYMENTS], 1)
    listed = await list_api_keys(database, asking(ListApiKeys(owner=shop)))
    assert listed.keys == [made.key]
    kept = await database.pool.fetch("SELECT api_key::text FROM api_key UNION ALL SELECT envelope::text FROM outbox")
    assert made.secret not in str(kept)


@pytest.mark.parametrize("secret", ["llk_", "llk_unknown", ""])
async def test_a_key_that_is_none_is_refused(database: Database, secret: str) -> None:
    with pytest.raises(Refused, match="invalid_token"):
        await _check(database, secret)


async def test_a_key_is_made_for_no_more_than_its_owner_may(parts: Parts, database: Database, shop: UUID) -> None:
    with pytest.raises(Refused, match="scope_not_granted"):
        await _create(parts, database, shop, scopes=[Scope.PAYMENTS, Scope.REVIEWS])


@pytest.mark.parametrize("role", ["customer", "operator", "analyst", "admin"])
async def test_keys_hold_as_long_as_their_owner_can_revoke_them(
    parts: Parts, database: Database, shop: UUID, role: str
) -> None:
    made = await _create(parts, database, shop)
    await database.pool.execute("UPDATE user_account SET role = $1, version = 2", role)
    with pytest.raises(Refused, match="invalid_token"):
        await _check(database, made.secret)
    await database.pool.execute("UPDATE user_account SET role = 'merchant', version = 3")
    assert (await _check(database, made.secret)).version == 3


async def test_a_deactivated_owners_keys_do_not_hold(parts: Parts, database: Database, shop: UUID) -> None:
    made = await _create(parts, database, shop)
    await database.pool.execute("UPDATE user_account SET status = 'deactivated'")
    with pytest.raises(Refused, match="invalid_token"):
        await _check(database, made.secret)
    with pytest.raises(Refused, match="user_not_found"):
        await _create(parts, database, shop)


async def test_a_key_holds_until_it_expires(parts: Parts, database: Database, shop: UUID) -> None:
    now = datetime.now(UTC)
    with pytest.raises(Refused, match="expiry_in_past"):
        await _create(parts, database, shop, expires_at=now - timedelta(seconds=1))
    made = await _create(parts, database, shop, expires_at=now + timedelta(hours=1))
    assert (await _check(database, made.secret)).expires_at == now + timedelta(hours=1)
    await database.pool.execute("UPDATE api_key SET expires_at = $1", now)
    with pytest.raises(Refused, match="invalid_token"):
        await _check(database, made.secret)
    assert (await list_api_keys(database, asking(ListApiKeys(owner=shop)))).keys == []


async def test_a_rotated_key_holds_for_the_overlap_and_the_new_one_at_once(
    parts: Parts, database: Database, shop: UUID
) -> None:
    old = await _create(parts, database, shop)
    rotation = RotateApiKey(owner=shop, key=old.key.id, overlap_hours=2, origin=HERE)
    new = await rotate_api_key(parts, database, asking(rotation))
    assert (new.key.name, new.key.scopes, new.key.expires_at) == ("Till", old.key.scopes, None)
    assert (await _check(database, new.secret)).key == new.key.id
    until = (await _check(database, old.secret)).expires_at
    assert until is not None
    assert timedelta(hours=1) < until - datetime.now(UTC) <= timedelta(hours=2)
    assert await _revocations(database) == []


async def test_a_key_rotated_without_overlap_ends_at_once(parts: Parts, database: Database, shop: UUID) -> None:
    old = await _create(parts, database, shop)
    rotation = RotateApiKey(owner=shop, key=old.key.id, overlap_hours=0, origin=HERE)
    new = await rotate_api_key(parts, database, asking(rotation))
    with pytest.raises(Refused, match="invalid_token"):
        await _check(database, old.secret)
    assert (await _check(database, new.secret)).key == new.key.id
    assert [said["grants"] for said in await _revocations(database)] == [[str(old.key.id)]]


async def test_a_revoked_key_ends_everywhere(parts: Parts, database: Database, shop: UUID) -> None:
    made = await _create(parts, database, shop)
    await revoke_api_key(parts, database, asking(RevokeApiKey(owner=shop, key=made.key.id, origin=HERE)))
    with pytest.raises(Refused, match="invalid_token"):
        await _check(database, made.secret)
    (said,) = await _revocations(database)
    assert (said["grants"], said["reason"]) == ([str(made.key.id)], "key_revoked")
    assert await database.pool.fetchval("SELECT grant_id FROM revocation") == made.key.id
    with pytest.raises(Refused, match="api_key_not_found"):
        await revoke_api_key(parts, database, asking(RevokeApiKey(owner=shop, key=made.key.id, origin=HERE)))
    kinds = [row["kind"] for row in await database.pool.fetch("SELECT kind FROM security_event ORDER BY id")]
    assert kinds == ["registered", "api_key_created", "api_key_revoked"]


async def test_anothers_key_is_not_there(parts: Parts, database: Database, shop: UUID) -> None:
    other = (await register(parts, database, register_request("other@ledgerlink.example"))).id
    made = await _create(parts, database, shop)
    with pytest.raises(Refused, match="api_key_not_found"):
        await revoke_api_key(parts, database, asking(RevokeApiKey(owner=other, key=made.key.id, origin=HERE)))
    with pytest.raises(Refused, match="api_key_not_found"):
        await rotate_api_key(parts, database, asking(RotateApiKey(owner=other, key=made.key.id, origin=HERE)))
    assert (await _check(database, made.secret)).user == shop


async def test_an_owner_has_a_bounded_number_of_keys(parts: Parts, database: Database, shop: UUID) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    for _ in range(MOST_KEYS - 2):
        made = await _create(parts, database, shop, expires_at=later)
    outcomes = await asyncio.gather(*(_create(parts, database, shop) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, NewApiKey) for outcome in outcomes) == 2
    with pytest.raises(Refused, match="too_many_keys"):
        await rotate_api_key(parts, database, asking(RotateApiKey(owner=shop, key=made.key.id, origin=HERE)))
    await database.pool.execute("UPDATE api_key SET expires_at = now() WHERE expires_at IS NOT NULL")
    await _create(parts, database, shop)
    assert await database.pool.fetchval("SELECT count(*) FROM api_key") == 3


async def test_all_keys_of_an_owner_can_be_ended(parts: Parts, database: Database, shop: UUID) -> None:
    made = [await _create(parts, database, shop) for _ in range(2)]
    async with parts.transactions.begin() as tx:
        ended = await store.remove_all(tx, shop)
    assert sorted(ended) == sorted(each.key.id for each in made)


@pytest.mark.parametrize(("left", "overlap", "holds"), [(None, 24, 24), (48, 24, 24), (3, 24, 3)])
def test_an_overlap_never_makes_a_key_hold_longer(left: int | None, overlap: int, holds: int) -> None:
    now = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    until = replaced_until(None if left is None else now + timedelta(hours=left), overlap, now)
    assert until == now + timedelta(hours=holds)
