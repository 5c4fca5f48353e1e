"""One-time codes of an authenticator app: enrolling, removing, and the recovery codes that go with them."""

from apps.identity.domain import one_time_codes, recovery_codes
from apps.identity.domain.account import Account
from apps.identity.handlers import guessing
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.second_factors import take_one_time_code
from apps.identity.store import accounts, attempts
from apps.identity.store import second_factors as store
from contracts.identity import (
    ConfirmTotp,
    Done,
    RecoveryCodes,
    RemoveTotp,
    RenewRecoveryCodes,
    SecurityEventKind,
    StartTotp,
    TotpSecret,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction

_ENABLED = "One-time codes are enabled already; remove them to begin anew."


async def start_totp(parts: Parts, _database: Database, request: Envelope[StartTotp]) -> TotpSecret:
    """Make a secret that counts once confirmed. Raises Refused with `totp_enabled`."""
    refuse_late(request)
    secret = one_time_codes.new_secret()
    async with parts.transactions.begin() as tx:
        account = await _account(tx, request.data)
        if not await store.put_totp(tx, account.id, parts.sealer.seal(secret.encode())):
            raise Refused("totp_enabled", _ENABLED)
    return TotpSecret(secret=secret, uri=one_time_codes.enrolment_uri(secret, account.email or ""))


async def confirm_totp(parts: Parts, _database: Database, request: Envelope[ConfirmTotp]) -> RecoveryCodes:
    """Enable one-time codes.

    Raises Refused with `code_not_valid`, `totp_not_started`, `totp_enabled`, `too_many_attempts`.
    """
    refuse_late(request)
    async with parts.transactions.begin() as tx:
        account = await _account(tx, request.data)
    guess = await guessing.begin_code(parts, account)
    async with parts.transactions.begin() as tx:
        account = await _account(tx, request.data)
        totp = await store.totp_locked(tx, account.id)
        if totp is None:
            raise Refused("totp_not_started", "There is no secret to confirm; make one first.")
        if totp.confirmed_at is not None:
            raise Refused("totp_enabled", _ENABLED)
        if not await take_one_time_code(parts, tx, account.id, totp, request.data.code):
            raise Refused("code_not_valid", "The code is not the present one; look at the phone's clock.", "code")
        await attempts.forget(tx, [guess])
        happening = Happening(SecurityEventKind.TOTP_ENABLED, account, request.data.origin)
        await record(tx, parts.sealer, [happening])
        return await _new_codes(tx, account)


async def remove_totp(parts: Parts, _database: Database, request: Envelope[RemoveTotp]) -> Done:
    """Disable one-time codes. Raises Refused with `totp_not_enabled`."""
    refuse_late(request)
    async with parts.transactions.begin() as tx:
        account = await _account_with_totp(tx, request.data)
        await store.remove_totp(tx, account.id)
        happening = Happening(SecurityEventKind.TOTP_REMOVED, account, request.data.origin)
        await record(tx, parts.sealer, [happening])
    return Done()


async def renew_recovery_codes(
    parts: Parts, _database: Database, request: Envelope[RenewRecoveryCodes]
) -> RecoveryCodes:
    """Make recovery codes in place of all earlier ones. Raises Refused with `totp_not_enabled`."""
    refuse_late(request)
    async with parts.transactions.begin() as tx:
        account = await _account_with_totp(tx, request.data)
        happening = Happening(SecurityEventKind.RECOVERY_CODES_RENEWED, account, request.data.origin)
        await record(tx, parts.sealer, [happening])
        return await _new_codes(tx, account)


async def _account(tx: Transaction, asked: StartTotp | ConfirmTotp | RemoveTotp | RenewRecoveryCodes) -> Account:
    """Return whose factors these are, locked: who is being erased gets none. Raises Refused."""
    account = await accounts.locked(tx, asked.user)
    if account is None or account.email is None:
        raise Refused("user_not_found", "There is no such user.")
    return account


async def _account_with_totp(tx: Transaction, asked: RemoveTotp | RenewRecoveryCodes) -> Account:
    account = await _account(tx, asked)
    totp = await store.totp_locked(tx, account.id)
    if totp is None or totp.confirmed_at is None:
        raise Refused("totp_not_enabled", "One-time codes are not enabled.")
    return account


async def _new_codes(tx: Transaction, account: Account) -> RecoveryCodes:
    codes = recovery_codes.new_codes()
    hashes = [recovery_codes.code_hash(account.id, code) for code in codes]
    await store.replace_codes(tx, account.id, hashes)
    return RecoveryCodes(recovery_codes=codes)
