"""Holds: who reserves money, who captures it or gives it back, and who lets it be held for longer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.ids import new_id
from contracts.message import Message
from contracts.wallet import CaptureHold, ExtendHold, GetHold, ListHolds, PlaceHold, VoidHold
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

KEY = {"Idempotency-Key": "key-1"}
EXPIRY = "2026-01-12T09:31:30.000000Z"


def _order(debit: UUID, credit: UUID, **other: Any) -> dict[str, Any]:
    return {"debit_account": str(debit), "credit_account": str(credit), "amount": 700, "currency": "EUR"} | other


async def _post(gateway: Gateway, path: str, headers: dict[str, str], body: Any = None, **more: str) -> httpx.Response:
    return await gateway.http.post(path, json=body, headers=headers | KEY | more)


@pytest.fixture
def payee() -> UUID:
    return new_id()


@pytest.fixture
def hold(services: ScriptedServices, user: UUID, payee: UUID) -> UUID:
    """A pending hold on the user's wallet for the payee's, which an operator has placed."""
    identifier = new_id()
    ends = _order(services.wallet(user), services.wallet(payee))
    shown = ends | {"id": str(identifier), "status": "pending", "expires_at": EXPIRY}
    services.answers[GetHold] = lambda q: completed(shown) if q.id == identifier else refused("hold_not_found")
    return identifier


async def test_a_customer_reserves_money_for_so_many_seconds(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.scripts[PlaceHold] = lambda c: [completed({"id": str(c.hold_id)})]
    body = _order(services.wallet(user), services.wallet(user), expires_in=3600)
    asked = datetime.now(UTC)
    answer = await _post(gateway, "/v1/holds", services.signer.bearer(user), body)
    assert answer.status_code == 201, answer.text
    (command,) = services.commands(PlaceHold)
    assert answer.headers["Location"] == f"/v1/holds/{command.data.hold_id}"
    assert (command.data.authorised_by, command.data.amount) == (user, 700)
    lasts = command.data.expires_at - asked - timedelta(hours=1)
    assert timedelta(0) <= lasts < timedelta(seconds=5)


async def test_an_operator_reserves_any_money_until_an_instant(gateway: Gateway, services: ScriptedServices) -> None:
    services.scripts[PlaceHold] = lambda c: [completed({"id": str(c.hold_id)})]
    until = datetime.now(UTC) + timedelta(days=30)
    body = _order(services.wallet(new_id()), services.wallet(None), expires_at=until.isoformat())
    answer = await _post(gateway, "/v1/holds", services.signer.operator(), body)
    assert answer.status_code == 201, answer.text
    (command,) = services.commands(PlaceHold)
    assert (command.data.authorised_by, command.data.expires_at) == (None, until)


async def test_a_customer_reserves_nothing_for_somebody_else(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    body = _order(services.wallet(user), services.wallet(new_id()), expires_in=60)
    answer = await _post(gateway, "/v1/holds", services.signer.bearer(user), body)
    assert (answer.status_code, answer.json()["parameter"]) == (404, "credit_account")
    assert "POST /v1/payment_intents" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("expiry", "code"),
    [
        ({}, "invalid_request"),
        ({"expires_in": 60, "expires_at": EXPIRY}, "invalid_request"),
        ({"expires_in": 0}, "invalid_request"),
        ({"expires_in": 31 * 86400 + 1}, "invalid_request"),
        ({"expires_in": 60.0}, "invalid_request"),
        ({"expires_in": "60"}, "invalid_request"),
        ({"expires_at": "tomorrow"}, "invalid_request"),
        ({"expires_at": (datetime.now(UTC) + timedelta(days=32)).isoformat()}, "expiry_too_far"),
    ],
)
async def test_a_hold_ends_some_day_soon(
    gateway: Gateway, services: ScriptedServices, user: UUID, expiry: dict[str, Any], code: str
) -> None:
    body = _order(services.wallet(user), services.wallet(user), **expiry)
    answer = await _post(gateway, "/v1/holds", services.signer.bearer(user), body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert services.commands(PlaceHold) == []


async def test_a_hold_is_seen_by_both_ends_and_operators_only(
    gateway: Gateway, services: ScriptedServices, user: UUID, payee: UUID, hold: UUID
) -> None:
    bearer, path = services.signer.bearer, f"/v1/holds/{hold}"
    seen = [(bearer(user), 200), (bearer(payee), 200), (services.signer.operator(), 200), (bearer(new_id()), 404)]
    for headers, status in seen:
        assert (await gateway.http.get(path, headers=headers)).status_code == status
    theirs = (await gateway.http.get(path, headers=bearer(new_id()))).json()
    for nobodys in (new_id(), uuid4()):
        answer = await gateway.http.get(f"/v1/holds/{nobodys}", headers=bearer(user))
        assert answer.json() | {"correlation_id": ""} == theirs | {"correlation_id": ""}


@pytest.mark.parametrize("query", ["", "?pending=true&limit=5"])
async def test_listing_holds(gateway: Gateway, services: ScriptedServices, user: UUID, query: str) -> None:
    wallet = services.wallet(user)
    services.answers[ListHolds] = lambda q: completed({"holds": [{"pending": q.pending, "limit": q.limit}]})
    answer = await gateway.http.get(f"/v1/wallets/{wallet}/holds{query}", headers=services.signer.bearer(user))
    asked = {"pending": bool(query), "limit": 5 if query else 20}
    assert (answer.status_code, answer.json()) == (200, {"holds": [asked], "next_before": None})
    wrong = await gateway.http.get(f"/v1/wallets/{wallet}/holds?before={uuid4()}", headers=services.signer.bearer(user))
    assert (wrong.status_code, wrong.json()["parameter"]) == (422, "before")
    other = await gateway.http.get(f"/v1/wallets/{wallet}/holds{query}", headers=services.signer.bearer(new_id()))
    assert other.status_code == 404


def _captured(command: CaptureHold, transfer: UUID | None = None) -> dict[str, Any]:
    return {"transfer": {"id": str(transfer or command.transfer_id)}, "hold": {"id": str(command.hold_id)}}


@pytest.mark.parametrize("body", [None, {"amount": 300, "release_rest": True}])
async def test_the_payee_captures(
    gateway: Gateway, services: ScriptedServices, payee: UUID, hold: UUID, body: dict[str, Any] | None
) -> None:
    services.scripts[CaptureHold] = lambda c: [completed(_captured(c))]
    answer = await _post(gateway, f"/v1/holds/{hold}/captures", services.signer.bearer(payee), body)
    (command,) = services.commands(CaptureHold)
    assert (answer.status_code, answer.json()) == (201, _captured(command.data))
    assert answer.headers["Location"] == f"/v1/transfers/{command.data.transfer_id}"
    asked = (command.data.hold_id, command.data.amount, command.data.release_rest)
    assert asked == ((hold, 300, True) if body else (hold, None, False))


async def test_a_repeated_capture_is_located_at_the_first_ones_transfer(
    gateway: Gateway, services: ScriptedServices, payee: UUID, hold: UUID
) -> None:
    first = new_id()
    services.scripts[CaptureHold] = lambda c: [completed(_captured(c, first))]
    answer = await _post(gateway, f"/v1/holds/{hold}/captures", services.signer.bearer(payee))
    assert answer.headers["Location"] == f"/v1/transfers/{first}"


async def test_the_payee_and_operators_void(
    gateway: Gateway, services: ScriptedServices, payee: UUID, hold: UUID
) -> None:
    services.scripts[VoidHold] = lambda c: [completed({"id": str(c.hold_id), "status": "voided"})]
    for headers in (services.signer.bearer(payee), services.signer.operator()):
        answer = await _post(gateway, f"/v1/holds/{hold}/void", headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "voided")
    assert {c.data.hold_id for c in services.commands(VoidHold)} == {hold}


async def test_the_payer_and_operators_extend(
    gateway: Gateway, services: ScriptedServices, user: UUID, hold: UUID
) -> None:
    services.scripts[ExtendHold] = lambda c: [completed({"id": str(c.hold_id)})]
    until = datetime.now(UTC) + timedelta(days=14)
    for headers in (services.signer.bearer(user), services.signer.operator()):
        body = {"expires_at": until.isoformat()}
        assert (await _post(gateway, f"/v1/holds/{hold}/extensions", headers, body)).status_code == 200
    assert {c.data.expires_at for c in services.commands(ExtendHold)} == {until}
    too_far = {"expires_at": (until + timedelta(days=31)).isoformat()}
    answer = await _post(gateway, f"/v1/holds/{hold}/extensions", services.signer.bearer(user), too_far)
    assert (answer.status_code, answer.json()["code"]) == (422, "expiry_too_far")


SOON = {"expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
STEPS = [("captures", {}, True), ("void", None, True), ("extensions", SOON, False)]


@pytest.mark.parametrize(("step", "body", "is_the_payees"), STEPS)
async def test_the_other_end_does_not_decide_and_strangers_see_nothing(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    payee: UUID,
    hold: UUID,
    step: str,
    body: Any,
    *,
    is_the_payees: bool,
) -> None:
    other = user if is_the_payees else payee
    answer = await _post(gateway, f"/v1/holds/{hold}/{step}", services.signer.bearer(other), body)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    answer = await _post(gateway, f"/v1/holds/{hold}/{step}", services.signer.bearer(new_id()), body)
    assert (answer.status_code, answer.json()["code"]) == (404, "hold_not_found")
    assert not any(services.commands(kind) for kind in (CaptureHold, VoidHold, ExtendHold))


KINDS: list[tuple[str, Any, type[Message]]] = [
    ("captures", {}, CaptureHold),
    ("void", None, VoidHold),
    ("extensions", SOON, ExtendHold),
]


@pytest.mark.parametrize(("step", "body", "kind"), KINDS)
@pytest.mark.parametrize(("code", "status"), [("hold_expired", 409), ("hold_not_pending", 409)])
async def test_a_hold_that_has_ended(
    gateway: Gateway,
    services: ScriptedServices,
    hold: UUID,
    step: str,
    body: Any,
    kind: type[Message],
    code: str,
    status: int,
) -> None:
    services.scripts[kind] = lambda _: [refused(code)]
    answer = await _post(gateway, f"/v1/holds/{hold}/{step}", services.signer.operator(), body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
