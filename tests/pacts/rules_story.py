"""The part of the story about what decides: rule sets, backtests, models, and names on sanctions lists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.store import backtests
from contracts.ids import new_id
from contracts.risk import SanctionsSource
from ops.risk_lists import import_list
from ops.stack.stack import Stack
from outbox.database import Reads
from tests.books import database_of
from tests.pacts.actors import Actor, registered
from tests.people import CURRENCY
from tests.waiting import eventually

_ODD = 11_11
"""What payments of this story are asked for that the new rule reviews, and no other test on the stack pays."""
_RULE = {
    "name": "odd",
    "when": f"amount == {_ODD} && currency == '{CURRENCY}'",
    "action": "review",
    "code": "odd_amount",
    "reason": "{amount:money} is odd.",
}
_LISTED = Path(__file__).parents[2] / "apps" / "risk" / "tests" / "sanctions_samples" / "un.xml"
_LIKE_ONE_OF_THEM = {"name": "Yousuf Ahmed al-Exemplari", "birth_date": "1961-03-04"}


async def tell_of_rules(stack: Stack, admin: Actor, analyst: Actor, payer: Actor, ends: dict[str, str]) -> None:
    """Change what decides, as far as it goes, and back; `ends` are the wallets of a payment."""
    order = {**ends, "amount": _ODD, "currency": CURRENCY, "confirm": True}
    await payer.post("payment_intents", **order)
    rule_set = await _drafted(analyst, _RULE)
    await _backtests(stack, analyst, rule_set)
    await analyst.post(f"risk/rule_sets/{rule_set}/shadow")
    await payer.post("payment_intents", **order)
    await _flips(analyst, f"risk/rule_sets/{rule_set}/shadow")
    await admin.post(f"risk/rule_sets/{rule_set}/approval")
    await admin.post(f"risk/rule_sets/{rule_set}/activation")
    await admin.post("risk/rule_sets/rollback")
    await analyst.get(f"risk/rule_sets/{rule_set}")
    await analyst.post(f"risk/rule_sets/{await _drafted(analyst)}/retirement")
    await _models(admin, analyst)
    await _screening(stack, analyst)


async def _drafted(analyst: Actor, *more: dict[str, str]) -> str:
    shipped = BASELINE.model_dump(mode="json")
    document = shipped | {"name": f"story_{new_id().hex}", "rules": [*shipped["rules"], *more]}
    return str((await analyst.post("risk/rule_sets", document=document))["hash"])


async def _backtests(stack: Stack, analyst: Actor, rule_set: str) -> None:
    """Judge the payments of the last hour anew; cancel a second backtest before anybody has begun with it."""
    now = datetime.now(UTC)
    period = {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(minutes=1)).isoformat()}
    path = f"risk/backtests/{(await analyst.post('risk/backtests', rule_set=rule_set, **period))['id']}"

    async def completed() -> bool:
        return bool((await analyst.get(path))["status"] == "completed")

    await eventually("the backtest is completed", completed)
    await _flips(analyst, f"{path}/flips")
    async with _nobody_works_on_backtests(stack):
        second = await analyst.post("risk/backtests", rule_set=rule_set, **period)
        await analyst.post(f"risk/backtests/{second['id']}/cancellation")


@asynccontextmanager
async def _nobody_works_on_backtests(stack: Stack) -> AsyncIterator[None]:
    """Take the place of the one process that does."""
    async with database_of(stack, "risk") as connection:

        async def is_ours() -> bool:
            return await backtests.try_to_work(Reads(connection))

        await eventually("the place is free", is_ours)
        yield


async def _flips(analyst: Actor, path: str) -> None:
    async def found() -> Any:
        return (await analyst.get(path))["flips"]

    await eventually("a payment comes out otherwise", found)


async def _models(admin: Actor, analyst: Actor) -> None:
    scorer = {"kind": "logistic", "intercept": -3, "means": [1], "weights": [1], "lowest": [0], "highest": [9]}
    document = {"name": f"story_{new_id().hex}", "inputs": [{"feature": "payer_amount_ratio"}], "scorer": scorer}
    model = (await analyst.post("risk/models", document=document))["hash"]
    await admin.post(f"risk/models/{model}/approval")
    await analyst.get(f"risk/models/{model}")


async def _screening(stack: Stack, analyst: Actor) -> None:
    """Register somebody who is called like a listed party, and say that it is not them."""
    await import_list(stack.parts.postgres.service_url("risk"), _LISTED, SanctionsSource.UN)
    user = await registered(analyst.http, **_LIKE_ONE_OF_THEM)

    async def found() -> Any:
        return (await analyst.get(f"risk/screenings?customer={user.id}"))["screenings"]

    (match,) = await eventually("the customer is screened", found)
    await analyst.get(f"risk/screenings/{match['id']}")
    await analyst.post(f"risk/screenings/{match['id']}/decision", outcome="dismissed", reason="Another passport")
