"""Both workers, the real machine and the real sandbox processor together: what each of its tricks comes to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from apps.payments.domain.processing import Verb
from apps.payments.processors.sandbox import SandboxProcessor
from apps.payments.tests.processors.local_servers import SandboxProcess, serving, settings_for
from apps.payments.tests.processors.operations import insert_operation, row_of
from apps.payments.tests.processors.webhook_room import WebhookRoom, machine
from apps.payments.workers.apply_webhooks import inbound_worker
from apps.payments.workers.call_processors import CallProcessors
from outbox.database import Database
from outbox.ending import end
from outbox.responder import Refused
from tests.waiting import eventually

ACCOUNTS = ("sandbox", "sandbox_backup")
# The sandbox may still repeat webhooks of the tests before, which are parked: nothing here is what they are about.
_OF_OURS = """
SELECT status FROM inbound_webhook w WHERE EXISTS (
    SELECT FROM operation o
    WHERE o.id::text = w.facts -> 'operation' ->> 'operation_id'
       OR o.reference IN (w.facts -> 'operation' ->> 'reference', w.facts -> 'dispute' ->> 'parent'))
"""


class Running:
    """A payments room that calls the sandbox and hears its webhooks over HTTP."""

    def __init__(self, database: Database, server: SandboxProcess) -> None:
        self.room = WebhookRoom(database)
        self.database = database
        self.processors = {n: SandboxProcessor(settings_for(server.url(n), n, timeout_seconds=2.5)) for n in ACCOUNTS}
        bounds = dict.fromkeys(ACCOUNTS, 16)
        self.calls = CallProcessors(self.room.transactions, self.processors, bounds, machine)
        self.inbound = inbound_worker(self.room.transactions, machine)

    def application(self) -> Starlette:
        return Starlette(routes=[Route("/v1/webhooks/{processor}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> JSONResponse:
        processor = self.processors[request.path_params["processor"]]
        try:
            accepted = await self.room.accept(processor, dict(request.headers), await request.body(), processor.name)
        except Refused as refusal:
            return JSONResponse({"code": refusal.problem.code}, 400)
        self.inbound.wake()
        return JSONResponse({"id": str(accepted.id)})

    async def ledger(self) -> None:
        while True:
            await self.room.answer_ledger()
            self.calls.wake()
            await asyncio.sleep(0.05)

    async def pay(self, token: str, verb: Verb = Verb.CHARGE) -> UUID:
        """A payment whose operation is due; return its intent's id."""
        operation = await insert_operation(self.database, verb, token=token)
        self.calls.wake()
        intent: UUID = (await row_of(self.database, operation))["intent_id"]
        return intent

    async def comes_to(self, intent: UUID, **end: Any) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            final = await self.room.final(intent)
            return final if end.items() <= final.items() else None

        return await eventually(f"{end}", there, deadline=30)


@pytest.fixture
async def running(database: Database, sandbox_server: SandboxProcess) -> AsyncIterator[Running]:
    running = Running(database, sandbox_server)
    async with serving(running.application(), sandbox_server.webhook_port), _tasks(running):
        yield running


@asynccontextmanager
async def _tasks(running: Running) -> AsyncIterator[None]:
    works = [running.calls.run(), running.inbound.run(), running.ledger()]
    tasks = [asyncio.create_task(work) for work in works]
    yield
    await end(tasks)


TRICKS = ["tok_visa", "tok_pending", "tok_twice", "tok_webhook_first", "tok_reordered", "tok_unavailable"]


@pytest.mark.parametrize("token", TRICKS)
async def test_whatever_the_trick_it_is_charged_once(running: Running, token: str) -> None:
    intent = await running.pay(token)
    final = await running.comes_to(intent, state="succeeded", captured=1250)
    assert final["operations"]["post", "succeeded"] == 1
    assert final["operations"]["charge", "succeeded"] == 1
    assert final["operations"]["charge", "failed"] == (token == "tok_unavailable")


async def test_a_decline_is_told_once(running: Running) -> None:
    intent = await running.pay("tok_declined")
    final = await running.comes_to(intent, state="requires_payment_method")
    assert final["operations"] == {("charge", "failed"): 1}


async def test_without_an_answer_it_is_asked_about(running: Running) -> None:
    """Unknown after the time-out, asked about five seconds later; meanwhile nothing else is charged."""
    intents = [await running.pay(token) for token in ("tok_timeout", "tok_timeout_lost", "tok_late")]
    for intent in intents:
        final = await running.comes_to(intent, state="succeeded", captured=1250)
        assert final["operations"] == {("charge", "succeeded"): 1, ("post", "succeeded"): 1}


@pytest.mark.parametrize(
    ("token", "end"),
    [
        ("tok_disputed", {"status": "needs_response", "funds": "held", "disputed": 1250, "lost": 0}),
        ("tok_disputed_won", {"status": "won", "funds": "returned", "disputed": 0, "lost": 0}),
        ("tok_disputed_lost", {"status": "lost", "funds": "taken", "disputed": 0, "lost": 1250}),
        ("tok_disputed_reordered", {"status": "lost", "funds": "taken", "disputed": 0, "lost": 1250}),
    ],
)
async def test_disputes_come_by_webhook(running: Running, token: str, end: dict[str, Any]) -> None:
    intent = await running.pay(token)
    await running.comes_to(intent, state="succeeded", **end)


async def test_the_customer_acts_and_the_webhook_tells(running: Running) -> None:
    intent = await running.pay("tok_requires_action")
    await running.comes_to(intent, state="awaiting_action")
    url = await running.database.pool.fetchval("SELECT next_action ->> 'url' FROM payment_intent WHERE id = $1", intent)
    async with httpx.AsyncClient() as customer:
        await customer.post(url, json={"result": "approve"})
    await running.comes_to(intent, state="succeeded", captured=1250)


async def test_every_webhook_comes_to_an_end(running: Running) -> None:
    intents = [await running.pay(token) for token in ("tok_visa", "tok_twice", "tok_declined", "tok_disputed_lost")]
    await running.comes_to(intents[3], status="lost", funds="taken")

    async def all_ended() -> bool:
        rows = await running.database.pool.fetch(_OF_OURS)
        return len(rows) >= 5 and {"applied", "ignored"} >= {row["status"] for row in rows}

    # One that came too early for a busy machine is looked at again after 1, 5 and 30 seconds.
    assert await eventually("all webhooks are settled", all_ended, deadline=60)
