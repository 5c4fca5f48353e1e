"""The wallets of a user: open, list, read, and their entries."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.ids import new_id
from contracts.message import Outcome, Reply
from contracts.money import Currency
from contracts.wallet import (
    PAGE_LIMIT,
    Account,
    Accounts,
    EntryPage,
    GetAccounts,
    ListAccounts,
    ListEntries,
    OpenAccount,
)
from gateway.accounts import is_ours, wallet_not_found
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, WalletsCaller
from gateway.openapi import problems, recorded, success
from gateway.outcomes import CREATED, DONE, FOLLOWS, Operation, carry_out, json_response
from gateway.parts import Parts
from gateway.request_context import RequestContext

router = APIRouter(route_class=BodyRoute, prefix="/v1/wallets", tags=["wallets"])

EXAMPLE = {
    "id": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "owner": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "currency": "EUR",
    "balance": 10000,
    "floor": 0,
    "created_at": "2026-01-05T09:31:00.000000Z",
}
ENTRY_EXAMPLE = {
    "sequence": 42,
    "account_id": EXAMPLE["id"],
    "transfer_id": "01990f3e-7c30-7d44-9e55-5f66a77b8801",
    "amount": -1250,
    "balance_after": 8750,
    "posted_at": "2026-01-05T09:32:00.000000Z",
}
_UNKNOWN = {"wallet_not_found": "No wallet of yours has the id given as `wallet_id`; GET /v1/wallets lists yours."}
_WRONG_CURRENCY = ("body/currency", "String should match pattern '^[A-Z]{3}$'")
_LOCATION = f"/v1/wallets/{EXAMPLE['id']}"


class NewWallet(Body):
    """What the wallet is to hold."""

    currency: Currency


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Open a wallet",
    responses={
        CREATED: success(Account, "Opened", EXAMPLE | {"balance": 0}, _LOCATION),
        FOLLOWS: recorded("Recorded; the wallet follows at `Location`", _LOCATION),
        **problems(scope="wallets", wrong_body=_WRONG_CURRENCY, command=True),
    },
)
async def open_wallet(
    body: NewWallet, caller: WalletsCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Open a wallet in one currency. A user may have several."""
    account_id = new_id()
    command = OpenAccount(
        account_id=account_id,
        owner=caller.user,
        currency=body.currency,
        idempotency=headers.idempotency(caller.user, "open_wallet", body),
    )

    async def find() -> Reply | None:
        account = await _account(account_id, parts, context)
        return Reply(outcome=Outcome.COMPLETED, resource=account) if account else None

    operation = Operation(command, account_id, "/v1/wallets/{}", CREATED, find)
    return await carry_out(operation, parts.commands, headers.preferences, context)


async def _account(wallet_id: UUID, parts: Parts, context: RequestContext) -> dict[str, object] | None:
    answer = await parts.queries.ask(GetAccounts(ids=[wallet_id]), context)
    accounts: list[dict[str, object]] = answer["accounts"]
    return accounts[0] if accounts else None


@router.get(
    "",
    response_model=None,
    summary="List your wallets",
    responses={
        DONE: success(Accounts, "Your wallets, oldest first", {"wallets": [EXAMPLE]}),
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
    responses={DONE: success(Account, "The wallet", EXAMPLE), **problems(_UNKNOWN, asks="wallet", scope="wallets")},
)
async def get_wallet(wallet_id: UUID, caller: WalletsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read a wallet. `balance` is in whole minor units (cents)."""
    account = await _account(wallet_id, parts, context) if is_ours(wallet_id) else None
    if account is None or not (account.get("owner") == str(caller.user) or caller.is_operator):
        raise wallet_not_found("wallet_id")
    return json_response(account)


@router.get(
    "/{wallet_id}/entries",
    response_model=None,
    summary="List a wallet's entries",
    responses={
        DONE: success(EntryPage, "Entries, newest first", {"entries": [ENTRY_EXAMPLE], "next_before": None}),
        **problems(_UNKNOWN, asks="wallet", scope="wallets"),
    },
)
async def list_entries(
    wallet_id: UUID,
    caller: WalletsCaller,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[int | None, Query(ge=1, lt=2**63, description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List what was posted to a wallet, newest first: credits are positive, debits negative."""
    await parts.wallets.visible(wallet_id, caller, context)
    query = ListEntries(account_id=wallet_id, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))
