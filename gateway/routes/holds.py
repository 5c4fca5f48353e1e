"""Holds: money that is reserved on one account for another, and then captured, given back, or held for longer."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field, StrictBool, StrictInt, model_validator
from starlette.responses import Response

from contracts.ids import new_id
from contracts.money import Amount, Currency
from contracts.wallet import (
    PAGE_LIMIT,
    Capture,
    CaptureHold,
    ExtendHold,
    Hold,
    HoldPage,
    ListHolds,
    PlaceHold,
    VoidHold,
)
from gateway.bodies import Body, BodyRoute, Instant
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, WalletsCaller
from gateway.hold_access import check_expiry, check_extends, check_settles, hold_not_found, visible_hold
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.ownership import check_accounts
from gateway.refusals import MOVING, RESERVING, refusals
from gateway.routes import transfers, wallets

router = APIRouter(route_class=BodyRoute, tags=["holds"])

EXAMPLE = {
    "id": "01990f3e-8e00-7a10-8b20-9c30ad40be01",
    "debit_account": wallets.EXAMPLE["id"],
    "credit_account": "01990f3e-6a01-7b11-8c22-3d33e44f5502",
    "amount": 2000,
    "currency": "EUR",
    "captured": 0,
    "remaining": 2000,
    "status": "pending",
    "expires_at": "2026-01-12T09:31:30.000000Z",
    "placed_at": "2026-01-05T09:31:30.000000Z",
}
_CAPTURED = EXAMPLE | {"captured": 1500, "remaining": 500}
_VOIDED = EXAMPLE | {"captured": 1500, "remaining": 0, "status": "voided"}
_EXTENDED = EXAMPLE | {"expires_at": "2026-01-19T09:31:30.000000Z"}
_TRANSFER = {k: v for k, v in transfers.EXAMPLE.items() if k != "metadata"} | {
    "id": "01990f3e-8e01-7a10-8b20-9c30ad40be02",
    "debit_account": EXAMPLE["debit_account"],
    "credit_account": EXAMPLE["credit_account"],
    "amount": 1500,
    "hold_id": EXAMPLE["id"],
}
CAPTURE_EXAMPLE = {"transfer": _TRANSFER, "hold": _CAPTURED}
_LOCATION = f"/v1/holds/{EXAMPLE['id']}"
_CAPTURE_LOCATION = f"/v1/transfers/{_TRANSFER['id']}"
_WRONG_AMOUNT = ("body/amount", "Input should be greater than 0")
_NOT_FOUND = {"hold_not_found": hold_not_found().detail}
_TOO_FAR = {"expiry_too_far": "A hold lasts at most 31 days from now."}
_ENDED = refusals("hold_expired", "hold_not_pending")
_OF_PAYEE = {"not_permitted": "Only the owner of the credit account, or an operator, captures or voids a hold."}
_OF_PAYER = {"not_permitted": "Only the owner of the debit account, or an operator, extends a hold."}


class NewHold(Body):
    """How much to reserve, on which account, for which, and until when."""

    debit_account: Annotated[UUID, Field(description="Where it is reserved", examples=[EXAMPLE["debit_account"]])]
    credit_account: Annotated[UUID, Field(description="Whom it is for", examples=[EXAMPLE["credit_account"]])]
    amount: Annotated[Amount, Field(examples=[EXAMPLE["amount"]])]
    currency: Currency
    expires_in: Annotated[StrictInt | None, Field(gt=0, le=31 * 86400, description="Seconds", examples=[604800])] = None
    expires_at: Annotated[Instant | None, Field(description="Instead of `expires_in`; at most 31 days from now")] = None

    @model_validator(mode="after")
    def _one_expiry(self) -> Self:
        if (self.expires_in is None) == (self.expires_at is None):
            raise ValueError("give either expires_in or expires_at")
        return self

    def expiry(self) -> datetime:
        """Return the instant, counted from now where it is given in seconds."""
        return self.expires_at or datetime.now(UTC) + timedelta(seconds=self.expires_in or 0)


class NewCapture(Body):
    """How much of the hold to move; `release_rest` gives back at once what then remains."""

    amount: Annotated[Amount | None, Field(description="All that remains, if left out", examples=[1500])] = None
    release_rest: StrictBool = False


class NewExtension(Body):
    """Until when the hold is to last."""

    expires_at: Annotated[Instant, Field(description="At most 31 days from now", examples=[_EXTENDED["expires_at"]])]


WHOLE_CAPTURE = NewCapture()


@router.post(
    "/v1/holds",
    status_code=CREATED,
    response_model=None,
    summary="Reserve money",
    responses={
        CREATED: success(Hold, "Reserved", EXAMPLE, _LOCATION),
        **problems(
            {
                "wallet_not_found": "No wallet of yours has the id given as `debit_account`; GET /v1/wallets lists "
                "yours.",
                "account_not_found": "No account has the id given as `credit_account`; GET /v1/accounts lists them.",
                **_TOO_FAR,
                **refusals("expiry_in_past", "same_account", "currency_mismatch", *RESERVING),
            },
            asks="wallet",
            scope="wallets",
            wrong_body=_WRONG_AMOUNT,
            command=True,
        ),
    },
)
async def place_hold(
    body: NewHold, caller: WalletsCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Reserve money on one wallet of the caller's for another; an operator may name any accounts of one currency.

    What is held stays in `balance` and leaves `available` until it is captured or given back, or the hold expires.
    """
    check_expiry(body.expires_at)
    await check_accounts(body.debit_account, body.credit_account, body.currency, caller, parts, context)
    hold_id = new_id()
    command = PlaceHold(
        hold_id=hold_id,
        debit_account=body.debit_account,
        credit_account=body.credit_account,
        amount=body.amount,
        currency=body.currency,
        expires_at=body.expiry(),
        authorised_by=None if caller.moves_any_money else caller.user,
        idempotency=headers.idempotency(caller.user, "place_hold", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.get(
    "/v1/holds/{hold_id}",
    response_model=None,
    summary="Read a hold",
    responses={DONE: success(Hold, "The hold", EXAMPLE), **problems(_NOT_FOUND, asks="wallet", scope="wallets")},
)
async def get_hold(hold_id: UUID, caller: WalletsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read a hold: the owner of either wallet may, and operators."""
    return json_response(await visible_hold(hold_id, caller, parts, context))


@router.get(
    "/v1/wallets/{wallet_id}/holds",
    response_model=None,
    summary="List the holds on a wallet",
    responses={
        DONE: success(HoldPage, "Holds, newest first", {"holds": [EXAMPLE], "next_before": None}),
        **problems(wallets.UNKNOWN, asks="wallet", scope="wallets"),
    },
)
async def list_holds(
    wallet_id: UUID,
    caller: WalletsCaller,
    parts: PartsDep,
    context: ContextDep,
    pending: Annotated[bool, Query(description="Only those that still reserve something")] = False,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List the holds that reserve, or reserved, money of a wallet, newest first."""
    await parts.wallets.visible(wallet_id, caller, context)
    query = ListHolds.model_construct(account_id=wallet_id, pending=pending, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.post(
    "/v1/holds/{hold_id}/captures",
    status_code=CREATED,
    response_model=None,
    summary="Capture a hold",
    responses={
        CREATED: success(Capture, "Captured: the transfer, and the hold after it", CAPTURE_EXAMPLE, _CAPTURE_LOCATION),
        **problems(
            {**_NOT_FOUND, **_OF_PAYEE, **_ENDED, **refusals("exceeds_hold", *MOVING)},
            asks="wallet",
            scope="wallets",
            wrong_body=_WRONG_AMOUNT,
            command=True,
        ),
    },
)
async def capture_hold(
    hold_id: UUID,
    caller: WalletsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
    body: NewCapture = WHOLE_CAPTURE,
) -> Response:
    """Move what a hold reserves, all of it or `amount`; there may be several captures as long as something remains.

    The owner of the credit account may, and operators.
    """
    await check_settles(hold_id, caller, parts, context)
    transfer_id = new_id()
    command = CaptureHold(
        transfer_id=transfer_id,
        hold_id=hold_id,
        amount=body.amount,
        release_rest=body.release_rest,
        idempotency=headers.idempotency(caller.user, "capture_hold", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.post(
    "/v1/holds/{hold_id}/void",
    response_model=None,
    summary="Void a hold",
    responses={
        DONE: success(Hold, "Given back: the hold reserves nothing any more", _VOIDED),
        **problems({**_NOT_FOUND, **_OF_PAYEE, **_ENDED}, asks="wallet", scope="wallets", command=True),
    },
)
async def void_hold(
    hold_id: UUID, caller: WalletsCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Give back what a hold still reserves. The owner of the credit account may, and operators."""
    await check_settles(hold_id, caller, parts, context)
    command = VoidHold(
        operation_id=new_id(), hold_id=hold_id, idempotency=headers.idempotency(caller.user, "void_hold")
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/v1/holds/{hold_id}/extensions",
    response_model=None,
    summary="Extend a hold",
    responses={
        DONE: success(Hold, "Extended", _EXTENDED),
        **problems(
            {**_NOT_FOUND, **_OF_PAYER, **_TOO_FAR, **_ENDED, **refusals("expiry_not_later")},
            asks="wallet",
            scope="wallets",
            wrong_body=("body/expires_at", "Field required"),
            command=True,
        ),
    },
)
async def extend_hold(
    hold_id: UUID,
    body: NewExtension,
    caller: WalletsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Let a hold expire later. The owner of the debit account may, and operators."""
    check_expiry(body.expires_at)
    await check_extends(hold_id, caller, parts, context)
    command = ExtendHold(
        operation_id=new_id(),
        hold_id=hold_id,
        expires_at=body.expires_at,
        idempotency=headers.idempotency(caller.user, "extend_hold", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)
