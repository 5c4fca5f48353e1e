from datetime import UTC, datetime

import jwt
import pytest

from apps.identity.domain.access_tokens import Issuer
from apps.identity.domain.passwords import Passwords
from apps.identity.handlers.register import register
from apps.identity.queries import get_signing_keys, login
from apps.identity.tests.asking import asking, keys_request, login_request, register_request
from contracts.identity import Login
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transactions


@pytest.fixture(autouse=True)
async def _registered(transactions: Transactions, passwords: Passwords, database: Database) -> None:
    await register(transactions, passwords, database, register_request())


async def test_the_token_is_verified_with_the_published_key(
    issuer: Issuer, passwords: Passwords, database: Database
) -> None:
    token = await login(issuer, passwords, database, login_request("ANN@ledgerlink.example"))
    keys = jwt.PyJWKSet((await get_signing_keys(issuer, database, keys_request())).keys)
    kid = jwt.get_unverified_header(token.access_token)["kid"]
    claims = jwt.decode(
        token.access_token, keys[kid], algorithms=["EdDSA"], audience=issuer.audience, issuer=issuer.issuer
    )
    assert claims["sub"] == str(await database.pool.fetchval("SELECT id FROM user_account"))
    assert claims["exp"] > datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann@ledgerlink.example", "wrong password"), ("nobody@ledgerlink.example", "correct horse battery staple")],
)
async def test_wrong_password_and_unknown_user_get_the_same_answer(
    issuer: Issuer, passwords: Passwords, database: Database, email: str, password: str
) -> None:
    with pytest.raises(Refused) as refused:
        await login(issuer, passwords, database, login_request(email, password))
    problem = refused.value.problem
    assert (problem.code, problem.parameter) == ("invalid_credentials", None)
    assert problem.detail == "E-mail address or password is wrong."


async def test_a_late_login_costs_no_hashing(issuer: Issuer, passwords: Passwords, database: Database) -> None:
    message = Login.model_validate({"email": "ann@ledgerlink.example", "password": "x"})
    with pytest.raises(Refused, match="deadline_exceeded"):
        await login(issuer, passwords, database, asking(message, seconds_left=-1))
