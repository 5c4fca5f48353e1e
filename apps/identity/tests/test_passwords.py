import asyncio
import os
import threading

import pytest

from apps.identity.domain.passwords import Argon2Cost, OverloadedError, Passwords
from apps.identity.tests.conftest import CHEAP


async def test_a_password_matches_its_own_hash_only(passwords: Passwords) -> None:
    hashed = await passwords.hash("correct horse battery staple")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "correct horse battery staple")
    assert not await passwords.verify(hashed, "correct horse battery stapler")


async def test_a_password_is_the_same_however_its_accents_were_typed(passwords: Passwords) -> None:
    composed, decomposed = "correct h\u00f4rse battery", "correct ho\u0302rse battery"
    assert await passwords.verify(await passwords.hash(composed), decomposed)
    assert await passwords.verify(await passwords.hash(decomposed), composed)


async def test_equal_passwords_have_different_hashes(passwords: Passwords) -> None:
    assert await passwords.hash("twelve chars") != await passwords.hash("twelve chars")


async def test_nobodys_password_never_matches(passwords: Passwords) -> None:
    assert not await passwords.verify(None, "anything")


async def test_a_damaged_hash_never_matches(passwords: Passwords) -> None:
    assert not await passwords.verify("not a hash", "anything")


async def test_the_default_cost_is_owasps() -> None:
    hashed = await Passwords(Argon2Cost(), threads=1).hash("twelve chars")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_hash_of_another_cost_is_outdated(passwords: Passwords) -> None:
    cheaper = await passwords.hash("twelve chars")
    assert not passwords.is_outdated(cheaper)
    assert Passwords(Argon2Cost(memory_kib=128, time=1), threads=1).is_outdated(cheaper)


async def test_threads_that_hash_yield_to_all_else(passwords: Passwords) -> None:
    def niceness(_: str) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await passwords.beside(niceness, "") == 10
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 10


async def test_of_more_than_may_wait_the_surplus_is_turned_away_at_once() -> None:
    passwords = Passwords(CHEAP, threads=1)
    held = threading.Event()
    work = [asyncio.create_task(passwords.beside(lambda _: held.wait(60), "")) for _ in range(9)]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        passwords.check_room()
    with pytest.raises(OverloadedError):
        await passwords.verify(None, "one more")
    held.set()
    assert all(await asyncio.gather(*work))
    assert not await passwords.verify(None, "and there is room again")


async def test_who_gives_up_waiting_keeps_no_place() -> None:
    passwords = Passwords(CHEAP, threads=1)
    held = threading.Event()
    work = [asyncio.create_task(passwords.beside(lambda _: held.wait(60), "")) for _ in range(9)]
    await asyncio.sleep(0)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    held.set()
    async with asyncio.timeout(60):
        while True:
            try:
                passwords.check_room()
                break
            except OverloadedError:
                await asyncio.sleep(0.01)
