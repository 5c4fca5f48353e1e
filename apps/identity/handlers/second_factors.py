"""Second factors: whether an account asks for one, and whether what was given is one."""

from uuid import UUID

from apps.identity.domain import one_time_codes, recovery_codes
from apps.identity.domain.account import Account
from apps.identity.domain.authentication import ONE_TIME_CODE, RECOVERY_CODE
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.store import second_factors as store
from contracts.identity import SecurityEventKind
from outbox.responder import Refused
from outbox.transaction import Transaction


async def check_second_factor(
    parts: Parts, tx: Transaction, account: Account, otp: str | None, recovery_code: str | None
) -> str | None:
    """Return the method (`otp`, `rec`) of the second factor that was given, None where the account asks for none.

    Call it only once the password has proven right. Raises Refused with `second_factor_required` and
    `invalid_credentials`, having written nothing: a code counts as used only if this transaction commits.
    """
    totp = await store.totp_locked(tx, account.id)
    if totp is None or totp.confirmed_at is None:
        return None
    if otp is not None:
        if not await take_one_time_code(parts, tx, account.id, totp, otp):
            raise Refused("invalid_credentials", "The one-time code is wrong, or was used already.", "otp")
        return ONE_TIME_CODE
    if recovery_code is not None:
        if not await _take_recovery_code(parts, tx, account, recovery_code):
            raise Refused("invalid_credentials", "The recovery code is wrong, or was used already.", "recovery_code")
        return RECOVERY_CODE
    raise Refused("second_factor_required", "Send the present code of the authenticator app as well.", "otp")


async def take_one_time_code(parts: Parts, tx: Transaction, user: UUID, totp: store.Totp, code: str) -> bool:
    """Tell whether it is a code of now that was not taken before, and take it; `totp` is locked."""
    secret = parts.sealer.open(totp.sealed_secret).decode()
    step = one_time_codes.step_of(secret, code, tx.now, totp.last_step)
    if step is None:
        return False
    await store.take_step(tx, user, step)
    return True


async def _take_recovery_code(parts: Parts, tx: Transaction, account: Account, code: str) -> bool:
    presented = recovery_codes.code_hash(account.id, code)
    found = recovery_codes.matching(presented, await store.unused_codes_locked(tx, account.id))
    if found is None:
        return False
    await store.use_code(tx, account.id, found)
    await record(tx, parts.sealer, [Happening(SecurityEventKind.RECOVERY_CODE_USED, account)])
    return True
