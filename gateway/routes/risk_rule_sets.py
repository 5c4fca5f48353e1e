"""Rule sets: analysts draft and propose them, a second person approves and activates; one command rolls back."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.documents import Document, written
from contracts.identity import Scope
from contracts.risk import (
    FLIPS_LIMIT,
    RULE_SETS_LIMIT,
    ActivateRuleSet,
    ApproveRuleSet,
    DraftRuleSet,
    FlipPage,
    GetRuleSet,
    ListRuleSets,
    ListShadowFlips,
    RetireRuleSet,
    RollBackRules,
    RuleSet,
    RuleSetPage,
    ShadowRuleSet,
)
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskApprover, RiskReader, RiskWriter
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY

PREFIX = "/v1/risk/rule_sets"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["risk"])

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AUTHOR, _APPROVER = "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99", "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a02"
LOCATION = f"{PREFIX}/{HASH}"
DOCUMENT_EXAMPLE: dict[str, Any] = {
    "name": "stricter",
    "rules": [
        {
            "name": "large",
            "when": "amount > 9000 * unit",
            "action": "review",
            "code": "large_payment",
            "reason": "{amount:money} at once is above {9000:money}.",
        }
    ],
}
_DRAFTED = {"status": "draft", "by": _AUTHOR, "at": "2026-01-05T09:30:00.123456Z"}
_SHADOWED = {"status": "shadow", "by": _AUTHOR, "at": "2026-01-05T10:00:00.000001Z"}
_APPROVED = {"status": "approved", "by": _APPROVER, "at": "2026-01-06T11:00:00.000001Z"}
_ACTIVATED = {"status": "active", "by": _APPROVER, "at": "2026-01-06T11:05:00.000001Z"}
_RETIRED = {"status": "retired", "by": _AUTHOR, "at": "2026-01-06T11:05:00.000001Z"}
_LISTED: dict[str, Any] = {
    "hash": HASH,
    "name": "stricter",
    "description": "",
    "rules": 1,
    "status": "active",
    "author": _AUTHOR,
    "drafted_at": "2026-01-05T09:30:00.123456Z",
}
_LIFE = [_DRAFTED, _SHADOWED, _APPROVED, _ACTIVATED]
FLIP_EXAMPLE: dict[str, Any] = {
    "assessment_id": "01990f3e-8d42-7e66-af77-7a88b99c0004",
    "payment_intent_id": "01990f3e-8d42-7e66-af77-7a88b99c0001",
    "before": "approve",
    "after": "review",
    "score_before": 0,
    "score": 40,
    "codes": ["large_payment"],
}


def _after(*changes: dict[str, Any]) -> dict[str, Any]:
    return _LISTED | {"status": changes[-1]["status"], "changes": list(changes)}


_UNKNOWN = {"rule_set_not_found": "There is no rule set with this hash."}
_INVALID = {"rule_set_invalid": "large 1:10: there is no feature 'favourite_colour'"}
_TOO_MANY = {"too_many_rule_sets": "10,000 rule sets are kept, and no more can be."}
_NOT_SHADOWED = {
    "rule_set_not_draft": "Only a draft or a retired rule set can be put in shadow.",
    "too_many_shadows": "3 rule sets are in shadow; approve or retire one first.",
}
_NOT_APPROVED = {
    "rule_set_not_in_shadow": "Only a rule set in shadow can be approved.",
    "rule_set_approver_proposed_it": "Somebody else than who wrote it or put it in shadow has to approve it.",
}
_NOT_ACTIVATED = {
    "rule_set_active": "The rule set is active; it ends when another one is made active.",
    "rule_set_not_approved": "Only an approved rule set can be made active.",
    "rule_set_model_not_approved": "The model that the rule set names is not approved.",
}
_NOT_RETIRED = {
    "rule_set_active": "The rule set is active; it ends when another one is made active.",
    "rule_set_retired": "The rule set is retired already.",
}
_NOT_ROLLED_BACK = {"nothing_to_roll_back_to": "No rule set was active before this one."}
RuleSetName = Annotated[str, Path(description="The rule set's hash, as drafting it tells", examples=[HASH])]
_SHA_256 = re.compile("[0-9a-f]{64}")


class NewRuleSet(Body):
    """A rule set."""

    document: Annotated[Document, Field(description="Rules, thresholds, policy and tests", examples=[DOCUMENT_EXAMPLE])]


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Draft a rule set (analysts)",
    responses={
        CREATED: success(RuleSet, "Kept; it decides about nothing yet", _after(_DRAFTED), LOCATION),
        **problems(
            _INVALID | _TOO_MANY,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/document", "Input should be a valid dictionary"),
            command=True,
        ),
    },
)
async def draft_rule_set(
    body: NewRuleSet, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Check every rule, run the rule set's own tests, and keep it under its hash, for ever as it is."""
    command = DraftRuleSet.model_construct(
        document=written(body.document).decode(),
        author=caller.user,
        idempotency=headers.idempotency(caller.user, "draft_rule_set", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.post(
    "/rollback",
    response_model=None,
    summary="Go back to the rules of before (administrators)",
    responses={
        DONE: success(RuleSet, "What was active before decides again", _after(*_LIFE)),
        **problems(_NOT_ROLLED_BACK, scope=Scope.RISK_APPROVE, command=True),
    },
)
async def roll_back(caller: RiskApprover, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep) -> Response:
    """Decide by the rule set before the active one, from the next payments on. Done again, it goes one further back."""
    command = RollBackRules(by=caller.user, idempotency=headers.idempotency(caller.user, "roll_back_rules"))
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{rule_set}/shadow",
    response_model=None,
    summary="Put a rule set in shadow (analysts)",
    responses={
        DONE: success(RuleSet, "It judges payments without any effect", _after(_DRAFTED, _SHADOWED)),
        **problems(_UNKNOWN | _NOT_SHADOWED, scope=Scope.RISK_WRITE, command=True),
    },
)
async def shadow_rule_set(
    rule_set: RuleSetName, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Propose it: payments are judged by it, too, after their decision; three rule sets at once can be in shadow."""
    idempotency = headers.idempotency(caller.user, "shadow_rule_set")
    command = ShadowRuleSet(rule_set=known_hash(rule_set), by=caller.user, idempotency=idempotency)
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{rule_set}/approval",
    response_model=None,
    summary="Approve a rule set (administrators)",
    responses={
        DONE: success(RuleSet, "It may be made active", _after(_DRAFTED, _SHADOWED, _APPROVED)),
        **problems(_UNKNOWN | _NOT_APPROVED, scope=Scope.RISK_APPROVE, command=True),
    },
)
async def approve_rule_set(
    rule_set: RuleSetName, caller: RiskApprover, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Approve it; neither its author nor who put it in shadow can."""
    idempotency = headers.idempotency(caller.user, "approve_rule_set")
    command = ApproveRuleSet(rule_set=known_hash(rule_set), by=caller.user, idempotency=idempotency)
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{rule_set}/activation",
    response_model=None,
    summary="Make a rule set active (administrators)",
    responses={
        DONE: success(RuleSet, "It decides from the next payments on", _after(*_LIFE)),
        **problems(_UNKNOWN | _NOT_ACTIVATED | _INVALID, scope=Scope.RISK_APPROVE, command=True),
    },
)
async def activate_rule_set(
    rule_set: RuleSetName, caller: RiskApprover, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Let an approved rule set decide; the model that it names has to be approved, too."""
    idempotency = headers.idempotency(caller.user, "activate_rule_set")
    command = ActivateRuleSet(rule_set=known_hash(rule_set), by=caller.user, idempotency=idempotency)
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{rule_set}/retirement",
    response_model=None,
    summary="Withdraw a rule set (analysts)",
    responses={
        DONE: success(RuleSet, "It is no proposal any more", _after(_DRAFTED, _RETIRED)),
        **problems(_UNKNOWN | _NOT_RETIRED, scope=Scope.RISK_WRITE, command=True),
    },
)
async def retire_rule_set(
    rule_set: RuleSetName, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Withdraw a draft or a proposal. It can be put in shadow again."""
    idempotency = headers.idempotency(caller.user, "retire_rule_set")
    command = RetireRuleSet(rule_set=known_hash(rule_set), by=caller.user, idempotency=idempotency)
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List rule sets (operators, analysts, administrators)",
    responses={
        DONE: success(
            RuleSetPage, "Rule sets, newest first", {"rule_sets": [_LISTED], "active": HASH, "next_before": None}
        ),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_rule_sets(
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[
        str | None, Query(pattern="^[0-9a-f]{64}$", description="`next_before` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=RULE_SETS_LIMIT)] = 20,
) -> Response:
    """List rule sets without their documents, and which of them is active; that of the product is one of them."""
    query = ListRuleSets.model_construct(before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{rule_set}",
    response_model=None,
    summary="Read a rule set (operators, analysts, administrators)",
    responses={
        DONE: success(
            RuleSet,
            "The rule set, its document, its life, and what it said in shadow",
            _after(*_LIFE)
            | {
                "shadow": [{"before": "approve", "after": "review", "payments": 12, "frauds": 0, "goods": 0}],
                "document": DOCUMENT_EXAMPLE,
            },
        ),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_rule_set(rule_set: RuleSetName, _caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """Read one rule set whole: who did what with it, and how payments would have come out by it."""
    return json_response(await parts.queries.ask(GetRuleSet(hash=known_hash(rule_set)), context))


@router.get(
    "/{rule_set}/shadow",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List what a shadow decided otherwise (operators, analysts, administrators)",
    responses={
        DONE: success(FlipPage, "Payments, newest first", {"flips": [FLIP_EXAMPLE], "next_before": None}),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_shadow_flips(
    rule_set: RuleSetName,
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=FLIPS_LIMIT)] = 100,
) -> Response:
    """List payments that a rule set in shadow would have decided otherwise, the first 20,000 that there were."""
    query = ListShadowFlips(rule_set=known_hash(rule_set), before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


def known_hash(rule_set: str) -> str:
    """Return a hash that could be one. Raises ProblemError `rule_set_not_found`."""
    if not _SHA_256.fullmatch(rule_set):
        raise ProblemError("rule_set_not_found", _UNKNOWN["rule_set_not_found"], parameter="rule_set")
    return rule_set
