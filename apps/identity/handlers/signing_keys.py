"""Makes, rotates and deletes the keys that sign access tokens, and keeps this process's keyring up to date."""

from collections.abc import Sequence
from datetime import datetime

from apps.identity.domain.signing_keys import KeyPair, KeyTimes, Schedule
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.store import accounts, signing_keys
from apps.identity.store.signing_keys import StoredKey
from contracts.identity import (
    GetSigningKeys,
    ListSigningKeys,
    RotateSigningKey,
    SecurityEventKind,
    SigningKey,
    SigningKeyList,
    SigningKeyPublished,
    SigningKeys,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Cause, Transaction


async def ready_keys(parts: Parts) -> None:
    """Make the first key where there is none, and know all that there are: before anything is signed."""
    for _ in ("make", "know"):  # a key is known only once it is committed
        async with parts.transactions.begin() as tx:
            await keep_keys(parts, tx)


async def keep_keys(parts: Parts, tx: Transaction) -> None:
    """Know the keys that there are; make the next one when it is due, and delete those that check no longer."""
    keys = await signing_keys.all_keys(tx)
    _know(parts, keys, tx.now)
    times = [key.times for key in keys]
    if parts.schedule.is_due(times, tx.now):
        await _make_if_due(parts, tx)
    expired = parts.schedule.expired(times, tx.now)
    if expired:
        await signing_keys.delete(tx, expired)


async def rotate_signing_key(parts: Parts, _database: Database, request: Envelope[RotateSigningKey]) -> SigningKey:
    """Make the next key. Raises Refused with `rotation_under_way` or `deadline_exceeded`."""
    refuse_late(request)
    async with parts.transactions.begin() as tx:
        await signing_keys.take_turn(tx)
        times = [key.times for key in await signing_keys.all_keys(tx)]
        if parts.schedule.is_under_way(times, tx.now):
            raise Refused("rotation_under_way", f"The next key signs from {times[0].signs_from.isoformat()} on.")
        made = await _make(parts, tx, times, request)
        admin = await accounts.by_id(tx, request.data.rotated_by)
        kind = SecurityEventKind.SIGNING_KEY_ROTATED
        await record(tx, parts.sealer, [Happening(kind, admin, request.data.origin, about=made.kid)])
    return _shown(parts.schedule, [made, *times], 0)


async def get_signing_keys(_parts: Parts, database: Database, _request: Envelope[GetSigningKeys]) -> SigningKeys:
    """Return the JWK set that verifies access tokens, also of a key that does not sign yet."""
    async with database.reads() as reads:
        return SigningKeys(keys=[key.public_jwk for key in await signing_keys.all_keys(reads)])


async def list_signing_keys(parts: Parts, database: Database, _request: Envelope[ListSigningKeys]) -> SigningKeyList:
    """Return when each key signs and checks."""
    async with database.reads() as reads:
        times = [key.times for key in await signing_keys.all_keys(reads)]
    return SigningKeyList(keys=[_shown(parts.schedule, times, position) for position in range(len(times))])


async def _make_if_due(parts: Parts, tx: Transaction) -> None:
    """Make the next key, unless another replica has made it while this one waited for its turn."""
    await signing_keys.take_turn(tx)
    times = [key.times for key in await signing_keys.all_keys(tx)]
    if parts.schedule.is_due(times, tx.now):
        await _make(parts, tx, times, None)


async def _make(parts: Parts, tx: Transaction, known: Sequence[KeyTimes], cause: Cause | None) -> KeyTimes:
    pair = KeyPair.generate()
    made = KeyTimes(pair.id, tx.now, parts.schedule.next_signs_from(known, tx.now))
    await signing_keys.add(tx, StoredKey(made, pair.public_jwk, parts.sealer.seal(pair.private_pem)))
    tx.say(SigningKeyPublished(kid=made.kid, jwk=pair.public_jwk, signs_from=made.signs_from), cause)
    return made


def _know(parts: Parts, keys: Sequence[StoredKey], now: datetime) -> None:
    """Take the keys into the keyring; only those that it does not have yet need to be opened."""
    keyring = parts.issuer.keyring
    known = keyring.known
    pairs = (known.get(key.times.kid) or KeyPair.load(parts.sealer.open(key.sealed_private)) for key in keys)
    keyring.replace([(key.times.signs_from, pair) for key, pair in zip(keys, pairs, strict=True)], now)


def _shown(schedule: Schedule, times: Sequence[KeyTimes], position: int) -> SigningKey:
    key = times[position]
    return SigningKey(
        kid=key.kid,
        created_at=key.created_at,
        signs_from=key.signs_from,
        signs_until=times[position - 1].signs_from if position else None,
        checks_until=schedule.checks_until(times, position),
    )
