"""Looks for what a command should have made, when nobody replied: a lost reply must not look like a failure."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.message import Message, Outcome, Reply
from contracts.wallet import GetAccounts, GetHold, GetTransfer, HoldStatus
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import RequestContext

Find = Callable[[], Awaitable[Reply | None]]


def made(query: Message, unknown: str, parts: Parts, context: RequestContext) -> Find:
    """Return a search for the resource that `query` reads; its owner says `unknown` when it does not know it (yet).

    The search raises ProblemError with the code the command was refused with.
    """

    async def find() -> Reply | None:
        try:
            resource = await parts.queries.ask(query, context)
        except ProblemError as problem:
            if problem.code == unknown:
                return None
            raise
        return _completed(resource)

    return find


async def read_account(account_id: UUID, parts: Parts, context: RequestContext) -> Mapping[str, Any] | None:
    """Return an account as it is now, None where there is none."""
    accounts = (await parts.queries.ask(GetAccounts(ids=[account_id]), context))["accounts"]
    return accounts[0] if accounts else None


def opened(account_id: UUID, parts: Parts, context: RequestContext) -> Find:
    """Return a search for an account."""

    async def find() -> Reply | None:
        account = await read_account(account_id, parts, context)
        return _completed(account) if account else None

    return find


def closed(account_id: UUID, parts: Parts, context: RequestContext) -> Find:
    """Return a search for an account that is closed."""

    async def find() -> Reply | None:
        account = await read_account(account_id, parts, context)
        return _completed(account) if account and account.get("closed_at") else None

    return find


def captured(transfer_id: UUID, hold_id: UUID, parts: Parts, context: RequestContext) -> Find:
    """Return a search for a capture: its transfer, and the hold as it is by now."""

    async def find() -> Reply | None:
        reply = await made(GetTransfer(id=transfer_id), "transfer_not_found", parts, context)()
        if reply is None:
            return None
        hold = await parts.queries.ask(GetHold(id=hold_id), context)
        return _completed({"transfer": reply.resource, "hold": hold})

    return find


def voided(hold_id: UUID, parts: Parts, context: RequestContext) -> Find:
    """Return a search for a hold that was voided."""

    async def find() -> Reply | None:
        hold = await parts.queries.ask(GetHold(id=hold_id), context)
        return _completed(hold) if hold["status"] == HoldStatus.VOIDED else None

    return find


def extended(hold_id: UUID, expires_at: datetime, parts: Parts, context: RequestContext) -> Find:
    """Return a search for a hold that expires at exactly that instant."""

    async def find() -> Reply | None:
        hold = await parts.queries.ask(GetHold(id=hold_id), context)
        return _completed(hold) if datetime.fromisoformat(hold["expires_at"]) == expires_at else None

    return find


async def nothing_to_find() -> None:
    """Find nothing: what a resource shows now does not tell whether this very command made it so."""


def _completed(resource: Mapping[str, Any]) -> Reply:
    return Reply(outcome=Outcome.COMPLETED, resource=resource)
