"""Proves that an e-mail address is its user's, by a token that is sent there."""

from datetime import timedelta

from apps.identity.domain.account import Account
from apps.identity.domain.secret_tokens import token_hash
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.outgoing import queue_message
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.store import accounts, one_time_tokens, outgoing_messages
from apps.identity.store.users import shown
from contracts.identity import (
    Done,
    Purpose,
    SecurityEventKind,
    SendVerification,
    User,
    UserEmailVerified,
    UserStatus,
    VerifyEmail,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Cause, Transaction

_AT_MOST_EVERY = timedelta(minutes=1)


async def send_verification(parts: Parts, _database: Database, request: Envelope[SendVerification]) -> Done:
    """Queue another token; at most one a minute. Raises Refused with `email_verified_already`, `user_not_found`."""
    refuse_late(request)
    async with parts.transactions.begin() as tx:
        account = await accounts.locked(tx, request.data.user)
        if account is None or account.status is not UserStatus.ACTIVE:
            raise Refused("user_not_found", "There is no such user.", "user_id")
        if account.email_verified_at is not None:
            raise Refused("email_verified_already", "The e-mail address has been proven already.")
        since = tx.now - _AT_MOST_EVERY
        if not await outgoing_messages.was_queued(tx, account.id, Purpose.VERIFY_EMAIL, since):
            await queue_message(parts, tx, Purpose.VERIFY_EMAIL, account, request)
    return Done()


async def verify_email(parts: Parts, _database: Database, request: Envelope[VerifyEmail]) -> User:
    """Note that an address is proven. Raises Refused with `token_not_valid`."""
    refuse_late(request)
    presented = token_hash(request.data.token.get_secret_value())
    async with parts.transactions.begin() as tx:
        # The account is locked first, as everywhere: erasing it deletes its tokens.
        user = await one_time_tokens.owner(tx, presented, Purpose.VERIFY_EMAIL, tx.now)
        account = await accounts.locked(tx, user) if user else None
        used = await one_time_tokens.use(tx, presented, Purpose.VERIFY_EMAIL)
        if used is None or account is None or account.status is not UserStatus.ACTIVE:
            raise Refused("token_not_valid", "The token is wrong, was used already, or holds no longer.", "token")
        await say_verified(tx, account, request)
        await record(tx, parts.sealer, [Happening(SecurityEventKind.EMAIL_VERIFIED, account)])
        changed = await accounts.by_id(tx, account.id)
        return await shown(tx, changed or account)


async def say_verified(tx: Transaction, account: Account, cause: Cause) -> None:
    """Note that the address of a locked account is proven, and say so, unless it was already."""
    if account.email_verified_at is None:
        await accounts.verify_email(tx, account.id)
        tx.say(UserEmailVerified(user_id=account.id, verified_at=tx.now), cause)
