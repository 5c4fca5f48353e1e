"""Statements of an account: pages of JSON, or the whole as CSV or PDF. One of a closed period never changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response, StreamingResponse

from contracts.identity import Scope
from contracts.wallet import PAGE_LIMIT, GetStatement, StatementPage
from gateway.account_statements import csv_form, pdf_form
from gateway.account_statements.forms import NOT_ACCEPTABLE, Form, form_asked_for
from gateway.account_statements.printing import TOO_LONG
from gateway.account_statements.reading import PAGE_LINES, Page, all_pages, first_page
from gateway.accounts import account_not_found
from gateway.dependencies import ContextDep, LedgerReader, PartsDep, WalletsCaller
from gateway.error_handlers import invalid_request
from gateway.instants import EndsAt, StartsAt, check_period
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.parts import Parts
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.request_context import RequestContext
from gateway.routes import transfers, wallets

router = APIRouter()

LINE_EXAMPLE = {
    "transfer_id": transfers.EXAMPLE["id"],
    "sequence": transfers.EXAMPLE["sequence"],
    "effective_at": transfers.EXAMPLE["posted_at"],
    "posted_at": transfers.EXAMPLE["posted_at"],
    "amount": 10000,
    "balance": 10000,
    "counterparty": transfers.EXAMPLE["debit_account"],
}
EXAMPLE = {
    "account_id": wallets.EXAMPLE["id"],
    "currency": "EUR",
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2026-02-01T00:00:00Z",
    "opening": 0,
    "closing": 10000,
    "closed": True,
    "lines": [LINE_EXAMPLE],
}
_CSV_EXAMPLE = (
    "row,effective_at,posted_at,sequence,transfer_id,counterparty,reference,amount,balance,currency\r\n"
    "opening,2026-01-01T00:00:00Z,,,,,,,0,EUR\r\n"
)
_PROBLEMS = {
    "cursor_invalid": "This is not a cursor of this statement; take `next_cursor` of the page before.",
    "not_acceptable": NOT_ACCEPTABLE,
    "statement_too_long": TOO_LONG,
}
_UNKNOWN = {"account_not_found": account_not_found().detail}
_JSON_ONLY = "belongs to pages of JSON; a CSV or PDF is whole"


@dataclass(frozen=True, slots=True)
class Asked:
    """What part of a statement is asked for, and in which form."""

    starts_at: datetime
    ends_at: datetime
    cursor: str | None
    limit: int | None
    form: Form

    def of(self, account: UUID) -> GetStatement:
        """Return the question for a page of an account's statement."""
        return GetStatement.model_construct(
            account_id=account,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            cursor=self.cursor,
            limit=self.limit or PAGE_LIMIT,
        )


async def _asked(
    starts_at: StartsAt,
    ends_at: EndsAt,
    cursor: Annotated[
        str | None, Query(pattern="^[A-Za-z0-9_=-]{1,128}$", description="`next_cursor` of the page before")
    ] = None,
    limit: Annotated[
        int | None, Query(ge=1, le=PAGE_LINES, description="Lines of a page of JSON; 100 if left out")
    ] = None,
    form: Annotated[Form | None, Query(alias="format", description="Counts more than the Accept header")] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Asked:
    check_period(starts_at, ends_at)
    asked = Asked(starts_at, ends_at, cursor, limit, form_asked_for(form, accept))
    if asked.form is not Form.JSON and (cursor or limit):
        raise invalid_request([(f"query/{'cursor' if cursor else 'limit'}", _JSON_ONLY)])
    return asked


AskedDep = Annotated[Asked, Depends(_asked)]


def _responses(unknown: dict[str, str], scope: str) -> dict[int | str, dict[str, Any]]:
    shown = success(StatementPage, "A page of JSON, or the whole as CSV or PDF", EXAMPLE | {"next_cursor": None})
    shown["content"] |= {
        csv_form.MEDIA_TYPE: {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
        pdf_form.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.4"},
    }
    return {DONE: shown, **problems(unknown | _PROBLEMS, asks="wallet", scope=scope)}


@router.get(
    "/v1/wallets/{wallet_id}/statement",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read a wallet's statement",
    tags=["wallets"],
    responses=_responses(wallets.UNKNOWN, "wallets"),
)
async def get_wallet_statement(
    wallet_id: UUID, caller: WalletsCaller, asked: AskedDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Read what was effective in [starts_at, ends_at): opening balance, entries with the balance after each, closing.

    `closed: true` says that the period is closed: its statement is the same, byte for byte, for ever, as JSON, CSV and
    PDF. The pages of an open one all show the moment of the first.
    """
    await parts.wallets.visible(wallet_id, caller, context)
    return await _answer(asked, wallet_id, parts, context)


@router.get(
    "/v1/accounts/{account_id}/statement",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read an account's statement (operators, analysts)",
    tags=["ledger"],
    responses=_responses(_UNKNOWN, Scope.LEDGER_READ),
)
async def get_account_statement(
    account_id: UUID,
    _caller: LedgerReader,
    asked: AskedDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Read the statement of any account, a customer's wallet or the system's own, as that of a wallet."""
    await parts.wallets.existing(account_id, context)
    return await _answer(asked, account_id, parts, context)


async def _answer(asked: Asked, account: UUID, parts: Parts, context: RequestContext) -> Response:
    query = asked.of(account)
    if asked.form is Form.JSON:
        return json_response({"next_cursor": None} | dict(await parts.queries.ask(query, context)), headers=_VARIES)
    # The first page is had before the answer begins: what is refused is refused with a status.
    first = await first_page(parts.queries, query, context)
    pages = all_pages(parts.queries, query, first, context)
    if asked.form is Form.CSV:
        return StreamingResponse(csv_form.csv_parts(pages), DONE, _headers(first, Form.CSV), csv_form.MEDIA_TYPE)
    return Response(await parts.printer.print(pages), DONE, _headers(first, Form.PDF), pdf_form.MEDIA_TYPE)


_VARIES = {"Vary": "Accept"}


def _headers(page: Page, form: Form) -> dict[str, str]:
    name = f"statement-{page['account_id']}-{page['starts_at'][:10]}-{page['ends_at'][:10]}.{form}"
    return _VARIES | {"Content-Disposition": f'attachment; filename="{name}"'}
