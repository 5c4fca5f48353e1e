"""Reconciliations, for operators: upload a statement of a clearing account, read what did not match, resolve it."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.ids import new_id
from contracts.message import Message, Reply
from contracts.wallet import (
    PAGE_LIMIT,
    WINDOW_LIMIT,
    GetReconciliation,
    Limit,
    ListReconciliations,
    Reconciliation,
    ReconciliationPage,
    ReconciliationStatus,
    StartReconciliation,
)
from gateway.accounts import account_not_found, is_ours
from gateway.bodies import Body, BodyRoute, Day
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, LedgerReader, PartsDep
from gateway.external_statements.camt053 import Camt053Reader
from gateway.external_statements.csv_reader import CsvReader
from gateway.external_statements.reading import Facts, Reader
from gateway.external_statements.upload import Upload
from gateway.lookups import read_account
from gateway.openapi import problems, success
from gateway.operations import OperationName
from gateway.outcomes import CREATED, DONE, FOLLOWS, follow, json_response
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import RequestContext

PATH = "/v1/reconciliations"
router = APIRouter(route_class=BodyRoute, prefix=PATH, tags=["reconciliation"])

ID = "01990f3e-a000-7c10-8d20-0e30af40c001"
_CLEARING = "01990f3e-0001-7000-8000-000000000001"
OPERATOR = "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99"
EXAMPLE = {
    "id": ID,
    "account_id": _CLEARING,
    "currency": "EUR",
    "name": "2026-01",
    "starts_on": "2026-01-01",
    "ends_on": "2026-01-31",
    "window_days": 3,
    "opening": 500000,
    "closing": 509500,
    "status": "matched",
    "created_by": OPERATOR,
    "created_at": "2026-02-01T08:00:00.000000Z",
    "lines": 2,
    "entries": 1,
    "matched": [{"rule": "exact", "lines": 1, "entries": 1}],
    "matched_at": "2026-02-01T08:00:02.000000Z",
    "breaks": 1,
    "open_breaks": 1,
    "open_difference": -500,
}
_BEING_MATCHED = {k: v for k, v in EXAMPLE.items() if k not in {"entries", "breaks", "open_breaks", "open_difference"}}
_MATCHING = _BEING_MATCHED | {"status": "matching", "matched": []}
del _MATCHING["matched_at"]
CSV_EXAMPLE = """date,amount,reference,description
2026-01-05,100.00,01990f3e7c307d449e555f66a77b8801,Card payment
2026-01-31,-5.00,FEE-2026-01,Account fee
"""
LOCATION = f"{PATH}/{ID}"
UNKNOWN = {"reconciliation_not_found": "There is no reconciliation with this id."}
_UPLOAD_REFUSALS = {
    "account_not_found": "There is no account with this id.",
    "not_a_clearing_account": "Only clearing accounts have a statement of somebody else's.",
    "currency_mismatch": "The statement's currency is not that of the account.",
    "period_invalid": "The statement's first day is after its last.",
    "balances_incomplete": "A statement has both an opening and a closing balance, or neither.",
    "statement_invalid": "line 17, `amount`: '12.345' has more decimals than EUR has",
    "statement_does_not_add_up": "The statement's opening balance and its lines do not add up to its closing balance.",
    "statement_overlaps": "Another statement of the account covers some of these days; say `may_overlap` if this one "
    "is not the same.",
    "line_differs": "A line was imported before under the same number, and said something else.",
    "reconciliation_not_importing": "The import has ended; it takes no more lines.",
    "unsupported_media_type": "Send the statement as `text/csv` or `application/xml` (camt.053).",
    "body_too_large": "A body may have at most 268435456 bytes.",
    "request_timeout": "The body did not arrive in time; send it at once.",
    "invalid_request": "query/starts_on: Field required.",
}
_POLL_SECONDS = 0.25
_UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "CSV with a header (date, amount or amount_minor, reference, description, id), or camt.053",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": CSV_EXAMPLE},
            "application/xml": {"schema": {"type": "string"}, "example": "<Document>…</Document>"},
        },
    }
}


class Statement(Body):
    """What the query says of an uploaded statement. camt.053 says all but the account itself."""

    account_id: Annotated[UUID, Field(description="The clearing account that the statement is of")]
    starts_on: Annotated[Day | None, Field(description="First day; camt.053 says it itself")] = None
    ends_on: Annotated[Day | None, Field(description="Last day, included; camt.053 says it itself")] = None
    opening: Annotated[
        Limit | None, Field(strict=False, description="CSV: the statement's opening balance in minor units")
    ] = None
    closing: Annotated[
        Limit | None, Field(strict=False, description="CSV: its closing balance, which its lines must lead to")
    ] = None
    window_days: Annotated[
        int,
        Field(ge=0, le=WINDOW_LIMIT, description="How many days apart a line and its entry may be without reference"),
    ] = 3
    may_overlap: Annotated[
        bool, Field(description="Take it beside another statement of the same days, such as that of another bank")
    ] = False
    name: Annotated[str | None, Field(min_length=1, max_length=140, description="How to call it")] = None


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Upload a statement (operators)",
    openapi_extra=_UPLOAD,
    responses={
        CREATED: success(Reconciliation, "Matched", EXAMPLE, LOCATION),
        FOLLOWS: success(Reconciliation, "Imported, and being matched: see `status`", _MATCHING, LOCATION),
        **problems(_UPLOAD_REFUSALS, asks="wallet", scope=Scope.LEDGER_WRITE, command=True),
    },
)
async def upload_statement(
    request: Request,
    statement: Annotated[Statement, Query()],
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Import an external statement of a clearing account and match it with the ledger's entries.

    Money that reached us is positive in a statement, and a debit, which is negative, on a clearing account: a line of
    1250 matches an entry of -1250. An entry is known by its transfer's id, its `reference`, its journal's id, or
    `external_reference` in its metadata; only letters and digits count.
    """

    async def send(command: Message, seconds: float) -> Reply | None:
        return await parts.commands.send(command, context, seconds)

    async def begin(facts: Facts) -> UUID:
        command = StartReconciliation(
            reconciliation_id=new_id(),
            account_id=statement.account_id,
            window_days=statement.window_days,
            may_overlap=statement.may_overlap,
            created_by=caller.user,
            idempotency=headers.idempotency(caller.user, "reconcile", statement),
            name=facts.name,
            currency=facts.currency,
            starts_on=facts.starts_on,
            ends_on=facts.ends_on,
            opening=facts.opening,
            closing=facts.closing,
        )
        reply = await send(command, headers.preferences.wait_seconds)
        if reply is None:
            raise ProblemError("outcome_unknown", "The upload did not begin. Repeat it with the same Idempotency-Key.")
        if reply.problem is not None:
            raise ProblemError.refused(reply.problem)
        return UUID(reply.resource["id"])

    reader = await _reader(request, statement, parts, context)
    shown = await Upload(reader, begin, send).run(request.stream())
    if not headers.preferences.respond_async:
        shown = await _followed(shown, headers.preferences.wait_seconds, parts, context)
    if shown["status"] == ReconciliationStatus.MATCHING:
        return follow(OperationName("reconcile", headers.key), shown, headers.preferences)
    return json_response(shown, CREATED, {"Location": f"{PATH}/{shown['id']}"})


