"""The security log: read by its user and by auditors, and changed by nobody."""

import asyncpg
import pytest
from cryptography.fernet import Fernet

from apps.identity.domain.sealing import Sealer
from apps.identity.handlers.login import login
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from apps.identity.queries.security_events import list_security_events
from apps.identity.tests.asking import asking, login_request, register_request
from contracts.identity import ListSecurityEvents, Login, Origin, SecurityEventKind, SecurityEventPage
from outbox.database import Database
from outbox.responder import Refused
from tests.fresh_databases import FreshDatabaseFactory

ORIGIN = Origin(address="192.0.2.1", user_agent="tests/1")
CHANGES = (
    "UPDATE security_event SET kind = 'logged_in'",
    "UPDATE security_event SET sealed_origin = NULL WHERE false",
    "DELETE FROM security_event",
    "TRUNCATE security_event",
)
LOGIN_FAILED = SecurityEventKind.LOGIN_FAILED


async def _page(parts: Parts, database: Database, **asked: object) -> SecurityEventPage:
    return await list_security_events(parts.sealer, database, asking(ListSecurityEvents.model_validate(asked)))


async def test_a_user_sees_what_happened_and_from_where(parts: Parts, database: Database) -> None:
    ann = await register(parts, database, register_request())
    await register(parts, database, register_request("eve@ledgerlink.example"))
    good = login_request().data.model_copy(update={"origin": ORIGIN})
    await login(parts, database, asking(good))
    bad = Login.model_validate({"email": good.email, "password": "wrong", "origin": ORIGIN})
    with pytest.raises(Refused):
        await login(parts, database, asking(bad))
    page = await _page(parts, database, user=ann.id)
    assert [event.kind for event in page.events] == ["login_failed", "logged_in", "registered"]
    assert {(e.address, e.user_agent) for e in page.events if e.kind != "registered"} == {("192.0.2.1", "tests/1")}
    assert [event.kind for event in (await _page(parts, database, user=ann.id, kind=LOGIN_FAILED)).events] == [
        "login_failed"
    ]


async def test_auditors_page_through_all_of_it(parts: Parts, database: Database) -> None:
    for number in range(5):
        await register(parts, database, register_request(f"user{number}@ledgerlink.example"))
    with pytest.raises(Refused):
        await login(parts, database, login_request("nobody@ledgerlink.example"))
    first = await _page(parts, database, limit=4)
    rest = await _page(parts, database, limit=4, before=first.next_before)
    events = [*first.events, *rest.events]
    assert rest.next_before is None
    assert [event.kind for event in events] == ["login_failed", *["registered"] * 5]
    assert events == sorted(events, key=lambda event: event.id, reverse=True)
    (failed,) = (await _page(parts, database, kind=LOGIN_FAILED)).events
    assert (failed.user, failed.address) == (None, None)


async def test_lines_whose_origin_no_key_opens_any_more_are_shown_without_it(parts: Parts, database: Database) -> None:
    await register(parts, database, register_request())
    await login(parts, database, asking(login_request().data.model_copy(update={"origin": ORIGIN})))
    other = Sealer([Fernet.generate_key().decode()])
    page = await list_security_events(other, database, asking(ListSecurityEvents()))
    assert [(event.kind, event.address) for event in page.events] == [("logged_in", None), ("registered", None)]


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_service_cannot_change_the_log(parts: Parts, database: Database, statement: str) -> None:
    await register(parts, database, register_request())
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await database.pool.execute(statement)
    assert await database.pool.fetchval("SELECT kind FROM security_event") == "registered"


@pytest.mark.parametrize("statement", CHANGES)
async def test_not_even_the_owner_of_the_table_changes_the_log(
    fresh_database: FreshDatabaseFactory, statement: str
) -> None:
    owner = await asyncpg.connect((await fresh_database("identity")).owner_url)
    try:
        await owner.execute("INSERT INTO security_event (id, kind, at) VALUES (gen_random_uuid(), 'registered', now())")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await owner.execute(statement)
        assert await owner.fetchval("SELECT kind FROM security_event") == "registered"
    finally:
        await owner.close()
