"""Password hashes: Argon2id (RFC 9106), in threads of their own: one takes tens of milliseconds and megabytes."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError


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
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Return the hash in PHC string format, with a salt of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is the hash's.

        Without a hash (there is no such user) it takes the same time and the answer is no, so that an answer's time
        does not tell who has an account.
        """
        matches = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._matches, password_hash or self._nobodys, password
        )
        return matches and password_hash is not None

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
