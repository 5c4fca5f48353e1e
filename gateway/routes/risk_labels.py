"""Labels: what payments turned out to be, as analysts and imported files say."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import (
    LABELS_AT_ONCE,
    GetLabel,
    ImportLabels,
    Label,
    LabelPayment,
    LabelsImported,
    NewLabel,
    PaymentLabel,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, Instant
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskReader, RiskWriter
from gateway.openapi import problems, success
from gateway.outcomes import DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.routes import payment_intents

PREFIX = "/v1/risk/labels"
router = APIRouter(route_class=CardlessRoute, prefix=PREFIX, tags=["risk"])

EXAMPLE: dict[str, Any] = {
    "payment_intent_id": payment_intents.EXAMPLE["id"],
    "label": "fraud",
    "source": "analyst",
    "changed_at": "2026-01-12T08:00:00.000000Z",
    "statements": [
        {
            "source": "analyst",
            "label": "fraud",
            "stated_at": "2026-01-12T08:00:00.000000Z",
            "stated_by": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99",
            "reference": "The customer's phone was stolen",
        }
    ],
}
_UNKNOWN = {"label_not_found": "Nobody has said what this payment was."}
_NOT_ASSESSED = {"payment_not_assessed": "Risk has decided about no payment with this id."}


class NewAnalystLabel(Body):
    """What the payment was, and how that is known."""

    label: Annotated[Label, Field(examples=["fraud"])]
    reason: Annotated[
        str,
        Field(min_length=1, max_length=200, pattern="^[^\x00]*$", examples=["The customer's phone was stolen"]),
    ]


class ImportedLabel(Body):
    """One payment of a file."""

    payment_intent_id: UUID7
    label: Label
    labelled_at: Annotated[Instant | None, Field(description="When it became known; now if left out")] = None


class NewImport(Body):
    """Payments of a file, and what they were; a larger file comes in several requests."""

    reference: Annotated[
        str, Field(min_length=1, max_length=200, pattern="^[^\x00]*$", examples=["chargebacks-2026-01.csv"])
    ]
    labels: Annotated[
        list[ImportedLabel],
        Field(
            min_length=1,
            max_length=LABELS_AT_ONCE,
            examples=[[{"payment_intent_id": payment_intents.EXAMPLE["id"], "label": "fraud"}]],
        ),
    ]


@router.get(
    "/{payment_intent_id}",
    response_model=None,
    summary="Read a payment's label (operators, analysts, administrators)",
    responses={
        DONE: success(PaymentLabel, "What the payment was, and who says what", EXAMPLE),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_label(payment_intent_id: UUID, _caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """Read what a payment was. Where sources differ, disputes count more than analysts, and those more than files."""
    if not is_ours(payment_intent_id):
        raise ProblemError("label_not_found", _UNKNOWN["label_not_found"], parameter="payment_intent_id")
    query = GetLabel.model_construct(payment_intent_id=payment_intent_id)
    return json_response(await parts.queries.ask(query, context))


@router.put(
    "/{payment_intent_id}",
    response_model=None,
    summary="Label a payment (analysts)",
    responses={
        DONE: success(PaymentLabel, "What is known of the payment now", EXAMPLE),
        **problems(
            _NOT_ASSESSED,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/label", "Input should be 'fraud' or 'good'"),
            command=True,
            cards=True,
        ),
    },
)
async def label_payment(
    payment_intent_id: UUID,
    body: NewAnalystLabel,
    caller: RiskWriter,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Say what a payment was. Features and quality know it from then on; what a dispute says counts more."""
    if not is_ours(payment_intent_id):
        raise ProblemError("payment_not_assessed", _NOT_ASSESSED["payment_not_assessed"], parameter="payment_intent_id")
    command = LabelPayment.model_construct(
        payment_intent_id=payment_intent_id,
        label=body.label,
        reason=body.reason,
        analyst=caller.user,
        idempotency=headers.idempotency(caller.user, "label_payment", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "",
    response_model=None,
    summary="Import labels (analysts)",
    responses={
        DONE: success(LabelsImported, "What was taken; payments that risk does not know", {"taken": 1, "unknown": []}),
        **problems(
            scope=Scope.RISK_WRITE,
            wrong_body=("body/labels", "List should have at least 1 item after validation, not 0"),
            command=True,
            cards=True,
        ),
    },
)
async def import_labels(
    body: NewImport, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Say what many payments were. What cannot be found is told, and the rest is taken."""
    command = ImportLabels.model_construct(
        labels=[NewLabel.model_construct(**label.model_dump()) for label in body.labels],
        reference=body.reference,
        imported_by=caller.user,
        idempotency=headers.idempotency(caller.user, "import_labels", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)
