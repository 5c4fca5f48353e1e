"""Changes passwords: by who knows the present one, and by who can read what is sent to the account's address."""

from uuid import UUID

from apps.identity.domain.account import Account, normalised
from apps.identity.domain.secret_tokens import token_hash
from apps.identity.handlers import guessing
from apps.identity.handlers.authenticating import Credentials, prove_password
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.new_passwords import checked_hash, hashed, refuse_weak
from apps.identity.handlers.outgoing import queue_message, queue_to_address
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.revoking import end_sessions, revoke_user
from apps.identity.handlers.verification import say_verified
from apps.identity.store import accounts, authorization_grants, one_time_tokens, second_factors
from contracts.identity import (
    ChangePassword,
    Done,
    Origin,
    Purpose,
    RequestPasswordReset,
    ResetPassword,
    RevocationReason,
    Role,
    SecurityEventKind,
    UserStatus,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction

_REMOVED = {"totp": SecurityEventKind.TOTP_REMOVED, "passkey": SecurityEventKind.PASSKEY_REMOVED}


async def change_password(parts: Parts, database: Database, request: Envelope[ChangePassword]) -> Done:
    """Change a password, and end all sessions but the one in which that was asked for.

    Raises Refused with `invalid_credentials`, `password_too_weak`, `too_many_attempts` or `overloaded`.
    """
    refuse_late(request)
    asked = request.data
    new = asked.new.get_secret_value()
    await refuse_weak(parts, new, await _email(database, asked.user))
    given = Credentials(asked.user, asked.current.get_secret_value())
    proven = await prove_password(parts, given, asked.origin)
    password_hash = await hashed(parts, new)
    async with parts.transactions.begin() as tx:
        account = await accounts.locked(tx, asked.user)
        if account is None or account.password_hash != proven.account.password_hash:
            raise Refused("invalid_credentials", "The password was changed meanwhile.", "current_password")
        await guessing.was_right(tx, proven.guess)
        await _keep(parts, tx, account, password_hash, request)
        await end_sessions(
            parts,
            tx,
            None,
            account.id,
            RevocationReason.PASSWORD_CHANGED,
            except_session=asked.session,
            origin=asked.origin,
            cause=request,
        )
        await record(tx, parts.sealer, [Happening(SecurityEventKind.PASSWORD_CHANGED, account, asked.origin)])
    return Done()


async def request_password_reset(parts: Parts, _database: Database, request: Envelope[RequestPasswordReset]) -> Done:
    """Queue a message to an address; whether it has an account is found out when the message is sent."""
    refuse_late(request)
    email = normalised(request.data.email)
    async with parts.transactions.begin() as tx:
        await queue_to_address(parts, tx, Purpose.RESET_PASSWORD, email, request.data.origin)
    return Done()


async def reset_password(parts: Parts, database: Database, request: Envelope[ResetPassword]) -> Done:
    """Set a password with a token that was sent, which proves the address too; it ends all sessions.

    Before its address was proven anybody may have registered an account, with factors of theirs: those are dropped.
    Raises Refused with `token_not_valid`, `password_too_weak` or `overloaded`.
    """
    refuse_late(request)
    asked, presented = request.data, token_hash(request.data.token.get_secret_value())
    async with database.reads() as reads:
        user = await one_time_tokens.owner(reads, presented, Purpose.RESET_PASSWORD, request.time)
    if user is None:
        raise _not_valid()
    password_hash = await checked_hash(parts, asked.password.get_secret_value(), await _email(database, user))
    async with parts.transactions.begin() as tx:
        account = await accounts.locked(tx, user)
        used = await one_time_tokens.use(tx, presented, Purpose.RESET_PASSWORD)
        if used is None or account is None or account.status is not UserStatus.ACTIVE:
            raise _not_valid()
        await _keep(parts, tx, account, password_hash, request)
        await revoke_user(parts, tx, account, RevocationReason.PASSWORD_CHANGED, request)
        if account.role is Role.CUSTOMER and account.email_verified_at is None:
            await _drop_factors(parts, tx, account, asked.origin)
        await say_verified(tx, account, request)
        await guessing.start_anew(parts, tx, account, asked.origin)
        await record(tx, parts.sealer, [Happening(SecurityEventKind.PASSWORD_RESET, account, asked.origin)])
    return Done()


async def _keep(
    parts: Parts,
    tx: Transaction,
    account: Account,
    password_hash: str,
    request: Envelope[ChangePassword] | Envelope[ResetPassword],
) -> None:
    """Keep the password of a locked account, drop what the one before has given or could set, and tell the owner."""
    await accounts.set_password(tx, account.id, password_hash)
    await one_time_tokens.remove_of_user(tx, account.id, Purpose.RESET_PASSWORD)
    await authorization_grants.remove_of_user(tx, account.id)
    await queue_message(parts, tx, Purpose.PASSWORD_CHANGED, account, request)


async def _drop_factors(parts: Parts, tx: Transaction, account: Account, origin: Origin | None) -> None:
    """Forget the factors of a locked account that may have been a stranger's until now.

    They would lock the owner out, or let the stranger in again (Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX
    Security 2022). An account that was given another role is one that an admin knows.
    """
    kinds = (await second_factors.kinds_of(tx, [account.id])).get(account.id, [])
    await second_factors.forget(tx, account.id)
    await record(tx, parts.sealer, [Happening(_REMOVED[kind], account, origin) for kind in kinds])


async def _email(database: Database, user: UUID) -> str:
    async with database.reads() as reads:
        account = await accounts.by_id(reads, user)
    return account.email or "" if account else ""


def _not_valid() -> Refused:
    return Refused("token_not_valid", "The token is wrong, was used already, or holds no longer.", "token")
