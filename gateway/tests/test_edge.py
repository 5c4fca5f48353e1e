"""What every answer has: correlation id, security headers, metrics; and that no path leads to a bare error page."""

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from contracts.ids import new_id
from contracts.wallet import ListAccounts
from gateway.access_log import AccessLog
from gateway.problems import KINDS
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed

SOUND = ["shop-42", "a" * 128, "01990f3e-6f2a-7c3e-9d5b-0b8c6f1e2a10", "a.b_c~d:e+f/g="]
UNSOUND = ["", "a" * 129, "with space", "line\tbreak", "<script>", "é".encode()]


async def test_a_sound_correlation_id_comes_back(gateway: Gateway) -> None:
    for correlation_id in SOUND:
        answer = await gateway.http.get("/nowhere", headers={"X-Correlation-Id": correlation_id})
        assert answer.headers["X-Correlation-Id"] == answer.json()["correlation_id"] == correlation_id


async def test_an_unsound_one_is_replaced(gateway: Gateway) -> None:
    for correlation_id in UNSOUND:
        headers: Any = {"X-Correlation-Id": correlation_id}
        answer = await gateway.http.get("/nowhere", headers=headers)
        assert UUID(answer.headers["X-Correlation-Id"]).version == 7, correlation_id


async def test_a_request_has_an_id_of_its_own(gateway: Gateway) -> None:
    for header, other in (("X-Request-Id", "X-Correlation-Id"), ("X-Correlation-Id", "X-Request-Id")):
        for identifier in SOUND:
            answer = await gateway.http.get("/nowhere", headers={header: identifier})
            assert answer.headers[header] == identifier
            if header == "X-Request-Id":
                assert answer.headers[other] == identifier, "what belongs together is this one request"
            else:
                assert UUID(answer.headers[other]).version == 7
        for unsound in UNSOUND:
            headers: Any = {header: unsound}
            answer = await gateway.http.get("/nowhere", headers=headers)
            assert UUID(answer.headers[header]).version == 7


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NO_TRACE = ["", "garbage", f"00-{'0' * 32}-{SPAN}-00", f"00-{TRACE}-{'0' * 16}-00", f"01-{TRACE}-{SPAN}-00"]


def _asked_last(services: ScriptedServices) -> tuple[str, str]:
    """Return trace and span of the last question to the wallet."""
    traceparent = services.commands(ListAccounts)[-1].traceparent
    assert traceparent is not None
    _, trace, span, _ = traceparent.split("-")
    return trace, span


