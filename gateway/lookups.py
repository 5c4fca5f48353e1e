"""Reads one account, for routes that need to know how it is now before they ask for anything."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from contracts.wallet import GetAccounts
from gateway.parts import Parts
from gateway.request_context import RequestContext


async def read_account(account_id: UUID, parts: Parts, context: RequestContext) -> Mapping[str, Any] | None:
    """Return an account as it is now, None where there is none."""
    accounts = (await parts.queries.ask(GetAccounts(ids=[account_id]), context))["accounts"]
    return accounts[0] if accounts else None
