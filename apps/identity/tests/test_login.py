from datetime import UTC, datetime

import jwt
import pytest

from apps.identity.handlers.login import login
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from apps.identity.handlers.signing_keys import get_signing_keys, ready_keys
from apps.identity.tests.asking import asking, keys_request, login_request, register_request
from contracts.identity import Login
from outbox.database import Database
from outbox.responder import Refused


@pytest.fixture(autouse=True)
async def _registered(parts: Parts, database: Database) -> None:
    await ready_keys(parts)
    await register(parts, database, register_request())


async def test_the_token_is_verified_with_the_published_key(parts: Parts, database: Database) -> None:
    token = await login(parts, database, login_request("ANN@ledgerlink.example"))
    keys = jwt.PyJWKSet((await get_signing_keys(parts, database, keys_request())).keys)
    kid = jwt.get_unverified_header(token.access_token)["kid"]
    claims = jwt.decode(
        token.access_token, keys[kid], algorithms=["EdDSA"], audience=parts.issuer.audience, issuer=parts.issuer.issuer
    )
    assert claims["sub"] == str(await database.pool.fetchval("SELECT id FROM user_account"))
    assert claims["exp"] > datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann@ledgerlink.example", "wrong password"), ("nobody@ledgerlink.example", "correct horse battery staple")],
)
async def test_wrong_password_and_unknown_user_get_the_same_answer(
    parts: Parts, database: Database, email: str, password: str
) -> None:
    with pytest.raises(Refused) as refused:
        await login(parts, database, login_request(email, password))
    problem = refused.value.problem
    assert (problem.code, problem.parameter) == ("invalid_credentials", None)
    assert problem.detail == "E-mail address or password is wrong."


async def test_a_late_login_costs_no_hashing(parts: Parts, database: Database) -> None:
    message = Login.model_validate({"email": "ann@ledgerlink.example", "password": "x"})
    with pytest.raises(Refused, match="deadline_exceeded"):
        await login(parts, database, asking(message, seconds_left=-1))
