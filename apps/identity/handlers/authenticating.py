"""Proves that users are who they say: by their password, and a second factor where the account has one.

Whoever asks about an address that has no account causes the same work and gets the same answers.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from apps.identity.domain.account import Account, normalised
from apps.identity.domain.authentication import PASSWORD, TWO_FACTORS, Authentication
from apps.identity.domain.devices import fresh_device_token, known_device
from apps.identity.domain.passwords import OverloadedError
from apps.identity.handlers import guessing
from apps.identity.handlers.outgoing import queue_warning
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.second_factors import check_second_factor
from apps.identity.store import accounts, attempts
from contracts.identity import Acr, Origin, SecurityEventKind, UserStatus
from outbox.database import Reads
from outbox.responder import Refused

_WRONG = "E-mail address or password is wrong."


@dataclass(frozen=True)
class Credentials:
    """What somebody gives to prove who they are: `who` is an e-mail address, or the id of who is logged in."""

    who: str | UUID
    password: str = field(repr=False)
    otp: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)
    device_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Proven:
    """An account whose password was given, and the guess that it was."""

    account: Account
    guess: guessing.Guess


async def authenticate(
    parts: Parts,
    credentials: Credentials,
    origin: Origin | None,
    *,
    recorded_as: SecurityEventKind = SecurityEventKind.LOGGED_IN,
) -> Authentication:
    """Return who was authenticated, and write it down; `acr` is aal2 where a second factor was given.

    Raises Refused with `invalid_credentials`, `second_factor_required`, `too_many_attempts` or `overloaded`.
    """
    proven = await prove_password(parts, credentials, origin)
    try:
        code_key = await _count_code(parts, proven, credentials)
        async with parts.transactions.begin() as tx:
            given = credentials.otp, credentials.recovery_code
            method = await check_second_factor(parts, tx, proven.account, *given)
            await guessing.was_right(tx, proven.guess)
            if code_key is not None:
                await attempts.forget(tx, [code_key])
            await record(tx, parts.sealer, [Happening(recorded_as, proven.account, origin)])
    except Refused as refusal:
        await _second_factor_failed(parts, proven, origin, refusal)
        raise
    methods = (PASSWORD, method, TWO_FACTORS) if method else (PASSWORD,)
    acr = Acr.TWO_FACTORS if method else Acr.ONE_FACTOR
    return Authentication(proven.account, acr, methods, datetime.now(UTC))


async def prove_password(parts: Parts, credentials: Credentials, origin: Origin | None) -> Proven:
    """Return the active account whose password was given; the guess still counts as wrong (see guessing.was_right).

    Raises Refused with `invalid_credentials`, `too_many_attempts` or `overloaded`.
    """
    try:
        parts.passwords.check_room()
        account, guess = await _begin(parts, credentials, origin)
        known_hash = account.password_hash if account else None
        try:
            matches = await parts.passwords.verify(known_hash, credentials.password)
        except OverloadedError:
            async with parts.transactions.begin() as tx:
                await guessing.was_none(tx, guess)
            raise
    except OverloadedError:
        raise overloaded() from None
    if account is None or not matches or account.status is not UserStatus.ACTIVE:
        await _failed(parts, guess, account, _email_of(credentials, account), origin)
        raise Refused("invalid_credentials", _WRONG)
    return Proven(await _with_present_hash(parts, account, credentials.password), guess)


def overloaded() -> Refused:
    """Return the refusal of who comes while as many passwords wait to be hashed as may."""
    return Refused("overloaded", "Too many people log in at this moment; try again in a few seconds.", retry_after=1)


def device_token(parts: Parts, user: UUID, presented: str | None = None) -> str:
    """Return what proves at the next login that a device is known: what it has presented, if that was its own."""
    if presented is not None and known_device(parts.derivation, user, presented) is not None:
        return presented
    return fresh_device_token(parts.derivation, user)


async def _begin(
    parts: Parts, credentials: Credentials, origin: Origin | None
) -> tuple[Account | None, guessing.Guess]:
    async with parts.transactions.begin() as tx:
        account = await _account_of(tx, credentials.who)
        email = _email_of(credentials, account)
        guess = guessing.guess_of(parts, email, account, origin, credentials.device_token)
        await guessing.begin(tx, guess)
    return account, guess


async def _account_of(reads: Reads, who: str | UUID) -> Account | None:
    if isinstance(who, UUID):
        return await accounts.by_id(reads, who)
    return await accounts.by_email(reads, normalised(who))


def _email_of(credentials: Credentials, account: Account | None) -> str:
    """Return the address under which guesses count; who is logged in and erased meanwhile has none."""
    if isinstance(credentials.who, str):
        return normalised(credentials.who)
    return account.email or "" if account else ""


async def _failed(
    parts: Parts, guess: guessing.Guess, account: Account | None, email: str, origin: Origin | None
) -> None:
    async with parts.transactions.begin() as tx:
        happenings = [Happening(SecurityEventKind.LOGIN_FAILED, account, origin)]
        if await guessing.was_wrong(tx, guess):
            happenings.append(Happening(SecurityEventKind.LOGIN_SLOWED, account, origin))
            await queue_warning(parts, tx, email)
        await record(tx, parts.sealer, happenings)


async def _second_factor_failed(parts: Parts, proven: Proven, origin: Origin | None, refusal: Refused) -> None:
    """Count a wrong code as a wrong guess; a right password without its second factor was none."""
    if refusal.problem.code == "invalid_credentials":
        await _failed(parts, proven.guess, proven.account, proven.account.email or "", origin)
        return
    async with parts.transactions.begin() as tx:
        await guessing.was_none(tx, proven.guess)


async def _count_code(parts: Parts, proven: Proven, credentials: Credentials) -> bytes | None:
    """Count a code for the whole account, unless it comes from a known device, which has a count of its own."""
    if proven.guess.from_known_device or (credentials.otp is None and credentials.recovery_code is None):
        return None
    return await guessing.begin_code(parts, proven.account)


async def _with_present_hash(parts: Parts, account: Account, password: str) -> Account:
    """Hash the password at today's cost where its hash is of another one; there is time for that at another login."""
    if account.password_hash is None or not parts.passwords.is_outdated(account.password_hash):
        return account
    try:
        renewed = await parts.passwords.hash(password)
    except OverloadedError:
        return account
    async with parts.transactions.begin() as tx:
        if await accounts.renew_hash(tx, account, renewed):
            return replace(account, password_hash=renewed)
        present = await accounts.by_id(tx, account.id)
    # Another login was quicker, or the password was changed meanwhile.
    return present if present and await _is_still(parts, present, password) else account


async def _is_still(parts: Parts, account: Account, password: str) -> bool:
    try:
        return await parts.passwords.verify(account.password_hash, password)
    except OverloadedError:
        return False
