"""Journals, for operators: transfers that post together or not at all, also across currencies."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.ids import new_id
from contracts.money import Amount, Currency
from contracts.wallet import JOURNAL_LIMIT, ExchangeLeg, GetJournal, Journal, Metadata, PostJournal, TransferLeg
from gateway.accounts import account_not_found, is_ours
from gateway.bodies import Body, BodyRoute, Instant
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, LedgerReader, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.refusals import MOVING_DATED, refusals
from gateway.routes import transfers

router = APIRouter(route_class=BodyRoute, prefix="/v1/journals", tags=["ledger"])

_ID = "01990f3e-9000-7c10-8d20-0e30af40b001"
_WALLET, _DOLLARS = transfers.EXAMPLE["credit_account"], "01990f3e-6a02-7b11-8c22-3d33e44f5503"
_FX_EUR, _FX_USD = "01990f3e-0002-7000-8000-000000000002", "01990f3e-0003-7000-8000-000000000003"
_FEES = "01990f3e-0004-7000-8000-000000000004"


def _transfer(number: int, debit: object, credit: object, amount: int, currency: str) -> dict[str, object]:
    return {
        "id": f"01990f3e-9000-7c10-8d20-0e30af40b10{number}",
        "debit_account": debit,
        "credit_account": credit,
        "amount": amount,
        "currency": currency,
        "sequence": 60 + number,
        "posted_at": "2026-01-05T09:33:00.000000Z",
        "effective_at": "2026-01-05T09:33:00.000000Z",
        "journal_id": _ID,
    }


_TRANSFERS = [
    _transfer(1, _WALLET, _FX_EUR, 10000, "EUR"),
    _transfer(2, _FX_USD, _DOLLARS, 10853, "USD"),
    _transfer(3, _WALLET, _FEES, 50, "EUR"),
]
EXAMPLE = {
    "id": _ID,
    "transfers": _TRANSFERS,
    "exchanges": [{"sell_transfer_id": _TRANSFERS[0]["id"], "buy_transfer_id": _TRANSFERS[1]["id"], "rate": "1.0853"}],
    "metadata": {"order": "4711"},
    "posted_at": "2026-01-05T09:33:00.000000Z",
}
LEGS_EXAMPLE = [
    {
        "kind": "exchange",
        "debit_account": _WALLET,
        "credit_account": _DOLLARS,
        "sold": 10000,
        "sold_currency": "EUR",
        "bought": 10853,
        "bought_currency": "USD",
        "rate": "1.0853",
    },
    {"kind": "transfer", "debit_account": _WALLET, "credit_account": _FEES, "amount": 50, "currency": "EUR"},
]
_LOCATION = f"/v1/journals/{_ID}"
_UNKNOWN = {"journal_not_found": "There is no journal with this id."}
_REFUSALS = (
    "too_many_transfers",
    "same_currency",
    "rate_mismatch",
    "same_account",
    "debit_account_not_found",
    "credit_account_not_found",
    "currency_mismatch",
    *MOVING_DATED,
)


def _above_zero(rate: str) -> str:
    if not Decimal(rate):
        raise ValueError("the rate must be above 0")
    return rate


Rate = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,6}(\.[0-9]{1,12})?$",
        description="Bought per sold, in major units: a decimal, written as text so that nobody rounds it",
        examples=["1.0853"],
    ),
    AfterValidator(_above_zero),
]


class NewTransferLeg(Body):
    """A transfer between two accounts of one currency."""

    kind: Literal["transfer"]
    debit_account: UUID
    credit_account: UUID
    amount: Amount
    currency: Currency

    def leg(self) -> TransferLeg:
        """Return the leg with an id for its transfer."""
        return TransferLeg(transfer_id=new_id(), **dict(self))


class NewExchangeLeg(Body):
    """Two transfers through the fx accounts: `sold` leaves the debit account, `bought` reaches the credit account.

    `bought` must be `sold` at `rate`, rounded half to even to a minor unit.
    """

    kind: Literal["exchange"]
    debit_account: UUID
    credit_account: UUID
    sold: Amount
    sold_currency: Currency
    bought: Amount
    bought_currency: Currency
    rate: Rate

    def leg(self) -> ExchangeLeg:
        """Return the leg with ids for its transfers."""
        return ExchangeLeg(sell_transfer_id=new_id(), buy_transfer_id=new_id(), **dict(self))


NewLeg = Annotated[NewTransferLeg | NewExchangeLeg, Field(discriminator="kind")]


class NewJournal(Body):
    """Up to a hundred transfers, in their order; an exchange counts as two."""

    legs: Annotated[list[NewLeg], Field(min_length=1, max_length=JOURNAL_LIMIT, examples=[LEGS_EXAMPLE])]
    effective_at: Annotated[
        Instant | None, Field(description="When it counts from, not in the future. Left out: when it is posted")
    ] = None
    metadata: Metadata | None = None


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Post a journal (operators)",
    responses={
        CREATED: success(Journal, "Posted, all of it", EXAMPLE, _LOCATION),
        **problems(
            {"account_not_found": account_not_found("legs/0/debit_account").detail, **refusals(*_REFUSALS)},
            scope=Scope.LEDGER_WRITE,
            wrong_body=("body/legs", "List should have at least 1 item after validation, not 0"),
            command=True,
        ),
    },
)
async def post_journal(
    body: NewJournal, caller: FundingCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Post transfers that belong together, such as a payment, its fee and its tax: all of them or none.

    Each is decided on the balances that the one before it left. An exchange goes through the two currencies' fx
    accounts, and its rate is recorded.
    """
    _check_ids(body)
    journal_id = new_id()
    command = PostJournal(
        journal_id=journal_id,
        legs=[leg.leg() for leg in body.legs],
        effective_at=body.effective_at,
        metadata=body.metadata,
        idempotency=headers.idempotency(caller.user, "post_journal", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


def _check_ids(body: NewJournal) -> None:
    """Raise ProblemError `account_not_found` for what cannot be an account; the ledger looks for the others."""
    for number, leg in enumerate(body.legs):
        for name, identifier in (("debit_account", leg.debit_account), ("credit_account", leg.credit_account)):
            if not is_ours(identifier):
                raise account_not_found(f"legs/{number}/{name}")


@router.get(
    "/{journal_id}",
    response_model=None,
    summary="Read a journal (operators, analysts)",
    responses={
        DONE: success(Journal, "The journal", EXAMPLE),
        **problems(_UNKNOWN, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def get_journal(
    journal_id: UUID,
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Read a journal: its transfers in their order, and the rates between their currencies."""
    if not is_ours(journal_id):
        raise ProblemError("journal_not_found", _UNKNOWN["journal_not_found"], parameter="journal_id")
    return json_response(await parts.queries.ask(GetJournal.model_construct(id=journal_id), context))
