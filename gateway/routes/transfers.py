"""GET /v1/transfers/{transfer_id}: money that moved."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from contracts.wallet import GetTransfer, Transfer
from gateway.accounts import is_ours
from gateway.dependencies import ContextDep, PartsDep, WalletsCaller
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError

router = APIRouter(prefix="/v1/transfers", tags=["wallets"])

EXAMPLE = {
    "id": "01990f3e-7c30-7d44-9e55-5f66a77b8801",
    "debit_account": "01990f3e-0001-7000-8000-000000000001",
    "credit_account": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "amount": 10000,
    "currency": "EUR",
    "sequence": 41,
    "posted_at": "2026-01-05T09:31:30.000000Z",
}
_UNKNOWN = "No transfer from or to a wallet of yours has this id."


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
        if problem.code == "unavailable" or caller.is_operator:
            raise
        raise _not_found() from None
    if not caller.is_operator:
        ends = [UUID(transfer["debit_account"]), UUID(transfer["credit_account"])]
        owners = {wallet.owner for wallet in (await parts.wallets.find(ends, context)).values()}
        if caller.user not in owners:
            raise _not_found()
    return json_response(transfer)


def _not_found() -> ProblemError:
    return ProblemError("transfer_not_found", _UNKNOWN, parameter="transfer_id")
