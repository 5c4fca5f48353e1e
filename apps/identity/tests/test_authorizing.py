"""From an authorization request to a code, and from the code to tokens: also by those to whom it was not given."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pyotp
import pytest
from pydantic import SecretStr

from apps.identity.domain.authentication import Authentication
from apps.identity.domain.authorization import proves
from apps.identity.handlers import authorizing
from apps.identity.handlers.authenticating import authenticate
from apps.identity.handlers.authorizing import check_authorization
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.passwords import change_password
from apps.identity.handlers.presented_tokens import introspect, revoke_token
from apps.identity.handlers.register import register
from apps.identity.handlers.token_grants import issue_client_token
from apps.identity.handlers.totp import confirm_totp, start_totp
from apps.identity.store import authorization_grants
from apps.identity.tests.asking import PASSWORD, asking, register_request
from apps.identity.tests.oauth_requests import (
    CHALLENGE,
    HERE,
    REDIRECT,
    VERIFIER,
    answered,
    authorization_request,
    code_for,
    named,
    new_client,
    redeemed,
    signed_in,
)
from contracts.identity import (
    AccessToken,
    AuthorizationPrompt,
    AuthorizationRequest,
    ChangePassword,
    CheckAuthorization,
    ClientAuthentication,
    ConfirmTotp,
    GrantType,
    Introspect,
    Introspection,
    IssueClientToken,
    NewOAuthClient,
    RevokeToken,
    StartTotp,
)
from outbox.database import Database
from outbox.responder import Refused


@pytest.fixture
async def shop(parts: Parts, database: Database) -> UUID:
    user = (await register(parts, database, register_request("shop@ledgerlink.example"))).id
    await database.pool.execute("UPDATE user_account SET role = 'merchant' WHERE id = $1", user)
    return user


@pytest.fixture
async def ann(parts: Parts, database: Database) -> UUID:
    return (await register(parts, database, register_request())).id


@pytest.fixture
async def client(parts: Parts, database: Database, shop: UUID) -> NewOAuthClient:
    return await new_client(parts, database, shop)


async def _checked(database: Database, request: AuthorizationRequest) -> AuthorizationPrompt:
    return await check_authorization(database, asking(CheckAuthorization(request=request)))


def _claims(token: AccessToken) -> dict[str, Any]:
    return jwt.decode(token.access_token, options={"verify_signature": False})


async def test_a_user_is_asked_for_what_the_client_wants(database: Database, client: NewOAuthClient) -> None:
    prompt = await _checked(database, authorization_request(client, scope="wallets"))
    assert prompt == AuthorizationPrompt(client_name="Shop", scopes=["wallets"])
    everything = await _checked(database, authorization_request(client, scope=""))
    assert everything.scopes == ["wallets", "payments"]


NOBODY_IS_SENT = [
    ({"client_id": "00000000-0000-7000-8000-000000000000"}, "client_not_found"),
    ({"client_id": "no id"}, "client_not_found"),
    ({"client_id": ""}, "client_not_found"),
    ({"redirect_uri": ""}, "redirect_uri_not_valid"),
    ({"redirect_uri": "https://evil.example/callback"}, "redirect_uri_not_valid"),
    ({"redirect_uri": REDIRECT + "/../evil"}, "redirect_uri_not_valid"),
    ({"client_id": "ledgerlink"}, "redirect_uri_not_valid"),
]


@pytest.mark.parametrize(("changes", "code"), NOBODY_IS_SENT)
async def test_nobody_is_sent_to_strangers(
    database: Database, client: NewOAuthClient, changes: dict[str, str], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await _checked(database, authorization_request(client, **changes))
    assert refused.value.problem.code == code


TOLD_TO_THE_CLIENT = [
    ({"response_type": ""}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"code_challenge": ""}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": ""}, "invalid_request"),
    ({"scope": "users:manage"}, "invalid_scope"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"acr_values": "gold"}, "unmet_authentication_requirements"),
]


@pytest.mark.parametrize(("changes", "code"), TOLD_TO_THE_CLIENT)
async def test_what_is_out_of_order_is_told_to_the_client(
    parts: Parts, database: Database, client: NewOAuthClient, changes: dict[str, str], code: str
) -> None:
    request = authorization_request(client, **changes)
    assert (await _checked(database, request)).error == code
    with pytest.raises(Refused, match=code):
        await signed_in(parts, database, request)


async def test_a_client_of_its_own_gets_no_codes(parts: Parts, database: Database, shop: UUID) -> None:
    """It has no redirect URI, so there is nowhere to tell it."""
    own = await new_client(parts, database, shop, grant_types=[GrantType.CLIENT_CREDENTIALS], redirect_uris=[])
    with pytest.raises(Refused, match="redirect_uri_not_valid"):
        await _checked(database, authorization_request(own))


@pytest.mark.usefixtures("ann")
async def test_a_user_who_agrees_gives_a_session(parts: Parts, database: Database, client: NewOAuthClient) -> None:
    asked = await signed_in(parts, database, authorization_request(client, scope="wallets users:manage"))
    assert (asked.client_name, asked.scopes, asked.email) == ("Shop", ["wallets"], "ann@ledgerlink.example")
    answer = await answered(parts, database, asked.ticket)
    assert (answer.redirect_uri, answer.state, answer.error) == (REDIRECT, "as it came", None)
    assert (answer.device_token or "").startswith("lld_")
    token = await redeemed(parts, database, client, answer.code or "")
    claims = _claims(token)
    assert (claims["client_id"], claims["scope"], claims["role"]) == (str(client.client.id), "wallets", "customer")
    assert (token.refresh_token or "").startswith("llr_")
    kept = str(await database.pool.fetch("SELECT * FROM authorization_grant"))
    assert answer.code
    assert answer.code not in kept
    assert asked.ticket not in kept
    kinds = [row["kind"] for row in await database.pool.fetch("SELECT kind FROM security_event ORDER BY id")]
    assert {"logged_in", "consent_given"} <= set(kinds)


@pytest.mark.usefixtures("ann")
async def test_a_user_who_does_not_agree_gives_nothing(
    parts: Parts, database: Database, client: NewOAuthClient
) -> None:
    ticket = (await signed_in(parts, database, authorization_request(client))).ticket
    answer = await answered(parts, database, ticket, allow=False)
    assert (answer.code, answer.error) == (None, "access_denied")
    with pytest.raises(Refused, match="ticket_not_valid"):
        await answered(parts, database, ticket)


@pytest.mark.usefixtures("ann")
async def test_a_ticket_is_answered_once(parts: Parts, database: Database, client: NewOAuthClient) -> None:
    ticket = (await signed_in(parts, database, authorization_request(client))).ticket
    answers = await asyncio.gather(*(answered(parts, database, ticket) for _ in range(4)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [refusal.problem.code for refusal in refused] == ["ticket_not_valid"] * 3


async def test_a_role_without_the_scopes_gives_nothing(
    parts: Parts, database: Database, ann: UUID, client: NewOAuthClient
) -> None:
    await database.pool.execute("UPDATE user_account SET role = 'admin' WHERE id = $1", ann)
    with pytest.raises(Refused, match="invalid_scope"):
        await signed_in(parts, database, authorization_request(client))


NO_LONGER = [
    "UPDATE user_account SET version = version + 1",
    "UPDATE user_account SET status = 'deactivated'",
    "UPDATE authorization_grant SET expires_at = now()",
    "UPDATE oauth_client SET deleted_at = now()",
]


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("change", NO_LONGER)
async def test_what_changes_meanwhile_ends_the_ticket_and_the_code(
    parts: Parts, database: Database, client: NewOAuthClient, change: str
) -> None:
    ticket = (await signed_in(parts, database, authorization_request(client))).ticket
    code = await code_for(parts, database, client)
    await database.pool.execute(change)
    with pytest.raises(Refused, match="ticket_not_valid"):
        await answered(parts, database, ticket)
    with pytest.raises(Refused, match=r"invalid_grant|invalid_client"):
        await redeemed(parts, database, client, code)


async def test_another_password_ends_the_ticket_and_the_code(
    parts: Parts, database: Database, client: NewOAuthClient, ann: UUID
) -> None:
    """Who had guessed the old one has signed in at an app already, and waits with a ticket or a code."""
    ticket = (await signed_in(parts, database, authorization_request(client))).ticket
    code = await code_for(parts, database, client)
    new = SecretStr("another horse battery staple")
    changed = ChangePassword(user=ann, current=SecretStr(PASSWORD), new=new, origin=HERE)
    await change_password(parts, database, asking(changed))
    with pytest.raises(Refused, match="ticket_not_valid"):
        await answered(parts, database, ticket)
    with pytest.raises(Refused, match="invalid_grant"):
        await redeemed(parts, database, client, code)


@pytest.mark.usefixtures("ann")
async def test_another_password_meanwhile_gives_no_ticket(
    parts: Parts, database: Database, client: NewOAuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def authenticated_late(*given: Any) -> Authentication:
        authentication = await authenticate(*given)
        await database.pool.execute("UPDATE user_account SET password_hash = 'another'")
        return authentication

    monkeypatch.setattr(authorizing, "authenticate", authenticated_late)
    with pytest.raises(Refused, match="invalid_credentials"):
        await signed_in(parts, database, authorization_request(client))


async def test_an_app_can_ask_for_two_factors(
    parts: Parts, database: Database, ann: UUID, client: NewOAuthClient
) -> None:
    request = authorization_request(client, acr_values="aal2")
    with pytest.raises(Refused, match="unmet_authentication_requirements"):
        await signed_in(parts, database, request)
    secret = (await start_totp(parts, database, asking(StartTotp(user=ann)))).secret
    totp = pyotp.TOTP(secret)
    codes = await confirm_totp(parts, database, asking(ConfirmTotp(user=ann, code=totp.now(), origin=HERE)))
    with pytest.raises(Refused, match="second_factor_required"):
        await signed_in(parts, database, request)
    recovery = SecretStr(codes.recovery_codes[0])
    ticket = (await signed_in(parts, database, request, recovery_code=recovery)).ticket
    code = (await answered(parts, database, ticket)).code or ""
    assert _claims(await redeemed(parts, database, client, code))["acr"] == "aal2"


@pytest.mark.usefixtures("ann")
async def test_a_code_is_worth_nothing_to_others(
    parts: Parts, database: Database, shop: UUID, client: NewOAuthClient
) -> None:
    code = await code_for(parts, database, client)
    other = await new_client(parts, database, shop)
    strangers: list[dict[str, Any]] = [
        {"client": named(other)},
        {"client": ClientAuthentication(client_id=str(client.client.id))},
        {"client": ClientAuthentication(client_id="ledgerlink")},
        {"redirect_uri": "https://shop.example/other"},
        {"code_verifier": SecretStr("w" * 43)},
        {"code_verifier": SecretStr(CHALLENGE)},
        {"code_verifier": SecretStr("v")},
        {"code": SecretStr("llc_guess")},
    ]
    for stranger in strangers:
        with pytest.raises(Refused) as refused:
            await redeemed(parts, database, client, code, **stranger)
        assert refused.value.problem.code in {"invalid_grant", "invalid_client", "unauthorized_client"}
    assert (await redeemed(parts, database, client, code)).refresh_token, "their attempts did the owner no harm"


@pytest.mark.usefixtures("ann")
async def test_oauth_2_1_sends_no_redirect_uri_with_the_code(
    parts: Parts, database: Database, client: NewOAuthClient
) -> None:
    code = await code_for(parts, database, client)
    assert (await redeemed(parts, database, client, code, redirect_uri=None)).access_token


@pytest.mark.usefixtures("ann")
async def test_a_code_that_is_used_twice_ends_what_it_gave(
    parts: Parts, database: Database, client: NewOAuthClient
) -> None:
    code = await code_for(parts, database, client)
    token = await redeemed(parts, database, client, code)
    with pytest.raises(Refused, match="invalid_grant"):
        await redeemed(parts, database, client, code, code_verifier=SecretStr("w" * 43))
    assert (await _introspected(parts, database, client, token.access_token)).active, "no proof, no harm"
    with pytest.raises(Refused, match="invalid_grant"):
        await redeemed(parts, database, client, code)
    assert not (await _introspected(parts, database, client, token.access_token)).active
    reason = await database.pool.fetchval("SELECT end_reason FROM user_session WHERE id = $1", token.session_id)
    assert reason == "code_reused"
    kinds = [row["kind"] for row in await database.pool.fetch("SELECT kind FROM security_event")]
    assert "code_reused" in kinds
    said = await database.pool.fetchval("SELECT count(*) FROM outbox WHERE subject = 'identity.events.access.revoked'")
    assert said == 1


@pytest.mark.usefixtures("ann")
async def test_of_many_at_once_one_redeems_a_code(parts: Parts, database: Database, client: NewOAuthClient) -> None:
    code = await code_for(parts, database, client)
    attempts = (redeemed(parts, database, client, code) for _ in range(4))
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(answer, AccessToken) for answer in answers) == 1
    assert await database.pool.fetchval("SELECT count(*) FROM user_session") == 1


@pytest.mark.usefixtures("ann")
async def test_a_client_without_the_grant_gets_no_refresh_token(parts: Parts, database: Database, shop: UUID) -> None:
    client = await new_client(parts, database, shop, grant_types=[GrantType.AUTHORIZATION_CODE])
    token = await redeemed(parts, database, client, await code_for(parts, database, client))
    assert token.refresh_token is None


async def _own_token(parts: Parts, database: Database, client: NewOAuthClient, scope: str | None) -> AccessToken:
    sent = IssueClientToken(client=named(client), scope=scope, origin=HERE)
    return await issue_client_token(parts, database, asking(sent))


async def test_a_client_acts_for_itself(parts: Parts, database: Database, client: NewOAuthClient) -> None:
    token = await _own_token(parts, database, client, "payments")
    claims = _claims(token)
    own = str(client.client.id)
    assert (claims["sub"], claims["sid"], claims["client_id"]) == (own, own, own)
    assert (claims["role"], claims["scope"], "ver" in claims) == ("service", "payments", False)
    assert (token.refresh_token, token.session_id) == (None, None)
    assert (await _own_token(parts, database, client, None)).scope == "wallets payments"


@pytest.mark.parametrize("scope", ["users:manage", "payments users:manage", "nonsense"])
async def test_a_client_gets_no_more_than_it_was_registered_for(
    parts: Parts, database: Database, client: NewOAuthClient, scope: str
) -> None:
    with pytest.raises(Refused, match="invalid_scope"):
        await _own_token(parts, database, client, scope)


async def test_a_client_for_users_only_does_not_act_for_itself(parts: Parts, database: Database, shop: UUID) -> None:
    client = await new_client(parts, database, shop, grant_types=[GrantType.AUTHORIZATION_CODE])
    with pytest.raises(Refused, match="unauthorized_client"):
        await _own_token(parts, database, client, None)


async def _introspected(parts: Parts, database: Database, client: NewOAuthClient, token: str) -> Introspection:
    return await introspect(parts, database, asking(Introspect(client=named(client), token=SecretStr(token))))


async def _revoked(parts: Parts, database: Database, client: NewOAuthClient, token: str) -> None:
    sent = RevokeToken(client=named(client), token=SecretStr(token), origin=HERE)
    await revoke_token(parts, database, asking(sent))


async def test_a_client_learns_what_its_tokens_are(
    parts: Parts, database: Database, ann: UUID, shop: UUID, client: NewOAuthClient
) -> None:
    jkt = "j" * 43
    token = await redeemed(parts, database, client, await code_for(parts, database, client), jkt=jkt)
    of_access = await _introspected(parts, database, client, token.access_token)
    assert (of_access.active, of_access.sub, of_access.sid) == (True, ann, token.session_id)
    assert (of_access.token_type, of_access.cnf) == ("DPoP", {"jkt": jkt})
    assert of_access.username is None, "nobody agreed to that"
    of_refresh = await _introspected(parts, database, client, token.refresh_token or "")
    assert (of_refresh.active, of_refresh.sub, of_refresh.scope) == (True, ann, "wallets payments")
    other = await new_client(parts, database, shop)
    for text in (token.access_token, token.refresh_token or "", "llr_nonsense", "a.b.c", token.access_token[:-4]):
        assert await _introspected(parts, database, other, text) == Introspection(active=False)
    own = await _own_token(parts, database, client, None)
    assert (await _introspected(parts, database, client, own.access_token)).active


async def test_a_public_client_learns_nothing(parts: Parts, database: Database, shop: UUID) -> None:
    public = await new_client(parts, database, shop, confidential=False, grant_types=[GrantType.AUTHORIZATION_CODE])
    with pytest.raises(Refused, match="invalid_client"):
        await _introspected(parts, database, public, "llr_x")


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_either_token_revokes_the_session(
    parts: Parts, database: Database, shop: UUID, client: NewOAuthClient, which: str
) -> None:
    token = await redeemed(parts, database, client, await code_for(parts, database, client))
    text = getattr(token, which)
    with pytest.raises(Refused, match="unauthorized_client"):
        await _revoked(parts, database, await new_client(parts, database, shop), text)
    assert (await _introspected(parts, database, client, text)).active
    await _revoked(parts, database, client, text)
    await _revoked(parts, database, client, text)
    assert not (await _introspected(parts, database, client, token.access_token)).active
    assert not (await _introspected(parts, database, client, token.refresh_token or "")).active
    revoked = await database.pool.fetch("SELECT grant_id FROM revocation")
    assert [row["grant_id"] for row in revoked] == [token.session_id]


async def test_revoking_what_is_no_token_is_no_error(parts: Parts, database: Database, client: NewOAuthClient) -> None:
    for text in ("llr_nonsense", "x", "a.b.c"):
        await _revoked(parts, database, client, text)
    own = await _own_token(parts, database, client, None)
    with pytest.raises(Refused, match="unsupported_token_type"):
        await _revoked(parts, database, client, own.access_token)
    assert await database.pool.fetchval("SELECT count(*) FROM revocation") == 0


@pytest.mark.usefixtures("ann")
async def test_a_token_of_an_earlier_version_is_not_active(
    parts: Parts, database: Database, client: NewOAuthClient
) -> None:
    token = await redeemed(parts, database, client, await code_for(parts, database, client))
    await database.pool.execute("UPDATE user_account SET version = version + 1")
    assert not (await _introspected(parts, database, client, token.access_token)).active


@pytest.mark.usefixtures("ann")
async def test_grants_are_forgotten_a_day_after_their_end(
    parts: Parts, database: Database, client: NewOAuthClient
) -> None:
    await redeemed(parts, database, client, await code_for(parts, database, client))
    for age, left in ((timedelta(hours=23), 1), (timedelta(hours=25), 0)):
        await database.pool.execute("UPDATE authorization_grant SET expires_at = now() - $1::interval", age)
        async with parts.transactions.begin() as tx:
            await authorization_grants.forget(tx)
        assert await database.pool.fetchval("SELECT count(*) FROM authorization_grant") == left


def test_a_verifier_proves_its_own_challenge_only() -> None:
    # RFC 7636, appendix B
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert proves(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert not proves(verifier, CHALLENGE)
    assert proves(VERIFIER, CHALLENGE)
    assert not proves(VERIFIER + "\n", CHALLENGE)
