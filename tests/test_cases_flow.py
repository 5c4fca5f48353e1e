"""Cases across gateway, payments, risk and the command line: a payment waits, an analyst decides, and labels it."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.risk_people import Person, new_person, risk_command
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNDER_REVIEW = 8_500_00
"""The rules that ship have an analyst look at it."""


async def _pay(payer: Person, shop: Person, operator: LedgerLink) -> str:
    """Make a payment that waits for an analyst; return its id."""
    wallets = [await person.wallet("EUR") for person in (payer, shop)]
    await operator.wallets.top_up(wallets[0], 10_000_00, "EUR")
    money = {"amount": UNDER_REVIEW, "currency": "EUR", "confirm": True}
    ends = dict(zip(("source_wallet", "destination_wallet"), wallets, strict=True))
    asked = (await payer.send("POST", "/v1/payment_intents", **money, **ends)).json()
    assert asked["next_action"] == {"type": "risk_review"}, asked
    return str(asked["id"])


async def test_an_analyst_works_on_a_case_and_says_later_what_the_payment_was(
    stack: Stack, http: httpx.AsyncClient, operator: LedgerLink, tmp_path: Path
) -> None:
    analyst, other, payer, shop = await asyncio.gather(
        *(new_person(stack, http, role) for role in ("analyst", "analyst", "customer", "customer"))
    )
    intent = await _pay(payer, shop, operator)
    decided = await analyst.get("/v1/risk/decisions", payment_intent_id=intent)
    case = f"/v1/cases/{decided.json()['decisions'][0]['assessment_id']}"
    claimed = await analyst.send("POST", f"{case}/claim")
    assert (claimed.status_code, claimed.json()["assignee"]) == (200, analyst.id), claimed.text
    assert (await payer.send("POST", f"{case}/claim")).status_code == 403
    taken = await other.send("POST", f"{case}/claim")
    assert (taken.status_code, taken.json()["code"]) == (409, "case_claimed")
    reviewed = await other.send("POST", f"/v1/reviews/{intent}/decision", outcome="approve", note="Mine?")
    assert (reviewed.status_code, reviewed.json()["code"]) == (409, "case_claimed")
    assert (await analyst.send("POST", f"{case}/notes", note="=Rang the customer.")).status_code == 200
    evidence = await analyst.send("POST", f"{case}/evidence", title="Order", document={"lines": ["tea"]})
    assert evidence.status_code == 200, evidence.text
    wrong = await analyst.send("POST", f"{case}/evidence", title="Order", url="file:///etc/hosts")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    done = await analyst.send("POST", f"{case}/decision", outcome="approve", reason="They know the shop.")
    assert (done.status_code, done.json()["status"]) == (200, "decided"), done.text

    async def is_paid() -> bool:
        return bool((await payer.get(f"/v1/payment_intents/{intent}")).json()["status"] == "succeeded")

    await eventually("the payment goes on", is_paid)
    shown = await risk_command(stack, "cases", "show", case.rpartition("/")[2], "--json")
    events = [event["kind"] for event in json.loads(shown.stdout)["events"]]
    assert events == ["opened", "claimed", "note", "evidence", "decision"]
    listed = await risk_command(stack, "cases", "list", "--status", "decided")
    assert (listed.exit_code, "approve" in listed.stdout) == (0, True), listed.output

    labelled = await analyst.send("PUT", f"/v1/risk/labels/{intent}", label="good", reason="All is well.")
    assert (labelled.status_code, labelled.json()["source"]) == (200, "analyst"), labelled.text
    file = tmp_path / "labels.csv"
    file.write_text(f"payment_intent_id,label,labelled_at\n{intent},fraud,2026-01-05\n{new_id()},good,\n")
    for _ in range(2):
        imported = await risk_command(stack, "labels", "import", str(file), "--json", **analyst.login)
        assert imported.exit_code == 0, imported.output
        assert (json.loads(imported.stdout)["taken"], len(json.loads(imported.stdout)["unknown"])) == (1, 1)
    known = (await analyst.get(f"/v1/risk/labels/{intent}")).json()
    assert (known["label"], [said["source"] for said in known["statements"]]) == ("good", ["analyst", "import"])
    quality = json.loads((await risk_command(stack, "quality", "--json")).stdout)
    assert quality["goods"] >= 1
    assert any(rule["rule"] == "large_payment_review" for rule in quality["rules"])
    assert (await risk_command(stack, "quality")).exit_code == 0

    report = await analyst.get(f"{case}/suspicious_activity_report")
    assert (report.status_code, report.json()["case"]["outcome"]) == (200, "approve"), report.text
    cells = await analyst.get(f"{case}/suspicious_activity_report", format="csv")
    assert cells.headers["Content-Type"].startswith("text/csv")
    assert f"suspicious_activity,payment_intent_id,{intent}" in cells.text
    assert "rule,large_payment_review," in cells.text
    assert (await analyst.get("/v1/risk/quality", since="2026-01-02T00:00:00Z", until="2026-01-01T00:00:00Z")).json()[
        "code"
    ] == "invalid_request"
