"""The allow, deny and watch lists of risk, which analysts keep and rules see."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import (
    LIST_ENTRIES_LIMIT,
    AddListEntry,
    ListEntry,
    ListEntryPage,
    ListKind,
    ListListEntries,
    RemoveListEntry,
    RiskList,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute, Instant
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskReader, RiskWriter
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY

PREFIX = "/v1/risk/lists"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["risk"])

_ANALYST = "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99"
_ENTRY_ID = "01990f3e-9a42-7e66-af77-7a88b99c0101"
_DEVICE = "5f4dcc3b5aa765d61d8327deb882cf99"
EXAMPLE: dict[str, Any] = {
    "id": _ENTRY_ID,
    "list": "deny",
    "kind": "device",
    "value": _DEVICE,
    "expires_at": "2026-07-05T00:00:00Z",
    "owner": _ANALYST,
    "reason": "Used with five stolen cards",
    "added_by": _ANALYST,
    "added_at": "2026-01-05T09:30:00.123456Z",
    "removed_by": None,
    "removed_at": None,
    "removal_reason": None,
}
REMOVED_EXAMPLE = EXAMPLE | {
    "removed_by": _ANALYST,
    "removed_at": "2026-02-01T08:00:00.000001Z",
    "removal_reason": "The device has another owner",
}
_REFUSED = {
    "list_value_invalid": "Users are listed by id, devices, addresses and cards by pseudonym (32 hex digits),"
    " countries by ISO 3166-1 code.",
    "list_entry_expired": "The entry would have expired already.",
    "list_entry_exists": "It is on this list already; remove that entry first to change it.",
    "too_many_list_entries": "There are 100,000 entries, and no more can be.",
}
_NOT_REMOVED = {
    "list_entry_not_found": "There is no list entry with this id.",
    "list_entry_ended": "The entry has been removed already, or has expired.",
}
Why = Annotated[
    str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$", examples=["Used with five stolen cards"])
]


class NewListEntry(Body):
    """What to list, until when, and why."""

    list: Annotated[RiskList, Field(examples=["deny"])]
    kind: Annotated[ListKind, Field(examples=["device"])]
    value: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            pattern=r"^[\x21-\x7e]+$",
            examples=[_DEVICE],
            description="A user's id, a pseudonym as decisions show it, or a country's code",
        ),
    ]
    expires_at: Annotated[Instant | None, Field(examples=["2026-07-05T00:00:00Z"])] = None
    owner: Annotated[UUID7 | None, Field(description="Who answers for it; you, if nobody is named")] = None
    reason: Why


class ListEntryRemoval(Body):
    """Why something is taken off its list."""

    reason: Why


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="List a payer, payee, device, address, card or country (analysts)",
    responses={
        CREATED: success(ListEntry, "Listed: payments are decided by it from now on", EXAMPLE),
        **problems(
            _REFUSED,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/list", "Input should be 'allow', 'deny' or 'watch'"),
            command=True,
        ),
    },
)
async def add_list_entry(
    body: NewListEntry, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Put something on a list. What that does, rules say: they see `listed_allow`, `listed_deny`, `listed_watch`."""
    command = AddListEntry.model_construct(
        list=body.list,
        kind=body.kind,
        value=body.value,
        expires_at=body.expires_at,
        owner=body.owner or caller.user,
        reason=body.reason,
        added_by=caller.user,
        idempotency=headers.idempotency(caller.user, "add_list_entry", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.post(
    "/{entry_id}/removal",
    response_model=None,
    summary="Take something off its list (analysts)",
    responses={
        DONE: success(ListEntry, "Removed; the entry is kept, and counts no more", REMOVED_EXAMPLE),
        **problems(
            _NOT_REMOVED,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/reason", "String should have at least 1 character"),
            command=True,
        ),
    },
)
async def remove_list_entry(
    entry_id: UUID,
    body: ListEntryRemoval,
    caller: RiskWriter,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Take something off its list. Who did, when and why is kept with the entry, for ever."""
    if not is_ours(entry_id):
        raise ProblemError("list_entry_not_found", _NOT_REMOVED["list_entry_not_found"], parameter="entry_id")
    command = RemoveListEntry.model_construct(
        entry_id=entry_id,
        removed_by=caller.user,
        reason=body.reason,
        idempotency=headers.idempotency(caller.user, "remove_list_entry", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Show what is listed, and what was (operators, analysts, administrators)",
    responses={
        DONE: success(ListEntryPage, "Entries, newest first", {"entries": [EXAMPLE], "next_before": None}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_list_entries(
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    name: Annotated[RiskList | None, Query(alias="list", description="Of one list")] = None,
    kind: Annotated[ListKind | None, Query(description="Of one kind")] = None,
    value: Annotated[
        str | None, Query(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$", description="About one of them")
    ] = None,
    ended: Annotated[bool, Query(description="Those that were removed or have expired, instead")] = False,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=LIST_ENTRIES_LIMIT)] = 20,
) -> Response:
    """List the entries that count now, or with `ended` those that did: who added and removed each, when and why."""
    query = ListListEntries.model_construct(list=name, kind=kind, value=value, ended=ended, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))
