"""The chart of accounts, for operators: customers' wallets and the system's own accounts."""

from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field, ValidationInfo, field_validator, model_validator
from starlette.responses import Response

from contracts.identity import Scope
from contracts.ids import new_id
from contracts.money import Currency
from contracts.wallet import (
    PAGE_LIMIT,
    Account,
    AccountKind,
    AccountPage,
    AccountType,
    ChangeAccount,
    CloseAccount,
    Direction,
    EntryPage,
    ExternalId,
    FreezeAccount,
    Limit,
    Limits,
    ListChart,
    ListEntries,
    Metadata,
    OpenSystemAccount,
    Processor,
    Reason,
)
from gateway.accounts import account_not_found, is_ours
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, LedgerReader, PartsDep
from gateway.lookups import read_account
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.routes import wallets

router = APIRouter(route_class=BodyRoute, prefix="/v1/accounts", tags=["ledger"])

EXAMPLE = {
    "id": "01990f3e-0001-7000-8000-000000000001",
    "currency": "EUR",
    "balance": -10000,
    "created_at": "2026-01-05T09:00:00.000000Z",
    "held": 0,
    "available": -10000,
    "kind": "clearing",
    "type": "asset",
    "normal_side": "debit",
    "processor": "acme",
    "external_id": "acme-eur-1",
    "frozen": "none",
    "metadata": {"order": "4711"},
}
_NEW = EXAMPLE | {"balance": 0, "available": 0}
_LOCATION = f"/v1/accounts/{EXAMPLE['id']}"
_UNKNOWN = {"account_not_found": account_not_found().detail}
_CLOSED = {"account_closed": "The account is closed; nothing about it changes any more."}
_TAKEN = {"external_id_taken": "Another account has this external id."}


class NewAccount(Body):
    """One of the system's own accounts; kinds besides `general` exist once per currency (and processor)."""

    kind: Annotated[
        Literal[AccountKind.CLEARING, AccountKind.FEES, AccountKind.SUSPENSE, AccountKind.FX, AccountKind.GENERAL],
        Field(examples=[EXAMPLE["kind"]]),
    ]
    type: Annotated[AccountType, Field(examples=[EXAMPLE["type"]])]
    currency: Currency
    processor: Annotated[Processor | None, Field(examples=[EXAMPLE["processor"]])] = None
    external_id: Annotated[ExternalId | None, Field(examples=[EXAMPLE["external_id"]])] = None
    floor: Limit | None = Field(default=None, description="The least that `available` may be; no limit if left out")
    ceiling: Limit | None = Field(default=None, description="The most that `balance` may be; no limit if left out")
    metadata: Metadata = Field(default_factory=dict)

    @field_validator("processor")
    @classmethod
    def _of_clearing(cls, processor: str | None, others: ValidationInfo) -> str | None:
        if processor is not None and others.data.get("kind") is not AccountKind.CLEARING:
            raise ValueError("only a clearing account has a processor")
        return processor


class NewLimits(Body):
    """Both limits of an account; null is no limit. Both must be given, so that none is lifted by an oversight."""

    floor: Limit | None = Field(description="The least that `available` may be")
    ceiling: Limit | None = Field(description="The most that `balance` may be")


class AccountChange(Body):
    """What is to change, and why; what is left out stays."""

    limits: Annotated[NewLimits | None, Field(examples=[{"floor": -50000, "ceiling": None}])] = None
    metadata: Metadata | None = None
    external_id: ExternalId | None = None
    reason: Annotated[Reason, Field(examples=["Overdraft granted on 2026-01-05"])]

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.limits is None and self.metadata is None and self.external_id is None:
            raise ValueError("give limits, metadata or external_id")
        return self


class Freeze(Body):
    """Which way money may not go, and why; `none` lets it go again."""

    direction: Annotated[Direction, Field(examples=[Direction.BOTH])]
    reason: Annotated[Reason, Field(examples=["Court order 7 C 42/26"])]


