"""Erases users (GDPR Art. 17): nothing personal is left of them; the ledger keeps their ids, and who owes what."""

from dataclasses import replace
from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.handlers.administration import end_all_access
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.revoking import end_sessions_through, revoke_grants
from apps.identity.store import (
    accounts,
    clients,
    one_time_tokens,
    outgoing_messages,
    personal_details,
    second_factors,
)
from contracts.identity import (
    EraseUser,
    RevocationReason,
    SecurityEventKind,
    User,
    UserStatus,
    UserStatusChanged,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction


async def erase_user(parts: Parts, _database: Database, request: Envelope[EraseUser]) -> User:
    """Erase a user, or find that they have been. Raises Refused with `user_not_found`.

    Their key goes, and with it what it sealed: where their sessions and the lines of the security log came from.
    """
    refuse_late(request)
    asked = request.data
    deleted: list[UUID] = []
    async with parts.transactions.begin() as tx:
        account = await accounts.locked(tx, asked.user)
        if account is None:
            raise Refused("user_not_found", "There is no such user.", "user_id")
        if account.status is not UserStatus.ERASED:
            deleted = await _erase(parts, tx, account, request)
    for client in deleted:
        await end_sessions_through(parts, client, request)
    return replace(account, status=UserStatus.ERASED, email=None, email_verified_at=None).user


async def _erase(parts: Parts, tx: Transaction, account: Account, request: Envelope[EraseUser]) -> list[UUID]:
    """Erase all of a locked account but its id, role and log; return the OAuth clients that went with it."""
    reason = RevocationReason.USER_ERASED
    await end_all_access(parts, tx, account, reason, request)
    deleted = await clients.delete_all(tx, account.id)
    await revoke_grants(tx, None, deleted, RevocationReason.CLIENT_DELETED, request)
    await second_factors.forget(tx, account.id)
    await one_time_tokens.remove_of_user(tx, account.id)
    await outgoing_messages.remove_of_user(tx, account.id)
    await personal_details.remove(tx, account.id)
    await accounts.erase(tx, account.id)
    # Recorded without its origin: there is no key any more under which to seal it.
    nobody = replace(account, personal_key=None)
    actor = request.data.erased_by
    await record(tx, parts.sealer, [Happening(SecurityEventKind.ERASED, nobody, request.data.origin, actor)])
    changed = {"user_id": account.id, "status": UserStatus.ERASED, "changed_by": actor, "changed_at": tx.now}
    tx.say(UserStatusChanged.model_validate(changed), request)
    return deleted
