"""Owners register OAuth clients, give them other secrets, and delete them."""

from apps.identity.domain.clients import (
    Client,
    ClientNotPossibleError,
    RedirectUriNotValidError,
    check_name,
    check_possible,
    fresh_secret,
)
from apps.identity.domain.secret_tokens import token_hash
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.owners import locked_owner
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.revoking import end_client_sessions, end_sessions_through, revoke_grants
from apps.identity.store import accounts, clients
from contracts.identity import (
    MOST_CLIENTS,
    CreateClient,
    DeleteClient,
    Done,
    NewOAuthClient,
    RevocationReason,
    RotateClientSecret,
    SecurityEventKind,
)
from contracts.ids import new_id
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused

_DELETED = RevocationReason.CLIENT_DELETED


async def create_client(parts: Parts, _database: Database, request: Envelope[CreateClient]) -> NewOAuthClient:
    """Register a client. Raises Refused: `redirect_uri_not_valid`, `client_not_possible`, `too_many_clients`."""
    refuse_late(request)
    asked = request.data
    _check_possible(asked)
    secret = fresh_secret() if asked.confidential else None
    async with parts.transactions.begin() as tx:
        owner = await locked_owner(tx, asked.owner)
        if await clients.count(tx, owner.id) >= MOST_CLIENTS:
            raise Refused("too_many_clients", f"An owner has at most {MOST_CLIENTS} clients; delete one first.")
        identifier = new_id()
        client = Client(
            client_id=str(identifier),
            name=asked.name,
            grant_types=tuple(dict.fromkeys(asked.grant_types)),
            scopes=tuple(dict.fromkeys(asked.scopes)),
            redirect_uris=tuple(dict.fromkeys(asked.redirect_uris)),
            id=identifier,
            owner=owner.id,
            secret_hash=None if secret is None else token_hash(secret),
            created_at=tx.now,
        )
        await clients.add(tx, client)
        created = Happening(SecurityEventKind.CLIENT_CREATED, owner, asked.origin, about=client.client_id)
        await record(tx, parts.sealer, [created])
    return NewOAuthClient(client=client.shown, client_secret=secret)


async def rotate_client_secret(
    parts: Parts, _database: Database, request: Envelope[RotateClientSecret]
) -> NewOAuthClient:
    """Give a client another secret. Raises Refused with `client_not_found`, `client_not_possible`."""
    refuse_late(request)
    asked = request.data
    secret = fresh_secret()
    async with parts.transactions.begin() as tx:
        client = await clients.locked(tx, asked.client, asked.owner)
        if client is None:
            raise _not_found()
        if not client.is_confidential:
            raise Refused("client_not_possible", "A public client has no secret.")
        await clients.set_secret(tx, asked.client, token_hash(secret))
        owner = await accounts.by_id(tx, asked.owner)
        rotated = Happening(SecurityEventKind.CLIENT_SECRET_ROTATED, owner, asked.origin, about=client.client_id)
        await record(tx, parts.sealer, [rotated])
    return NewOAuthClient(client=client.shown, client_secret=secret)


async def delete_client(parts: Parts, _database: Database, request: Envelope[DeleteClient]) -> Done:
    """Delete a client, and end all that it was given. Raises Refused with `client_not_found`.

    Nothing is given to it from the first commit on; its sessions end some thousands at a time.
    """
    refuse_late(request)
    asked = request.data
    async with parts.transactions.begin() as tx:
        if not await clients.delete(tx, asked.client, asked.owner):
            raise _not_found()
        await revoke_grants(tx, None, [asked.client], _DELETED, request)
        owner = await accounts.by_id(tx, asked.owner)
        deleted = Happening(SecurityEventKind.CLIENT_DELETED, owner, asked.origin, about=str(asked.client))
        await record(tx, parts.sealer, [deleted])
        more = await end_client_sessions(tx, str(asked.client), _DELETED, request)
    if more:
        await end_sessions_through(parts, asked.client, request)
    return Done()


def _check_possible(asked: CreateClient) -> None:
    try:
        check_name(asked.name)
        check_possible(asked.confidential, asked.grant_types, asked.redirect_uris, asked.scopes)
    except ClientNotPossibleError as wrong:
        raise Refused("client_not_possible", str(wrong), wrong.parameter) from None
    except RedirectUriNotValidError as wrong:
        raise Refused("redirect_uri_not_valid", str(wrong), "redirect_uris") from None


def _not_found() -> Refused:
    return Refused("client_not_found", "There is no such client of yours.", "client_id")
