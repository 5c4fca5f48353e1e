"""Signing keys: whatever is signed can be checked for as long as it holds, however keys rotate."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.identity.domain.access_tokens import LEEWAY, Grant
from apps.identity.domain.signing_keys import (
    STALE,
    KeyPair,
    Keyring,
    KeysNotKnownError,
    KeyTimes,
    Schedule,
    thumbprint,
)
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.signing_keys import (
    get_signing_keys,
    keep_keys,
    list_signing_keys,
    ready_keys,
    rotate_signing_key,
)
from apps.identity.tests.asking import asking, keys_request
from apps.identity.tests.clocked import ClockedTransactions
from contracts.identity import ListSigningKeys, Origin, Role, RotateSigningKey, SigningKey
from contracts.ids import new_id
from outbox.database import Database
from outbox.responder import Refused

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
AHEAD, LIFETIME = timedelta(seconds=10), timedelta(minutes=15)
SCHEDULE = Schedule()


PAUSES = st.sampled_from([0.0, 10.0, 115.0, 900.0])


@settings(max_examples=300)
@example([(10.0, True), (115.0, False), (900.0, False)], 120.0)
@given(st.lists(st.tuples(PAUSES, st.booleans()), min_size=12, max_size=60), st.sampled_from([0.0, 60.0, 120.0]))
def test_a_key_is_there_as_long_as_a_token_of_it_holds(steps: list[tuple[float, bool]], stale: float) -> None:
    """A replica whose view is as old as may be signs at every step; whoever checks has what is not deleted yet."""
    keys = [KeyTimes("0", START, START)]
    now, seen = START, {START: list(keys)}
    signed: dict[str, datetime] = {}
    for number, (pause, rotates) in enumerate(steps, start=1):
        now += timedelta(seconds=pause)
        held = {kid for kid, until in signed.items() if until >= now}
        keys = [key for key in keys if key.kid not in SCHEDULE.expired(keys, now)]
        assert held <= {key.kid for key in keys}
        if rotates and not SCHEDULE.is_under_way(keys, now):
            keys.insert(0, KeyTimes(str(number), now, SCHEDULE.next_signs_from(keys, now)))
        seen[now] = list(keys)
        old_view = seen[max(at for at in seen if at <= max(START, now - timedelta(seconds=stale)))]
        for view in (old_view, keys):
            kid = next(key.kid for key in view if key.signs_from <= now)
            signed[kid] = now + LIFETIME + LEEWAY
    assert sum(key.signs_from > now for key in keys) <= 1


def test_the_next_key_is_made_so_early_that_it_signs_on_time() -> None:
    keys = [KeyTimes("first", START, START)]
    due = START + timedelta(days=30) - AHEAD
    assert SCHEDULE.is_due([], START)
    assert not SCHEDULE.is_due(keys, due - timedelta(microseconds=1))
    assert SCHEDULE.is_due(keys, due)
    assert SCHEDULE.next_signs_from(keys, due) == START + timedelta(days=30)


def test_the_newest_key_that_has_begun_to_signs() -> None:
    keyring, old, new = Keyring(), KeyPair.generate(), KeyPair.generate()
    keyring.replace([(START, old), (START + AHEAD, new)], START)
    assert keyring.signing(START) is old
    assert keyring.signing(START + AHEAD - timedelta(microseconds=1)) is old
    assert keyring.signing(START + AHEAD) is new


def test_nothing_is_signed_by_keys_that_are_not_known_or_not_sure() -> None:
    keyring = Keyring()
    with pytest.raises(KeysNotKnownError):
        keyring.signing(START)
    keyring.replace([(START, KeyPair.generate())], START)
    with pytest.raises(KeysNotKnownError):
        keyring.signing(START - timedelta(seconds=1))
    keyring.signing(START + STALE)
    with pytest.raises(KeysNotKnownError):
        keyring.signing(START + STALE + timedelta(seconds=1))


def test_thumbprint_is_that_of_rfc_8037_appendix_a() -> None:
    key = {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_published_key_tells_nothing_private() -> None:
    assert KeyPair.generate().public_jwk.keys() == {"kty", "crv", "x", "kid", "alg", "use"}


def test_a_key_of_another_kind_is_refused() -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TypeError, match="Ed25519"):
        KeyPair.load(pem)


@pytest.fixture
def clock(database: Database) -> ClockedTransactions:
    return ClockedTransactions(database)


@pytest.fixture
def replica(parts: Parts, clock: ClockedTransactions) -> Callable[[], Parts]:
    """Make another replica: the same database, a keyring of its own."""
    return lambda: replace(parts, transactions=clock, issuer=replace(parts.issuer, keyring=Keyring()))


async def _keep(parts: Parts) -> None:
    async with parts.transactions.begin() as tx:
        await keep_keys(parts, tx)


async def _rotate(parts: Parts, database: Database) -> SigningKey:
    origin = Origin(address="203.0.113.7")
    return await rotate_signing_key(parts, database, asking(RotateSigningKey(rotated_by=new_id(), origin=origin)))


async def _listed(parts: Parts, database: Database) -> list[SigningKey]:
    return (await list_signing_keys(parts, database, asking(ListSigningKeys()))).keys


async def test_replicas_that_start_together_agree_on_the_first_key(
    replica: Callable[[], Parts], database: Database, clock: ClockedTransactions
) -> None:
    replicas = [replica() for _ in range(4)]
    await asyncio.gather(*map(ready_keys, replicas))
    (key,) = await _listed(replicas[0], database)
    assert {parts.issuer.keyring.signing(clock.now).id for parts in replicas} == {key.kid}
    assert key.signs_from == clock.now
    (said,) = await database.pool.fetch("SELECT subject, envelope FROM outbox")
    assert said["subject"] == "identity.events.signing_key.published"
    assert orjson.loads(said["envelope"])["data"]["jwk"]["kid"] == key.kid
    sealed = await database.pool.fetchval("SELECT sealed_private FROM signing_key")
    assert b"PRIVATE" not in sealed
    assert b"PRIVATE" in replicas[0].sealer.open(sealed)


async def test_replicas_that_find_the_next_key_due_make_one(
    replica: Callable[[], Parts], database: Database, clock: ClockedTransactions
) -> None:
    replicas = [replica() for _ in range(4)]
    await asyncio.gather(*map(ready_keys, replicas))
    clock.pass_time(30 * 86400 - 10)
    await asyncio.gather(*map(_keep, replicas))
    next_key, first = await _listed(replicas[0], database)
    assert next_key.signs_from == first.signs_until == first.created_at + timedelta(days=30)


async def test_a_key_is_published_then_signs_then_only_checks_then_is_gone(
    replica: Callable[[], Parts], database: Database, clock: ClockedTransactions
) -> None:
    ours, other = replica(), replica()
    await ready_keys(ours)
    first = ours.issuer.keyring.signing(clock.now)
    rotated = await _rotate(ours, database)
    assert rotated.signs_from == clock.now + AHEAD
    with pytest.raises(Refused, match="rotation_under_way"):
        await _rotate(other, database)
    await asyncio.gather(_keep(ours), _keep(other))
    published = jwt.PyJWKSet((await get_signing_keys(ours, database, keys_request())).keys)
    assert {key.key_id for key in published.keys} == {first.id, rotated.kid}
    assert ours.issuer.keyring.signing(clock.now).id == first.id
    clock.pass_time(AHEAD.total_seconds())
    for parts in (ours, other):
        assert parts.issuer.keyring.signing(clock.now).id == rotated.kid
    clock.pass_time((LIFETIME + LEEWAY).total_seconds())
    await _keep(ours)
    assert [key.kid for key in await _listed(ours, database)] == [rotated.kid, first.id]
    clock.pass_time((STALE + timedelta(minutes=1)).total_seconds())
    await _keep(ours)
    assert [key.kid for key in await _listed(ours, database)] == [rotated.kid]
    assert [*ours.issuer.keyring.known] == [rotated.kid, first.id]  # until it reads what it has committed
    await _keep(ours)
    assert [*ours.issuer.keyring.known] == [rotated.kid]


async def test_nothing_is_signed_by_a_key_that_is_not_committed(
    replica: Callable[[], Parts], clock: ClockedTransactions
) -> None:
    parts = replica()
    with pytest.raises(ZeroDivisionError):
        await _broken_start(parts)
    with pytest.raises(KeysNotKnownError):
        parts.issuer.issue(Grant(new_id(), new_id(), Role.CUSTOMER, "tests", ()), clock.now)


async def _broken_start(parts: Parts) -> None:
    async with parts.transactions.begin() as tx:
        await keep_keys(parts, tx)
        raise ZeroDivisionError
