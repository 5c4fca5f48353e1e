"""The OpenAPI document: every route with an example and its problems, its scope and its headers."""

import inspect
import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from contracts.identity.roles import MEANINGS
from gateway.app import _ROUTERS
from gateway.dependencies import CommandHeadersDep
from gateway.operations import KINDS as KINDS_OF_OPERATION
from gateway.operations import OperationName
from gateway.problems import KINDS
from gateway.tests.openapi_document import operations, problem_of


def test_every_answer_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                assert content.get("example") or content.get("examples"), f"{name} {status}"


IN_WORDS_OF_OAUTH = {"post /oauth/token", "post /oauth/revoke", "post /oauth/introspect"}
"""Their errors are those of RFC 6749 §5.2, save what is answered before they are asked."""


def test_problem_answers_are_problem_documents(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and name in IN_WORDS_OF_OAUTH:
                errors = answer["content"].get("application/json", {"examples": {}})["examples"]
                assert all(example["value"]["error"] == code for code, example in errors.items()), name
            elif int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], name
                for code, example in answer["content"]["application/problem+json"]["examples"].items():
                    assert example["value"]["status"] == KINDS[code].status == int(status)


def test_schemas_have_plain_names(document: dict[str, Any]) -> None:
    assert [name for name in document["components"]["schemas"] if not name.isalnum()] == []


def test_commands_require_an_idempotency_key(document: dict[str, Any]) -> None:
    required = {
        name
        for name, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["name"].lower() == "idempotency-key" and parameter["required"]
    }
    assert required == {
        "post /v1/wallets",
        "post /v1/wallets/{wallet_id}/top_ups",
        "post /v1/transfers",
        "post /v1/transfers/{transfer_id}/reversals",
        "post /v1/holds",
        "post /v1/holds/{hold_id}/captures",
        "post /v1/holds/{hold_id}/void",
        "post /v1/holds/{hold_id}/extensions",
        "post /v1/payment_intents",
        "post /v1/payment_intents/{payment_intent_id}",
        "post /v1/payment_intents/{payment_intent_id}/confirm",
        "post /v1/payment_intents/{payment_intent_id}/capture",
        "post /v1/payment_intents/{payment_intent_id}/cancel",
        "post /v1/refunds",
        "post /v1/disputes/{dispute_id}/evidence",
        "post /v1/reviews/{payment_intent_id}/decision",
        "post /v1/processor_operations/{operation_id}/settlement",
        "post /v1/cases/{case_id}/claim",
        "post /v1/cases/{case_id}/release",
        "post /v1/cases/{case_id}/notes",
        "post /v1/cases/{case_id}/evidence",
        "post /v1/cases/{case_id}/decision",
        "put /v1/risk/labels/{payment_intent_id}",
        "post /v1/risk/labels",
        "post /v1/risk/limits",
        "post /v1/risk/customers/{user_id}/tier",
        "post /v1/risk/lists",
        "post /v1/risk/lists/{entry_id}/removal",
        "post /v1/risk/screenings/{screening_id}/decision",
        "post /v1/risk/rule_sets",
        "post /v1/risk/rule_sets/rollback",
        "post /v1/risk/rule_sets/{rule_set}/shadow",
        "post /v1/risk/rule_sets/{rule_set}/approval",
        "post /v1/risk/rule_sets/{rule_set}/activation",
        "post /v1/risk/rule_sets/{rule_set}/retirement",
        "post /v1/risk/backtests",
        "post /v1/risk/backtests/{backtest_id}/cancellation",
        "post /v1/risk/models",
        "post /v1/risk/models/{model_hash}/approval",
        "post /v1/accounts",
        "patch /v1/accounts/{account_id}",
        "post /v1/accounts/{account_id}/freeze",
        "post /v1/accounts/{account_id}/close",
        "post /v1/journals",
        "post /v1/ledger/periods",
        "post /v1/reconciliations",
        "post /v1/reconciliations/{reconciliation_id}/breaks/{number}/resolutions",
    }


