"""Balances of any instant, the trial balance and closed periods over HTTP: what is asked of the ledger, and who may."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.wallet import ClosePeriod, GetBalance, GetBalances, GetTrialBalance, ListPeriods
from gateway.routes import balances, periods
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

KEY = {"Idempotency-Key": "key-1"}
THEN, LATER = "2026-01-31T23:00:00+01:00", "2026-02-03T00:00:00Z"
THEN_IN_UTC = "2026-01-31T22:00:00+00:00"


async def test_a_wallets_balances_as_of_an_instant(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    first, second = services.wallet(user), services.wallet(user, "USD")
    services.accounts[second]["wallet"] = str(first)
    shown = {"balances": [balances.EXAMPLE]}
    services.answers[GetBalances] = lambda _: completed(shown)
    for wallet, headers in ((first, services.signer.bearer(user)), (second, services.signer.operator())):
        parameters = {"at": THEN, "known_at": LATER}
        answer = await gateway.http.get(f"/v1/wallets/{wallet}/balances", params=parameters, headers=headers)
        assert (answer.status_code, answer.json()) == (200, shown)
        asked = services.commands(GetBalances)[-1].data
        assert asked.wallet == first
        assert (asked.at.isoformat(), asked.known_at.isoformat()) == (THEN_IN_UTC, "2026-02-03T00:00:00+00:00")
    await gateway.http.get(f"/v1/wallets/{first}/balances", headers=services.signer.bearer(user))
    asked = services.commands(GetBalances)[-1].data
    assert (asked.at, asked.known_at) == (None, None)


async def test_other_peoples_balances_are_not_shown(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    for wallet in (services.wallet(new_id()), services.wallet(None), new_id(), uuid4()):
        answer = await gateway.http.get(f"/v1/wallets/{wallet}/balances", headers=services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (404, "wallet_not_found")


@pytest.mark.parametrize("at", ["yesterday", "2026-01-31", "2026-01-31T23:00:00", "1769900400", "2026-01-31T23:00Z"])
async def test_an_instant_needs_a_time_and_a_zone(
    gateway: Gateway, services: ScriptedServices, user: UUID, at: str
) -> None:
    path, headers = f"/v1/wallets/{services.wallet(user)}/balances", services.signer.bearer(user)
    for name in ("at", "known_at"):
        answer = await gateway.http.get(path, params={name: at}, headers=headers)
        assert (answer.status_code, answer.json()["parameter"]) == (422, name)
        assert "RFC 3339" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("wallets/{}/balances", "`at`, `known_at`"),
        ("wallets/{}/statement", "`starts_at`, `ends_at`, `cursor`, `limit`, `format`"),
        ("accounts/{}/balance", "`at`, `known_at`"),
        ("accounts/{}/statement", "`starts_at`, `ends_at`, `cursor`, `limit`, `format`"),
        ("ledger/trial_balance", "`at`"),
    ],
)
async def test_a_misspelt_instant_is_not_the_present(
    gateway: Gateway, services: ScriptedServices, path: str, known: str
) -> None:
    address, headers = f"/v1/{path.format(services.wallet(None))}", services.signer.operator()
    answer = await gateway.http.get(address, params={"knownat": LATER}, headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["parameter"]) == (
        422,
        "invalid_request",
        "knownat",
    )
    detail = f"query/knownat: not a parameter of this resource; it takes {known}."
    assert answer.json()["detail"] == detail
    name = known.split("`")[1]
    twice = await gateway.http.get(f"{address}?{name}={LATER}&{name}={LATER}", headers=headers)
    assert (twice.status_code, twice.json()["parameter"]) == (422, name)
    assert "given more than once" in twice.json()["detail"]


async def test_the_ends_of_time_are_in_no_year_in_utc(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    path, headers = f"/v1/wallets/{services.wallet(user)}/balances", services.signer.bearer(user)
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        answer = await gateway.http.get(path, params={"at": at}, headers=headers)
        assert (answer.status_code, answer.json()["parameter"]) == (422, "at")


async def test_an_operator_reads_the_balance_of_any_account(gateway: Gateway, services: ScriptedServices) -> None:
    clearing = services.wallet(None)
    services.answers[GetBalance] = lambda q: completed(balances.EXAMPLE | {"account_id": str(q.account_id)})
    headers = services.signer.operator()
    answer = await gateway.http.get(f"/v1/accounts/{clearing}/balance", params={"at": THEN}, headers=headers)
    assert (answer.status_code, answer.json()["account_id"]) == (200, str(clearing))
    unknown = await gateway.http.get(f"/v1/accounts/{new_id()}/balance", headers=headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "account_not_found")


async def test_the_trial_balance(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[GetTrialBalance] = lambda _: completed(balances.TRIAL_EXAMPLE)
    path, headers = "/v1/ledger/trial_balance", services.signer.operator()
    answer = await gateway.http.get(path, params={"at": THEN}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, balances.TRIAL_EXAMPLE)
    assert services.commands(GetTrialBalance)[0].data.at.isoformat() == THEN_IN_UTC


async def test_an_operator_closes_a_period(gateway: Gateway, services: ScriptedServices) -> None:
    services.scripts[ClosePeriod] = lambda c: [completed({"id": str(c.period_id)})]
    headers = services.signer.operator() | KEY
    answer = await gateway.http.post("/v1/ledger/periods", json={"ends_at": THEN}, headers=headers)
    (command,) = services.commands(ClosePeriod)
    assert (answer.status_code, answer.json()) == (201, {"id": str(command.data.period_id)})
    assert answer.headers["Location"] == f"/v1/ledger/periods/{command.data.period_id}"
    assert command.data.ends_at.isoformat() == THEN_IN_UTC


@pytest.mark.parametrize(("code", "status"), [("period_in_future", 422), ("period_not_after_last", 409)])
async def test_why_a_period_may_not_be_closed(
    gateway: Gateway, services: ScriptedServices, code: str, status: int
) -> None:
    services.scripts[ClosePeriod] = lambda _: [refused(code)]
    headers = services.signer.operator() | KEY
    answer = await gateway.http.post("/v1/ledger/periods", json={"ends_at": THEN}, headers=headers)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("body", [{}, {"ends_at": "2026-02-01"}, {"ends_at": 1769900400}, {"ends_at": None}])
async def test_a_period_without_an_end_is_not_closed(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any]
) -> None:
    answer = await gateway.http.post("/v1/ledger/periods", json=body, headers=services.signer.operator() | KEY)
    assert (answer.status_code, answer.json()["parameter"]) == (422, "ends_at")
    assert services.commands(ClosePeriod) == []


async def test_closed_periods(gateway: Gateway, services: ScriptedServices) -> None:
    known = UUID(periods.EXAMPLE["id"])
    services.answers[ListPeriods] = lambda q: completed({"periods": [periods.EXAMPLE] if q.id in {None, known} else []})
    headers = services.signer.operator()
    listed = await gateway.http.get("/v1/ledger/periods", params={"before": LATER}, headers=headers)
    assert (listed.status_code, listed.json()) == (200, {"periods": [periods.EXAMPLE]})
    assert services.commands(ListPeriods)[0].data.before.isoformat() == "2026-02-03T00:00:00+00:00"
    one = await gateway.http.get(f"/v1/ledger/periods/{known}", headers=headers)
    assert (one.status_code, one.json()) == (200, periods.EXAMPLE)
    for unknown in (new_id(), uuid4()):
        answer = await gateway.http.get(f"/v1/ledger/periods/{unknown}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "period_not_found")


async def test_customers_do_not_keep_the_ledger(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    headers, account = services.signer.bearer(user) | KEY, services.wallet(user)
    paths = ("ledger/trial_balance", "ledger/periods", f"ledger/periods/{new_id()}", f"accounts/{account}/balance")
    answers = [await gateway.http.get(f"/v1/{path}", headers=headers) for path in paths]
    answers.append(await gateway.http.post("/v1/ledger/periods", json={"ends_at": THEN}, headers=headers))
    assert {answer.status_code for answer in answers} == {403}