async def test_a_trace_is_continued_and_told(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    headers = services.signer.bearer(user)
    answer = await gateway.http.get("/v1/wallets", headers=headers | {"traceparent": f"00-{TRACE}-{SPAN}-00"})
    version, trace, span, flags = answer.headers["traceresponse"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "00")
    asked_in, asked_as = _asked_last(services)
    assert asked_in == TRACE
    assert len({SPAN, span, asked_as}) == 3, "the request and its question are steps of their own"
    for unsound in NO_TRACE:
        answer = await gateway.http.get("/v1/wallets", headers=headers | {"traceparent": unsound})
        _, trace, _, _ = answer.headers["traceresponse"].split("-")
        assert trace not in {TRACE, "0" * 32}
        assert _asked_last(services)[0] == trace


async def test_a_client_is_told_where_the_time_went(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    answer = await gateway.http.get("/v1/wallets", headers=services.signer.bearer(user))
    parts = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    assert list(parts) == ["auth", "limit", "wallet", "total"]
    spent = {name: float(milliseconds) for name, milliseconds in parts.items()}
    assert spent["total"] + 0.02 >= spent["auth"] + spent["limit"] + spent["wallet"] > 0


LINE = {"service", "event", "level", "timestamp", "method", "route", "status", "seconds", "bytes", "address",
        "request_id", "correlation_id", "trace_id"}  # fmt: skip


async def test_a_line_is_logged_of_each_request_and_nothing_that_is_secret(
    settings: Callable[..., GatewaySettings],
    services: ScriptedServices,
    user: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("gateway.app.AccessLog", lambda: AccessLog(written))
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    headers = services.signer.bearer(user)
    marks = {"X-Correlation-Id": "order-7", "X-Secret": "hush-header", "Cookie": "hush=cookie"}
    async with running(settings(access_log=True)) as gateway:
        known = await gateway.http.get("/v1/wallets", headers=headers | marks)
        await gateway.http.post("/v1/sessions?token=hush-query", json={"email": "a@b.example", "password": "hush-body"})
        await gateway.http.get("/nowhere/hush-path")
        await gateway.http.get("/healthz")
    one, two, three = [json.loads(line) for line in written.getvalue().splitlines()]
    assert one.keys() == LINE | {"user", "client"}
    assert two.keys() == three.keys() == LINE
    assert (one["method"], one["route"], one["status"], one["user"]) == ("GET", "/v1/wallets", 200, str(user))
    assert (one["bytes"], one["correlation_id"]) == (len(known.content), "order-7")
    assert one["request_id"] == known.headers["X-Request-Id"]
    assert one["trace_id"] == known.headers["traceresponse"].split("-")[1]
    assert (two["route"], three["route"], three["status"]) == ("/v1/sessions", "unmatched", 404)
    assert b"hush" not in written.getvalue()
    assert headers["Authorization"].split(".")[-1].encode() not in written.getvalue()


async def test_the_access_log_can_be_left_out(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert services.heard == []
    async with running(settings()) as gateway:
        await gateway.http.get("/nowhere")
    assert b'"event":"request"' not in capfdbinary.readouterr().out


PLACES = [("GET", "/nowhere", 404, "not_found"), ("GET", "/v1/%00", 404, "not_found"),
          ("DELETE", "/v1/wallets", 405, "method_not_allowed"), ("GET", "/v1/refunds/x/y", 404, "not_found"),
          ("GET", "/problems/none", 404, "not_found")]  # fmt: skip


async def test_what_is_not_there(gateway: Gateway) -> None:
    for method, path, status, code in PLACES:
        answer = await gateway.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        if status == 405:
            assert "POST" in answer.headers["Allow"]


async def test_a_slash_too_many_leads_nowhere(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    """A script whose id is empty must not end all sessions, or erase the account, by following a redirect."""
    for method, path in [("DELETE", "/v1/sessions/"), ("DELETE", "/v1/users/me/"), ("GET", "/v1/wallets/")]:
        answer = await gateway.http.request(method, path, headers=services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_wrong_method_is_told_all_that_are_right(gateway: Gateway) -> None:
    places = {
        "/v1/payment_intents": "GET, HEAD, POST",
        f"/v1/webhook_endpoints/{new_id()}": "GET, HEAD, PATCH, DELETE",
        f"/v1/payment_intents/{new_id()}/confirm": "POST",
    }
    for path, allowed in places.items():
        answer = await gateway.http.put(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
        assert allowed in answer.json()["detail"]


async def test_a_path_parameter_that_is_no_id(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    for path in ("wallets/1", "wallets/1/entries", "transfers/x", "payment_intents/latest"):
        answer = await gateway.http.get(f"/v1/{path}", headers=services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert answer.json()["parameter"].endswith("_id")


async def test_a_page_that_is_none(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    path, headers = f"/v1/wallets/{services.wallet(user)}/entries", services.signer.bearer(user)
    for query in ("limit=0", "limit=101", "limit=x", "before=0", f"before={10**30}", "before=-1"):
        answer = await gateway.http.get(f"{path}?{query}", headers=headers)
        assert (answer.status_code, answer.json()["parameter"]) == (422, query.split("=")[0]), query


async def test_a_bug_is_a_500_problem_that_tells_nothing(
    gateway: Gateway, services: ScriptedServices, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(gateway.parts.queries, "ask", broken)
    with capture_logs() as logs:
        answer = await gateway.http.get("/v1/wallets", headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert [entry["correlation_id"] for entry in logs] == [answer.headers["X-Correlation-Id"]]
    assert "secret" not in answer.text
    assert answer.headers["X-Correlation-Id"]


async def test_security_headers(gateway: Gateway) -> None:
    answer = await gateway.http.get("/nowhere")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in answer.headers


async def test_metrics_count_route_templates_never_ids(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    wallet = services.wallet(user)
    await gateway.http.get(f"/v1/wallets/{wallet}", headers=services.signer.bearer(user))
    await gateway.http.get("/nowhere/at/all")
    metrics = (await gateway.http.get("/metrics")).text
    assert 'ledgerlink_http_requests_total{method="GET",route="/v1/wallets/{wallet_id}",status="200"}' in metrics
    assert 'route="unmatched",status="404"' in metrics
    assert 'ledgerlink_rate_limit_decisions_total{decision="admitted",store="redis"}' in metrics
    assert "ledgerlink_http_requests_in_flight 1.0" in metrics, "the one for the metrics themselves"
    assert str(wallet) not in metrics
    assert "nowhere" not in metrics


async def test_health(gateway: Gateway) -> None:
    assert (await gateway.http.get("/healthz")).json() == {"status": "alive"}
    ready = await gateway.http.get("/readyz")
    checks = {"nats": "connected", "signing_keys": "known", "revocations": "known", "redis": "answers"}
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "checks": checks})


async def test_every_problem_type_resolves(gateway: Gateway) -> None:
    for code, kind in KINDS.items():
        assert (await gateway.http.get(f"/problems/{code}")).json()["status"] == kind.status
