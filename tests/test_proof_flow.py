"""Proof through every process: a customer's receipt verifies by the public keys alone, and the audit finds nothing."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.cli import app
from ops.stack.stack import Stack
from tests.people import new_customer
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_payment_is_proved_to_both_sides(
    stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink, tmp_path: Path
) -> None:
    ada, grace = await new_customer(gateway, operator, 5000), await new_customer(gateway, operator)
    order = {
        "source_wallet": str(ada.wallet),
        "destination_wallet": str(grace.wallet),
        "amount": 1250,
        "currency": "EUR",
        "confirm": True,
    }
    paid = await http.post("/v1/payment_intents", json=order, headers=ada.bearer | {"Idempotency-Key": str(new_id())})
    assert paid.status_code == 201, paid.text
    path = f"/v1/transfers/{paid.json()['transfer_id']}/receipt"
    for customer, side, balance in ((ada, "debit", 3750), (grace, "credit", 1250)):

        async def receipt(bearer: dict[str, str] = customer.bearer) -> httpx.Response | None:
            answer = await http.get(path, headers=bearer)
            assert answer.status_code == 200 or answer.json()["code"] == "not_sealed_yet", answer.text
            return answer if answer.status_code == 200 else None

        found = (await eventually("the transfer is sealed", receipt)).json()
        entry = found["entry"]
        assert (entry["side"], entry["amount"], entry["balance_after"]) == (side, 1250, balance)
        keys = (await http.get("/v1/ledger/keys")).json()
        files = [tmp_path / "receipt.json", tmp_path / "keys.json"]
        for file, document in zip(files, (found, keys), strict=True):
            file.write_text(json.dumps(document))
        told = await asyncio.to_thread(CliRunner().invoke, app, ["verify", str(files[0]), "--key", str(files[1])])
        assert told.exit_code == 0, told.output
        assert "a key that you trust" in told.output
        found["entry"]["amount"] += 1
        files[0].write_text(json.dumps(found))
        told = await asyncio.to_thread(CliRunner().invoke, app, ["verify", str(files[0]), "--key", str(files[1])])
        assert (told.exit_code, "changed_entry" in told.output) == (1, True)
    command = ["audit", "--json", "--data-dir", str(stack.layout.root)]
    report = json.loads((await asyncio.to_thread(CliRunner().invoke, app, command)).stdout)
    assert report["findings"] == []
    assert report["proved"]["seals"] >= 1
    assert report["payments"]["succeeded"] >= 1
