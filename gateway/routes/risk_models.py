"""Models that score payments: analysts register what `ledgerlink risk train` writes, a second person approves it."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from contracts.documents import Document, written
from contracts.identity import Scope
from contracts.risk import MODELS_LIMIT, ApproveModel, GetModel, ListModels, RegisterModel, RiskModel, RiskModelPage
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskApprover, RiskReader, RiskWriter
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY

PREFIX = "/v1/risk/models"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["risk"])

_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LOCATION = f"{PREFIX}/{_HASH}"
DOCUMENT_EXAMPLE: dict[str, Any] = {
    "format": "ledgerlink-risk-model/1",
    "name": "amounts",
    "description": "",
    "inputs": [{"feature": "payer_amount_ratio", "per_unit": False}],
    "scorer": {
        "kind": "logistic",
        "intercept": -4.5,
        "means": [1.0],
        "weights": [0.6],
        "lowest": [0.0],
        "highest": [8.0],
    },
    "training": {"payments": 67240, "frauds": 541},
    "metrics": {"average_precision": 0.61},
}
_WAITING: dict[str, Any] = {
    "hash": _HASH,
    "name": "amounts",
    "description": "",
    "kind": "logistic",
    "inputs": ["payer_amount_ratio"],
    "training": DOCUMENT_EXAMPLE["training"],
    "metrics": DOCUMENT_EXAMPLE["metrics"],
    "registered_by": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99",
    "registered_at": "2026-01-05T09:30:00.123456Z",
    "approved_by": None,
    "approved_at": None,
}
EXAMPLE = _WAITING | {
    "approved_by": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a02",
    "approved_at": "2026-01-05T11:00:00.000001Z",
}
_UNKNOWN = {"model_not_found": "There is no model with this hash."}
_REFUSED = {
    "model_invalid": "inputs.0: Value error, there is no feature 'favourite_colour'",
    "too_many_models": "1,000 models are registered, and no more can be.",
}
_NOT_APPROVED = _UNKNOWN | {
    "model_approved": "The model has been approved already.",
    "model_approver_registered_it": "Somebody else than who registered the model has to approve it.",
}
ModelHash = Annotated[str, Path(description="The model's hash, as registering it tells", examples=[_HASH])]
_SHA_256 = re.compile("[0-9a-f]{64}")


class NewModel(Body):
    """A model document."""

    document: Annotated[
        Document,
        Field(description="What `ledgerlink risk train` writes, as it is", examples=[DOCUMENT_EXAMPLE]),
    ]


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Register a model (analysts)",
    responses={
        CREATED: success(RiskModel, "Registered; it waits for approval", _WAITING, LOCATION),
        **problems(
            _REFUSED,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/document", "Input should be a valid dictionary"),
            command=True,
        ),
    },
)
async def register_model(
    body: NewModel, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Keep a model under the hash of its document, for ever as it is. One that is kept already is answered as it is."""
    command = RegisterModel.model_construct(
        document=written(body.document).decode(),
        registered_by=caller.user,
        idempotency=headers.idempotency(caller.user, "register_model", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.post(
    "/{model_hash}/approval",
    response_model=None,
    summary="Approve a model (administrators)",
    responses={
        DONE: success(RiskModel, "Approved: rule sets may use it", EXAMPLE),
        **problems(_NOT_APPROVED, scope=Scope.RISK_APPROVE, command=True),
    },
)
async def approve_model(
    model_hash: ModelHash,
    caller: RiskApprover,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Let rule sets score payments with the model. Whoever registered it cannot approve it."""
    command = ApproveModel(
        model=_known(model_hash),
        approved_by=caller.user,
        idempotency=headers.idempotency(caller.user, "approve_model"),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List models (operators, analysts, administrators)",
    responses={
        DONE: success(RiskModelPage, "Models, newest first", {"models": [EXAMPLE], "next_before": None}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_models(
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[
        str | None, Query(pattern="^[0-9a-f]{64}$", description="`next_before` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MODELS_LIMIT)] = 20,
) -> Response:
    """List models without their documents: what each was trained on, how good it was, and who approved it."""
    query = ListModels.model_construct(before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{model_hash}",
    response_model=None,
    summary="Read a model (operators, analysts, administrators)",
    responses={
        DONE: success(RiskModel, "The model and its document", EXAMPLE | {"document": DOCUMENT_EXAMPLE}),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_model(
    model_hash: ModelHash,
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Read one model whole: its document, and who registered and approved it."""
    return json_response(await parts.queries.ask(GetModel(hash=_known(model_hash)), context))


def _known(model_hash: str) -> str:
    """Return a hash that could be one. Raises ProblemError `model_not_found`."""
    if not _SHA_256.fullmatch(model_hash):
        raise ProblemError("model_not_found", _UNKNOWN["model_not_found"], parameter="model_hash")
    return model_hash
