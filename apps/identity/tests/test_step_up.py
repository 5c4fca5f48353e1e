"""Stepping up: the session's next token says when and how its user has proven again who they are."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pyotp
import pytest
from pydantic import SecretStr

from apps.identity.domain.authentication import PASSWORD as BY_PASSWORD
from apps.identity.domain.authentication import Authentication
from apps.identity.domain.sessions import NewSession
from apps.identity.domain.throttling import SECOND_FACTOR
from apps.identity.handlers.login import login
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.passkeys import add_passkey, challenge_passkey, start_passkey
from apps.identity.handlers.register import register
from apps.identity.handlers.sessions import begin_session
from apps.identity.handlers.step_up import step_up
from apps.identity.handlers.totp import confirm_totp, start_totp
from apps.identity.store import accounts
from apps.identity.tests.asking import PASSWORD, asking, login_request, register_request
from contracts.identity import (
    AccessToken,
    Acr,
    AddPasskey,
    ChallengePasskey,
    ConfirmTotp,
    Origin,
    Scope,
    StartPasskey,
    StartTotp,
    StepUp,
)
from contracts.ids import new_id
from outbox.database import Database
from outbox.responder import Refused
from tests.software_authenticator import SoftwareAuthenticator

HERE = Origin(address="192.0.2.7", user_agent="tests")
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
RIGHT = SecretStr(PASSWORD)


@pytest.fixture
async def ann(parts: Parts, database: Database) -> UUID:
    return (await register(parts, database, register_request())).id


@pytest.fixture
async def session(parts: Parts, database: Database, ann: UUID) -> UUID:
    """A session whose user logged in yesterday."""
    token = await login(parts, database, login_request())
    assert token.session_id
    await database.pool.execute("UPDATE user_session SET authenticated_at = $1 WHERE user_id = $2", YESTERDAY, ann)
    return token.session_id


async def _step_up(parts: Parts, database: Database, user: UUID, session: UUID, **given: Any) -> AccessToken:
    return await step_up(parts, database, asking(StepUp(user=user, session=session, origin=HERE, **given)))


def _claims(token: AccessToken) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token.access_token, options={"verify_signature": False})
    return claims


async def _enrol(parts: Parts, database: Database, user: UUID) -> pyotp.TOTP:
    totp = pyotp.TOTP((await start_totp(parts, database, asking(StartTotp(user=user)))).secret)
    await confirm_totp(parts, database, asking(ConfirmTotp(user=user, code=totp.now(), origin=HERE)))
    return totp


def _next_code(totp: pyotp.TOTP) -> str:
    return totp.at(datetime.now(UTC), counter_offset=1)


async def test_a_password_makes_the_session_fresh(parts: Parts, database: Database, ann: UUID, session: UUID) -> None:
    token = await _step_up(parts, database, ann, session, password=RIGHT)
    claims = _claims(token)
    assert (claims["sid"], claims["acr"], claims["amr"]) == (str(session), "aal1", ["pwd"])
    assert claims["auth_time"] > YESTERDAY.timestamp() + 3600
    assert token.refresh_token is None
    kept = await database.pool.fetchrow("SELECT acr, authenticated_at FROM user_session WHERE id = $1", session)
    assert kept
    assert kept["acr"] == "aal1"
    assert int(kept["authenticated_at"].timestamp()) == claims["auth_time"]
    kinds = [row["kind"] for row in await database.pool.fetch("SELECT kind FROM security_event ORDER BY id")]
    assert kinds[-1] == "stepped_up"


async def test_password_and_code_are_two_factors(parts: Parts, database: Database, ann: UUID, session: UUID) -> None:
    totp = await _enrol(parts, database, ann)
    with pytest.raises(Refused, match="second_factor_required"):
        await _step_up(parts, database, ann, session, password=RIGHT)
    claims = _claims(await _step_up(parts, database, ann, session, password=RIGHT, otp=_next_code(totp)))
    assert (claims["acr"], claims["amr"]) == ("aal2", ["pwd", "otp", "mfa"])


async def test_a_code_is_the_second_factor_of_a_session_that_began_with_the_first(
    parts: Parts, database: Database, ann: UUID, session: UUID
) -> None:
    with pytest.raises(Refused, match="invalid_credentials"):
        await _step_up(parts, database, ann, session, otp="123456")
    totp = await _enrol(parts, database, ann)
    code = _next_code(totp)
    claims = _claims(await _step_up(parts, database, ann, session, otp=code))
    assert (claims["acr"], claims["amr"]) == ("aal2", ["pwd", "otp", "mfa"])
    assert claims["auth_time"] > YESTERDAY.timestamp() + 3600
    with pytest.raises(Refused, match="invalid_credentials"):
        await _step_up(parts, database, ann, session, otp=code)


async def test_a_passkey_is_two_factors(parts: Parts, database: Database, ann: UUID, session: UUID) -> None:
    device = SoftwareAuthenticator("https://ledgerlink.example", "ledgerlink.example")
    begun = await start_passkey(parts, database, asking(StartPasskey(user=ann)))
    added = AddPasskey(
        user=ann,
        challenge_id=begun.challenge_id,
        credential=device.create(begun.options),
        name="Phone",
        origin=HERE,
    )
    await add_passkey(parts, database, asking(added))
    challenge = await challenge_passkey(parts, database, asking(ChallengePasskey()))
    answer = {"challenge_id": challenge.challenge_id, "credential": device.get(challenge.options)}
    claims = _claims(await _step_up(parts, database, ann, session, **answer))
    assert (claims["sid"], claims["acr"], claims["amr"]) == (str(session), "aal2", ["hwk", "mfa"])
    with pytest.raises(Refused, match="invalid_credentials"):
        await _step_up(parts, database, ann, session, **answer)
    await _another_users_passkey_is_refused(parts, database, device)


async def _another_users_passkey_is_refused(parts: Parts, database: Database, device: SoftwareAuthenticator) -> None:
    bob = (await register(parts, database, register_request("bob@ledgerlink.example"))).id
    bobs = (await login(parts, database, login_request("bob@ledgerlink.example"))).session_id
    assert bobs
    challenge = await challenge_passkey(parts, database, asking(ChallengePasskey()))
    answer = {"challenge_id": challenge.challenge_id, "credential": device.get(challenge.options)}
    with pytest.raises(Refused, match="invalid_credentials"):
        await _step_up(parts, database, bob, bobs, **answer)


@pytest.mark.parametrize("given", [{"password": SecretStr("wrong password")}, {}, {"credential": {}}])
async def test_what_proves_nothing_changes_nothing(
    parts: Parts, database: Database, ann: UUID, session: UUID, given: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="invalid_credentials"):
        await _step_up(parts, database, ann, session, **given)
    assert await database.pool.fetchval("SELECT authenticated_at FROM user_session") == YESTERDAY


async def test_a_session_that_has_ended_or_is_anothers_cannot_step_up(
    parts: Parts, database: Database, ann: UUID, session: UUID
) -> None:
    bob = (await register(parts, database, register_request("bob@ledgerlink.example"))).id
    with pytest.raises(Refused, match="session_ended"):
        await _step_up(parts, database, bob, session, password=RIGHT)
    with pytest.raises(Refused, match="session_ended"):
        await _step_up(parts, database, ann, new_id(), password=RIGHT)
    await database.pool.execute("UPDATE user_session SET ended_at = now(), end_reason = 'logged_out'")
    with pytest.raises(Refused, match="session_ended"):
        await _step_up(parts, database, ann, session, password=RIGHT)


async def test_another_programs_session_does_not_see_the_password(parts: Parts, database: Database, ann: UUID) -> None:
    async with parts.transactions.begin() as tx:
        account = await accounts.by_id(tx, ann)
        assert account is not None
        authentication = Authentication(account, Acr.ONE_FACTOR, (BY_PASSWORD,), tx.now)
        begun = NewSession(authentication, str(new_id()), (Scope.PROFILE,), None, HERE)
        token = await begin_session(parts, tx, begun)
    assert token.session_id
    with pytest.raises(Refused, match="not_permitted"):
        await _step_up(parts, database, ann, token.session_id, password=RIGHT)


async def test_guesses_at_codes_are_slowed_down(parts: Parts, database: Database, ann: UUID, session: UUID) -> None:
    totp = await _enrol(parts, database, ann)
    wrong = f"{(int(_next_code(totp)) + 1) % 1_000_000:06}"
    for _ in range(SECOND_FACTOR.free + 1):
        with pytest.raises(Refused, match="invalid_credentials"):
            await _step_up(parts, database, ann, session, otp=wrong)
    await database.pool.execute("UPDATE failed_attempts SET failures = $1, last_at = now()", SECOND_FACTOR.most)
    with pytest.raises(Refused, match="too_many_attempts"):
        await _step_up(parts, database, ann, session, otp=_next_code(totp))
