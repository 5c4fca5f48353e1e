"""Transfers: money that moves, or moved, from one account to another of the same currency; and back again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.ids import new_id
from contracts.money import Amount, Currency
from contracts.wallet import GetTransfer, Metadata, PostTransfer, ReverseTransfer, Transfer
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute, Instant
from gateway.challenges import insufficient_scope, scheme_of
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, PartsDep, WalletsCaller
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.ownership import ELSEWHERE, check_accounts
from gateway.problems import ProblemError
from gateway.refusals import MOVING_DATED, refusals

router = APIRouter(route_class=BodyRoute, prefix="/v1/transfers", tags=["wallets"])

EXAMPLE = {
    "id": "01990f3e-7c30-7d44-9e55-5f66a77b8801",
    "debit_account": "01990f3e-0001-7000-8000-000000000001",
    "credit_account": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "amount": 10000,
    "currency": "EUR",
    "sequence": 41,
    "posted_at": "2026-01-05T09:31:30.000000Z",
    "effective_at": "2026-01-05T09:31:30.000000Z",
    "metadata": {"order": "4711"},
}
REVERSAL_EXAMPLE = EXAMPLE | {
    "id": "01990f3e-7c31-7d44-9e55-5f66a77b8802",
    "debit_account": EXAMPLE["credit_account"],
    "credit_account": EXAMPLE["debit_account"],
    "amount": 2500,
    "sequence": 52,
    "posted_at": "2026-01-06T10:00:00.000000Z",
    "effective_at": "2026-01-06T10:00:00.000000Z",
    "reverses": EXAMPLE["id"],
    "reversed_total": 2500,
    "metadata": {"ticket": "1234"},
}
_UNKNOWN = "No transfer from or to a wallet of yours has this id."
_LOCATION = f"/v1/transfers/{EXAMPLE['id']}"
_REVERSAL_LOCATION = f"/v1/transfers/{REVERSAL_EXAMPLE['id']}"
_WRONG_AMOUNT = ("body/amount", "Input should be greater than 0")
EffectiveAt = Annotated[
    Instant | None,
    Field(description="Operators only: when it counts from, not in the future. Left out: when it is posted"),
]


class NewTransfer(Body):
    """A transfer between two wallets of the caller's; an operator may name any two accounts."""

    debit_account: Annotated[UUID, Field(description="Where it comes from", examples=[EXAMPLE["debit_account"]])]
    credit_account: Annotated[UUID, Field(description="Where it goes to", examples=[EXAMPLE["credit_account"]])]
    amount: Annotated[Amount, Field(examples=[EXAMPLE["amount"]])]
    currency: Currency
    effective_at: EffectiveAt = None
    metadata: Metadata | None = None


class NewReversal(Body):
    """How much of a transfer to take back, and from when on."""

    amount: Annotated[Amount | None, Field(description="All that is left, if left out", examples=[2500])] = None
    effective_at: EffectiveAt = None
    metadata: Metadata | None = None


WHOLE_REVERSAL = NewReversal()


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Move money between your wallets (operators: between any accounts)",
    responses={
        CREATED: success(Transfer, "Posted", EXAMPLE, _LOCATION),
        **problems(
            {
                "wallet_not_found": ELSEWHERE,
                "account_not_found": "No account has the id given as `credit_account`; GET /v1/accounts lists them.",
                **refusals("same_account", "currency_mismatch", *MOVING_DATED),
            },
            asks="wallet",
            scope="wallets",
            wrong_body=_WRONG_AMOUNT,
            command=True,
        ),
    },
)
async def post_transfer(
    body: NewTransfer, caller: WalletsCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Move money at once between two wallets of the caller's of one currency.

    Payments to somebody else are assessed for risk, and so are made with `POST /v1/payment_intents`. An operator may
    move money between any accounts, also with a date in the past (`effective_at`) that is in no closed period.
    """
    if body.effective_at is not None and not caller.moves_any_money:
        raise insufficient_scope(Scope.LEDGER_WRITE, "`effective_at`", scheme_of(caller))
    await check_accounts(body.debit_account, body.credit_account, body.currency, caller, parts, context)
    transfer_id = new_id()
    command = PostTransfer(
        transfer_id=transfer_id,
        debit_account=body.debit_account,
        credit_account=body.credit_account,
        amount=body.amount,
        currency=body.currency,
        authorised_by=None if caller.moves_any_money else caller.user,
        effective_at=body.effective_at,
        metadata=body.metadata,
        idempotency=headers.idempotency(caller.user, "post_transfer", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.get(
    "/{transfer_id}",
    response_model=None,
    summary="Read a transfer",
    responses={
        DONE: success(Transfer, "The transfer", EXAMPLE),
        **problems({"transfer_not_found": _UNKNOWN}, asks="wallet", scope="wallets"),
    },
)
async def get_transfer(transfer_id: UUID, caller: WalletsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read a posted transfer: the owner of either wallet may, and operators."""
    if not is_ours(transfer_id):
        raise _not_found()
    try:
        transfer = await parts.queries.ask(GetTransfer.model_construct(id=transfer_id), context)
    except ProblemError as problem:
        if problem.code == "unavailable" or caller.sees_all:
            raise
        raise _not_found() from None
    if not caller.sees_all:
        ends = [UUID(transfer["debit_account"]), UUID(transfer["credit_account"])]
        if not await parts.wallets.is_an_end(ends, caller, context):
            raise _not_found()
    return json_response(transfer)


@router.post(
    "/{transfer_id}/reversals",
    status_code=CREATED,
    response_model=None,
    summary="Reverse a transfer (operators)",
    responses={
        CREATED: success(Transfer, "Reversed: the transfer the other way", REVERSAL_EXAMPLE, _REVERSAL_LOCATION),
        **problems(
            {
                "transfer_not_found": "There is no transfer with the id that is to be reversed.",
                **refusals("already_reversed", "exceeds_original", *MOVING_DATED),
            },
            scope=Scope.LEDGER_WRITE,
            wrong_body=_WRONG_AMOUNT,
            command=True,
        ),
    },
)
async def reverse_transfer(
    transfer_id: UUID,
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
    body: NewReversal = WHOLE_REVERSAL,
) -> Response:
    """Take a transfer back, all that is left of it or `amount`, by a new transfer that names it in `reverses`.

    All reversals of a transfer together never exceed it. A reversal is a transfer and can be reversed itself.
    """
    if not is_ours(transfer_id):
        raise _not_found()
    reversal_id = new_id()
    command = ReverseTransfer(
        transfer_id=reversal_id,
        reverses=transfer_id,
        amount=body.amount,
        effective_at=body.effective_at,
        metadata=body.metadata,
        idempotency=headers.idempotency(caller.user, "reverse_transfer", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


def _not_found() -> ProblemError:
    return ProblemError("transfer_not_found", _UNKNOWN, parameter="transfer_id")
