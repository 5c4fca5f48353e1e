"""The steps of an authorization request: checking it, signing in, and the user's answer (RFC 6749 §4.1)."""

from pydantic import SecretStr

from apps.identity.domain.authorization import Asked, AuthorizationError, Grant, asked_for, fresh_code, fresh_ticket
from apps.identity.domain.clients import Client
from apps.identity.domain.scopes import narrowed
from apps.identity.domain.secret_tokens import token_hash
from apps.identity.handlers.authenticating import Credentials, authenticate, device_token
from apps.identity.handlers.clients import find_client
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.sessions import unchanged
from apps.identity.store import accounts, authorization_grants, clients
from contracts.identity import (
    Acr,
    AnswerConsent,
    AuthorizationAnswer,
    AuthorizationPrompt,
    AuthorizationRequest,
    CheckAuthorization,
    SecurityEventKind,
    SignedIn,
    SignIn,
)
from contracts.ids import new_id
from contracts.message import Envelope
from outbox.database import Database, Reads
from outbox.responder import Refused


async def check_authorization(database: Database, request: Envelope[CheckAuthorization]) -> AuthorizationPrompt:
    """Return what to show, or what to tell the client instead.

    Raises Refused with `client_not_found`, `redirect_uri_not_valid`: then nobody may be sent anywhere.
    """
    async with database.reads() as reads:
        client = await _client_of(reads, request.data.request)
    try:
        asked = asked_for(client, request.data.request)
    except AuthorizationError as wrong:
        return AuthorizationPrompt(
            client_name=client.name, scopes=[], error=wrong.code, error_description=wrong.description
        )
    return AuthorizationPrompt(client_name=client.name, scopes=list(asked.scopes))


async def sign_in(parts: Parts, database: Database, request: Envelope[SignIn]) -> SignedIn:
    """Authenticate the user whom a client has sent, and return the ticket that stands for them.

    Raises Refused as `authenticate` and `check_authorization` do, and with the codes of RFC 6749 §4.1.2.1.
    """
    refuse_late(request)
    sent = request.data
    async with database.reads() as reads:
        asked = _in_order(await _client_of(reads, sent.request), sent.request)
    authentication = await authenticate(parts, _credentials(sent), sent.origin)
    if asked.needs_two_factors and authentication.acr is not Acr.TWO_FACTORS:
        raise Refused("unmet_authentication_requirements", "The account has no second factor, which the app asks for.")
    scopes = narrowed(authentication.account.role, asked.scopes)
    if asked.client.id is None or not scopes:
        raise Refused("invalid_scope", "The account has none of the scopes that the client asks for.")
    ticket = fresh_ticket()
    async with parts.transactions.begin() as tx:
        await unchanged(tx, authentication.account)
        grant = Grant(
            id=new_id(),
            user=authentication.account.id,
            version=authentication.account.version,
            client=asked.client.id,
            redirect_uri=sent.request.redirect_uri,
            state=sent.request.state,
            scopes=scopes,
            code_challenge=sent.request.code_challenge,
            acr=authentication.acr,
            methods=authentication.methods,
            authenticated_at=authentication.at,
            expires_at=tx.now + parts.lifetimes.ticket,
        )
        await authorization_grants.add(tx, grant, token_hash(ticket))
    email = authentication.account.email or ""
    return SignedIn(ticket=ticket, client_name=asked.client.name, scopes=list(scopes), email=email)


async def answer_consent(parts: Parts, _database: Database, request: Envelope[AnswerConsent]) -> AuthorizationAnswer:
    """Take the user's answer, once, and return what the client is told. Raises Refused with `ticket_not_valid`."""
    refuse_late(request)
    sent = request.data
    code = fresh_code() if sent.allow else None
    async with parts.transactions.begin() as tx:
        grant = await authorization_grants.by_ticket(tx, token_hash(sent.ticket.get_secret_value()))
        if grant is None:
            raise _not_valid()
        account, client = await accounts.by_id(tx, grant.user), await clients.by_id(tx, grant.client)
        if client is None or not grant.can_be_answered(account, tx.now):
            raise _not_valid()
        code_hash = None if code is None else token_hash(code)
        await authorization_grants.answer(tx, grant.id, code_hash, tx.now + parts.lifetimes.code)
        if sent.allow:
            given = Happening(SecurityEventKind.CONSENT_GIVEN, account, sent.origin, about=client.client_id)
            await record(tx, parts.sealer, [given])
    return AuthorizationAnswer(
        redirect_uri=grant.redirect_uri,
        state=grant.state,
        code=code,
        error=None if sent.allow else "access_denied",
        device_token=device_token(parts, grant.user, _text(sent.device_token)),
    )


async def _client_of(reads: Reads, request: AuthorizationRequest) -> Client:
    """Return the client, once it is sure that its redirect URI is its own (RFC 9700 §4.11)."""
    client = await find_client(reads, request.client_id)
    if client is None:
        raise Refused("client_not_found", "There is no such client.", "client_id")
    if not client.redirects_to(request.redirect_uri):
        raise Refused("redirect_uri_not_valid", "The redirect URI is not registered for this client.", "redirect_uri")
    return client


def _in_order(client: Client, request: AuthorizationRequest) -> Asked:
    try:
        return asked_for(client, request)
    except AuthorizationError as wrong:
        raise Refused(wrong.code, wrong.description) from None


def _credentials(sent: SignIn) -> Credentials:
    return Credentials(
        who=sent.email,
        password=sent.password.get_secret_value(),
        otp=sent.otp,
        recovery_code=_text(sent.recovery_code),
        device_token=_text(sent.device_token),
    )


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _not_valid() -> Refused:
    return Refused("ticket_not_valid", "The page is too old, or was answered already; begin anew at the app.")
