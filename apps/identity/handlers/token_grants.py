"""What clients get tokens for: an authorization code, or being themselves (RFC 6749 §4.1.3, §4.4)."""

from apps.identity.domain import access_tokens
from apps.identity.domain.account import Account
from apps.identity.domain.authorization import Grant, client_scopes, unknown_scopes
from apps.identity.domain.clients import Client
from apps.identity.domain.secret_tokens import token_hash
from apps.identity.domain.sessions import NewSession
from apps.identity.handlers.clients import authenticate_client
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.revoking import end_sessions
from apps.identity.handlers.sessions import begin_session
from apps.identity.store import accounts, authorization_grants
from contracts.identity import (
    AccessToken,
    GrantType,
    IssueClientToken,
    RedeemCode,
    RevocationReason,
    Role,
    SecurityEventKind,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction


async def redeem_code(parts: Parts, _database: Database, request: Envelope[RedeemCode]) -> AccessToken:
    """Exchange a code for the tokens of a session, once: whoever does it again ends the session that it gave.

    Only a request that is in order counts as the second one: a code that was seen in some log, without its verifier,
    is no means to log anybody out. Raises Refused with `invalid_client`, `unauthorized_client`, `invalid_grant`.
    """
    refuse_late(request)
    sent = request.data
    async with parts.transactions.begin() as tx:
        client = await authenticate_client(tx, sent.client)
        _check_may(client, GrantType.AUTHORIZATION_CODE)
        grant = await authorization_grants.by_code(tx, token_hash(sent.code.get_secret_value()))
        verifier = sent.code_verifier.get_secret_value()
        if grant is None or not grant.is_presented_by(client, sent.redirect_uri, verifier):
            raise _not_valid()
        account = await accounts.by_id(tx, grant.user)
        if grant.redeemed_at is None:
            if account is None or not grant.holds_for(account, tx.now):
                raise _not_valid()
            return await _begin(parts, tx, grant, account, client, sent)
        await _end_reused(parts, tx, grant, account, request)
    raise _not_valid()


async def issue_client_token(parts: Parts, _database: Database, request: Envelope[IssueClientToken]) -> AccessToken:
    """Give a confidential client a token of its own, without a refresh token (RFC 6749 §4.4.3).

    Raises Refused with `invalid_client`, `unauthorized_client`, `invalid_scope`.
    """
    refuse_late(request)
    sent = request.data
    async with parts.transactions.begin() as tx:
        client = await authenticate_client(tx, sent.client)
        _check_may(client, GrantType.CLIENT_CREDENTIALS)
        beyond = unknown_scopes(client, sent.scope or "")
        if client.id is None or beyond:
            raise Refused("invalid_scope", f"The client is not registered for {', '.join(beyond)}.", "scope")
        grant = access_tokens.Grant(
            id=client.id,
            subject=client.id,
            role=Role.SERVICE,
            client_id=client.client_id,
            scopes=client_scopes(client, sent.scope or ""),
            jkt=sent.jkt,
        )
        return parts.issuer.issue(grant, tx.now)


async def _begin(
    parts: Parts, tx: Transaction, grant: Grant, account: Account, client: Client, sent: RedeemCode
) -> AccessToken:
    login = NewSession(
        authentication=grant.authentication(account),
        client_id=client.client_id,
        scopes=grant.scopes,
        jkt=sent.jkt,
        origin=sent.origin,
        with_refresh_token=client.may(GrantType.REFRESH_TOKEN),
    )
    token = await begin_session(parts, tx, login)
    if token.session_id is not None:
        await authorization_grants.redeem(tx, grant.id, token.session_id)
    return token


async def _end_reused(
    parts: Parts, tx: Transaction, grant: Grant, account: Account | None, request: Envelope[RedeemCode]
) -> None:
    """End what a code gave that is presented again: it is in the hands of two (RFC 9700 §4.5.3.2 and §2.1.1)."""
    if grant.session is None:
        return
    about = str(grant.session)
    reused = Happening(SecurityEventKind.CODE_REUSED, account, request.data.origin, about=about)
    await record(tx, parts.sealer, [reused])
    await end_sessions(
        parts, tx, [grant.session], grant.user, RevocationReason.CODE_REUSED, origin=request.data.origin, cause=request
    )


def _check_may(client: Client, grant_type: GrantType) -> None:
    if not client.may(grant_type):
        raise Refused("unauthorized_client", f"The client is not registered for the grant `{grant_type}`.")


def _not_valid() -> Refused:
    return Refused("invalid_grant", "The code is wrong, was used already, has expired, or is another client's.")
