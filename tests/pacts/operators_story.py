"""The part of the story about operators: banks' statements, closed periods, and processors that leave one in doubt."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from apps.sandbox_processor.domain.signing import key_of, signed_headers
from contracts.ids import new_id
from ops.stack.stack import Stack
from tests.books import database_of
from tests.pacts.actors import Actor, good
from tests.people import CURRENCY
from tests.waiting import eventually

_BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
"""Before all that other tests on the stack date back."""
_PROCESSOR = "sandbox"
_LATER = "UPDATE operation SET next_at = now() + interval '1 hour' WHERE id = $1"
"""As after some tries, when an operator may settle what is not about to be asked again."""


async def tell_of_bank(operator: Actor, wallet: str, currency: str, fees: str) -> None:
    """Fund a wallet, hold the bank's statement against it, and resolve what differs."""
    await operator.post(f"wallets/{wallet}/top_ups", amount=1000, currency=currency)
    (clearing,) = (await operator.get(f"accounts?kind=clearing&currency={currency}"))["accounts"]
    today = str(datetime.now(UTC).date())
    asked = {"account_id": clearing["id"], "starts_on": today, "ends_on": today, "may_overlap": "true"}
    rows = f"date,amount_minor,reference\n{today},1000,A\n{today},-25,FEE\n{today},-5,FEE\n"
    header = {**operator.header, "Idempotency-Key": str(new_id()), "Content-Type": "text/csv", "Prefer": "wait=20"}
    answer = await operator.http.post("/v1/reconciliations", params=asked, content=rows, headers=header)
    path = f"reconciliations/{good(answer)['id']}"
    await operator.get("reconciliations")
    await operator.get(path)
    by_note, by_transfer = (await operator.get(f"{path}/breaks"))["breaks"]
    await operator.post(f"{path}/breaks/{by_note['number']}/resolutions", kind="note", note="A test")
    moved = {"kind": "transfer", "note": "What the bank took", "account_id": fees}
    await operator.post(f"{path}/breaks/{by_transfer['number']}/resolutions", **moved)


async def tell_of_period(operator: Actor) -> None:
    """Close a second, after all that is closed already."""
    closed = (await operator.get("ledger/periods"))["periods"]
    last = max((datetime.fromisoformat(period["ends_at"]) for period in closed), default=_BEGINNING)
    await operator.post("ledger/periods", ends_at=(last + timedelta(seconds=1)).isoformat())


async def tell_of_doubt(stack: Stack, operator: Actor, payer: Actor, till: str) -> None:
    """Ask a processor that does not answer to charge a card, and settle by hand what became of it."""
    card = {"payment_method": {"type": "card", "token": "tok_visa"}, "destination_wallet": till}
    order = {**card, "amount": 700, "currency": CURRENCY, "confirm": True}
    with _stopped(stack.pid("sandbox_processor")):
        asked = good(await payer.ask("POST", "payment_intents", order, Prefer="respond-async"))

        async def in_doubt() -> Any:
            listed = (await operator.get("processor_operations?status=unknown"))["operations"]
            return next((one["id"] for one in listed if one["payment_intent"] == asked["id"]), None)

        operation = await eventually("nobody knows what became of it", in_doubt, deadline=60)
        path = f"processor_operations/{operation}"
        await operator.get(path)
        outcome = {"outcome": "succeeded", "reference": f"ch_{new_id().hex}", "note": "Seen in the dashboard"}

        async def is_settled() -> bool:
            async with database_of(stack, "payments") as connection:
                await connection.execute(_LATER, UUID(operation))
            answer = await operator.ask("POST", f"{path}/settlement", outcome)
            if answer.is_error and answer.json()["code"] == "processor_operation_in_hand":
                return False
            good(answer)
            return True

        await eventually("it is settled", is_settled)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Let a process live and do nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def tell_of_stray_webhook(stack: Stack, operator: Actor) -> None:
    """Be told by a processor of what nobody has asked it for, and have that looked at again."""
    event = f"evt_{new_id().hex}"
    operation = {"id": f"ch_{new_id().hex}", "operation_id": str(new_id()), "status": "approved"}
    body = orjson.dumps({"id": event, "type": "operation.updated", "data": {"operation": operation}})
    key = key_of(stack.parts.secrets.processor_accounts[_PROCESSOR].webhook_secret.get_secret_value())
    headers = signed_headers(key, event, int(time.time()), body) | {"Content-Type": "application/json"}
    good(await operator.http.post(f"/v1/webhooks/{_PROCESSOR}", content=body, headers=headers))

    async def parked() -> Any:
        waiting = (await operator.get("parked_webhooks"))["webhooks"]
        return next((one["id"] for one in waiting if one["event_id"] == event), None)

    await operator.post(f"parked_webhooks/{await eventually('the webhook waits', parked)}/retry")
