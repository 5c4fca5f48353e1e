"""Passkeys: registering and forgetting them, and what a passkey's answer to a challenge proves."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from apps.identity.domain.account import Account
from apps.identity.domain.passkeys import Credential, PasskeyNotValidError, credential_id
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.store import accounts, passkeys
from contracts.identity import (
    MOST_PASSKEYS,
    AddPasskey,
    ChallengePasskey,
    Done,
    Passkey,
    PasskeyChallenge,
    RemovePasskey,
    SecurityEventKind,
    StartPasskey,
)
from contracts.ids import made_at, new_id
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction

_LOG = structlog.get_logger()
_LOGGED = 200
"""Characters of a reason, which may quote what was sent."""


async def start_passkey(parts: Parts, database: Database, request: Envelope[StartPasskey]) -> PasskeyChallenge:
    """Begin to register a passkey. Raises Refused with `too_many_passkeys`."""
    user = request.data.user
    async with database.reads() as reads:
        account = await accounts.by_id(reads, user)
        known = await passkeys.credential_ids(reads, user)
    if account is None or account.email is None:
        raise Refused("user_not_found", "There is no such user.")
    _refuse_more_than_most(len(known))
    identifier = new_id()
    challenge = parts.challenges.challenge(identifier, user)
    options = parts.relying_party.registration_options(challenge, user, account.email, known, parts.lifetimes.challenge)
    return PasskeyChallenge(challenge_id=identifier, options=options)


async def challenge_passkey(
    parts: Parts, _database: Database, _request: Envelope[ChallengePasskey]
) -> PasskeyChallenge:
    """Begin to log in or to step up with a passkey; nothing is looked up, and nothing kept."""
    identifier = new_id()
    challenge = parts.challenges.challenge(identifier, None)
    options = parts.relying_party.login_options(challenge, parts.lifetimes.challenge)
    return PasskeyChallenge(challenge_id=identifier, options=options)


async def add_passkey(parts: Parts, _database: Database, request: Envelope[AddPasskey]) -> Passkey:
    """Register a passkey. Raises Refused with `passkey_not_valid`, `too_many_passkeys`."""
    refuse_late(request)
    asked = request.data
    try:
        challenge = parts.challenges.answered(asked.credential, asked.challenge_id, asked.user, datetime.now(UTC))
        credential = parts.relying_party.registered(asked.credential, challenge)
    except PasskeyNotValidError as error:
        _LOG.info("passkey not registered", reason=str(error)[:_LOGGED])
        raise _not_valid() from None
    async with parts.transactions.begin() as tx:
        account = await accounts.locked(tx, asked.user)
        if account is None or account.email is None:
            raise Refused("user_not_found", "There is no such user.")
        _refuse_more_than_most(len(await passkeys.credential_ids(tx, asked.user)))
        passkey = Passkey(id=new_id(), name=asked.name, created_at=tx.now)
        added = await _answer_once(parts, tx, asked.challenge_id) and await passkeys.add(
            tx, passkey, asked.user, credential
        )
        if not added:
            raise _not_valid()  # the challenge was answered before, or the passkey is registered already
        happening = Happening(SecurityEventKind.PASSKEY_ADDED, account, asked.origin, about=str(passkey.id))
        await record(tx, parts.sealer, [happening])
    return passkey


async def remove_passkey(parts: Parts, _database: Database, request: Envelope[RemovePasskey]) -> Done:
    """Forget a passkey. Raises Refused with `passkey_not_found`."""
    refuse_late(request)
    asked = request.data
    async with parts.transactions.begin() as tx:
        account = await accounts.locked(tx, asked.user)
        if not await passkeys.remove(tx, asked.passkey, asked.user):
            raise Refused("passkey_not_found", "There is no such passkey.")
        happening = Happening(SecurityEventKind.PASSKEY_REMOVED, account, asked.origin, about=str(asked.passkey))
        await record(tx, parts.sealer, [happening])
    return Done()


async def authenticated_by_passkey(
    parts: Parts, tx: Transaction, challenge_id: UUID, credential: dict[str, Any]
) -> Account | None:
    """Return whose passkey has answered a challenge of ours, locked; None when it has not, and why is logged.

    The passkey's counter and that the challenge was answered count if this transaction commits.
    """
    try:
        challenge = parts.challenges.answered(credential, challenge_id, None, tx.now)
        account, known = await _registered(tx, credential_id(credential))
        sign_count = parts.relying_party.sign_count(credential, challenge, known)
    except PasskeyNotValidError as error:
        _LOG.info("passkey refused", reason=str(error)[:_LOGGED])
        return None
    if not await _answer_once(parts, tx, challenge_id):
        _LOG.info("passkey refused", reason="the challenge was answered before")
        return None
    await passkeys.use(tx, known.passkey, sign_count)
    return account


async def _registered(tx: Transaction, credential: bytes) -> tuple[Account, Credential]:
    """Return whose passkey it is, and the passkey, both locked. Raises PasskeyNotValidError."""
    owner = await passkeys.owner_of(tx, credential)
    account = None if owner is None else await accounts.locked(tx, owner)
    known = await passkeys.locked(tx, credential)
    if account is None or known is None or known.user != account.id:
        raise PasskeyNotValidError("the passkey is not registered")
    return account, known


async def _answer_once(parts: Parts, tx: Transaction, challenge: UUID) -> bool:
    # Kept for twice as long as it can be answered, as clocks differ.
    return await passkeys.answer_once(tx, challenge, made_at(challenge) + 2 * parts.lifetimes.challenge)


def _refuse_more_than_most(held: int) -> None:
    if held >= MOST_PASSKEYS:
        raise Refused("too_many_passkeys", f"An account has at most {MOST_PASSKEYS} passkeys; remove one first.")


def _not_valid() -> Refused:
    return Refused("passkey_not_valid", "This is no new passkey's answer to the challenge; begin anew.", "credential")
