"""Balances as of any instant, on the effective axis and on the recorded one; and the trial balance of all accounts."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from contracts.identity import Scope
from contracts.wallet import Balance, Balances, GetBalance, GetBalances, GetTrialBalance, TrialBalance
from gateway.accounts import account_not_found
from gateway.dependencies import ContextDep, LedgerReader, PartsDep, WalletsCaller
from gateway.instants import At, KnownAt
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import wallets

router = APIRouter()

EXAMPLE = {
    "account_id": wallets.EXAMPLE["id"],
    "currency": "EUR",
    "balance": 10000,
    "at": "2026-01-31T23:00:00Z",
    "known_at": "2026-01-31T22:59:12.345678Z",
}
TRIAL_EXAMPLE = {
    "at": "2026-01-31T23:00:00Z",
    "lines": [
        {"currency": "EUR", "type": "asset", "kind": "clearing", "accounts": 2, "debit": 10000, "credit": 0},
        {"currency": "EUR", "type": "liability", "kind": "wallet", "debit": 0, "credit": 10000},
    ],
}
_UNKNOWN = {"account_not_found": account_not_found().detail}


@router.get(
    "/v1/wallets/{wallet_id}/balances",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read a wallet's balances as of an instant",
    tags=["wallets"],
    responses={
        DONE: success(Balances, "One balance for each currency of the wallet", {"balances": [EXAMPLE]}),
        **problems(wallets.UNKNOWN, asks="wallet", scope="wallets"),
    },
)
async def get_balances(
    wallet_id: UUID,
    caller: WalletsCaller,
    parts: PartsDep,
    context: ContextDep,
    at: At = None,
    known_at: KnownAt = None,
) -> Response:
    """Read the balances of all currencies of the wallet that any of its ids names.

    `at` is on the axis of effective dates, `known_at` on that of recording: what a backdated transfer changed is seen
    by asking for the same `at` as known before and after it. The answer's `known_at` is at latest when the ledger's
    newest transfer was recorded: asked for with these two, the same balance is answered for ever.
    """
    account = await parts.wallets.visible(wallet_id, caller, context)
    query = GetBalances.model_construct(wallet=account.wallet or account.id, at=at, known_at=known_at)
    return json_response(await parts.queries.ask(query, context))


@router.get(
    "/v1/accounts/{account_id}/balance",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read an account's balance as of an instant (operators, analysts)",
    tags=["ledger"],
    responses={
        DONE: success(Balance, "The balance", EXAMPLE),
        **problems(_UNKNOWN, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def get_balance(
    account_id: UUID,
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    at: At = None,
    known_at: KnownAt = None,
) -> Response:
    """Read the balance of any account, a customer's wallet or the system's own, as that of a wallet."""
    await parts.wallets.existing(account_id, context)
    query = GetBalance.model_construct(account_id=account_id, at=at, known_at=known_at)
    return json_response(await parts.queries.ask(query, context))


@router.get(
    "/v1/ledger/trial_balance",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read the trial balance as of an instant (operators, analysts)",
    tags=["ledger"],
    responses={
        DONE: success(TrialBalance, "A line for each currency, type and kind of account", TRIAL_EXAMPLE),
        **problems(asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def get_trial_balance(
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    at: At = None,
) -> Response:
    """Read all balances, each on the side where it stands. Wallets are one line: what the other accounts leave.

    So debits equal credits here by construction; that every entry bears it out is what `ledgerlink audit` proves.
    """
    return json_response(await parts.queries.ask(GetTrialBalance.model_construct(at=at), context))
