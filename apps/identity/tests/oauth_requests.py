"""What a shop's app, its users and its server ask of identity."""

import base64
import hashlib
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from apps.identity.handlers.authorizing import answer_consent, sign_in
from apps.identity.handlers.client_keeping import create_client
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.token_grants import redeem_code
from apps.identity.tests.asking import PASSWORD, asking
from contracts.identity import (
    AccessToken,
    AnswerConsent,
    AuthorizationAnswer,
    AuthorizationRequest,
    ClientAuthentication,
    CreateClient,
    GrantType,
    NewOAuthClient,
    Origin,
    RedeemCode,
    Scope,
    SignedIn,
    SignIn,
)
from outbox.database import Database

HERE = Origin(address="192.0.2.7", user_agent="tests")
REDIRECT = "https://shop.example/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ANN = "ann@ledgerlink.example"


def client_request(owner: UUID, **changes: Any) -> CreateClient:
    known: dict[str, Any] = {
        "owner": owner,
        "name": "Shop",
        "confidential": True,
        "redirect_uris": [REDIRECT],
        "grant_types": list(GrantType),
        "scopes": [Scope.WALLETS, Scope.PAYMENTS],
        "origin": HERE,
    }
    return CreateClient(**(known | changes))


async def new_client(parts: Parts, database: Database, owner: UUID, **changes: Any) -> NewOAuthClient:
    return await create_client(parts, database, asking(client_request(owner, **changes)))


def named(client: NewOAuthClient, secret: str | None = None) -> ClientAuthentication:
    given = secret or client.client_secret
    return ClientAuthentication(client_id=str(client.client.id), client_secret=SecretStr(given) if given else None)


def authorization_request(client: NewOAuthClient, **changes: str) -> AuthorizationRequest:
    known = {
        "response_type": "code",
        "client_id": str(client.client.id),
        "redirect_uri": REDIRECT,
        "scope": "wallets payments",
        "state": "as it came",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return AuthorizationRequest(**(known | changes))


async def signed_in(
    parts: Parts, database: Database, request: AuthorizationRequest, email: str = ANN, **changes: Any
) -> SignedIn:
    sent = SignIn(request=request, email=email, password=SecretStr(PASSWORD), origin=HERE, **changes)
    return await sign_in(parts, database, asking(sent))


async def answered(parts: Parts, database: Database, ticket: str, *, allow: bool = True) -> AuthorizationAnswer:
    sent = AnswerConsent(ticket=SecretStr(ticket), allow=allow, origin=HERE)
    return await answer_consent(parts, database, asking(sent))


async def code_for(parts: Parts, database: Database, client: NewOAuthClient, **changes: str) -> str:
    ticket = (await signed_in(parts, database, authorization_request(client, **changes))).ticket
    return (await answered(parts, database, ticket)).code or ""


async def redeemed(parts: Parts, database: Database, made: NewOAuthClient, code: str, /, **changes: Any) -> AccessToken:
    known: dict[str, Any] = {
        "client": named(made),
        "code": SecretStr(code),
        "redirect_uri": REDIRECT,
        "code_verifier": SecretStr(VERIFIER),
        "origin": HERE,
    }
    return await redeem_code(parts, database, asking(RedeemCode(**(known | changes))))
