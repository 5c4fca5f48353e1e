"""Tokens: got when they are needed, renewed in time and once, and never lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import httpx
import pytest

from ledgerlink_client import (
    ApiKey,
    ClientCredentials,
    LedgerLinkError,
    NoAnswerError,
    NotAuthenticatedError,
    Options,
    Password,
    SavedTokens,
    SecondFactorRequiredError,
    SessionEndedError,
    Tokens,
)
from scripted_api import WALLET, Api, problem, token

ANN = Password("ann@ledgerlink.example", "correct horse battery staple")
LONG_AGO, LONG = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=365)


def _form(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode()))


def _saved(expires_at: datetime = LONG_AGO) -> SavedTokens:
    return SavedTokens(Tokens("access-0", expires_at, refresh_token="refresh-0"))


async def test_the_first_request_logs_in_and_the_next_ones_do_not() -> None:
    api = Api([token(1), *(httpx.Response(200, json=WALLET) for _ in range(2))])
    link = api.client(ANN)
    for _ in range(2):
        await link.wallets.get(WALLET["id"])
    assert [request.url.path.split("/")[2] for request in api.asked] == ["sessions", "wallets", "wallets"]
    assert [request.headers.get("Authorization") for request in api.asked] == [None] + ["Bearer access-1"] * 2


async def test_a_login_without_a_refresh_token_is_repeated_when_its_token_ends() -> None:
    api = Api([token(1, expires_in=1), token(2), httpx.Response(200, json=WALLET)])
    link = api.client(ANN)
    await link.authenticate()
    await asyncio.sleep(1.1)  # what is waited for is the token's end, whatever else takes its time
    await link.wallets.get(WALLET["id"])
    assert link.tokens.access_token == "access-2"


async def test_many_tasks_that_need_a_token_share_one_refresh() -> None:
    began, turn = asyncio.Event(), asyncio.Event()

    async def answering(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            began.set()
            await turn.wait()
            return token(1, refresh_token="refresh-1")
        return httpx.Response(200, json=WALLET)

    kept: list[Tokens] = []

    async def keep(tokens: Tokens) -> None:
        kept.append(tokens)

    api = Api(answering=answering)
    link = api.client(_saved(), keep_tokens=keep)
    reading = [asyncio.create_task(link.wallets.get(WALLET["id"])) for _ in range(50)]
    await began.wait()
    reading[0].cancel()  # the one that began the refresh; the others still get its answer
    turn.set()
    results = await asyncio.gather(*reading, return_exceptions=True)
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 1
    refreshes = [request for request in api.asked if request.url.path == "/oauth/token"]
    assert [_form(request) for request in refreshes] == [
        {"grant_type": "refresh_token", "refresh_token": "refresh-0", "client_id": "ledgerlink"}
    ]
    assert [tokens.refresh_token for tokens in kept] == ["refresh-1"]
    assert link.tokens.access_token == "access-1"


async def test_a_refused_token_is_renewed_once_and_the_request_repeated_with_its_key() -> None:
    refused = problem(401, "invalid_token")
    api = Api([refused, token(1, refresh_token="refresh-1"), httpx.Response(201, json=WALLET)])
    await api.client(_saved(LONG)).wallets.open("EUR")
    first, _, second = api.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert [first.headers["Authorization"], second.headers["Authorization"]] == ["Bearer access-0", "Bearer access-1"]
    again = Api([problem(401, "invalid_token"), token(1, refresh_token="r"), problem(401, "invalid_token")])
    with pytest.raises(NotAuthenticatedError):
        await again.client(_saved(LONG)).wallets.open("EUR")


async def test_a_lost_refresh_is_repeated_with_the_same_token_and_not_for_long() -> None:
    api = Api([httpx.ReadError("lost"), token(1, refresh_token="refresh-1"), httpx.Response(200, json=WALLET)])
    await api.client(_saved()).wallets.get(WALLET["id"])
    assert {_form(request)["refresh_token"] for request in api.asked[:2]} == {"refresh-0"}
    down = Api([httpx.ReadError("lost") for _ in range(40)])
    with pytest.raises(Exception, match="no answer"):
        await down.client(_saved()).wallets.get(WALLET["id"])
    assert down.clock.now < 10  # later the same token would count as stolen


@pytest.mark.parametrize(("expires_at", "told"), [(LONG_AGO, NoAnswerError), (LONG, NotAuthenticatedError)])
async def test_a_call_ends_at_its_deadline_while_its_token_is_renewed(
    expires_at: datetime, told: type[LedgerLinkError]
) -> None:
    """The renewal itself goes on: whoever calls next has its answer."""
    turn, renewed = asyncio.Event(), asyncio.Event()

    async def answering(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            await turn.wait()
            renewed.set()
            return token(1, refresh_token="refresh-1")
        refused = request.headers["Authorization"] == "Bearer access-0"
        return problem(401, "invalid_token") if refused else httpx.Response(201, json=WALLET)

    api = Api(answering=answering)
    link = api.client(_saved(expires_at))
    async with asyncio.timeout(30):
        with pytest.raises(told) as raised:
            await link.wallets.open("EUR", options=Options("mine", deadline=0.05))
        assert raised.value.idempotency_key == "mine"
        assert not renewed.is_set()
        turn.set()
        await link.wallets.open("EUR", options=Options("mine"))
    assert sum(request.url.path == "/oauth/token" for request in api.asked) == 1


async def test_a_session_that_has_ended_begins_again_where_the_password_is_known() -> None:
    ended = httpx.Response(400, json={"error": "invalid_grant", "error_description": "The session has ended."})
    with pytest.raises(SessionEndedError):
        await Api([ended]).client(_saved()).wallets.get(WALLET["id"])
    api = Api([token(1, refresh_token="refresh-1", expires_in=1), ended, token(2), httpx.Response(200, json=WALLET)])
    link = api.client(ANN)
    await link.authenticate()
    await asyncio.sleep(1.1)
    await link.wallets.get(WALLET["id"])
    assert [request.url.path for request in api.asked] == [
        "/v1/sessions",
        "/oauth/token",
        "/v1/sessions",
        f"/v1/wallets/{WALLET['id']}",
    ]


async def test_a_second_factor_is_asked_for_when_it_is_needed() -> None:
    async def otp() -> str:
        return "123456"

    required = problem(401, "second_factor_required")
    with pytest.raises(SecondFactorRequiredError):
        await Api([required]).client(ANN).authenticate()
    api = Api([required, token(1, device_token="lld_1")])
    link = api.client(Password(ANN.email, ANN.password, otp))
    assert (await link.authenticate()).device_token == "lld_1"
    assert b'"otp":"123456"' in api.asked[1].content


async def test_programs_come_with_their_secrets() -> None:
    api = Api([httpx.Response(200, json=WALLET)])
    await api.client(ApiKey("llk_secret")).wallets.get(WALLET["id"])
    assert api.asked[0].headers["Authorization"] == "Bearer llk_secret"
    api = Api([token(1), httpx.Response(200, json=WALLET)])
    await api.client(ClientCredentials("id", "secret", "wallets")).wallets.get(WALLET["id"])
    assert _form(api.asked[0]) == {"grant_type": "client_credentials", "scope": "wallets"}
    assert api.asked[0].headers["Authorization"] == "Basic aWQ6c2VjcmV0"


def test_no_secret_is_shown() -> None:
    shown = repr(
        [
            ANN,
            ApiKey("llk_secret"),
            ClientCredentials("id", "a secret"),
            Tokens("access", LONG, refresh_token="refresh"),
            _saved(),
        ]
    )
    for secret in ("horse", "llk_secret", "a secret", "access-0", "refresh-0", "'refresh'"):
        assert secret not in shown
