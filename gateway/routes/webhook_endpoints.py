"""Webhook endpoints: where your own system hears of your payments, and the keys that verify what it hears."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, StrictInt, model_validator
from starlette.responses import Response

from contracts.payments import (
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    EndpointDescription,
    EndpointStatus,
    EndpointUrl,
    EventFilters,
    GetWebhookEndpoint,
    GetWebhookKeys,
    ListWebhookEndpoints,
    RotateWebhookSecret,
    UpdateWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpoints,
    WebhookKeys,
)
from gateway.accounts import is_ours
from gateway.bodies import Body
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import ContextDep, PartsDep, PaymentsCaller
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, json_response
from gateway.problems import ProblemError
from gateway.queries import not_confirmed

PREFIX = "/v1/webhook_endpoints"
router = APIRouter(route_class=CardlessRoute, tags=["webhooks"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-a200-7abb-8dcc-cfd0e1b25501",
    "url": "https://shop.example/hooks",
    "events": ["payment_intent.*", "refund.succeeded"],
    "description": "The shop's orders",
    "status": "enabled",
    "created_at": "2026-01-05T09:00:00.000000Z",
    "updated_at": "2026-01-05T09:00:00.000000Z",
}
NEW_EXAMPLE = EXAMPLE | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
KEY_EXAMPLE = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "2026-01",
    "use": "sig",
    "alg": "EdDSA",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
LOCATION = f"{PREFIX}/{EXAMPLE['id']}"
UNKNOWN = {"endpoint_not_found": "You have no webhook endpoint with this id; GET /v1/webhook_endpoints lists yours."}
DISABLED = {"endpoint_disabled": "The endpoint is disabled; enable it first."}
UNCERTAIN = {"outcome_unknown": not_confirmed("payments")}
_REFUSALS = {
    "endpoint_url_refused": "It must be a public host, not an address inside a network.",
    "unknown_event_type": "There are no such events: payment_intent.suceeded.",
}
_TOO_MANY = {"too_many_endpoints": "You have 16 webhook endpoints; delete one that you do not need."}
_WRONG_URL = ("body/url", "String should match pattern '^https?://[^\x00-\x20]+$'")


class NewWebhookEndpoint(Body):
    """Where to send which events."""

    url: Annotated[EndpointUrl, Field(examples=[EXAMPLE["url"]])]
    events: Annotated[EventFilters, Field(examples=[EXAMPLE["events"]])]
    description: Annotated[EndpointDescription | None, Field(examples=[EXAMPLE["description"]])] = None


class WebhookEndpointChange(Body):
    """What is to change; what is left out stays. An endpoint that was disabled is enabled again by its status."""

    url: Annotated[EndpointUrl | None, Field(examples=[EXAMPLE["url"]])] = None
    events: Annotated[EventFilters | None, Field(examples=[EXAMPLE["events"]])] = None
    description: Annotated[EndpointDescription | None, Field(examples=[EXAMPLE["description"]])] = None
    status: Annotated[EndpointStatus | None, Field(examples=["enabled"])] = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(value is None for _, value in self):
            raise ValueError("give url, events, description or status")
        return self


class Rotation(Body):
    """For how long the old secret signs, too."""

    overlap_hours: Annotated[StrictInt, Field(ge=0, le=168, examples=[24])] = 24


ONE_DAY = Rotation()


@router.post(
    PREFIX,
    status_code=CREATED,
    response_model=None,
    summary="Add a webhook endpoint",
    responses={
        CREATED: success(WebhookEndpoint, "Added. Keep the `secret`: it is shown once", NEW_EXAMPLE, LOCATION),
        **problems(
            _REFUSALS | _TOO_MANY | UNCERTAIN,
            asks="payments",
            scope="payments",
            wrong_body=_WRONG_URL,
            cards=True,
        ),
    },
)
async def create_webhook_endpoint(
    body: NewWebhookEndpoint, caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """Have the events of your payments sent to a URL, each signed with a secret of its own (Standard Webhooks)."""
    query = CreateWebhookEndpoint.model_construct(
        owner=caller.user, url=body.url, events=body.events, description=body.description
    )
    made = await parts.queries.ask_to_change(query, context)
    return json_response(made, CREATED, {"Location": f"{PREFIX}/{made['id']}"})


@router.get(
    PREFIX,
    response_model=None,
    summary="List your webhook endpoints",
    responses={
        DONE: success(WebhookEndpoints, "All of them, oldest first", {"endpoints": [EXAMPLE]}),
        **problems(asks="payments", scope="payments"),
    },
)
async def list_webhook_endpoints(caller: PaymentsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """List your webhook endpoints; secrets are not shown again."""
    return json_response(await parts.queries.ask(ListWebhookEndpoints.model_construct(owner=caller.user), context))


@router.get(
    PREFIX + "/{endpoint_id}",
    response_model=None,
    summary="Read a webhook endpoint",
    responses={
        DONE: success(WebhookEndpoint, "The endpoint", EXAMPLE),
        **problems(UNKNOWN, asks="payments", scope="payments"),
    },
)
async def get_webhook_endpoint(
    endpoint_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """Read a webhook endpoint of yours; `disabled_reason` says why it gets nothing."""
    check_id(endpoint_id)
    query = GetWebhookEndpoint.model_construct(id=endpoint_id, owner=caller.user)
    return json_response(await parts.queries.ask(query, context))


@router.patch(
    PREFIX + "/{endpoint_id}",
    response_model=None,
    summary="Change a webhook endpoint",
    responses={
        DONE: success(WebhookEndpoint, "Changed", EXAMPLE),
        **problems(
            UNKNOWN | _REFUSALS | UNCERTAIN,
            asks="payments",
            scope="payments",
            wrong_body=_WRONG_URL,
            cards=True,
        ),
    },
)
async def update_webhook_endpoint(
    endpoint_id: UUID, body: WebhookEndpointChange, caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """Change a webhook endpoint of yours."""
    check_id(endpoint_id)
    query = UpdateWebhookEndpoint.model_construct(id=endpoint_id, owner=caller.user, **dict(body))
    return json_response(await parts.queries.ask_to_change(query, context))


@router.delete(
    PREFIX + "/{endpoint_id}",
    response_model=None,
    status_code=204,
    summary="Remove a webhook endpoint",
    responses={204: {"description": "Removed"}, **problems(UNKNOWN | UNCERTAIN, asks="payments", scope="payments")},
)
async def delete_webhook_endpoint(
    endpoint_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """Remove a webhook endpoint of yours; nothing more is sent to it."""
    check_id(endpoint_id)
    query = DeleteWebhookEndpoint.model_construct(id=endpoint_id, owner=caller.user)
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=204)


@router.post(
    PREFIX + "/{endpoint_id}/rotate_secret",
    response_model=None,
    summary="Make a new secret",
    responses={
        DONE: success(WebhookEndpoint, "Keep the new `secret`: it is shown once", NEW_EXAMPLE),
        **problems(
            UNKNOWN | UNCERTAIN,
            asks="payments",
            scope="payments",
            wrong_body=("body/overlap_hours", "Input should be less than or equal to 168"),
        ),
    },
)
async def rotate_webhook_secret(
    endpoint_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep, body: Rotation = ONE_DAY
) -> Response:
    """Make a new secret for an endpoint. Until `overlap_hours` are over each webhook is signed with both."""
    check_id(endpoint_id)
    query = RotateWebhookSecret.model_construct(id=endpoint_id, owner=caller.user, overlap_hours=body.overlap_hours)
    return json_response(await parts.queries.ask_to_change(query, context))


@router.get(
    "/v1/webhook_keys",
    response_model=None,
    summary="Read the keys that sign webhooks",
    responses={
        DONE: success(WebhookKeys, "Public keys, as a JWK set (RFC 7517)", {"keys": [KEY_EXAMPLE]}),
        **problems(asks="payments"),
    },
)
async def get_webhook_keys(parts: PartsDep, context: ContextDep) -> Response:
    """Read the public keys that verify `v1a` signatures; open to anybody."""
    return json_response(await parts.queries.ask(GetWebhookKeys(), context))


def check_id(endpoint_id: UUID) -> None:
    """Raise ProblemError `endpoint_not_found` for an id that no endpoint can have."""
    if not is_ours(endpoint_id):
        raise ProblemError("endpoint_not_found", UNKNOWN["endpoint_not_found"], parameter="endpoint_id")
