"""One-time codes and recovery codes: enrolled by proof, taken once, kept sealed or hashed."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.identity.domain import one_time_codes, recovery_codes
from apps.identity.domain.account import Account
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.second_factors import check_second_factor
from apps.identity.handlers.totp import confirm_totp, remove_totp, renew_recovery_codes, start_totp
from apps.identity.queries.users import get_user
from apps.identity.store import second_factors as store
from apps.identity.tests.accounts_of import registered
from apps.identity.tests.asking import asking
from apps.identity.tests.tables import rows_of
from contracts.identity import ConfirmTotp, GetUser, Origin, RemoveTotp, RenewRecoveryCodes, StartTotp
from contracts.ids import new_id
from outbox.database import Database
from outbox.responder import Refused

HERE = Origin(address="192.0.2.7", user_agent="tests")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOW = datetime(2026, 1, 5, 9, 30, 10, tzinfo=UTC)


@pytest.fixture
async def ann(parts: Parts, database: Database) -> Account:
    return await registered(parts, database)


async def _enrolled(parts: Parts, database: Database, user: UUID) -> tuple[pyotp.TOTP, list[str]]:
    made = await start_totp(parts, database, asking(StartTotp(user=user)))
    totp = pyotp.TOTP(made.secret)
    confirmed = ConfirmTotp(user=user, code=totp.now(), origin=HERE)
    codes = await confirm_totp(parts, database, asking(confirmed))
    return totp, codes.recovery_codes


async def _check(parts: Parts, account: Account, *, otp: str | None = None, code: str | None = None) -> str | None:
    async with parts.transactions.begin() as tx:
        return await check_second_factor(parts, tx, account, otp, code)


def _next_code(totp: pyotp.TOTP) -> str:
    """A code that was not taken yet: that of the next step, which counts as the present one where clocks differ."""
    return totp.at(datetime.now(UTC), counter_offset=1)


async def test_an_account_without_one_is_asked_for_none(parts: Parts, ann: Account) -> None:
    assert await _check(parts, ann) is None
    assert await _check(parts, ann, otp="123456") is None


async def test_a_secret_counts_once_it_is_confirmed(parts: Parts, database: Database, ann: Account) -> None:
    made = await start_totp(parts, database, asking(StartTotp(user=ann.id)))
    assert made.uri.startswith("otpauth://totp/LedgerLink:ann%40ledgerlink.example?secret=" + made.secret)
    assert await _check(parts, ann) is None
    wrong = ConfirmTotp(user=ann.id, code=pyotp.TOTP(SECRET).now(), origin=HERE)
    with pytest.raises(Refused, match="code_not_valid"):
        await confirm_totp(parts, database, asking(wrong))
    again = await start_totp(parts, database, asking(StartTotp(user=ann.id)))
    assert again.secret != made.secret
    right = ConfirmTotp(user=ann.id, code=pyotp.TOTP(again.secret).now(), origin=HERE)
    assert len((await confirm_totp(parts, database, asking(right))).recovery_codes) == 10
    with pytest.raises(Refused, match="second_factor_required"):
        await _check(parts, ann)
    assert (await get_user(database, asking(GetUser(user=ann.id)))).second_factors == ["totp"]
    for refused in (
        start_totp(parts, database, asking(StartTotp(user=ann.id))),
        confirm_totp(parts, database, asking(right)),
    ):
        with pytest.raises(Refused, match="totp_enabled"):
            await refused


async def test_what_was_not_begun_cannot_be_confirmed_renewed_or_removed(
    parts: Parts, database: Database, ann: Account
) -> None:
    with pytest.raises(Refused, match="totp_not_started"):
        await confirm_totp(parts, database, asking(ConfirmTotp(user=ann.id, code="123456", origin=HERE)))
    with pytest.raises(Refused, match="totp_not_enabled"):
        await remove_totp(parts, database, asking(RemoveTotp(user=ann.id, origin=HERE)))
    with pytest.raises(Refused, match="totp_not_enabled"):
        await renew_recovery_codes(parts, database, asking(RenewRecoveryCodes(user=ann.id, origin=HERE)))


async def test_the_code_that_confirms_a_secret_is_taken(parts: Parts, database: Database, ann: Account) -> None:
    made = await start_totp(parts, database, asking(StartTotp(user=ann.id)))
    code = pyotp.TOTP(made.secret).now()
    await confirm_totp(parts, database, asking(ConfirmTotp(user=ann.id, code=code, origin=HERE)))
    with pytest.raises(Refused, match="invalid_credentials"):
        await _check(parts, ann, otp=code)


async def test_a_code_is_taken_once_by_one_of_many(parts: Parts, database: Database, ann: Account) -> None:
    totp, _ = await _enrolled(parts, database, ann.id)
    code = _next_code(totp)
    outcomes = await asyncio.gather(*(_check(parts, ann, otp=code) for _ in range(4)), return_exceptions=True)
    assert outcomes.count("otp") == 1
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 3


async def test_a_code_of_a_transaction_that_fails_is_not_taken(parts: Parts, database: Database, ann: Account) -> None:
    totp, _ = await _enrolled(parts, database, ann.id)
    code = _next_code(totp)

    async def log_in_and_fail() -> None:
        async with parts.transactions.begin() as tx:
            assert await check_second_factor(parts, tx, ann, code, None) == "otp"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await log_in_and_fail()
    assert await _check(parts, ann, otp=code) == "otp"


async def test_a_recovery_code_is_used_once_by_one_of_many(parts: Parts, database: Database, ann: Account) -> None:
    _, codes = await _enrolled(parts, database, ann.id)
    spelled = codes[3].lower().replace("-", " ")
    outcomes = await asyncio.gather(*(_check(parts, ann, code=spelled) for _ in range(4)), return_exceptions=True)
    assert outcomes.count("rec") == 1
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 3
    assert await _check(parts, ann, code=codes[4]) == "rec"
    with pytest.raises(Refused, match="invalid_credentials"):
        await _check(parts, ann, code="AAAA-AAAA-AAAA-AAAA")
    kinds = [row["kind"] for row in await database.pool.fetch("SELECT kind FROM security_event ORDER BY id")]
    assert kinds == ["registered", "totp_enabled", "recovery_code_used", "recovery_code_used"]


async def test_renewed_codes_take_the_place_of_all_earlier_ones(parts: Parts, database: Database, ann: Account) -> None:
    _, old = await _enrolled(parts, database, ann.id)
    renewed = await renew_recovery_codes(parts, database, asking(RenewRecoveryCodes(user=ann.id, origin=HERE)))
    with pytest.raises(Refused, match="invalid_credentials"):
        await _check(parts, ann, code=old[0])
    assert await _check(parts, ann, code=renewed.recovery_codes[0]) == "rec"


async def test_another_users_code_is_worth_nothing(parts: Parts, database: Database, ann: Account) -> None:
    bob = await registered(parts, database, "bob@ledgerlink.example")
    await _enrolled(parts, database, ann.id)
    _, bobs = await _enrolled(parts, database, bob.id)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _check(parts, ann, code=bobs[0])


async def test_nothing_is_kept_in_clear(parts: Parts, database: Database, ann: Account) -> None:
    totp, codes = await _enrolled(parts, database, ann.id)
    kept = str(
        [
            *await database.pool.fetch("SELECT * FROM totp"),
            *await database.pool.fetch("SELECT * FROM recovery_code"),
            *await database.pool.fetch("SELECT envelope FROM outbox"),
        ]
    )
    for secret in (totp.secret, *codes, *(code.replace("-", "") for code in codes)):
        assert secret not in kept


async def test_removing_and_forgetting_leave_nothing(parts: Parts, database: Database, ann: Account) -> None:
    await _enrolled(parts, database, ann.id)
    await remove_totp(parts, database, asking(RemoveTotp(user=ann.id, origin=HERE)))
    assert await _check(parts, ann) is None
    await _enrolled(parts, database, ann.id)
    async with parts.transactions.begin() as tx:
        await store.forget(tx, ann.id)
    for table in ("totp", "recovery_code", "passkey"):
        assert await rows_of(database, table) == []
    assert await _check(parts, ann) is None


@given(offset=st.integers(-10, 10), last=st.integers(-10, 10))
def test_a_code_is_of_a_step_at_most_one_away_and_later_than_the_last(offset: int, last: int) -> None:
    present = int(NOW.timestamp()) // 30
    code = pyotp.TOTP(SECRET).generate_otp(present + offset)
    found = one_time_codes.step_of(SECRET, code, NOW, present + last)
    assert found == (present + offset if abs(offset) <= 1 and offset > last else None)


@pytest.mark.parametrize(("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (2000000000, "279037")])
def test_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert one_time_codes.step_of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", code, moment, 0) == seconds // 30


def test_recovery_codes_have_eighty_bits_and_none_is_given_twice() -> None:
    codes = recovery_codes.new_codes() + recovery_codes.new_codes()
    assert len(set(codes)) == 20
    assert {len(code.replace("-", "")) * 5 for code in codes} == {80}
    hashes = [recovery_codes.code_hash(new_id(), code) for code in codes]
    assert [recovery_codes.matching(known, hashes) for known in hashes] == hashes
    assert recovery_codes.matching(b"x" * 32, hashes) is None


def test_a_new_secret_has_160_bits() -> None:
    assert len(one_time_codes.new_secret()) * 5 == 160
