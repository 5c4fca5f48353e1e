"""What administrators do to accounts: other roles, deactivating and reactivating."""

from dataclasses import replace
from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.domain.scopes import scopes_of
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.revoking import revoke_grants, revoke_user
from apps.identity.store import accounts, api_keys, clients
from apps.identity.store.users import shown
from contracts.identity import (
    ChangeRole,
    DeactivateUser,
    ReactivateUser,
    RevocationReason,
    Scope,
    SecurityEventKind,
    User,
    UserRoleChanged,
    UserStatus,
    UserStatusChanged,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Cause, Transaction


async def change_role(parts: Parts, _database: Database, request: Envelope[ChangeRole]) -> User:
    """Give a user another role, and end all tokens of the old one; and those of OAuth clients that they lose by it.

    Raises Refused with `user_not_found`, `user_erased`, `own_account`.
    """
    refuse_late(request)
    asked = request.data
    _refuse_own(asked.user, asked.changed_by)
    async with parts.transactions.begin() as tx:
        account = await _locked(tx, asked.user)
        if account.role is not asked.role:
            await accounts.set_role(tx, account.id, asked.role)
            account = replace(account, role=asked.role)
            await revoke_user(parts, tx, account, RevocationReason.ROLE_CHANGED, request)
            if Scope.MERCHANT not in scopes_of(asked.role):
                await _revoke_clients(tx, account.id, RevocationReason.ROLE_CHANGED, request)
            kind = SecurityEventKind.ROLE_CHANGED
            happening = Happening(kind, account, asked.origin, asked.changed_by, about=asked.role.value)
            await record(tx, parts.sealer, [happening])
            changed = {"user_id": account.id, "role": asked.role, "changed_by": asked.changed_by, "changed_at": tx.now}
            tx.say(UserRoleChanged.model_validate(changed), request)
        return await shown(tx, account)


async def deactivate_user(parts: Parts, _database: Database, request: Envelope[DeactivateUser]) -> User:
    """Let nobody log in to an account, and end its sessions and API keys; it can be undone.

    Raises Refused with `user_not_found`, `user_erased`, `own_account`.
    """
    refuse_late(request)
    asked = request.data
    _refuse_own(asked.user, asked.deactivated_by)
    async with parts.transactions.begin() as tx:
        account = await _locked(tx, asked.user)
        if account.status is UserStatus.ACTIVE:
            await end_all_access(parts, tx, account, RevocationReason.USER_DEACTIVATED, request)
            happening = Happening(SecurityEventKind.DEACTIVATED, account, asked.origin, asked.deactivated_by)
            account = await _with_status(parts, tx, account, UserStatus.DEACTIVATED, happening, request)
        return await shown(tx, account)


async def reactivate_user(parts: Parts, _database: Database, request: Envelope[ReactivateUser]) -> User:
    """Let a deactivated user log in again. Raises Refused with `user_not_found`, `user_erased`."""
    refuse_late(request)
    asked = request.data
    async with parts.transactions.begin() as tx:
        account = await _locked(tx, asked.user)
        if account.status is UserStatus.DEACTIVATED:
            happening = Happening(SecurityEventKind.REACTIVATED, account, asked.origin, asked.reactivated_by)
            account = await _with_status(parts, tx, account, UserStatus.ACTIVE, happening, request)
        return await shown(tx, account)


async def end_all_access(
    parts: Parts, tx: Transaction, account: Account, reason: RevocationReason, cause: Cause
) -> None:
    """End sessions, tokens and API keys of a locked account, and the tokens of its OAuth clients."""
    await revoke_user(parts, tx, account, reason, cause)
    await revoke_grants(tx, account.id, await api_keys.remove_all(tx, account.id), reason, cause)
    await _revoke_clients(tx, account.id, reason, cause)


async def _revoke_clients(tx: Transaction, owner: UUID, reason: RevocationReason, cause: Cause) -> None:
    """Let no token hold that OAuth clients have: they get no other until their owner may have them again."""
    own = [UUID(client.client_id) for client in await clients.of_owner(tx, owner)]
    await revoke_grants(tx, owner, own, reason, cause)


async def _locked(tx: Transaction, user: UUID) -> Account:
    account = await accounts.locked(tx, user)
    if account is None:
        raise Refused("user_not_found", "There is no such user.", "user_id")
    if account.status is UserStatus.ERASED:
        raise Refused("user_erased", "The user has been erased, for ever.", "user_id")
    return account


def _refuse_own(user: UUID, actor: UUID) -> None:
    if user == actor:
        raise Refused("own_account", "Another administrator does this to your account.", "user_id")


async def _with_status(
    parts: Parts,
    tx: Transaction,
    account: Account,
    status: UserStatus,
    happening: Happening,
    cause: Cause,
) -> Account:
    await accounts.set_status(tx, account.id, status)
    await record(tx, parts.sealer, [happening])
    changed = {"user_id": account.id, "status": status, "changed_by": happening.actor, "changed_at": tx.now}
    tx.say(UserStatusChanged.model_validate(changed), cause)
    return replace(account, status=status)
