"""Password hashes: Argon2id (RFC 9106), in threads of their own: one takes tens of milliseconds and megabytes."""

import asyncio
import os
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")
_NICENESS = 10
"""Threads that hash yield to all else: a flood of logins takes what is left over, not what payments need."""
_WAITING_EACH = 8
"""How many passwords may wait for each thread. Who comes then is better told to come back than kept waiting."""


class OverloadedError(RuntimeError):
    """As many passwords wait to be hashed as may."""


@dataclass(frozen=True)
class Argon2Cost:
    """The work that one guess costs; the defaults are the OWASP password storage cheat sheet's."""

    memory_kib: int = 19456
    time: int = 2
    lanes: int = 1


class Passwords:
    """Hashes and verifies at most `threads` passwords at a time, so that logins cannot take the machine's memory."""

    def __init__(self, cost: Argon2Cost, threads: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.time, memory_cost=cost.memory_kib, parallelism=cost.lanes, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=yield_to_others)
        self._most = threads * (1 + _WAITING_EACH)
        self._in_hand = 0
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    @property
    def most_in_hand(self) -> int:
        """How many passwords are hashed or wait for it at most."""
        return self._most

    def check_room(self) -> None:
        """Raise OverloadedError where nothing more may wait: for who would do other work first, and in vain."""
        if self._in_hand >= self._most:
            raise OverloadedError

    async def hash(self, password: str) -> str:
        """Return the hash in PHC string format, with a salt of its own. Raises OverloadedError."""
        return await self._in_thread(self._hasher.hash, _one_spelling(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is the hash's. Raises OverloadedError.

        Without a hash (there is no such user) it does the same work and the answer is no, so that an answer's time
        does not tell who has an account.
        """
        matches = await self._in_thread(self._matches, password_hash or self._nobodys, _one_spelling(password))
        return matches and password_hash is not None

    async def beside(self, work: Callable[..., T], *arguments: str) -> T:
        """Do other slow work on passwords in these threads, in its turn. Raises OverloadedError."""
        return await self._in_thread(work, *arguments)

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made at another cost than what is configured now."""
        return self._hasher.check_needs_rehash(password_hash)

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        self.check_room()
        self._in_hand += 1
        future = self._threads.submit(work, *arguments)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _tell(loop, self._has_ended))
        return await asyncio.wrap_future(future)

    def _has_ended(self) -> None:
        """Count what a thread has let go, also where nobody waits for it any more."""
        self._in_hand -= 1

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _one_spelling(password: str) -> str:
    """Return a password as it is hashed: keyboards differ in how they write the same letters (RFC 8265 §4.2.2)."""
    return unicodedata.normalize("NFC", password)


def _tell(loop: asyncio.AbstractEventLoop, listener: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has been closed meanwhile
        loop.call_soon_threadsafe(listener)


def yield_to_others() -> None:
    """Lower the priority of the calling thread; Linux keeps one for each thread, other systems may refuse."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
