"""Sessions: shown to their users, ended by them, bounded; and what gateways are told of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from apps.identity.domain.account import Account
from apps.identity.domain.authentication import PASSWORD, Authentication
from apps.identity.domain.scopes import scopes_of
from apps.identity.domain.sessions import NewSession
from apps.identity.handlers.ending import end_other_sessions, end_session
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.revoking import end_client_sessions, revoke_grants, revoke_user
from apps.identity.handlers.sessions import authenticate_session, begin_session
from apps.identity.queries import sessions as queries
from apps.identity.queries.sessions import get_revocations, list_sessions
from apps.identity.tests.accounts_of import registered
from apps.identity.tests.asking import asking
from apps.identity.tests.clocked import ClockedTransactions
from contracts.identity import (
    FIRST_PARTY_CLIENT,
    MOST_SESSIONS,
    AccessToken,
    Acr,
    EndSession,
    EndSessions,
    GetRevocations,
    ListSessions,
    Origin,
    RevocationReason,
    Revocations,
    Session,
)
from contracts.ids import new_id
from outbox.database import Database
from outbox.responder import Refused

ORIGIN = Origin(address="203.0.113.7", user_agent="Firefox on Linux")
ELSEWHERE = Origin(address="2001:db8::1", user_agent="App on a phone")


@pytest.fixture
def transactions(database: Database) -> ClockedTransactions:
    return ClockedTransactions(database)


@pytest.fixture
async def ann(parts: Parts, database: Database) -> Account:
    return await registered(parts, database)


def _proof(account: Account, acr: Acr = Acr.ONE_FACTOR) -> Authentication:
    return Authentication(account, acr, (PASSWORD,), datetime.now(UTC))


async def _begin(
    parts: Parts, account: Account, origin: Origin = ORIGIN, client: str = FIRST_PARTY_CLIENT, *, refresh: bool = True
) -> UUID:
    login = NewSession(_proof(account), client, scopes_of(account.role), None, origin, with_refresh_token=refresh)
    async with parts.transactions.begin() as tx:
        token = await begin_session(parts, tx, login)
    assert (token.refresh_token is not None) == refresh
    assert token.session_id
    return token.session_id


async def _listed(parts: Parts, database: Database, account: Account, current: UUID | None = None) -> list[Session]:
    request = asking(ListSessions(user=account.id, current=current))
    return (await list_sessions(parts.sealer, parts.lifetimes.idle, database, request)).sessions


async def _revoked(
    parts: Parts, database: Database, since: datetime | None = None, after: UUID | None = None
) -> Revocations:
    request = asking(GetRevocations(since=since, after=after))
    return await get_revocations(parts.issuer.lifetime, database, request)


async def _said(database: Database) -> list[dict[str, object]]:
    rows = await database.pool.fetch(
        "SELECT envelope FROM outbox WHERE subject = 'identity.events.access.revoked' ORDER BY position"
    )
    return [orjson.loads(row["envelope"])["data"] for row in rows]


async def test_users_see_where_they_are_logged_in(
    parts: Parts, database: Database, ann: Account, transactions: ClockedTransactions
) -> None:
    bob = await registered(parts, database, "bob@ledgerlink.example")
    await _begin(parts, bob)
    here = await _begin(parts, ann)
    transactions.pass_time(1)
    there = await _begin(parts, ann, ELSEWHERE)
    first, second = await _listed(parts, database, ann, current=here)
    assert (first.id, first.address, first.device, first.current) == (there, "2001:db8::1", "App on a phone", False)
    assert (second.id, second.address, second.device, second.current) == (here, "203.0.113.7", ORIGIN.user_agent, True)
    assert (second.client_id, second.client_name) == ("ledgerlink", "LedgerLink")
    assert second.scope == "profile wallets payments"
    assert second.expires_at == second.created_at + timedelta(days=30)


async def test_where_a_session_began_is_gone_with_its_users_key(parts: Parts, database: Database, ann: Account) -> None:
    await _begin(parts, ann)
    await database.pool.execute("UPDATE user_account SET personal_key = NULL")
    (session,) = await _listed(parts, database, ann)
    assert (session.address, session.device) == ("", "")


async def test_sessions_of_a_client_bear_its_name(parts: Parts, database: Database, ann: Account) -> None:
    client = new_id()
    await database.pool.execute(
        "INSERT INTO oauth_client (id, owner, name, redirect_uris, grant_types, scopes, created_at) "
        "VALUES ($1, $2, 'Shop', '{}', '{}', '{}', now())",
        client,
        ann.id,
    )
    await _begin(parts, ann, client=str(client))
    (session,) = await _listed(parts, database, ann)
    assert (session.client_id, session.client_name) == (str(client), "Shop")
    async with parts.transactions.begin() as tx:
        assert not await end_client_sessions(tx, str(client), RevocationReason.CLIENT_DELETED)
    assert await _listed(parts, database, ann) == []
    assert [said["reason"] for said in await _said(database)] == ["client_deleted"]


async def test_a_session_without_a_refresh_token_ends_with_its_access_token(
    parts: Parts, database: Database, ann: Account
) -> None:
    await _begin(parts, ann, refresh=False)
    (session,) = await _listed(parts, database, ann)
    assert session.expires_at == session.created_at + parts.issuer.lifetime


async def test_a_user_ends_one_session_and_it_is_written_down(parts: Parts, database: Database, ann: Account) -> None:
    one, other = await _begin(parts, ann), await _begin(parts, ann)
    request = asking(EndSession(user=ann.id, session=one, origin=ELSEWHERE))
    await end_session(parts, database, request)
    assert [session.id for session in await _listed(parts, database, ann)] == [other]
    (said,) = await _said(database)
    assert (said["user_id"], said["grants"], said["reason"]) == (str(ann.id), [str(one)], "logged_out")
    assert [line.grant for line in (await _revoked(parts, database)).revocations] == [one]
    row = await database.pool.fetchrow("SELECT * FROM security_event WHERE kind = 'session_ended'")
    assert row
    assert (row["user_id"], row["about"]) == (ann.id, str(one))
    with pytest.raises(Refused, match="session_not_found"):
        await end_session(parts, database, request)


async def test_nobody_ends_sessions_of_others(parts: Parts, database: Database, ann: Account) -> None:
    bob = await registered(parts, database, "bob@ledgerlink.example")
    bobs = await _begin(parts, bob)
    for session in (bobs, new_id()):
        with pytest.raises(Refused, match="session_not_found"):
            await end_session(parts, database, asking(EndSession(user=ann.id, session=session, origin=ORIGIN)))
    assert len(await _listed(parts, database, bob)) == 1
    assert await _said(database) == []


@pytest.mark.parametrize("keeps_own", [True, False])
async def test_a_user_ends_all_sessions(parts: Parts, database: Database, ann: Account, *, keeps_own: bool) -> None:
    own, *others = [await _begin(parts, ann) for _ in range(3)]
    kept = own if keeps_own else None
    for _ in range(2):  # the second time there is nothing left to end, and nothing to say
        await end_other_sessions(parts, database, asking(EndSessions(user=ann.id, except_session=kept, origin=ORIGIN)))
    assert [session.id for session in await _listed(parts, database, ann)] == ([own] if keeps_own else [])
    (said,) = await _said(database)
    assert said["grants"] == sorted(map(str, others if keeps_own else [own, *others]))


async def test_one_session_too_many_ends_the_one_that_was_used_least_recently(
    parts: Parts, database: Database, ann: Account, transactions: ClockedTransactions
) -> None:
    begun = []
    for _ in range(MOST_SESSIONS):
        transactions.pass_time(1)
        begun.append(await _begin(parts, ann))
    transactions.pass_time(1)
    async with parts.transactions.begin() as tx:  # the oldest one is used again
        token = await authenticate_session(parts, tx, begun[0], _proof(ann, Acr.TWO_FACTORS))
    assert isinstance(token, AccessToken)
    last = await _begin(parts, ann)
    held = [session.id for session in await _listed(parts, database, ann)]
    assert held == [last, begun[0], *reversed(begun[2:])]
    (said,) = await _said(database)
    assert (said["grants"], said["reason"]) == ([str(begun[1])], "too_many_sessions")


async def test_who_proves_again_who_they_are_gets_a_token_that_says_so(
    parts: Parts, database: Database, ann: Account
) -> None:
    session = await _begin(parts, ann)
    async with parts.transactions.begin() as tx:
        token = await authenticate_session(parts, tx, session, _proof(ann, Acr.TWO_FACTORS))
    assert (token.session_id, token.refresh_token) == (session, None)
    assert await database.pool.fetchval("SELECT acr FROM user_session") == "aal2"
    bob = await registered(parts, database, "bob@ledgerlink.example")
    for account, named in ((bob, session), (ann, new_id())):
        with pytest.raises(Refused, match="session_ended"):
            async with parts.transactions.begin() as tx:
                await authenticate_session(parts, tx, named, _proof(account))


async def test_a_gateway_reads_page_by_page_what_was_revoked(
    parts: Parts, database: Database, ann: Account, transactions: ClockedTransactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_REVOCATIONS", 3)
    grants = [new_id() for _ in range(7)]
    async with parts.transactions.begin() as tx:
        account = await revoke_user(parts, tx, ann, RevocationReason.ROLE_CHANGED)
        await revoke_grants(tx, ann.id, grants[:5], RevocationReason.KEY_REVOKED)
    transactions.pass_time(1)
    async with parts.transactions.begin() as tx:
        await revoke_grants(tx, None, grants[5:], RevocationReason.CLIENT_DELETED)
    page = await _revoked(parts, database)
    read = list(page.revocations)
    while page.has_more:
        page = await _revoked(parts, database, read[-1].revoked_at, read[-1].id)
        read += page.revocations
    assert [(line.user_id, line.version) for line in read if line.grant is None] == [(ann.id, account.version)]
    assert sorted(line.grant for line in read if line.grant) == sorted(grants)
    assert [line.revoked_at for line in read] == sorted(line.revoked_at for line in read)
    later = await _revoked(parts, database, since=read[-1].revoked_at)
    assert {line.grant for line in later.revocations} == set(grants[5:])
    assert (await _revoked(parts, database, since=later.as_of + timedelta(seconds=60))).revocations == []
