"""The wallets of a user: open, add a currency, list, read, and their entries and transfers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from contracts.ids import new_id
from contracts.money import Currency
from contracts.wallet import (
    PAGE_LIMIT,
    Account,
    EntryPage,
    ListAccounts,
    ListEntries,
    ListTransfers,
    OpenAccount,
    TransferPage,
)
from gateway.accounts import is_ours, wallet_not_found
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, WalletsCaller
from gateway.lookups import read_account
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.parts import Parts
from gateway.request_context import Caller, RequestContext
from gateway.routes import transfers

router = APIRouter(route_class=BodyRoute, prefix="/v1/wallets", tags=["wallets"])

EXAMPLE = {
    "id": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "owner": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "currency": "EUR",
    "balance": 10000,
    "floor": 0,
    "created_at": "2026-01-05T09:31:00.000000Z",
    "held": 2000,
    "available": 8000,
    "kind": "wallet",
    "type": "liability",
    "normal_side": "credit",
    "wallet": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "frozen": "none",
    "metadata": {},
}
_EMPTY = EXAMPLE | {"balance": 0, "held": 0, "available": 0}
ENTRY_EXAMPLE = {
    "sequence": 42,
    "account_id": EXAMPLE["id"],
    "transfer_id": "01990f3e-7c30-7d44-9e55-5f66a77b8801",
    "amount": -1250,
    "balance_after": 8750,
    "posted_at": "2026-01-05T09:32:00.000000Z",
    "effective_at": "2026-01-05T09:32:00.000000Z",
}
UNKNOWN = {"wallet_not_found": "No wallet of yours has the id given as `wallet_id`; GET /v1/wallets lists yours."}
_WRONG_CURRENCY = ("body/currency", "String should match pattern '^[A-Z]{3}$'")
_LOCATION = f"/v1/wallets/{EXAMPLE['id']}"
_REFUSALS = {
    "wallet_not_found": "No wallet of yours has the id given as `wallet`; GET /v1/wallets lists yours.",
    "currency_taken": "The wallet has this currency already.",
}
Before = Annotated[int | None, Query(ge=1, lt=2**63, description="`next_before` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT)]


class NewWallet(Body):
    """What the wallet is to hold; with `wallet`, the currency is added to a wallet that there is."""

    currency: Currency
    wallet: UUID | None = Field(default=None, description="Any id of the wallet of yours that it is added to")


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Open a wallet",
    responses={
        CREATED: success(Account, "Opened", _EMPTY, _LOCATION),
        **problems(_REFUSALS, asks="wallet", scope="wallets", wrong_body=_WRONG_CURRENCY, command=True),
    },
)
async def open_wallet(
    body: NewWallet, caller: WalletsCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Open a wallet in one currency, or add one to a wallet: what it holds in each currency has an id of its own.

    A user may have several wallets. Those ids that share `wallet` are one wallet.
    """
    added_to = await _own(body.wallet, caller, parts, context) if body.wallet else None
    account_id = new_id()
    command = OpenAccount(
        account_id=account_id,
        owner=caller.user,
        currency=body.currency,
        wallet=added_to,
        idempotency=headers.idempotency(caller.user, "open_wallet", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


async def _own(wallet_id: UUID, caller: Caller, parts: Parts, context: RequestContext) -> UUID:
    """Return the id that all accounts of a wallet of the caller's share. Raises ProblemError `wallet_not_found`."""
    known = (await parts.wallets.find([wallet_id], context)).get(wallet_id)
    if known is None or known.owner != caller.user:
        raise wallet_not_found("wallet")
    return known.wallet or known.id


class Wallets(BaseModel):
    """All wallets of a user, oldest first."""

    wallets: list[Account]


@router.get(
    "",
    response_model=None,
    summary="List your wallets",
    responses={
        DONE: success(Wallets, "Your wallets, oldest first", {"wallets": [EXAMPLE]}),
        **problems(asks="wallet", scope="wallets"),
    },
)
async def list_wallets(caller: WalletsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """List the caller's wallets with their balances."""
    answer = await parts.queries.ask(ListAccounts.model_construct(owner=caller.user), context)
    return json_response({"wallets": answer["accounts"]})


@router.get(
    "/{wallet_id}",
    response_model=None,
    summary="Read a wallet and its balance",
    responses={DONE: success(Account, "The wallet", EXAMPLE), **problems(UNKNOWN, asks="wallet", scope="wallets")},
)
async def get_wallet(wallet_id: UUID, caller: WalletsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read a wallet. Amounts are whole minor units (cents): of `balance`, `held` is reserved, the rest `available`."""
    account = await read_account(wallet_id, parts, context) if is_ours(wallet_id) else None
    if account is None or not (account.get("owner") == str(caller.user) or caller.sees_all):
        raise wallet_not_found("wallet_id")
    return json_response(account)


@router.get(
    "/{wallet_id}/entries",
    response_model=None,
    summary="List a wallet's entries",
    responses={
        DONE: success(EntryPage, "Entries, newest first", {"entries": [ENTRY_EXAMPLE], "next_before": None}),
        **problems(UNKNOWN, asks="wallet", scope="wallets"),
    },
)
async def list_entries(
    wallet_id: UUID,
    caller: WalletsCaller,
    parts: PartsDep,
    context: ContextDep,
    before: Before = None,
    limit: Limit = 20,
) -> Response:
    """List what was posted to a wallet, newest first: credits are positive, debits negative."""
    await parts.wallets.visible(wallet_id, caller, context)
    query = ListEntries(account_id=wallet_id, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{wallet_id}/transfers",
    response_model=None,
    summary="List a wallet's transfers",
    responses={
        DONE: success(TransferPage, "Transfers, newest first", {"transfers": [transfers.EXAMPLE], "next_before": None}),
        **problems(UNKNOWN, asks="wallet", scope="wallets"),
    },
)
async def list_transfers(
    wallet_id: UUID,
    caller: WalletsCaller,
    parts: PartsDep,
    context: ContextDep,
    before: Before = None,
    limit: Limit = 20,
) -> Response:
    """List the transfers from and to a wallet, newest first."""
    await parts.wallets.visible(wallet_id, caller, context)
    query = ListTransfers(account_id=wallet_id, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))
