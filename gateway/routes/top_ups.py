"""POST /v1/wallets/{wallet_id}/top_ups: an operator puts money into a wallet."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from contracts.ids import new_id
from contracts.money import Amount, Currency
from contracts.wallet import FundAccount, Processor, Transfer
from gateway.bodies import Body, BodyRoute
from gateway.currencies import check_currency
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, carry_out
from gateway.refusals import FUNDING, refusals
from gateway.routes.transfers import EXAMPLE

router = APIRouter(route_class=BodyRoute, prefix="/v1/wallets", tags=["wallets"])

_REFUSALS = {
    "wallet_not_found": "No wallet has the id given as `wallet_id`.",
    "currency_mismatch": "The account `wallet_id` holds USD, not EUR.",
    **refusals(*FUNDING),
}
_LOCATION = f"/v1/transfers/{EXAMPLE['id']}"


class NewTopUp(Body):
    """How much, in the wallet's own currency, and by which processor it came."""

    amount: Annotated[Amount, Field(examples=[EXAMPLE["amount"]])]
    currency: Currency
    processor: Processor | None = None


@router.post(
    "/{wallet_id}/top_ups",
    status_code=CREATED,
    response_model=None,
    summary="Fund a wallet (operators)",
    responses={
        CREATED: success(Transfer, "Funded: the transfer from the currency's clearing account", EXAMPLE, _LOCATION),
        **problems(
            _REFUSALS,
            asks="wallet",
            scope="wallets:fund",
            wrong_body=("body/amount", "Input should be greater than 0"),
            command=True,
        ),
    },
)
async def top_up(
    wallet_id: UUID,
    body: NewTopUp,
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Move money from the currency's clearing account, or that of a processor, into any wallet."""
    wallet = await parts.wallets.visible(wallet_id, caller, context)
    check_currency(wallet, "wallet_id", body.currency)
    transfer_id = new_id()
    command = FundAccount(
        transfer_id=transfer_id,
        account_id=wallet_id,
        amount=body.amount,
        currency=body.currency,
        processor=body.processor,
        idempotency=headers.idempotency(caller.user, "top_up", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)
