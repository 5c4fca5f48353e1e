import asyncio
from datetime import date

import asyncpg
import orjson
import pytest

from apps.identity.handlers.erasing import erase_user
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import ensure_account, register
from apps.identity.queries.screening_subjects import get_screening_subjects
from apps.identity.tests.asking import PASSWORD, asking, register_request
from apps.identity.tests.tables import rows_of
from contracts.identity import EraseUser, GetScreeningSubjects, Origin, Register, Role
from contracts.ids import new_id
from outbox.database import Database
from outbox.responder import Refused

HERE = Origin(address="192.0.2.1", user_agent="tests/1")


async def test_a_customer_registers_and_the_fact_is_said_without_personal_data(
    parts: Parts, database: Database
) -> None:
    user = await register(parts, database, register_request("Ann@LedgerLink.example"))
    assert (user.email, user.role) == ("ann@ledgerlink.example", Role.CUSTOMER)
    registered, queued = await database.pool.fetch("SELECT subject, envelope FROM outbox ORDER BY position")
    assert registered["subject"] == "identity.events.user.registered"
    assert orjson.loads(registered["envelope"])["data"].keys() == {"user_id", "role", "registered_at"}
    assert queued["subject"] == "identity.events.message.queued"
    assert orjson.loads(queued["envelope"])["data"].keys() == {"message_id", "user_id", "purpose", "queued_at"}
    assert "ann" not in registered["envelope"] + queued["envelope"]
    assert PASSWORD not in str(await database.pool.fetchrow("SELECT * FROM user_account"))


async def test_name_and_birth_date_are_kept_sealed_until_the_user_is_erased(parts: Parts, database: Database) -> None:
    plain = register_request().data
    told = plain.model_copy(update={"name": "Ann Sealed-Example", "birth_date": date(1990, 4, 28)})
    ann = await register(parts, database, asking(told))
    bob = await register(parts, database, register_request("bob@ledgerlink.example"))
    for table in ("user_account", "personal_detail", "outbox", "security_event"):
        assert "Sealed-Example" not in str(await rows_of(database, table))
    assert b"Sealed" not in await database.pool.fetchval("SELECT sealed FROM personal_detail")
    query = asking(GetScreeningSubjects(users=[ann.id, bob.id, new_id()]))
    answer = await get_screening_subjects(parts.sealer, database, query)
    known = {subject.user: (subject.name, subject.birth_date) for subject in answer.subjects}
    assert known == {ann.id: ("Ann Sealed-Example", date(1990, 4, 28)), bob.id: (None, None)}
    await erase_user(parts, database, asking(EraseUser(user=ann.id, erased_by=ann.id, origin=HERE)))
    answer = await get_screening_subjects(parts.sealer, database, query)
    assert {subject.name for subject in answer.subjects} == {None}
    assert await rows_of(database, "personal_detail") == []


async def test_an_address_registers_once_in_any_spelling(parts: Parts, database: Database) -> None:
    await register(parts, database, register_request("ann@ledgerlink.example"))
    with pytest.raises(Refused) as refused:
        await register(parts, database, register_request("ANN@ledgerlink.example"))
    assert (refused.value.problem.code, refused.value.problem.parameter) == ("email_taken", "email")
    assert await database.pool.fetchval("SELECT count(*) FROM user_account") == 1
    assert await database.pool.fetchval("SELECT count(*) FROM outgoing_message") == 1


async def test_of_simultaneous_registrations_one_wins(parts: Parts, database: Database) -> None:
    attempts = (register(parts, database, register_request()) for _ in range(4))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 3
    assert await database.pool.fetchval("SELECT count(*) FROM user_account") == 1


async def test_nobody_waits_for_a_late_request_so_it_is_not_worked_on(parts: Parts, database: Database) -> None:
    late = asking(Register.model_validate({"email": "ann@ledgerlink.example", "password": PASSWORD}), seconds_left=-1)
    with pytest.raises(Refused, match="deadline_exceeded"):
        await register(parts, database, late)


@pytest.mark.parametrize("password", ["x" * 11, "x" * 129])
def test_passwords_are_twelve_to_128_characters(password: str) -> None:
    with pytest.raises(ValueError, match=r"characters|items"):
        register_request(password=password)


async def test_the_first_operator_is_added_once(parts: Parts, database: Database) -> None:
    for _ in range(2):
        await ensure_account(parts, "Root@ledgerlink.example", PASSWORD, Role.OPERATOR)
    rows = await database.pool.fetch("SELECT email, role FROM user_account")
    assert [tuple(row) for row in rows] == [("root@ledgerlink.example", "operator")]
    assert await database.pool.fetchval("SELECT count(*) FROM outbox") == 1


@pytest.mark.parametrize("statement", ["UPDATE user_account SET created_at = now()", "DELETE FROM user_account"])
async def test_the_service_cannot_change_when_accounts_began_or_delete_them(database: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.pool.execute(statement)