def _parameter(operation: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [p for p in operation.get("parameters", []) if p["name"] == name]
    shown: dict[str, Any] = found
    return shown


def test_headers_are_written_as_they_are_sent(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "idempotency-key" not in str(operation.get("parameters")).lower():
            continue
        key, prefer = _parameter(operation, "Idempotency-Key"), _parameter(operation, "Prefer")
        bounds = {"type": "string", "minLength": 1, "maxLength": 255}
        assert key["schema"].items() >= bounds.items(), name
        assert (key["required"], prefer["required"]) == (True, False), name
        assert prefer["schema"]["type"] == "string", name
    before = _parameter(document["paths"]["/v1/wallets/{wallet_id}/entries"]["get"], "before")
    assert (before["required"], before["schema"]["type"], before["schema"]["minimum"]) == (False, "integer", 1)


UNAVAILABLE = {
    "get /v1/overview": "The wallet service",
    "get /v1/operations/{operation_id}": "The wallet service",  # or whichever the command was for
    "get /v1/operations/{operation_id}/events": "The wallet service",
    "post /v1/oauth_clients": "The identity service",
    "get /v1/oauth_clients": "The identity service",
    "post /v1/oauth_clients/{client_id}/rotate_secret": "The identity service",
    "delete /v1/oauth_clients/{client_id}": "The identity service",
    "get /.well-known/jwks.json": "The keys are not known here yet",
    "post /v1/users": "The identity service",
    "get /v1/users": "The identity service",
    "get /v1/users/{user_id}": "The identity service",
    "post /v1/users/{user_id}/role": "The identity service",
    "post /v1/users/{user_id}/deactivate": "The identity service",
    "post /v1/users/{user_id}/reactivate": "The identity service",
    "get /v1/users/me": "The identity service",
    "delete /v1/users/me": "The identity service",
    "post /v1/users/me/password": "The identity service",
    "post /v1/users/me/verification": "The identity service",
    "get /v1/users/me/security_events": "The identity service",
    "get /v1/security_events": "The identity service",
    "post /v1/email_verifications": "The identity service",
    "post /v1/password_resets": "The identity service",
    "post /v1/password_resets/confirm": "The identity service",
    "post /v1/sessions": "The identity service",
    "get /v1/sessions": "The identity service",
    "delete /v1/sessions": "The identity service",
    "delete /v1/sessions/{session_id}": "The identity service",
    "post /v1/sessions/step_up": "The identity service",
    "post /v1/sessions/passkey": "The identity service",
    "post /v1/passkey_challenges": "The identity service",
    "post /v1/users/me/totp": "The identity service",
    "delete /v1/users/me/totp": "The identity service",
    "post /v1/users/me/totp/confirm": "The identity service",
    "post /v1/users/me/recovery_codes": "The identity service",
    "post /v1/users/me/passkeys/challenge": "The identity service",
    "post /v1/users/me/passkeys": "The identity service",
    "get /v1/users/me/passkeys": "The identity service",
    "delete /v1/users/me/passkeys/{passkey_id}": "The identity service",
    "post /v1/api_keys": "The identity service",
    "get /v1/api_keys": "The identity service",
    "post /v1/api_keys/{api_key_id}/rotate": "The identity service",
    "delete /v1/api_keys/{api_key_id}": "The identity service",
    "get /v1/signing_keys": "The identity service",
    "post /v1/signing_keys": "The identity service",
    "post /v1/wallets": "The wallet service",  # asked whose the wallet is that a currency is added to
    "get /v1/wallets": "The wallet service",
    "get /v1/wallets/{wallet_id}": "The wallet service",
    "get /v1/wallets/{wallet_id}/entries": "The wallet service",
    "post /v1/wallets/{wallet_id}/top_ups": "The wallet service",
    "get /v1/wallets/{wallet_id}/transfers": "The wallet service",
    "get /v1/wallets/{wallet_id}/holds": "The wallet service",
    "get /v1/wallets/{wallet_id}/balances": "The wallet service",
    "get /v1/wallets/{wallet_id}/statement": "The wallet service",
    "post /v1/transfers": "The wallet service",
    "get /v1/transfers/{transfer_id}/receipt": "The wallet service",
    "get /v1/ledger/keys": "The wallet service",
    "get /v1/transfers/{transfer_id}": "The wallet service",
    "post /v1/transfers/{transfer_id}/reversals": "Access tokens",
    "post /v1/holds": "The wallet service",
    "get /v1/holds/{hold_id}": "The wallet service",
    "post /v1/holds/{hold_id}/captures": "The wallet service",  # asked between whom the hold is
    "post /v1/holds/{hold_id}/void": "The wallet service",
    "post /v1/holds/{hold_id}/extensions": "The wallet service",
    "post /v1/accounts": "Access tokens",
    "get /v1/accounts": "The wallet service",
    "get /v1/accounts/{account_id}": "The wallet service",
    "get /v1/accounts/{account_id}/entries": "The wallet service",
    "get /v1/accounts/{account_id}/balance": "The wallet service",
    "get /v1/accounts/{account_id}/statement": "The wallet service",
    "get /v1/ledger/trial_balance": "The wallet service",
    "post /v1/ledger/periods": "Access tokens",
    "get /v1/ledger/periods": "The wallet service",
    "get /v1/ledger/periods/{period_id}": "The wallet service",
    "patch /v1/accounts/{account_id}": "The wallet service",
    "post /v1/accounts/{account_id}/freeze": "The wallet service",
    "post /v1/accounts/{account_id}/close": "The wallet service",
    "post /v1/journals": "Access tokens",
    "get /v1/journals/{journal_id}": "The wallet service",
    "post /v1/payment_intents": "The wallet service",  # asked whose the wallets are; payments itself: outcome_unknown
    "get /v1/payment_intents": "The payments service",
    "post /v1/payment_intents/{payment_intent_id}": "The wallet service",  # asked whose the new source wallet is
    "post /v1/payment_intents/{payment_intent_id}/confirm": "The wallet service",
    "post /v1/payment_intents/{payment_intent_id}/capture": "Access tokens",
    "post /v1/payment_intents/{payment_intent_id}/cancel": "Access tokens",
    "get /v1/payment_intents/{payment_intent_id}": "The payments service",
    "get /v1/payment_intents/{payment_intent_id}/timeline": "The payments service",
    "get /v1/payment_intents/{payment_intent_id}/events": "The payments service",
    "post /v1/refunds": "Access tokens",
    "get /v1/refunds": "The payments service",
    "get /v1/refunds/{refund_id}": "The payments service",
    "get /v1/disputes": "The payments service",
    "get /v1/disputes/{dispute_id}": "The payments service",
    "post /v1/disputes/{dispute_id}/evidence": "Access tokens",
    "get /v1/reviews": "The risk service",
    "post /v1/reviews/{payment_intent_id}/decision": "Access tokens",
    "get /v1/parked_webhooks": "The payments service",
    "post /v1/parked_webhooks/{webhook_id}/retry": "The payments service",
    "get /v1/processor_operations": "The payments service",
    "get /v1/processor_operations/{operation_id}": "The payments service",
    "post /v1/processor_operations/{operation_id}/settlement": "Access tokens",
    "get /v1/risk/decisions": "The risk service",
    "get /v1/risk/decisions/{assessment_id}": "The risk service",
    "get /v1/cases": "The risk service",
    "get /v1/cases/{case_id}": "The risk service",
    "get /v1/cases/{case_id}/events": "The risk service",
    "get /v1/cases/{case_id}/suspicious_activity_report": "The risk service",
    "post /v1/cases/{case_id}/claim": "Access tokens",
    "post /v1/cases/{case_id}/release": "Access tokens",
    "post /v1/cases/{case_id}/notes": "Access tokens",
    "post /v1/cases/{case_id}/evidence": "Access tokens",
    "post /v1/cases/{case_id}/decision": "Access tokens",
    "get /v1/risk/labels/{payment_intent_id}": "The risk service",
    "put /v1/risk/labels/{payment_intent_id}": "Access tokens",
    "post /v1/risk/labels": "Access tokens",
    "get /v1/risk/quality": "The risk service",
    "get /v1/risk/limits": "The risk service",
    "post /v1/risk/limits": "Access tokens",
    "get /v1/risk/limits/changes": "The risk service",
    "get /v1/risk/customers/{user_id}": "The risk service",
    "post /v1/risk/customers/{user_id}/tier": "Access tokens",
    "get /v1/risk/lists": "The risk service",
    "post /v1/risk/lists": "Access tokens",
    "post /v1/risk/lists/{entry_id}/removal": "Access tokens",
    "get /v1/risk/screenings": "The risk service",
    "get /v1/risk/screenings/{screening_id}": "The risk service",
    "post /v1/risk/screenings/{screening_id}/decision": "Access tokens",
    "get /v1/risk/sanctions_lists": "The risk service",
    "post /v1/risk/rule_sets": "Access tokens",
    "post /v1/risk/rule_sets/rollback": "Access tokens",
    "post /v1/risk/rule_sets/{rule_set}/shadow": "Access tokens",
    "post /v1/risk/rule_sets/{rule_set}/approval": "Access tokens",
    "post /v1/risk/rule_sets/{rule_set}/activation": "Access tokens",
    "post /v1/risk/rule_sets/{rule_set}/retirement": "Access tokens",
    "get /v1/risk/rule_sets": "The risk service",
    "get /v1/risk/rule_sets/{rule_set}": "The risk service",
    "get /v1/risk/rule_sets/{rule_set}/shadow": "The risk service",
    "post /v1/risk/backtests": "Access tokens",
    "post /v1/risk/backtests/{backtest_id}/cancellation": "Access tokens",
    "get /v1/risk/backtests": "The risk service",
    "get /v1/risk/backtests/{backtest_id}": "The risk service",
    "get /v1/risk/backtests/{backtest_id}/flips": "The risk service",
    "get /v1/risk/models": "The risk service",
    "get /v1/risk/models/{model_hash}": "The risk service",
    "post /v1/risk/models": "Access tokens",
    "post /v1/risk/models/{model_hash}/approval": "Access tokens",
    "post /v1/webhooks/{processor}": "The payments service",
    "post /v1/webhook_endpoints": "The payments service",
    "get /v1/webhook_endpoints": "The payments service",
    "get /v1/webhook_endpoints/{endpoint_id}": "The payments service",
    "patch /v1/webhook_endpoints/{endpoint_id}": "The payments service",
    "delete /v1/webhook_endpoints/{endpoint_id}": "The payments service",
    "post /v1/webhook_endpoints/{endpoint_id}/rotate_secret": "The payments service",
    "post /v1/webhook_endpoints/{endpoint_id}/test": "The payments service",
    "post /v1/webhook_endpoints/{endpoint_id}/replay": "The payments service",
    "get /v1/webhook_endpoints/{endpoint_id}/deliveries": "The payments service",
    "post /v1/webhook_deliveries/{delivery_id}/redeliver": "The payments service",
    "get /v1/webhook_keys": "The payments service",
    "post /v1/reconciliations": "The wallet service",
    "get /v1/reconciliations": "The wallet service",
    "get /v1/reconciliations/{reconciliation_id}": "The wallet service",
    "get /v1/reconciliations/{reconciliation_id}/breaks": "The wallet service",
    "get /v1/reconciliations/{reconciliation_id}/breaks/{number}": "The wallet service",
    "post /v1/reconciliations/{reconciliation_id}/breaks/{number}/resolutions": "The wallet service",
}


ASKS_NOBODY = {
    "get /problems/{code}",
    "get /.well-known/oauth-authorization-server",
    "get /.well-known/oauth-protected-resource",
}


def test_the_service_that_does_not_answer_is_one_that_is_asked(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if name in UNAVAILABLE:
            assert problem_of(operation, "503", "unavailable")["detail"].startswith(UNAVAILABLE[name]), name
        elif name in IN_WORDS_OF_OAUTH:
            errors = operation["responses"]["503"]["content"]["application/json"]["examples"]
            assert "The identity service" in errors["temporarily_unavailable"]["value"]["error_description"], name
        else:
            assert name in ASKS_NOBODY
            assert not operation["responses"].keys() & {"422", "503"}


def test_the_missing_scope_is_the_one_that_is_needed(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for required in operation.get("security", []):
            for scope in next(iter(required.values())):
                assert f"`{scope}`" in problem_of(operation, "403", "insufficient_scope")["detail"], name


def test_a_wrong_id_is_one_of_the_path(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "_id}" in name and "operation_id" not in name and "requestBody" not in operation:
            problem = problem_of(operation, "422", "invalid_request")
            assert f"{{{problem['parameter']}}}" in name
            assert problem["errors"][0]["location"] == f"path/{problem['parameter']}"


async def test_an_invalid_request_is_shown_as_it_is_answered(app: FastAPI, document: dict[str, Any]) -> None:
    """By the real answer where no token is needed, so that words of the framework that change are noticed."""
    sent = {"/v1/users": {"email": "ann@ledgerlink.example", "password": "short"},
            "/v1/sessions": {"email": "ann@ledgerlink.example"}}  # fmt: skip
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        for path, body in sent.items():
            answer = (await http.post(path, json=body)).json()
            shown = problem_of(document["paths"][path]["post"], "422", "invalid_request")
            assert answer | {"correlation_id": ""} == shown | {"correlation_id": ""}


def test_a_wrong_id_is_shown_as_pydantic_says_it(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(UUID).validate_python("shop-42")
    operation = document["paths"]["/v1/transfers/{transfer_id}"]["get"]
    assert problem_of(operation, "422", "invalid_request")["errors"][0]["detail"] == caught.value.errors()[0]["msg"]


def test_every_command_is_asked_for_and_followed_the_same_way(document: dict[str, Any]) -> None:
    commands = _commands()
    assert len(commands) > 20
    for path, method, _ in commands:
        operation, name = document["paths"][path][method], f"{method} {path}"
        assert _parameter(operation, "Prefer")["schema"]["type"] == "string", name
        assert _parameter(operation, "Idempotency-Key")["required"], name
        answer = operation["responses"]["202"]
        assert answer["headers"].keys() >= {"Location", "Content-Location", "Retry-After", "Preference-Applied"}, name
        followed = answer["content"]["application/json"]["examples"]["operation"]["value"]
        assert OperationName.parse(followed["id"]), name
        assert answer["headers"]["Location"]["example"] == f"/v1/operations/{followed['id']}", name
        shown = answer["content"]["application/json"]["examples"].get("resource", {"value": followed})["value"]
        assert answer["headers"]["Content-Location"]["example"].endswith(shown["id"]), name
        for code, status in (("outcome_unknown", "503"), ("idempotency_key_in_progress", "409")):
            problem = problem_of(operation, status, code)
            assert problem["operation"] == answer["headers"]["Location"]["example"], name
        for status in operation["responses"].keys() & {"200", "201", "202"}:
            assert "Preference-Applied" in operation["responses"][status]["headers"], name


def test_no_other_route_takes_a_key(document: dict[str, Any]) -> None:
    commands = {f"{method} {path}" for path, method, _ in _commands()}
    keyed = {name for name, operation in operations(document) if "Idempotency-Key" in str(operation.get("parameters"))}
    assert keyed == commands


MONEY = ("wallets", "transfers", "holds", "payment_intents", "refunds", "disputes", "accounts", "journals", "ledger",
         "reconciliations", "reviews")  # fmt: skip


def test_nothing_that_may_move_money_changes_without_a_key(document: dict[str, Any]) -> None:
    commands = {f"{method} {path}" for path, method, _ in _commands()}
    for name, _ in operations(document):
        method, path = name.split(" ", maxsplit=1)
        if method != "get" and path.startswith(tuple(f"/v1/{collection}" for collection in MONEY)):
            assert name in commands


def test_every_command_is_an_operation_of_its_own(document: dict[str, Any]) -> None:
    """Whose outcome the table of operations knows how to show: with the command's own scope and Location."""
    names = []
    for path, method, endpoint in _commands():
        [name] = re.findall(r"headers\.idempotency\(caller\.user, \"(\w+)\"", inspect.getsource(endpoint))
        operation, kind = document["paths"][path][method], KINDS_OF_OPERATION[name]
        assert operation["security"] == [{way: [kind.scope]} for way in ("accessToken", "apiKey", "oauth2")], name
        located = operation["responses"].get("201", {}).get("headers", {}).get("Location")
        if located:
            pattern = re.sub(r"\{\w+\}", "[^/]+", str(kind.resource))
            assert re.fullmatch(pattern, located["example"]), name
        names.append(name)
    assert sorted(names) == sorted(KINDS_OF_OPERATION)


def _commands() -> list[tuple[str, str, Any]]:
    """Return path, method and endpoint of the routes that ask for the headers of a command."""
    return [
        (route.path, method.lower(), route.endpoint)
        for module in _ROUTERS
        for route in module.router.routes
        if isinstance(route, APIRoute) and CommandHeadersDep in inspect.get_annotations(route.endpoint).values()
        for method in sorted(route.methods or ())
    ]


PUBLIC = {
    "post /v1/users",
    "post /v1/email_verifications",
    "post /v1/password_resets",
    "post /v1/password_resets/confirm",
    "post /v1/sessions",
    "post /v1/sessions/passkey",
    "post /v1/passkey_challenges",
    *ASKS_NOBODY,
    *IN_WORDS_OF_OAUTH,
    "get /.well-known/jwks.json",
    "get /v1/ledger/keys",
    "get /v1/webhook_keys",
    "post /v1/webhooks/{processor}",
}


def test_what_needs_a_token_says_which_scope(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["accessToken"]["scheme"] == schemes["apiKey"]["scheme"] == "bearer"
    for flow in schemes["oauth2"]["flows"].values():
        assert flow["scopes"] == {str(scope): meaning for scope, meaning in MEANINGS.items()}
    for name, operation in operations(document):
        assert bool(operation.get("security")) is (name not in PUBLIC), name


async def test_the_address_alone_leads_to_the_documentation(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        for method in ("GET", "HEAD"):
            start = await http.request(method, "/")
            assert (start.status_code, start.headers["Location"]) == (307, "/docs")
            assert (await http.request(method, "/docs")).status_code == 200


async def test_docs_and_document_are_served(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        assert (await http.get("/openapi.json")).json()["info"]["title"] == "LedgerLink"
        docs = await http.get("/docs")
        assert docs.status_code == 200
        assert "://" not in docs.text.replace("window.location", ""), "the page needs somebody else's server"
        for asset in re.findall(r'(?:src|href)="(/docs/assets/[^"]+)"', docs.text):
            assert (await http.get(asset)).status_code == 200