async def _reader(request: Request, statement: Statement, parts: Parts, context: RequestContext) -> Reader:
    """Return the reader of the body's format. Raises ProblemError."""
    if statement.starts_on and statement.ends_on and statement.starts_on > statement.ends_on:
        raise ProblemError("period_invalid", _UPLOAD_REFUSALS["period_invalid"], parameter="ends_on")
    account = await read_account(statement.account_id, parts, context) if is_ours(statement.account_id) else None
    if account is None:
        raise account_not_found("account_id")
    match request.headers.get("content-type", "").split(";")[0].strip().lower():
        case "application/xml" | "text/xml":
            return Camt053Reader(statement.name, statement.starts_on, statement.ends_on)
        case "text/csv":
            return CsvReader(_csv_facts(statement, account["currency"]))
        case _:
            raise ProblemError("unsupported_media_type", _UPLOAD_REFUSALS["unsupported_media_type"])


def _csv_facts(statement: Statement, currency: str) -> Facts:
    if statement.starts_on is None or statement.ends_on is None:
        missing = "starts_on" if statement.starts_on is None else "ends_on"
        detail = f"query/{missing}: CSV does not say its period; give its first and its last day."
        raise ProblemError("invalid_request", detail, parameter=missing)
    name = statement.name or "statement"
    return Facts(name, currency, statement.starts_on, statement.ends_on, statement.opening, statement.closing)


async def _followed(
    shown: Mapping[str, Any], seconds: float, parts: Parts, context: RequestContext
) -> Mapping[str, Any]:
    """Look again until the matching has ended, at most `seconds`."""
    ends = monotonic() + seconds
    while shown["status"] == "matching" and monotonic() < ends:
        await asyncio.sleep(_POLL_SECONDS)
        shown = await parts.queries.ask(GetReconciliation.model_construct(id=UUID(shown["id"])), context)
    return shown


@router.get(
    "",
    response_model=None,
    summary="List reconciliations (operators, analysts)",
    responses={
        DONE: success(ReconciliationPage, "Newest first", {"reconciliations": [EXAMPLE], "next_before": None}),
        **problems(asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def list_reconciliations(
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    account_id: Annotated[UUID | None, Query(description="Only those of this account")] = None,
    before: Annotated[UUID | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List reconciliations, newest first."""
    query = ListReconciliations.model_construct(account_id=account_id, before=before, limit=limit)
    if not all(is_ours(i) for i in (account_id, before) if i is not None):
        return json_response({"reconciliations": [], "next_before": None})
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{reconciliation_id}",
    response_model=None,
    summary="Read a reconciliation (operators, analysts)",
    responses={
        DONE: success(Reconciliation, "The reconciliation", EXAMPLE),
        **problems(UNKNOWN, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def get_reconciliation(
    reconciliation_id: UUID, _caller: LedgerReader, parts: PartsDep, context: ContextDep
) -> Response:
    """Read where a reconciliation stands, and what each rule has matched."""
    check_id(reconciliation_id)
    return json_response(await parts.queries.ask(GetReconciliation(id=reconciliation_id), context))


def check_id(reconciliation_id: UUID) -> None:
    """Raise ProblemError for an id that can be no reconciliation's."""
    if not is_ours(reconciliation_id):
        detail = UNKNOWN["reconciliation_not_found"]
        raise ProblemError("reconciliation_not_found", detail, parameter="reconciliation_id")
