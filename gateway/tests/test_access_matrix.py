"""Who may ask for what: every operation of the OpenAPI document, asked by every role and by nobody."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.identity import GRANTED, Role, Scope
from contracts.ids import new_id
from contracts.message import REGISTRY, Kind
from gateway.app import _ROUTERS
from gateway.tests.conftest import Gateway
from gateway.tests.openapi_document import operations, scopes_of
from gateway.tests.scripted_services import ScriptedServices, refused
from gateway.tests.tokens import Signer

AT_ONCE = 16
OF_THE_GATE = {"token_required", "invalid_token", "insufficient_scope", "insufficient_user_authentication"}
FOR_ANYBODY_WITH_A_TOKEN = {
    # The command that the operation is tells which scope.
    "get /v1/operations/{operation_id}",
    "get /v1/operations/{operation_id}/events",
    # Shows what the token may see, and says what is left out.
    "get /v1/overview",
}
NOT_DOCUMENTED = {
    # For those who run the gateway, and pages for people
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/docs",
    "/docs/oauth2-redirect",
    "/asyncapi",
    "/asyncapi/{name}",
    # Where users sign in, consent, and land from messages; each checks the ticket or credentials that it is given.
    "/oauth/authorize",
    "/oauth/sign_in",
    "/oauth/consent",
    "/account/password",
    "/account/verification",
    "/.well-known/oauth-authorization-server/{path:path}",
}
VALUES: Mapping[str, Any] = {"number": 1, "code": "unavailable", "processor": "sandbox", "operation_id": "op_none"}
"""Of the parameters in paths that are no UUIDs."""


@pytest.fixture(autouse=True)
def _who_passes_is_refused(services: ScriptedServices) -> None:
    """Whatever passes the gate is asked of a service, or is not valid; either is told quickly."""
    for query in REGISTRY.values():
        if query.contract.kind is Kind.QUERY and "gateway" in query.contract.senders:
            services.answers.setdefault(query, lambda _: refused("none_of_the_gate"))


def _path(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(VALUES.get(match[1], new_id())), template)


def _headers(signer: Signer, role: Role | None) -> dict[str, str]:
    if role is None:
        return {}
    user: UUID = new_id()
    claims: dict[str, Any] = {"role": role.value, "scope": " ".join(GRANTED[role])}
    if role is Role.SERVICE:  # a client of its own, which never logged in
        claims |= {"sid": str(user), "ver": None, "acr": None, "amr": None, "auth_time": None}
    return signer.bearer(user, **claims)


def _expected(scopes: frozenset[str] | None, role: Role | None) -> str:
    if scopes is None:
        return "passes"
    if role is None:
        return "401 token_required"
    return "passes" if scopes <= {scope.value for scope in GRANTED[role]} else "403 insufficient_scope"


def _found(answer: httpx.Response, scopes: frozenset[str] | None) -> str:
    """Return how the gate answered. Where there is none, another 401 may say that a secret is wrong."""
    code = answer.json().get("code") if "json" in answer.headers.get("Content-Type", "") else None
    stopped = answer.status_code in {401, 403} and (scopes is not None or code in OF_THE_GATE)
    return f"{answer.status_code} {code}" if stopped else "passes"


async def test_every_cell(gateway: Gateway, services: ScriptedServices, document: dict[str, Any]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    asked = [(name, operation, role) for name, operation in operations(document) for role in (*Role, None)]

    async def cell(name: str, operation: dict[str, Any], role: Role | None) -> str | None:
        method, template = name.split(" ", maxsplit=1)
        scopes = scopes_of(operation)
        async with turns:
            answer = await gateway.http.request(
                method.upper(), _path(template), headers=_headers(services.signer, role), follow_redirects=False
            )
        found, expected = _found(answer, scopes), _expected(scopes, role)
        return None if found == expected else f"{name} by {role or 'nobody'}: {found} instead of {expected}"

    wrong = [line for line in await asyncio.gather(*(cell(*one) for one in asked)) if line]
    assert wrong == []
    assert len(asked) > 500


def test_what_asks_for_no_scope_is_written_down(document: dict[str, Any]) -> None:
    """What asks for no token either is written down in test_openapi.py."""
    found = {name for name, operation in operations(document) if scopes_of(operation) == frozenset()}
    assert found <= FOR_ANYBODY_WITH_A_TOKEN


def test_every_scope_is_of_some_use(document: dict[str, Any]) -> None:
    used = {scope for _, operation in operations(document) for scope in scopes_of(operation) or ()}
    assert used == {scope.value for scope in Scope}


def test_no_route_is_left_out_of_the_document(document: dict[str, Any]) -> None:
    paths = {getattr(route, "path", "") for module in _ROUTERS for route in module.router.routes}
    assert {path for path in paths - document["paths"].keys() if path not in NOT_DOCUMENTED} == set()
