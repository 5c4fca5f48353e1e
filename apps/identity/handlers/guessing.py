"""Counts guesses at secrets (apps.identity.domain.throttling): those at accounts that do not exist like all others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from apps.identity.domain import throttling
from apps.identity.domain.account import Account
from apps.identity.domain.devices import known_device
from apps.identity.domain.throttling import ACCOUNT, ACCOUNT_AT_ADDRESS, ADDRESS, DEVICE, SECOND_FACTOR, Counter, Policy
from apps.identity.handlers.parts import Parts
from apps.identity.store import attempts
from contracts.identity import Origin
from outbox.responder import Refused
from outbox.transaction import Transaction

_PURPOSE = "failed guesses"
_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Guess:
    """A guess at a password that is under way.

    `own` is counted as it begins, so that many at a time are counted too: the account at this address, or its device
    where that is known. `address` (None for such a device) and `account` are counted once it has proven wrong.
    """

    own: bytes
    policy: Policy
    address: bytes | None
    account: bytes
    warnings: bytes

    @property
    def from_known_device(self) -> bool:
        """Whether it comes from a device on which the user has logged in."""
        return self.address is None


def guess_of(
    parts: Parts, email: str, account: Account | None, origin: Origin | None, device_token: str | None
) -> Guess:
    """Return under what a guess at the password of this normalised address counts; it may have no account."""
    user = account.id if account else _NOBODY
    device = known_device(parts.derivation, user, device_token) if device_token else None
    network = throttling.network(origin.address if origin else "")
    whole, warnings = _key(parts, "account", email), _key(parts, "warnings", email)
    if device is not None:
        return Guess(_key(parts, "device", email, device), DEVICE, None, whole, warnings)
    own = _key(parts, "account at address", email, network)
    return Guess(own, ACCOUNT_AT_ADDRESS, _key(parts, "address", network), whole, warnings)


async def begin(tx: Transaction, guess: Guess) -> None:
    """Count a guess as wrong until it proves right. Raises Refused with `too_many_attempts`."""
    watched = {guess.own: guess.policy} | ({guess.address: ADDRESS} if guess.address else {})
    counters = await attempts.locked(tx, watched)
    _check(watched, counters, tx.now)
    await attempts.save(tx, {guess.own: throttling.after_failure(guess.policy, counters[guess.own], tx.now)})


async def was_wrong(tx: Transaction, guess: Guess) -> bool:
    """Count a guess that proved wrong; tell whether the account's owner is to be warned now."""
    policies = {guess.account: ACCOUNT} | ({guess.address: ADDRESS} if guess.address else {})
    counters = await attempts.locked(tx, (*policies, guess.warnings))
    warned = counters.pop(guess.warnings)
    after = {key: throttling.after_failure(policies[key], counter, tx.now) for key, counter in counters.items()}
    warns = throttling.should_warn(after[guess.account], warned, tx.now)
    await attempts.save(tx, after | ({guess.warnings: Counter(1, tx.now)} if warns else {}))
    return warns


async def was_right(tx: Transaction, guess: Guess) -> None:
    """Forget what was counted for this device, or for the account at this address."""
    await attempts.forget(tx, [guess.own])


async def was_none(tx: Transaction, guess: Guess) -> None:
    """Take back a guess that nobody has looked at, or whose password was right as far as it went."""
    await attempts.take_back(tx, [guess.own])


async def begin_code(parts: Parts, account: Account) -> bytes:
    """Count a guess at a second factor of an account, in a transaction of its own; return the key that it is under.

    Forget the key (`attempts.forget`) when the code is right. Raises Refused with `too_many_attempts`.
    """
    key = _key(parts, "second factor", account.id.hex)
    async with parts.transactions.begin() as tx:
        counters = await attempts.locked(tx, [key])
        _check({key: SECOND_FACTOR}, counters, tx.now)
        await attempts.save(tx, {key: throttling.after_failure(SECOND_FACTOR, counters[key], tx.now)})
    return key


async def start_anew(parts: Parts, tx: Transaction, account: Account, origin: Origin | None) -> None:
    """Forget the guesses that keep an account's owner waiting who has just set another password."""
    guess = guess_of(parts, account.email or "", account, origin, None)
    await attempts.forget(tx, [guess.own, _key(parts, "second factor", account.id.hex)])


async def forget_old_guesses(tx: Transaction) -> None:
    """Forget counters that say nothing any more, as a job."""
    await attempts.forget_old(tx, tx.now - throttling.FORGOTTEN_AFTER)


def _check(policies: Mapping[bytes, Policy], counters: Mapping[bytes, Counter], now: datetime) -> None:
    longest = max(throttling.wait(policy, counters[key], now) for key, policy in policies.items())
    if longest > timedelta(0):
        seconds = max(1, ceil(longest.total_seconds()))
        detail = f"There were too many wrong attempts; try again in {seconds} seconds."
        raise Refused("too_many_attempts", detail, retry_after=seconds)


def _key(parts: Parts, kind: str, *facts: str) -> bytes:
    return parts.derivation.derive(_PURPOSE, kind.encode(), *(fact.encode() for fact in facts)).encode()
