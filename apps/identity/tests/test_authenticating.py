"""Logging in while others guess: strangers are slowed down, and the owner gets in."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pyotp
import pytest
from pydantic import SecretStr

from apps.identity.domain.passwords import Argon2Cost, Passwords
from apps.identity.handlers.login import login
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from apps.identity.handlers.totp import confirm_totp, start_totp
from apps.identity.tests.asking import PASSWORD, asking, register_request
from apps.identity.tests.clocked import ClockedTransactions
from contracts.identity import AccessToken, ConfirmTotp, Login, Origin, StartTotp, User
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction

T = TypeVar("T")
ANN, NOBODY = "ann@ledgerlink.example", "nobody@ledgerlink.example"
HOME, ATTACKER = "192.0.2.1", "198.51.100.7"
WRONG = "wrong"


@pytest.fixture
def transactions(database: Database) -> ClockedTransactions:
    return ClockedTransactions(database)


@pytest.fixture
async def ann(parts: Parts, database: Database) -> User:
    return await register(parts, database, register_request())


async def _log_in(
    parts: Parts, address: str = HOME, password: str = PASSWORD, email: str = ANN, **given: Any
) -> AccessToken:
    origin = Origin(address=address, user_agent="tests")
    asked = Login(email=email, password=SecretStr(password), origin=origin, **given)
    return await login(parts, None, asking(asked, seconds_left=600))


async def _refusal(parts: Parts, address: str = HOME, password: str = WRONG, email: str = ANN, **given: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await _log_in(parts, address, password, email, **given)
    return refused.value


async def _codes(parts: Parts, times: int, address: str = HOME, email: str = ANN, **given: Any) -> list[str]:
    return [(await _refusal(parts, address, email=email, **given)).problem.code for _ in range(times)]


@pytest.mark.usefixtures("ann")
async def test_five_guesses_are_free_and_the_next_has_to_wait(parts: Parts, transactions: ClockedTransactions) -> None:
    assert await _codes(parts, 6) == ["invalid_credentials"] * 6
    slowed = await _refusal(parts, password=PASSWORD)
    assert (slowed.problem.code, slowed.problem.retry_after) == ("too_many_attempts", 1)
    transactions.pass_time(1)
    assert await _codes(parts, 2) == ["invalid_credentials", "too_many_attempts"]
    transactions.pass_time(2)
    assert (await _log_in(parts)).refresh_token
    assert await _codes(parts, 5) == ["invalid_credentials"] * 5, "the owner's login has forgotten the mistakes"


@pytest.mark.usefixtures("ann")
async def test_waiting_is_not_made_longer_by_asking(parts: Parts, transactions: ClockedTransactions) -> None:
    await _codes(parts, 6)
    assert await _codes(parts, 30) == ["too_many_attempts"] * 30
    transactions.pass_time(1)
    assert (await _log_in(parts)).refresh_token


@pytest.mark.usefixtures("ann")
async def test_guesses_from_many_addresses_never_lock_the_owner_out(parts: Parts) -> None:
    for number in range(1, 60):
        await _codes(parts, 3, f"198.51.100.{number}")
    assert (await _log_in(parts, HOME)).refresh_token


@pytest.mark.usefixtures("ann")
async def test_guesses_from_the_owners_own_address_never_lock_their_device_out(parts: Parts) -> None:
    device = (await _log_in(parts)).device_token
    assert device is not None
    await _codes(parts, 60)
    assert (await _refusal(parts, password=PASSWORD)).problem.code == "too_many_attempts"
    again = await _log_in(parts, device_token=SecretStr(device))
    assert again.device_token == device
    assert (await _log_in(parts, "203.0.113.9")).refresh_token, "and neither who comes from elsewhere"


@pytest.mark.usefixtures("ann")
async def test_a_stolen_device_token_gives_no_more_guesses_than_an_address(parts: Parts) -> None:
    device = SecretStr((await _log_in(parts)).device_token or "")
    codes = await _codes(parts, 20, ATTACKER, device_token=device)
    assert codes == ["invalid_credentials"] * 6 + ["too_many_attempts"] * 14
    assert (await _log_in(parts, ATTACKER)).refresh_token, "what is guessed with it does not count against the address"


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("forged", ["lld_x.y", "nonsense", "lld_"])
async def test_a_device_token_of_nobody_is_none(parts: Parts, forged: str) -> None:
    await _codes(parts, 6)
    assert await _codes(parts, 1, device_token=SecretStr(forged)) == ["too_many_attempts"]


async def test_a_device_token_is_its_users_only(parts: Parts, database: Database) -> None:
    await register(parts, database, register_request("eve@ledgerlink.example"))
    await register(parts, database, register_request())
    eves = (await _log_in(parts, ATTACKER, email="eve@ledgerlink.example")).device_token
    await _codes(parts, 6, ATTACKER)
    assert await _codes(parts, 1, ATTACKER, device_token=SecretStr(eves or "")) == ["too_many_attempts"]


@pytest.mark.usefixtures("ann")
async def test_an_address_that_guesses_at_many_accounts_is_slowed_down(parts: Parts) -> None:
    for number in range(21):
        await _codes(parts, 1, ATTACKER, f"user{number}@ledgerlink.example")
    assert await _codes(parts, 1, ATTACKER) == ["too_many_attempts"]
    assert (await _log_in(parts, HOME)).refresh_token


@pytest.mark.usefixtures("ann")
async def test_of_many_guesses_at_once_no_more_are_looked_at_than_one_after_the_other(parts: Parts) -> None:
    refusals = await asyncio.gather(*(_refusal(parts, ATTACKER) for _ in range(16)))
    codes = Counter(refusal.problem.code for refusal in refusals)
    assert codes == {"invalid_credentials": 6, "too_many_attempts": 10}


class _Counted:
    """Counts what a login asks of the database, and of the threads that hash."""

    def __init__(self, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        begin = parts.transactions.begin

        @asynccontextmanager
        async def counted() -> Any:
            async with begin() as tx:
                for name in ("fetch", "fetchrow", "fetchval", "execute"):
                    self._count(tx, name)
                yield tx

        monkeypatch.setattr(parts.transactions, "begin", counted)
        verify = parts.passwords.verify

        async def counted_verify(password_hash: str | None, password: str) -> bool:
            self.seen.append("verify")
            return await verify(password_hash, password)

        monkeypatch.setattr(parts.passwords, "verify", counted_verify)

    def _count(self, tx: Transaction, name: str) -> None:
        call: Callable[..., Any] = getattr(tx, name)

        async def counted(query: str, *parameters: object, **options: Any) -> Any:
            self.seen.append(query)
            return await call(query, *parameters, **options)

        setattr(tx, name, counted)

    def taken(self) -> list[str]:
        seen, self.seen = self.seen, []
        return seen


@pytest.mark.usefixtures("ann")
async def test_an_unknown_user_gets_the_same_answers_after_the_same_work(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, transactions: ClockedTransactions
) -> None:
    counted = _Counted(parts, monkeypatch)
    for _ in range(30):
        known, work = await _refusal(parts, HOME), counted.taken()
        unknown, same_work = await _refusal(parts, ATTACKER, email=NOBODY), counted.taken()
        assert known.problem == unknown.problem
        assert work == same_work
        assert ("verify" in work) is (known.problem.code == "invalid_credentials")
        transactions.pass_time((known.problem.retry_after or 0) + 0.0)


async def test_a_deactivated_account_gets_the_same_answer_too(
    parts: Parts, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with parts.transactions.begin() as tx:
        await tx.execute("UPDATE user_account SET status = 'deactivated' WHERE id = $1", ann.id)
    counted = _Counted(parts, monkeypatch)
    deactivated, work = await _refusal(parts, HOME, PASSWORD), counted.taken()
    unknown, same_work = await _refusal(parts, ATTACKER, PASSWORD, NOBODY), counted.taken()
    assert (deactivated.problem, work) == (unknown.problem, same_work)


async def test_the_owner_is_warned_once_of_many_guesses(parts: Parts, database: Database, ann: User) -> None:
    for email in (ANN, NOBODY):
        for number in range(1, 31):
            await _codes(parts, 1, f"198.51.100.{number}", email)
    queued = await database.pool.fetch("SELECT purpose FROM outgoing_message WHERE purpose = 'suspicious_logins'")
    assert len(queued) == 2, "one for each address; the sender finds out that nobody has the second"
    slowed = await database.pool.fetch("SELECT user_id FROM security_event WHERE kind = 'login_slowed'")
    assert [row["user_id"] for row in slowed] == [ann.id, None]


@pytest.mark.usefixtures("ann")
async def test_no_address_can_be_read_in_the_counters_or_the_log(parts: Parts, database: Database) -> None:
    await _codes(parts, 2)
    rows = [
        *await database.pool.fetch("SELECT * FROM failed_attempts"),
        *await database.pool.fetch("TABLE security_event"),
    ]
    assert len(rows) > 3
    assert not any(text in str(row) for row in rows for text in (HOME, ANN, "tests"))


@pytest.mark.usefixtures("ann")
async def test_a_hash_of_other_parameters_is_renewed_by_the_next_login(parts: Parts, database: Database) -> None:
    dearer = replace(parts, passwords=Passwords(Argon2Cost(memory_kib=128, time=1), threads=1))
    await asyncio.gather(*(_log_in(dearer) for _ in range(4)))
    renewed = await database.pool.fetchval("SELECT password_hash FROM user_account")
    assert "m=128," in renewed
    assert (await _log_in(dearer)).refresh_token
    assert await database.pool.fetchval("SELECT password_hash FROM user_account") == renewed


@pytest.mark.usefixtures("ann")
async def test_who_comes_while_too_many_wait_is_told_so_and_not_counted(
    parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Passwords(Argon2Cost(memory_kib=64, time=1), threads=1)
    monkeypatch.setattr(full, "_in_hand", full.most_in_hand)
    refused = await _refusal(replace(parts, passwords=full))
    assert (refused.problem.code, refused.problem.retry_after) == ("overloaded", 1)
    assert await database.pool.fetchval("SELECT count(*) FROM failed_attempts") == 0


async def _with_totp(parts: Parts, database: Database, user: User) -> pyotp.TOTP:
    origin = Origin(address=HOME)
    started = await start_totp(parts, database, asking(StartTotp(user=user.id, origin=origin)))
    totp = pyotp.TOTP(started.secret)
    assert isinstance(parts.transactions, ClockedTransactions)
    code = totp.at(parts.transactions.now)
    await confirm_totp(parts, database, asking(ConfirmTotp(user=user.id, code=code, origin=origin)))
    return totp


async def test_a_second_factor_is_asked_for_after_the_right_password_only(
    parts: Parts, database: Database, ann: User, transactions: ClockedTransactions
) -> None:
    totp = await _with_totp(parts, database, ann)
    transactions.pass_time(60)
    assert (await _refusal(parts)).problem.code == "invalid_credentials"
    for _ in range(20):  # no guess: the password was right
        assert (await _refusal(parts, password=PASSWORD)).problem.code == "second_factor_required"
    token = await _log_in(parts, otp=totp.at(transactions.now))
    assert token.session_id


async def test_guesses_at_codes_count_for_the_account_wherever_they_come_from(
    parts: Parts, database: Database, ann: User, transactions: ClockedTransactions
) -> None:
    device = SecretStr((await _log_in(parts)).device_token or "")
    totp = await _with_totp(parts, database, ann)
    transactions.pass_time(60)
    codes = [
        (await _refusal(parts, f"198.51.100.{number}", PASSWORD, otp="000000")).problem.code for number in range(1, 15)
    ]
    assert codes == ["invalid_credentials"] * 11 + ["too_many_attempts"] * 3
    assert (await _log_in(parts, device_token=device, otp=totp.at(transactions.now))).refresh_token, (
        "the owner's device is let in"
    )
