"""The ASGI application: routes, and around them edge, body limit and admission, from the outside in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from contracts.identity import AccessRevoked, SigningKeyPublished
from contracts.message import Message
from contracts.risk import MODEL_BYTES, RULE_SET_BYTES
from gateway import error_handlers, openapi
from gateway.access_log import AccessLog
from gateway.admission import Admission
from gateway.body_limit import BodyLimit, Bound
from gateway.broker import Hears
from gateway.conditional import Conditional
from gateway.cross_origin import allow_origins
from gateway.edge import Edge
from gateway.hosts import HostCheck
from gateway.login_shedding import LoginShedding
from gateway.metrics import REVOCATIONS_AGE
from gateway.parts import Parts
from gateway.rate_policies import RatePolicies
from gateway.routes import (
    account_pages,
    accounts,
    api_keys,
    balances,
    breaks,
    cases,
    disputes,
    documentation,
    email_verifications,
    health,
    holds,
    journals,
    message_documentation,
    oauth_clients,
    oauth_metadata,
    oauth_pages,
    oauth_tokens,
    operations,
    overview,
    own_sessions,
    parked_webhooks,
    passkeys,
    passwords,
    payment_intents,
    payment_steps,
    payment_timelines,
    periods,
    problem_types,
    processor_operations,
    processor_webhooks,
    receipts,
    reconciliations,
    refunds,
    reviews,
    risk_backtests,
    risk_decisions,
    risk_labels,
    risk_limits,
    risk_lists,
    risk_models,
    risk_quality,
    risk_rule_sets,
    risk_screenings,
    security_events,
    sessions,
    signing_keys,
    statements,
    step_up,
    top_ups,
    totp,
    transfers,
    user_management,
    users,
    wallets,
    webhook_deliveries,
    webhook_endpoints,
)
from gateway.settings import GatewaySettings, listed
from outbox.ending import end

_ROUTERS = (
    users,
    passwords,
    email_verifications,
    security_events,
    user_management,
    account_pages,
    sessions,
    own_sessions,
    step_up,
    totp,
    passkeys,
    api_keys,
    oauth_tokens,
    oauth_metadata,
    oauth_pages,
    oauth_clients,
    signing_keys,
    wallets,
    balances,
    statements,
    top_ups,
    transfers,
    holds,
    payment_intents,
    payment_steps,
    payment_timelines,
    refunds,
    disputes,
    reviews,
    cases,
    risk_decisions,
    risk_labels,
    risk_quality,
    risk_lists,
    risk_limits,
    risk_models,
    risk_rule_sets,
    risk_backtests,
    risk_screenings,
    webhook_endpoints,
    webhook_deliveries,
    processor_webhooks,
    parked_webhooks,
    processor_operations,
    accounts,
    journals,
    periods,
    receipts,
    reconciliations,
    breaks,
    operations,
    overview,
    problem_types,
    health,
    documentation,
    message_documentation,
)
_DESCRIPTION = """
Wallets on a double-entry ledger, and payments between them.

1. Register (`POST /v1/users`), log in (`POST /v1/sessions`), and press **Authorize** with the access token.
2. Open a wallet (`POST /v1/wallets`); the operator funds it (`POST /v1/wallets/{wallet_id}/top_ups`).
3. Pay (`POST /v1/payment_intents` with `confirm: true`), or move money between your own wallets (`POST /v1/transfers`).
   Payments by card or bank, top-ups and payouts go through a processor; give it the card, and us its token.
4. Hear of your payments by webhook (`POST /v1/webhook_endpoints`), or follow one
   (`GET /v1/payment_intents/{id}/events`).

The operator is a user like any other who may also fund wallets, and keep the ledger: accounts, journals, reversals,
freezing and closing. The account is made when the identity service starts,
from `IDENTITY_OPERATOR_EMAIL` and `IDENTITY_OPERATOR_PASSWORD`; `ledgerlink up` sets both, and prints the e-mail
address and where its password is.

Amounts are whole minor units with an ISO 4217 currency. A 200 or 201 says that the outcome is committed, a 202 that the
request is recorded; follow its operation, at `Location`, to the outcome. Requests that change something take an
`Idempotency-Key`: repeated with the same key and body they are carried out once. Errors are problem details (RFC 9457).
"""


def create_app(settings: GatewaySettings) -> FastAPI:
    """Make the application; its lifespan connects it."""
    parts = Parts.of(settings)
    app = FastAPI(
        title="LedgerLink",
        version="1.0.0",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,  # gateway.routes.documentation
        redoc_url=None,
        redirect_slashes=False,  # `DELETE /v1/sessions/{id}` of an empty id would become `DELETE /v1/sessions`
        # FastAPI's own spans cost a tenth of a request; the trace context is passed on without them.
        telemetry={"tracing": False, "metrics": False},
    )
    app.state.parts = parts
    for module in _ROUTERS:
        app.include_router(module.router)
    documentation.mount_assets(app)
    error_handlers.install(app)
    _wrap(app, parts)
    _document(app)
    return app


def _wrap(app: FastAPI, parts: Parts) -> None:
    """Add the middleware; what is added last is the outermost."""
    settings = parts.settings
    app.add_middleware(Conditional)
    policies = RatePolicies.read(settings.rate_limits)
    app.add_middleware(Admission, tokens=parts.tokens, limit=parts.limit, policies=policies)
    app.add_middleware(
        BodyLimit,
        bound=Bound(settings.body_bytes, settings.body_seconds),
        uploads={
            reconciliations.PATH: Bound(settings.statement_bytes, settings.statement_seconds),
            processor_webhooks.PREFIX: Bound(settings.webhook_bytes, settings.body_seconds),
            risk_models.PREFIX: Bound(MODEL_BYTES, settings.body_seconds),
            risk_rule_sets.PREFIX: Bound(RULE_SET_BYTES, settings.body_seconds),
        },
    )
    app.add_middleware(LoginShedding)
    if settings.cors_origins:
        allow_origins(app, listed(settings.cors_origins))
    app.add_middleware(HostCheck, hosts=listed(settings.hosts))
    app.add_middleware(Edge, access_log=AccessLog() if settings.access_log else None)


def _document(app: FastAPI) -> None:
    generate = app.openapi

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.add_shared_parts(generate())
        return app.openapi_schema

    app.openapi = documented  # type: ignore[method-assign]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts

    async def on_connected() -> None:
        parts.revocations.ask_soon()
        await parts.commands.on_connected()

    events: dict[type[Message], Hears] = {
        AccessRevoked: parts.revocations.hear,
        SigningKeyPublished: parts.keys.hear,
    }
    parts.broker.start(parts.commands.on_reply, on_connected, events)
    REVOCATIONS_AGE.set_function(lambda: parts.revocations.age)
    watching = [asyncio.create_task(part.watch()) for part in (parts.keys, parts.revocations, parts.backlog)]
    try:
        yield
    finally:
        await end(watching)
        parts.commands.close()
        await parts.broker.close()
        await parts.limit.close()
        await parts.proofs.close()
