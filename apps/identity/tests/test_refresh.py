"""Refresh tokens in the database: one successor each, honest clients stay logged in, thieves do not."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import jwt
import orjson
import pytest

from apps.identity.domain.account import Account
from apps.identity.domain.authentication import PASSWORD, Authentication
from apps.identity.domain.scopes import scopes_of
from apps.identity.domain.sessions import NewSession
from apps.identity.domain.signing_keys import KeyPair
from apps.identity.handlers.ending import forget_ended
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.refresh import refresh
from apps.identity.handlers.revoking import revoke_user
from apps.identity.handlers.sessions import begin_session
from apps.identity.store import accounts
from apps.identity.tests.accounts_of import registered
from apps.identity.tests.asking import asking
from apps.identity.tests.clocked import ClockedTransactions
from contracts.identity import (
    FIRST_PARTY_CLIENT,
    AccessToken,
    Acr,
    Origin,
    Refresh,
    RevocationReason,
)
from contracts.message import Envelope
from outbox.batching import Batching
from outbox.database import Database
from outbox.responder import Refused

ORIGIN = Origin(address="203.0.113.7", user_agent="Firefox")
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
GRACED, LATE = 10.0, 10.001
_REGISTERING = ("identity.events.user.", "identity.events.message.")
USERS, SESSIONS_EACH, AT_ONCE = 10, 100, 16


@pytest.fixture
def transactions(database: Database) -> ClockedTransactions:
    return ClockedTransactions(database)


@pytest.fixture
async def ann(parts: Parts, database: Database) -> Account:
    return await registered(parts, database)


async def _begun(parts: Parts, account: Account, **changed: Any) -> AccessToken:
    authentication = Authentication(account, Acr.ONE_FACTOR, (PASSWORD,), account.created_at)
    scopes = scopes_of(account.role)
    login = NewSession(authentication, FIRST_PARTY_CLIENT, scopes, None, ORIGIN)
    async with parts.transactions.begin() as tx:
        return await begin_session(parts, tx, replace(login, **changed))


def _request(token: str | None, **changed: Any) -> Envelope[Refresh]:
    fields = {"refresh_token": token, "origin": ORIGIN} | changed
    return asking(Refresh.model_validate(fields), seconds_left=600)


async def _one(parts: Parts, database: Database, token: str | None, **changed: Any) -> AccessToken | str:
    """Return what one request gets: a token, or the code of its refusal."""
    (answer,) = await refresh(parts, database, [_request(token, **changed)])
    return answer.problem.code if isinstance(answer, Refused) else answer


async def _said(database: Database) -> list[tuple[str, dict[str, Any]]]:
    rows = await database.pool.fetch("SELECT subject, envelope FROM outbox ORDER BY position")
    return [(row["subject"], orjson.loads(row["envelope"])["data"]) for row in rows]


async def test_a_refresh_gives_the_next_token_and_an_access_token_of_the_session(
    parts: Parts, database: Database, ann: Account, key_pair: KeyPair
) -> None:
    first = await _begun(parts, ann)
    second = await _one(parts, database, first.refresh_token)
    assert isinstance(second, AccessToken)
    assert second.refresh_token not in {None, first.refresh_token}
    assert second.session_id == first.session_id
    claims = jwt.decode(second.access_token, jwt.PyJWK(key_pair.public_jwk), ["EdDSA"], audience=parts.issuer.audience)
    assert (claims["sub"], claims["sid"], claims["ver"]) == (str(ann.id), str(first.session_id), 1)
    assert (claims["auth_time"], claims["amr"]) == (int(ann.created_at.timestamp()), ["pwd"])
    (row,) = await database.pool.fetch("SELECT * FROM user_session")
    assert str(first.refresh_token) not in str(row)
    assert ORIGIN.address.encode() not in row["sealed_origin"]


async def test_who_did_not_hear_the_answer_gets_the_identical_successor(
    parts: Parts, database: Database, ann: Account, transactions: ClockedTransactions
) -> None:
    first = await _begun(parts, ann)
    second = await _one(parts, database, first.refresh_token)
    transactions.pass_time(GRACED)
    again = await _one(parts, database, first.refresh_token)
    assert isinstance(second, AccessToken)
    assert isinstance(again, AccessToken)
    assert again.refresh_token == second.refresh_token


@pytest.mark.parametrize(
    ("seconds", "changed"),
    [(LATE, {}), (0, {"jkt": JKT[::-1]}), (0, {"jkt": None})],
    ids=["later", "by another key", "by no key"],
)
async def test_reuse_ends_the_session_for_both_and_is_said(
    parts: Parts,
    database: Database,
    ann: Account,
    transactions: ClockedTransactions,
    seconds: float,
    changed: dict[str, str | None],
) -> None:
    first = await _begun(parts, ann, jkt=JKT)
    second = await _one(parts, database, first.refresh_token, jkt=JKT)
    assert isinstance(second, AccessToken)
    transactions.pass_time(seconds)
    assert await _one(parts, database, first.refresh_token, **{"jkt": JKT} | changed) == "invalid_grant"
    assert await _one(parts, database, second.refresh_token, jkt=JKT) == "invalid_grant"
    said = {subject: data for subject, data in await _said(database) if not subject.startswith(_REGISTERING)}
    assert said.keys() == {"identity.events.access.revoked", "identity.events.refresh_token.reused"}
    revoked, reused = said["identity.events.access.revoked"], said["identity.events.refresh_token.reused"]
    assert (revoked["grants"], revoked["reason"]) == ([str(first.session_id)], "refresh_token_reused")
    assert (reused["session_id"], reused["user_id"]) == (str(first.session_id), str(ann.id))
    kinds = await database.pool.fetch("SELECT kind, about FROM security_event WHERE kind <> 'registered'")
    assert [tuple(row) for row in kinds] == [("refresh_token_reused", str(first.session_id))]
    assert await database.pool.fetchval("SELECT grant_id FROM revocation") == first.session_id


async def test_who_makes_up_a_token_ends_nothing(parts: Parts, database: Database, ann: Account) -> None:
    token = (await _begun(parts, ann)).refresh_token or ""
    for made_up in (token[:-1] + ("A" if token[-1] != "A" else "B"), "llr_", "x", token[:36] + "A" * 43, token * 2):
        assert await _one(parts, database, made_up) == "invalid_grant"
    assert isinstance(await _one(parts, database, token), AccessToken)


async def test_an_unknown_client_ends_nothing(parts: Parts, database: Database, ann: Account) -> None:
    token = (await _begun(parts, ann)).refresh_token
    for client in ("nobody", str(ann.id)):
        assert await _one(parts, database, token, client_id=client) == "invalid_client"
    assert await _one(parts, database, token, client_secret="not one") == "invalid_client"
    assert isinstance(await _one(parts, database, token), AccessToken)


async def test_a_client_may_ask_for_less_but_not_for_more(parts: Parts, database: Database, ann: Account) -> None:
    token = (await _begun(parts, ann)).refresh_token
    for scope in ("wallets:fund", "wallets wallets:fund", "nonsense"):
        assert await _one(parts, database, token, scope=scope) == "invalid_scope"
    less = await _one(parts, database, token, scope="payments profile")
    assert isinstance(less, AccessToken)
    assert less.scope == "profile payments"
    again = await _one(parts, database, less.refresh_token)
    assert isinstance(again, AccessToken)
    assert again.scope == "profile wallets payments"


async def test_no_session_is_refreshed_without_end(
    parts: Parts, database: Database, ann: Account, transactions: ClockedTransactions
) -> None:
    token: str | None = (await _begun(parts, ann)).refresh_token
    for _ in range(32):
        answer = await _one(parts, database, token)
        assert isinstance(answer, AccessToken)
        token = answer.refresh_token
    (refused,) = await refresh(parts, database, [_request(token)])
    assert isinstance(refused, Refused)
    assert (refused.problem.code, refused.problem.retry_after) == ("too_many_attempts", 10)
    transactions.pass_time(LATE)
    assert isinstance(await _one(parts, database, token), AccessToken)
    assert await database.pool.fetchval("SELECT cardinality(replaced) FROM user_session") == 1


async def test_one_batch_judges_one_request_after_the_other(
    parts: Parts, database: Database, ann: Account, transactions: ClockedTransactions
) -> None:
    first, other = [await _begun(parts, ann) for _ in range(2)]
    second = await _one(parts, database, first.refresh_token)
    assert isinstance(second, AccessToken)
    transactions.pass_time(LATE)
    tokens = [second.refresh_token, second.refresh_token, first.refresh_token, second.refresh_token, "x"]
    answers = await refresh(parts, database, [*map(_request, tokens), _request(other.refresh_token)])
    codes = [answer.problem.code if isinstance(answer, Refused) else "token" for answer in answers]
    assert codes == ["token", "token", "invalid_grant", "invalid_grant", "invalid_grant", "token"]


async def test_a_late_request_replaces_nothing(parts: Parts, database: Database, ann: Account) -> None:
    token = (await _begun(parts, ann)).refresh_token
    late = asking(Refresh.model_validate({"refresh_token": token, "origin": ORIGIN}), seconds_left=-1)
    (answer,) = await refresh(parts, database, [late])
    assert isinstance(answer, Refused)
    assert answer.problem.code == "deadline_exceeded"
    assert await database.pool.fetchval("SELECT generation FROM user_session") == 1


async def test_a_session_ends_when_its_user_may_no_more(parts: Parts, database: Database, ann: Account) -> None:
    token = (await _begun(parts, ann)).refresh_token
    async with parts.transactions.begin() as tx:
        account = await accounts.locked(tx, ann.id)
        assert account
        changed = await revoke_user(parts, tx, account, RevocationReason.PASSWORD_CHANGED)
    assert changed.version == 2
    assert await _one(parts, database, token) == "invalid_grant"
    with pytest.raises(Refused, match="invalid_credentials"):  # by a proof from before the change
        await _begun(parts, ann)
    again = await _begun(parts, changed)
    assert isinstance(await _one(parts, database, again.refresh_token), AccessToken)


async def test_what_has_ended_is_forgotten_after_a_while(
    parts: Parts, database: Database, ann: Account, transactions: ClockedTransactions
) -> None:
    for session in [await _begun(parts, ann) for _ in range(2)][:1]:
        second = await _one(parts, database, session.refresh_token)
        assert isinstance(second, AccessToken)
        transactions.pass_time(LATE)
        assert await _one(parts, database, session.refresh_token) == "invalid_grant"
    for hours, sessions, revocations in ((0.2, 2, 1), (1, 2, 0), (24, 1, 0), (24 * 31, 0, 0)):
        transactions.pass_time(3600 * hours)
        async with parts.transactions.begin() as tx:
            await forget_ended(parts, tx)
        assert await database.pool.fetchval("SELECT count(*) FROM user_session") == sessions
        assert await database.pool.fetchval("SELECT count(*) FROM revocation") == revocations


class Crowd:
    """Presents tokens of many sessions at once, to two replicas."""

    def __init__(self, parts: Parts, database: Database) -> None:
        self._database = database
        self._replicas = [Batching(partial(refresh, parts), 64, 10**6) for _ in range(2)]

    async def present(self, tokens: list[tuple[UUID, str]]) -> dict[UUID, Counter[str]]:
        """Return what each session's presents got: refresh tokens or codes, and how often."""
        random.shuffle(tokens)
        answers = await asyncio.gather(*(self._one(n % 2, token) for n, (_, token) in enumerate(tokens)))
        got: dict[UUID, Counter[str]] = {}
        for (session, _), answer in zip(tokens, answers, strict=True):
            got.setdefault(session, Counter())[answer] += 1
        return got

    async def _one(self, replica: int, token: str) -> str:
        try:
            answer = await self._replicas[replica](self._database, _request(token))
        except Refused as refused:
            return refused.problem.code
        assert isinstance(answer, AccessToken)
        return answer.refresh_token or ""


