"""Uploading statements, reading what did not match, resolving it: operators only."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.wallet import (
    GetReconciliation,
    ImportLines,
    ListBreaks,
    ListReconciliations,
    MatchLines,
    ResolveBreak,
    StartReconciliation,
)
from gateway.external_statements import upload
from gateway.routes.breaks import BREAK_EXAMPLE, RESOLVED_EXAMPLE
from gateway.routes.reconciliations import EXAMPLE
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed, refused

PATH = "/v1/reconciliations"
CSV = "date,amount,reference\n2026-01-05,100.00,A\n2026-01-31,-5.00,FEE\n"
PERIOD = {"starts_on": "2026-01-01", "ends_on": "2026-01-31"}


@pytest.fixture
def operator(services: ScriptedServices) -> dict[str, str]:
    return services.signer.operator() | {"Idempotency-Key": "january", "Content-Type": "text/csv"}


@pytest.fixture
def clearing(services: ScriptedServices) -> UUID:
    """A clearing account, and a wallet service that takes its statements."""

    def shown(status: str) -> dict[str, Any]:
        started = services.commands(StartReconciliation)[0].data
        return EXAMPLE | {"id": str(started.reconciliation_id), "status": status}

    services.scripts |= {
        StartReconciliation: lambda _: [completed(shown("importing"))],
        ImportLines: lambda c: [completed({"first": c.lines[0].number, "last": c.lines[-1].number})],
        MatchLines: lambda _: [completed(shown("matching"))],
    }
    services.answers[GetReconciliation] = lambda _: completed(shown("matched"))
    return services.wallet(None)


async def test_a_statement_is_imported_and_matched(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], clearing: UUID
) -> None:
    query = PERIOD | {"account_id": str(clearing), "opening": "500", "closing": "10000", "name": "january"}
    answer = await gateway.http.post(PATH, params=query, content=CSV, headers=operator)
    assert (answer.status_code, answer.json()["status"]) == (201, "matched")
    (start,), (lines,), (end,) = (services.commands(c) for c in (StartReconciliation, ImportLines, MatchLines))
    assert answer.headers["Location"] == f"{PATH}/{start.data.reconciliation_id}"
    assert (start.data.account_id, start.data.currency, start.data.name) == (clearing, "EUR", "january")
    assert (start.data.opening, start.data.closing, start.data.window_days) == (500, 10000, 3)
    assert [(x.number, x.amount, x.reference) for x in lines.data.lines] == [(1, 10000, "A"), (2, -500, "FEE")]
    assert (end.data.lines, end.data.total) == (2, 9500)


async def test_a_statement_that_covers_days_of_another_says_that_it_may(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], clearing: UUID
) -> None:
    services.scripts[MatchLines] = lambda _: [refused("statement_overlaps")]
    query = PERIOD | {"account_id": str(clearing)}
    for number, more in enumerate(({}, {"may_overlap": "true"})):
        headers = operator | {"Idempotency-Key": str(number)}
        answer = await gateway.http.post(PATH, params=query | more, content=CSV, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "statement_overlaps")
    assert [c.data.may_overlap for c in services.commands(StartReconciliation)] == [False, True]


async def test_a_large_statement_comes_in_many_messages(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], clearing: UUID
) -> None:
    row = "2026-01-05,1.00," + "é" * 140 + ',"' + '""' * 500 + '"\n'

    async def pieces() -> AsyncIterator[bytes]:
        yield b"date,amount,reference,description\n"
        for _ in range(25):
            yield (row * 100).encode()

    query = PERIOD | {"account_id": str(clearing)}
    headers = operator | {"Prefer": "respond-async"}
    answer = await gateway.http.post(PATH, params=query, content=pieces(), headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "matching")
    messages = services.commands(ImportLines)
    numbers = sorted(line.number for message in messages for line in message.data.lines)
    assert numbers == list(range(1, 2501))
    assert max(len(message.encode()) for message in messages) < 400_000
    (end,) = services.commands(MatchLines)
    assert (end.data.lines, end.data.total) == (2500, 250_000)


async def test_camt053_says_its_period_itself(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], clearing: UUID
) -> None:
    from gateway.tests.test_external_statements import SAMPLE

    headers = operator | {"Content-Type": "application/xml; charset=utf-8"}
    answer = await gateway.http.post(PATH, params={"account_id": str(clearing)}, content=SAMPLE, headers=headers)
    assert answer.status_code == 201
    (start,) = services.commands(StartReconciliation)
    assert (start.data.name, str(start.data.ends_on), start.data.closing) == ("STMT-2026-01", "2026-01-31", 534500)


WRONG = [
    ({}, "text/plain", CSV, "415 unsupported_media_type"),
    ({"starts_on": ""}, "text/csv", CSV, "422 invalid_request"),
    ({"window_days": "11"}, "text/csv", CSV, "422 invalid_request"),
    ({"surprise": "1"}, "text/csv", CSV, "422 invalid_request"),
    ({"account_id": str(new_id())}, "text/csv", CSV, "404 account_not_found"),
    ({"account_id": str(uuid4())}, "text/csv", CSV, "404 account_not_found"),
    ({}, "text/csv", CSV + "2026-01-05,1.001,B\n", "422 statement_invalid"),
    ({}, "application/xml", "<Document/>", "422 statement_invalid"),
]


@pytest.mark.parametrize(("change", "kind", "content", "refusal"), WRONG)
async def test_what_cannot_be_imported_is_refused(
    gateway: Gateway,
    services: ScriptedServices,
    operator: dict[str, str],
    clearing: UUID,
    change: dict[str, str],
    kind: str,
    content: str,
    refusal: str,
) -> None:
    query = PERIOD | {"account_id": str(clearing)} | change
    answer = await gateway.http.post(PATH, params=query, content=content, headers=operator | {"Content-Type": kind})
    assert f"{answer.status_code} {answer.json()['code']}" == refusal
    assert services.commands(MatchLines) == []


@pytest.mark.parametrize(
    ("change", "code", "parameter"),
    [
        ({"starts_on": "0001-01-01"}, "invalid_request", "starts_on"),
        ({"starts_on": "1969-12-31"}, "invalid_request", "starts_on"),
        ({"starts_on": "2026-01-01T00:00:00"}, "invalid_request", "starts_on"),
        ({"starts_on": "1767225600"}, "invalid_request", "starts_on"),
        ({"ends_on": "9999-12-31"}, "invalid_request", "ends_on"),
        ({"ends_on": "2101-01-01"}, "invalid_request", "ends_on"),
        ({"starts_on": "2026-02-01"}, "period_invalid", "ends_on"),
    ],
)
@pytest.mark.parametrize("kind", ["text/csv", "application/xml"])
async def test_a_period_that_is_none_is_named(
    gateway: Gateway,
    services: ScriptedServices,
    operator: dict[str, str],
    clearing: UUID,
    kind: str,
    change: dict[str, str],
    code: str,
    parameter: str,
) -> None:
    query = PERIOD | {"account_id": str(clearing)} | change
    answer = await gateway.http.post(PATH, params=query, content=CSV, headers=operator | {"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"], answer.json()["parameter"]) == (422, code, parameter)
    assert services.commands(StartReconciliation) == []


async def test_csv_must_say_its_period(gateway: Gateway, operator: dict[str, str], clearing: UUID) -> None:
    answer = await gateway.http.post(PATH, params={"account_id": str(clearing)}, content=CSV, headers=operator)
    assert (answer.status_code, answer.json()["parameter"]) == (422, "starts_on")


@pytest.mark.parametrize("kind", [StartReconciliation, ImportLines, MatchLines])
async def test_what_the_wallet_refuses_is_refused(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], clearing: UUID, kind: Any
) -> None:
    services.scripts[kind] = lambda _: [refused("statement_does_not_add_up")]
    query = PERIOD | {"account_id": str(clearing)}
    answer = await gateway.http.post(PATH, params=query, content=CSV, headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (422, "statement_does_not_add_up")


async def test_lines_without_an_answer_are_sent_again(
    gateway: Gateway,
    services: ScriptedServices,
    operator: dict[str, str],
    clearing: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload, "SECONDS", 0.3)
    answers = services.scripts[ImportLines]
    services.scripts[ImportLines] = lambda c: answers(c) if len(services.commands(ImportLines)) > 1 else []
    query = PERIOD | {"account_id": str(clearing)}
    answer = await gateway.http.post(PATH, params=query, content=CSV, headers=operator)
    assert answer.status_code == 201
    services.scripts[MatchLines] = lambda _: []
    answer = await gateway.http.post(PATH, params=query, content=CSV, headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")


async def test_an_upload_has_a_bound_of_its_own(services: ScriptedServices, settings: Any) -> None:
    async with running(settings(body_bytes=1024, statement_bytes=2048)) as gateway:
        headers = services.signer.operator() | {"Idempotency-Key": "k", "Content-Type": "text/csv"}
        query = PERIOD | {"account_id": str(services.wallet(None))}
        for size, code in ((1500, "statement_invalid"), (3000, "body_too_large")):
            answer = await gateway.http.post(PATH, params=query, content=b"x" * size, headers=headers)
            assert answer.json()["code"] == code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("GET", ""),
        ("GET", f"/{new_id()}"),
        ("GET", f"/{new_id()}/breaks"),
        ("GET", f"/{new_id()}/breaks/1"),
        ("POST", f"/{new_id()}/breaks/1/resolutions"),
    ],
)
async def test_customers_have_no_business_here(
    gateway: Gateway, services: ScriptedServices, user: UUID, method: str, path: str
) -> None:
    answer = await gateway.http.request(method, PATH + path, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_reading(gateway: Gateway, services: ScriptedServices) -> None:
    operator = services.signer.operator()
    services.answers |= {
        ListReconciliations: lambda q: completed({"reconciliations": [EXAMPLE] if q.limit == 5 else []}),
        GetReconciliation: lambda q: completed(EXAMPLE) if str(q.id) == EXAMPLE["id"] else refused("x"),
        ListBreaks: lambda q: completed({"breaks": [BREAK_EXAMPLE] if q.after < 1 else []}),
    }
    one = f"{PATH}/{EXAMPLE['id']}"
    for path, found in [
        (f"{PATH}?limit=5", {"reconciliations": [EXAMPLE], "next_before": None}),
        (f"{PATH}?limit=5&account_id={uuid4()}", {"reconciliations": [], "next_before": None}),
        (one, EXAMPLE),
        (f"{one}/breaks?unresolved=true", {"breaks": [BREAK_EXAMPLE], "next_after": None}),
        (f"{one}/breaks?after=1", {"breaks": [], "next_after": None}),
        (f"{one}/breaks/1", BREAK_EXAMPLE),
    ]:
        answer = await gateway.http.get(path, headers=operator)
        assert (answer.status_code, answer.json()) == (200, found), path
    for path, code in [
        (f"{one}/breaks/2", "break_not_found"),
        (f"{PATH}/{uuid4()}", "reconciliation_not_found"),
        (f"{PATH}/{uuid4()}/breaks", "reconciliation_not_found"),
    ]:
        answer = await gateway.http.get(path, headers=operator)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path


async def test_resolving_by_a_note_and_by_a_transfer(gateway: Gateway, services: ScriptedServices) -> None:
    services.scripts[ResolveBreak] = lambda _: [completed(RESOLVED_EXAMPLE)]
    headers = services.signer.operator()
    account = new_id()
    path = f"{PATH}/{EXAMPLE['id']}/breaks/1"
    for number, body in enumerate(
        ({"kind": "note", "note": "why"}, {"kind": "transfer", "note": "why", "account_id": str(account)})
    ):
        key = {"Idempotency-Key": str(number)}
        answer = await gateway.http.post(f"{path}/resolutions", json=body, headers=headers | key)
        assert (answer.status_code, answer.json(), answer.headers["Location"]) == (201, RESOLVED_EXAMPLE, path)
    note, transfer = (command.data.resolution for command in services.commands(ResolveBreak))
    assert (note.kind, note.note) == ("note", "why")
    assert (transfer.kind, transfer.account_id) == ("transfer", account)


@pytest.mark.parametrize("body", [{}, {"kind": "note"}, {"kind": "note", "note": ""}, {"kind": "wish", "note": "x"}])
async def test_a_resolution_says_what_it_is(gateway: Gateway, services: ScriptedServices, body: dict[str, str]) -> None:
    headers = services.signer.operator() | {"Idempotency-Key": "k"}
    answer = await gateway.http.post(f"{PATH}/{EXAMPLE['id']}/breaks/1/resolutions", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
