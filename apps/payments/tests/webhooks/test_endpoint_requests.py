"""Endpoints are made, changed, rotated and deleted by requests; secrets are told once and sealed."""

import asyncio

import asyncpg
import pytest

from apps.payments.queries.webhook_endpoints import (
    EndpointRequests,
    get_webhook_endpoint,
    get_webhook_keys,
    list_webhook_endpoints,
)
from apps.payments.tests.webhooks.hooks import MERCHANT, STRANGER, Hooks, asking, hop
from contracts.ids import new_id
from contracts.payments import (
    ENDPOINTS_LIMIT,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    EndpointStatus,
    GetWebhookEndpoint,
    GetWebhookKeys,
    ListWebhookEndpoints,
    RotateWebhookSecret,
    SendTestEvent,
    UpdateWebhookEndpoint,
)
from outbox.responder import Refused

URL = "https://shop.example/hooks"


async def refusal(work: object) -> str:
    with pytest.raises(Refused) as refused:
        await work  # type: ignore[misc]
    return refused.value.problem.code


async def test_the_secret_is_told_once_and_stored_sealed(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL, "payment_intent.*", "refund.succeeded")
    assert made.secret is not None
    (row,) = await hooks.database.pool.fetch("SELECT * FROM webhook_endpoint")
    assert made.secret not in str(dict(row))
    assert made.secret.removeprefix("whsec_").encode() not in row["secret"]
    assert hooks.box.open(row["secret"]) == made.secret
    shown = await get_webhook_endpoint(hooks.database, asking(GetWebhookEndpoint(id=made.id, owner=MERCHANT)))
    assert shown == made.model_copy(update={"secret": None})
    assert (shown.events, shown.status) == (["payment_intent.*", "refund.succeeded"], EndpointStatus.ENABLED)


async def test_endpoints_are_their_owners_alone(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL)
    theirs = {"id": made.id, "owner": STRANGER}
    for work in (
        get_webhook_endpoint(hooks.database, asking(GetWebhookEndpoint(**theirs))),
        hooks.requests.update(hooks.database, asking(UpdateWebhookEndpoint(**theirs, events=["*"]))),
        hooks.requests.delete(hooks.database, asking(DeleteWebhookEndpoint(**theirs))),
        hooks.requests.rotate(hooks.database, asking(RotateWebhookSecret(**theirs))),
        hooks.requests.send_test_event(hooks.database, asking(SendTestEvent(**theirs))),
    ):
        assert await refusal(work) == "endpoint_not_found"
    listed = await list_webhook_endpoints(hooks.database, asking(ListWebhookEndpoints(owner=STRANGER)))
    assert listed.endpoints == []


async def test_what_is_not_allowed_is_refused(hooks: Hooks) -> None:
    public = EndpointRequests(hooks.transactions, hooks.box, inside=False)

    async def create(url: str, *events: str) -> object:
        message = CreateWebhookEndpoint(owner=MERCHANT, url=url, events=list(events) or ["*"])
        return await public.create(hooks.database, asking(message))

    assert await refusal(create("http://shop.example/")) == "endpoint_url_refused"
    assert await refusal(create("https://127.0.0.1/")) == "endpoint_url_refused"
    assert await refusal(create(URL, "payment_intent.suceeded")) == "unknown_event_type"
    made = await hooks.endpoint(URL)
    change = UpdateWebhookEndpoint(id=made.id, owner=MERCHANT, url="https://169.254.169.254/")
    assert await refusal(public.update(hooks.database, asking(change))) == "endpoint_url_refused"
    change = UpdateWebhookEndpoint(id=made.id, owner=MERCHANT, events=["*", "x.y"])
    assert await refusal(public.update(hooks.database, asking(change))) == "unknown_event_type"
    late = asking(CreateWebhookEndpoint(owner=MERCHANT, url=URL, events=["*"]), late=True)
    assert await refusal(public.create(hooks.database, late)) == "deadline_exceeded"
    assert await hooks.database.pool.fetchval("SELECT count(*) FROM webhook_endpoint") == 1