async def test_a_thousand_sessions_refreshed_sixteen_times_at_once_and_half_of_them_stolen(
    parts: Parts, database: Database, transactions: ClockedTransactions
) -> None:
    first: dict[UUID, str] = {}
    for n in range(USERS):
        account = await registered(parts, database, f"user-{n}@ledgerlink.example")
        for token in [await _begun(parts, account) for _ in range(SESSIONS_EACH)]:
            first[token.session_id or UUID(int=0)] = token.refresh_token or ""
    crowd = Crowd(parts, database)

    second = await crowd.present([*first.items()] * AT_ONCE)
    assert all(len(answers) == 1 and answers.total() == AT_ONCE for answers in second.values())  # one successor each
    held = {session: next(iter(answers)) for session, answers in second.items()}
    assert all(token.startswith("llr_") and token != first[session] for session, token in held.items())
    assert len(set(held.values())) == USERS * SESSIONS_EACH
    assert await database.pool.fetchval("SELECT count(*) FROM user_session WHERE ended_at IS NOT NULL") == 0

    transactions.pass_time(LATE)
    stolen = set(random.sample(sorted(first), len(first) // 2))
    third = await crowd.present([*held.items()] * 4 + [(session, first[session]) for session in stolen] * 4)
    for session, answers in third.items():
        given = [answer for answer in answers if answer.startswith("llr_")]
        if session in stolen:
            assert answers["invalid_grant"] >= 4  # each replay
            assert len(given) <= 1
        else:
            assert answers == {given[0]: 4}  # no false logout
    rows = await database.pool.fetch("SELECT id FROM user_session WHERE end_reason = 'refresh_token_reused'")
    assert {row["id"] for row in rows} == stolen
    said = Counter(subject for subject, _ in await _said(database))
    assert said["identity.events.refresh_token.reused"] == len(stolen)
    assert said["identity.events.access.revoked"] == len(stolen)
    assert await database.pool.fetchval("SELECT count(*) FROM revocation") == len(stolen)

    last = await crowd.present([(session, max(third[session])) for session in first if session not in stolen])
    assert all(answer.startswith("llr_") for answers in last.values() for answer in answers)