class Closure(Body):
    """Why the account is closed."""

    reason: Annotated[Reason, Field(examples=["Customer left"])]


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Open a system account (operators)",
    responses={
        CREATED: success(Account, "Opened", _NEW, _LOCATION),
        **problems(
            {
                "limit_broken": "An account begins at zero: its floor cannot be above, its ceiling not below.",
                "account_exists": "There is one account of this kind, currency and processor already.",
                **_TAKEN,
            },
            scope=Scope.LEDGER_WRITE,
            wrong_body=("body/currency", "String should match pattern '^[A-Z]{3}$'"),
            command=True,
        ),
    },
)
async def open_account(
    body: NewAccount, caller: FundingCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Open an account for clearing with a processor, fees, suspense, foreign exchange, or anything else."""
    account_id = new_id()
    command = OpenSystemAccount(
        account_id=account_id,
        kind=body.kind,
        type=body.type,
        currency=body.currency,
        processor=body.processor,
        external_id=body.external_id,
        floor=body.floor,
        ceiling=body.ceiling,
        metadata=body.metadata,
        idempotency=headers.idempotency(caller.user, "open_account", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.get(
    "",
    response_model=None,
    summary="List the chart of accounts (operators, analysts)",
    responses={
        DONE: success(AccountPage, "Accounts, oldest first", {"accounts": [EXAMPLE], "next_cursor": None}),
        **problems(
            {"cursor_invalid": "Take `next_cursor` of the page before."}, asks="wallet", scope=Scope.LEDGER_READ
        ),
    },
)
async def list_accounts(
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    kind: Annotated[AccountKind | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    external_id: Annotated[ExternalId | None, Query()] = None,
    cursor: Annotated[
        str | None, Query(pattern="^[A-Za-z0-9_=-]{1,128}$", description="`next_cursor` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 50,
) -> Response:
    """List accounts by age: all, or those of a kind, a currency, or with an external id."""
    query = ListChart.model_construct(kind=kind, currency=currency, external_id=external_id, cursor=cursor, limit=limit)
    return json_response({"next_cursor": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{account_id}",
    response_model=None,
    summary="Read an account (operators, analysts)",
    responses={
        DONE: success(Account, "The account", EXAMPLE),
        **problems(_UNKNOWN, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def get_account(
    account_id: UUID,
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Read any account, a customer's wallet or the system's own. `balance` is credits minus debits."""
    account = await read_account(account_id, parts, context) if is_ours(account_id) else None
    if account is None:
        raise account_not_found()
    return json_response(account)


@router.get(
    "/{account_id}/entries",
    response_model=None,
    summary="List an account's entries (operators, analysts)",
    responses={
        DONE: success(EntryPage, "Entries, newest first", {"entries": [wallets.ENTRY_EXAMPLE], "next_before": None}),
        **problems(_UNKNOWN, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def list_entries(
    account_id: UUID,
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    before: wallets.Before = None,
    limit: wallets.Limit = 20,
) -> Response:
    """List what was posted to any account, newest first: credits are positive, debits negative."""
    await parts.wallets.existing(account_id, context)
    query = ListEntries(account_id=account_id, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.patch(
    "/{account_id}",
    response_model=None,
    summary="Change an account (operators)",
    responses={
        DONE: success(Account, "Changed", EXAMPLE),
        **problems(
            {
                **_UNKNOWN,
                **_TAKEN,
                **_CLOSED,
                "limit_broken": "The account's balance or holds are beyond the new limit, or the floor is above it.",
            },
            asks="wallet",
            scope=Scope.LEDGER_WRITE,
            wrong_body=("body/reason", "Field required"),
            command=True,
        ),
    },
)
async def change_account(
    account_id: UUID,
    body: AccountChange,
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Change an account's limits, metadata or external id. Who did it and why is recorded."""
    await parts.wallets.existing(account_id, context)
    command = ChangeAccount(
        account_id=account_id,
        limits=Limits(**dict(body.limits)) if body.limits else None,
        metadata=body.metadata,
        external_id=body.external_id,
        changed_by=caller.user,
        reason=body.reason,
        idempotency=headers.idempotency(caller.user, "change_account", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{account_id}/freeze",
    response_model=None,
    summary="Freeze or unfreeze an account (operators)",
    responses={
        DONE: success(Account, "Frozen, or not any more", EXAMPLE | {"frozen": "both"}),
        **problems(
            {**_UNKNOWN, **_CLOSED},
            asks="wallet",
            scope=Scope.LEDGER_WRITE,
            wrong_body=("body/direction", "Input should be 'none', 'in', 'out' or 'both'"),
            command=True,
        ),
    },
)
async def freeze_account(
    account_id: UUID,
    body: Freeze,
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Stop money from going in, out, or both: payments, captures and reversals alike. `none` lets it go again."""
    await parts.wallets.existing(account_id, context)
    command = FreezeAccount(
        account_id=account_id,
        direction=body.direction,
        changed_by=caller.user,
        reason=body.reason,
        idempotency=headers.idempotency(caller.user, "freeze_account", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{account_id}/close",
    response_model=None,
    summary="Close an account (operators)",
    responses={
        DONE: success(Account, "Closed for ever", _NEW | {"closed_at": "2026-01-05T10:00:00.000000Z"}),
        **problems(
            {
                **_UNKNOWN,
                **_CLOSED,
                "account_not_empty": "Only an account that holds nothing, in balance and in holds, can be closed.",
            },
            asks="wallet",
            scope=Scope.LEDGER_WRITE,
            wrong_body=("body/reason", "Field required"),
            command=True,
        ),
    },
)
async def close_account(
    account_id: UUID,
    body: Closure,
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Close an account that holds nothing. It stays to be read, and is never opened again."""
    await parts.wallets.existing(account_id, context)
    command = CloseAccount(
        account_id=account_id,
        changed_by=caller.user,
        reason=body.reason,
        idempotency=headers.idempotency(caller.user, "close_account", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)