async def test_simultaneous_requests_make_no_more_than_the_limit(hooks: Hooks) -> None:
    made = [await hooks.endpoint(URL) for _ in range(ENDPOINTS_LIMIT - 2)]
    results = await asyncio.gather(*(hooks.endpoint(URL) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, Refused) for result in results) == 4
    listed = await list_webhook_endpoints(hooks.database, asking(ListWebhookEndpoints(owner=MERCHANT)))
    assert len(listed.endpoints) == ENDPOINTS_LIMIT
    assert [e.id for e in listed.endpoints] == sorted(e.id for e in listed.endpoints)
    await hooks.requests.delete(hooks.database, asking(DeleteWebhookEndpoint(id=made[0].id, owner=MERCHANT)))
    await hooks.endpoint(URL)


async def test_update_changes_what_is_named_and_enabling_gives_a_clean_slate(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL, "refund.*")

    async def update(**changes: object) -> object:
        message = UpdateWebhookEndpoint.model_validate({"id": made.id, "owner": MERCHANT} | changes)
        return await hooks.requests.update(hooks.database, asking(message))

    disabled = await update(status="disabled")
    assert disabled == made.model_copy(
        update={
            "secret": None,
            "status": EndpointStatus.DISABLED,
            "disabled_reason": "requested",
            "updated_at": disabled.updated_at,  # type: ignore[attr-defined]
        }
    )
    await hooks.tell(hop(event="refund.created"))
    assert await hooks.deliveries(made.id) == []
    await hooks.database.pool.execute("UPDATE webhook_endpoint SET failing_since = now()")
    await update(description="the shop")
    assert await hooks.database.pool.fetchval("SELECT failing_since FROM webhook_endpoint") is not None
    enabled = await update(status="enabled")
    assert (enabled.status, enabled.disabled_reason) == (EndpointStatus.ENABLED, None)  # type: ignore[attr-defined]
    assert (enabled.events, enabled.description) == (["refund.*"], "the shop")  # type: ignore[attr-defined]
    assert await hooks.database.pool.fetchval("SELECT failing_since FROM webhook_endpoint") is None


async def test_a_deleted_endpoint_is_gone_and_so_is_its_secret(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL)
    await hooks.requests.rotate(hooks.database, asking(RotateWebhookSecret(id=made.id, owner=MERCHANT)))
    await hooks.requests.delete(hooks.database, asking(DeleteWebhookEndpoint(id=made.id, owner=MERCHANT)))
    gone = get_webhook_endpoint(hooks.database, asking(GetWebhookEndpoint(id=made.id, owner=MERCHANT)))
    assert await refusal(gone) == "endpoint_not_found"
    row = await hooks.database.pool.fetchrow("SELECT secret, old_secret FROM webhook_endpoint")
    assert tuple(row or ()) == (b"", None)
    await hooks.tell(hop())
    assert await hooks.deliveries(made.id) == []


async def test_public_keys_are_a_jwk_set(hooks: Hooks) -> None:
    told = await get_webhook_keys(hooks.keys, hooks.database, asking(GetWebhookKeys()))
    assert [dict(key) for key in told.keys] == hooks.keys.jwks
    assert not any("d" in key for key in told.keys)


FORBIDDEN = [
    "UPDATE webhook_delivery SET body = '{}'",
    "UPDATE webhook_delivery SET event_id = id",
    "UPDATE webhook_delivery SET endpoint_id = id",
    "UPDATE webhook_delivery SET line = 7",
    "DELETE FROM webhook_delivery",
    "DELETE FROM webhook_endpoint",
    "UPDATE webhook_endpoint SET owner = id",
    "UPDATE webhook_attempt SET status_code = 200",
    "DELETE FROM webhook_attempt",
    "TRUNCATE webhook_attempt",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_service_cannot_change_what_was_said_or_what_was_tried(hooks: Hooks, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await hooks.database.pool.execute(statement)


async def test_a_delivery_without_its_endpoint_cannot_be_stored(hooks: Hooks) -> None:
    insert = """
        INSERT INTO webhook_delivery (id, endpoint_id, owner, event_id, event, line, body, status, next_at, created_at)
        VALUES ($1, $1, $1, $1, 'x', 0, '{}', 'pending', now(), now())
    """
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await hooks.database.pool.execute(insert, new_id())
