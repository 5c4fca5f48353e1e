import statistics
import time

from apps.identity.domain.passwords import Argon2Cost, Passwords


async def test_a_password_matches_its_own_hash_only(passwords: Passwords) -> None:
    hashed = await passwords.hash("correct horse battery staple")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "correct horse battery staple")
    assert not await passwords.verify(hashed, "correct horse battery stapler")


async def test_equal_passwords_have_different_hashes(passwords: Passwords) -> None:
    assert await passwords.hash("twelve chars") != await passwords.hash("twelve chars")


async def test_nobodys_password_never_matches(passwords: Passwords) -> None:
    assert not await passwords.verify(None, "anything")


async def test_a_damaged_hash_never_matches(passwords: Passwords) -> None:
    assert not await passwords.verify("not a hash", "anything")


async def test_the_default_cost_is_owasps() -> None:
    hashed = await Passwords(Argon2Cost(), threads=1).hash("twelve chars")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords(Argon2Cost(memory_kib=8192, time=2), threads=1)
    hashed = await passwords.hash("twelve chars")

    async def median_seconds(candidate: str | None) -> float:
        taken = []
        for _ in range(7):
            started = time.perf_counter()
            await passwords.verify(candidate, "wrong password")
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    assert await median_seconds(None) > await median_seconds(hashed) / 4
