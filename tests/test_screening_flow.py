"""Screening across identity, gateway, risk and the command line: a list is imported, somebody is like a party on it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from contracts.ids import new_id
from ops.cli import app
from ops.stack.stack import Stack
from tests.oauth_people import log_in
from tests.people import PASSWORD
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST = Path(__file__).parent.parent / "apps" / "risk" / "tests" / "sanctions_samples" / "un.xml"


async def _risk(stack: Stack, *arguments: str) -> Result:
    where = ["--data-dir", str(stack.layout.root)]
    return await asyncio.to_thread(CliRunner().invoke, app, ["risk", *arguments, *where])


async def _analyst(stack: Stack, http: httpx.AsyncClient) -> dict[str, str]:
    email = f"{new_id()}@ledgerlink.example"
    user = (await http.post("/v1/users", json={"email": email, "password": PASSWORD})).json()
    secrets = stack.parts.secrets
    admin = await log_in(http, secrets.admin_email, secrets.admin_password.get_secret_value())
    made = await http.post(f"/v1/users/{user['id']}/role", json={"role": "analyst"}, headers=admin)
    assert made.status_code == 200, made.text
    return await log_in(http, email, PASSWORD)


async def test_who_is_like_a_listed_party_is_found_and_an_analyst_says_it_is_not_them(
    stack: Stack, http: httpx.AsyncClient
) -> None:
    brought = await _risk(stack, "sanctions", "import", str(LIST), "--list", "un")
    assert (brought.exit_code, "2 parties with 6 names" in brought.output) == (0, True), brought.output
    person = {"email": f"{new_id()}@ledgerlink.example", "password": PASSWORD}
    told = person | {"name": "Yousuf Ahmed al-Exemplari", "birth_date": "1961-03-04"}
    registered = await http.post("/v1/users", json=told)
    assert registered.status_code == 201, registered.text
    assert "Exemplari" not in registered.text
    user, analyst = registered.json()["id"], await _analyst(stack, http)

    async def found() -> list[dict[str, Any]]:
        answer = await http.get("/v1/risk/screenings", params={"customer": user}, headers=analyst)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["screenings"])

    (match,) = await eventually("the customer is screened", found)
    path = f"/v1/risk/screenings/{match['id']}"
    whole = (await http.get(path, headers=analyst)).json()
    assert (whole["screened_name"], whole["birth_date"]) == (told["name"], told["birth_date"])
    assert (whole["party"]["reference"], whole["score"]) == ("QDi.901", 100)
    keyed = analyst | {"Idempotency-Key": str(new_id())}
    decision = {"outcome": "dismissed", "reason": "Another passport"}
    dismissed = await http.post(f"{path}/decision", json=decision, headers=keyed)
    assert (dismissed.status_code, dismissed.json()["status"]) == (200, "dismissed"), dismissed.text
    assert await found() == []
    (lists,) = (await http.get("/v1/risk/sanctions_lists", headers=analyst)).json()["lists"]
    assert (lists["source"], lists["parties"]) == ("un", 2)


async def test_an_analyst_lists_a_country_and_takes_it_off_again(stack: Stack, http: httpx.AsyncClient) -> None:
    analyst = await _analyst(stack, http)
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    new = {"list": "watch", "kind": "country", "value": "AQ", "reason": "Nobody pays there", "expires_at": expires_at}
    added = await http.post("/v1/risk/lists", json=new, headers=analyst | {"Idempotency-Key": str(new_id())})
    assert added.status_code == 201, added.text
    shown = await _risk(stack, "lists", "--list", "watch", "--json")
    assert (shown.exit_code, added.json()["id"] in shown.output) == (0, True), shown.output
    removal = f"/v1/risk/lists/{added.json()['id']}/removal"
    keyed = analyst | {"Idempotency-Key": str(new_id())}
    removed = await http.post(removal, json={"reason": "A test"}, headers=keyed)
    assert (removed.status_code, removed.json()["removal_reason"]) == (200, "A test"), removed.text
    listed = await http.get("/v1/risk/lists", params={"list": "watch", "value": "AQ"}, headers=analyst)
    assert listed.json() == {"entries": [], "next_before": None}
