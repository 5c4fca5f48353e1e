"""What the machine can do at most: passwords verified by Argon2 alone, in as many threads as identity has.

They run at the same low priority as identity's, so that whatever else the machine does takes as much from either.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argon2 import PasswordHasher, Type

from apps.identity.domain.passwords import yield_to_others
from apps.identity.settings import IdentitySettings
from ops.bench.setup import PASSWORD_SUFFIX

_COSTS = ("argon2_memory_kib", "argon2_time_cost", "argon2_lanes", "hashing_threads")


@dataclass(frozen=True)
class Hashing:
    """Identity's parameters, as its settings' defaults are."""

    memory_kib: int
    time_cost: int
    lanes: int
    threads: int

    @classmethod
    def of_identity(cls) -> "Hashing":
        """Take the defaults, which a stack without settings of its own has."""
        return cls(*(IdentitySettings.model_fields[name].default for name in _COSTS))

    async def verified_a_second(self, seconds: float) -> float:
        """Verify a password for so long, in all threads, and return how many went a second."""
        hasher = PasswordHasher(self.time_cost, self.memory_kib, self.lanes, type=Type.ID)
        password_hash = hasher.hash(PASSWORD_SUFFIX)
        started = time.perf_counter()

        def verify() -> int:
            done = 0
            while time.perf_counter() < started + seconds:
                hasher.verify(password_hash, PASSWORD_SUFFIX)
                done += 1
            return done

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(self.threads, initializer=yield_to_others) as pool:
            counts = await asyncio.gather(*(loop.run_in_executor(pool, verify) for _ in range(self.threads)))
        return sum(counts) / (time.perf_counter() - started)
