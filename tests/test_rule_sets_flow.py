"""A rule set from a file to the active one and back, by commands of an analyst and an admin, on the running stack."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import Result

from apps.risk.domain.rule_sets.baseline import BASELINE
from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.risk_people import Person, new_person, risk_command

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN_CURRENCY = "CZK"
"""What the new rule blocks, and no other test on the stack pays in."""
RULE = {
    "name": "no_koruna",
    "when": f"currency == '{OWN_CURRENCY}'",
    "action": "block",
    "code": "no_koruna",
    "reason": "{amount:money} is in koruna.",
}


async def test_a_rule_set_is_drafted_tried_approved_by_another_activated_and_rolled_back(
    stack: Stack, http: httpx.AsyncClient, operator: LedgerLink, tmp_path: Path
) -> None:
    analyst, admin, payer, shop = [
        await new_person(stack, http, role) for role in ("analyst", "admin", "customer", "customer")
    ]
    source, destination = await payer.wallet(OWN_CURRENCY), await shop.wallet(OWN_CURRENCY)
    await operator.wallets.top_up(source, 500_00, OWN_CURRENCY)

    async def ask(person: Person, *words: str) -> Result:
        return await risk_command(stack, "rules", *words, **person.login)

    async def do(person: Person, *words: str) -> str:
        done = await ask(person, *words)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    async def pay() -> str:
        answer = await payer.send("POST", "/v1/payment_intents", source_wallet=source, confirm=True,
                                  destination_wallet=destination, amount=10_00, currency=OWN_CURRENCY)  # fmt: skip
        if answer.is_success:
            return str(answer.json()["status"])
        return str(answer.json()["payment_intent"]["last_payment_error"]["reason_codes"])

    assert await pay() == "succeeded"
    file = tmp_path / "no-koruna.json"
    shipped = BASELINE.model_dump(mode="json")
    file.write_text(json.dumps(shipped | {"name": "no_koruna", "rules": [*shipped["rules"], RULE]}))
    rule_set = (await do(analyst, "draft", str(file))).split()[0]
    judged = json.loads(await do(analyst, "backtest", rule_set, "--json"))
    assert (judged["status"], judged["flips"]) == ("completed", 1)
    assert f"{rule_set} no_koruna: shadow" in await do(analyst, "shadow", rule_set)
    refused = await ask(analyst, "approve", rule_set)
    assert (refused.exit_code, "Error: " in refused.stderr) == (1, True)
    assert await pay() == "succeeded"
    await do(admin, "approve", rule_set)
    await do(admin, "activate", rule_set)
    try:
        assert await pay() == "['no_koruna']"
    finally:
        await do(admin, "rollback")
    assert await pay() == "succeeded"
    assert f"{rule_set} retired" in await do(admin, "list")
