"""The sandbox processor's own rules and memory, on the world's clock, over a line that loses things."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import orjson
from pydantic import ValidationError

from apps.payments.domain.processing import Call, ProcessorEvent, Result, ResultStatus
from apps.payments.processors.configuration import ProcessorSettings
from apps.payments.processors.declines import PROCESSOR_REFUSED, PROCESSOR_UNAVAILABLE
from apps.payments.processors.sandbox import SandboxProcessor, _asked, _Operation
from apps.sandbox_processor.api.bodies import OperationBody
from apps.sandbox_processor.api.operations import _ask
from apps.sandbox_processor.domain.answering import Delays
from apps.sandbox_processor.domain.behaviours import Answering
from apps.sandbox_processor.domain.operation import Dispute, Operation
from apps.sandbox_processor.domain.signing import key_of, signed_headers
from apps.sandbox_processor.domain.views import operation_view
from apps.sandbox_processor.domain.words import DisputeStatus, Status
from apps.sandbox_processor.handlers.answer_authentication import answer_authentication
from apps.sandbox_processor.handlers.apply_due_changes import apply_due_change
from apps.sandbox_processor.handlers.close_dispute import close_dispute
from apps.sandbox_processor.handlers.execute_operation import KeyReusedError, execute_operation
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import changes, deliveries, disputes, operations
from apps.sandbox_processor.store.database import open_database
from apps.sandbox_processor.store.deliveries import Webhook
from tests.interleavings.chance import Chance, Clock, Killed

NOT_CONNECTED, REQUEST_LOST, ANSWER_LOST, SENT_AGAIN = 0.04, 0.05, 0.1, 0.15
UNSENT_AFTER = 5.0
AT_ONCE = 20
_UNKNOWN = Result(ResultStatus.UNKNOWN)
_UNANSWERED = frozenset({Answering.LOST, Answering.LATE})

Take = Callable[[str, Mapping[str, str], bytes], Awaitable[bool]]
"""Hands a webhook of an account to the payments service; tells whether it was taken."""


def base_url(account: str) -> str:
    """Return what an account's customers see."""
    return f"http://sandbox.example/{account}"


class Company:
    """The processor: what it has executed, what it will do later, and the webhooks that it has not got rid of."""

    def __init__(self, directory: Path, accounts: Mapping[str, str], clock: Clock, chance: Chance) -> None:
        delays = Delays(latency=0.01, late=8.0, hang=60.0)
        self.network = Network(open_database(directory), 0, base_url, delays, lambda: None)
        self._keys = {account: key_of(secret) for account, secret in accounts.items()}
        self._clock, self._chance = clock, chance
        self.take: Take | None = None

    @property
    def now(self) -> float:
        """The world's time, in seconds."""
        return self._clock.seconds

    def close(self) -> None:
        self.network.database.close()

    @property
    def is_done(self) -> bool:
        """Whether nothing is to happen any more, and nothing to be sent."""
        database = self.network.database
        return changes.next_due(database) is None and not deliveries.due(database, float("inf"), 1)

    def do_what_is_due(self) -> bool:
        """Settle, open and close what was to be by now; tell whether there was anything."""
        return apply_due_change(self.network, self.now)

    async def send_webhooks(self, subject: str | None = None) -> bool:
        """Send webhooks that are due, or all about `subject`; tell whether there were any."""
        due = deliveries.due(self.network.database, self.now if subject is None else self.now + 120, 10**6)
        chosen = [webhook for webhook in due if subject is None or self._is_about(webhook, subject)]
        if subject is None:
            chosen = self._chance.rng.sample(chosen, min(len(chosen), AT_ONCE))
        for webhook in chosen:
            await self._send(webhook)
        return bool(chosen)

    def _is_about(self, webhook: Webhook, subject: str) -> bool:
        data = orjson.loads(webhook.body)["data"]
        return bool(data.get("operation", {}).get("id") == subject)

    async def _send(self, webhook: Webhook) -> None:
        assert self.take is not None
        # Signed at the real time: it is compared with that.
        headers = signed_headers(self._keys[webhook.account], webhook.event_id, int(time.time()), webhook.body)
        try:
            taken = await self.take(webhook.account, headers, webhook.body)
        except Killed:
            taken = False
        if taken and not self._chance.happens(SENT_AGAIN):
            deliveries.taken(self.network.database, webhook.number)
        else:
            deliveries.refused(self.network.database, webhook.number, self.now + UNSENT_AFTER)

    def authenticate(self, account: str, reference: str, *, approved: bool) -> None:
        """Let the customer answer."""
        answer_authentication(self.network, account, reference, approved=approved, now=self.now)

    def waiting_for_customers(self) -> list[Operation]:
        """Return what waits for its customer."""
        known = (o for a in self._keys for o in operations.listed(self.network.database, a, None, 10**6))
        return [operation for operation in known if operation.status is Status.REQUIRES_ACTION]

    def decide_disputes(self) -> None:
        """Let banks decide about all that merchants have answered."""
        for dispute in self.disputes():
            if dispute.status is DisputeStatus.UNDER_REVIEW:
                status = self._chance.rng.choice([DisputeStatus.WON, DisputeStatus.LOST])
                close_dispute(self.network, dispute.account, dispute.id, status, self.now)

    def disputes(self) -> list[Dispute]:
        """Return all disputes."""
        return [d for a in self._keys for d in disputes.listed(self.network.database, a, 10**6)]

    def books(self) -> list[Operation]:
        """Return all that was ever executed."""
        return [o for a in self._keys for o in operations.listed(self.network.database, a, None, 10**6)]


class Line:
    """An account at the company as payments reach it: the adapter's own words, without HTTP, over a bad line."""

    def __init__(self, settings: ProcessorSettings, company: Company, chance: Chance) -> None:
        self.name = settings.name
        self._adapter = SandboxProcessor(settings)
        self._company, self._chance = company, chance
        self._one_by_one = asyncio.Lock()

    async def execute(self, call: Call) -> Result:
        """Send an operation; it or the answer may be lost."""
        async with self._one_by_one:
            if self._chance.happens(NOT_CONNECTED):
                return Result(ResultStatus.FAILED, problem=PROCESSOR_UNAVAILABLE)
            if self._chance.happens(REQUEST_LOST):
                return _UNKNOWN
            result = await self._executed(call)
            return _UNKNOWN if self._chance.happens(ANSWER_LOST) else result

    async def _executed(self, call: Call) -> Result:
        network = self._company.network
        try:
            body = OperationBody.model_validate(_asked(call))
        except ValidationError:
            return Result(ResultStatus.DECLINED, problem=PROCESSOR_REFUSED)
        ask = _ask(network, self.name, str(call.operation_id), body)
        try:
            executed = execute_operation(network, ask, self._company.now)
        except KeyReusedError:
            return _UNKNOWN
        if executed.operation is None:
            unavailable = executed.answering is Answering.UNAVAILABLE
            return Result(ResultStatus.FAILED, problem=PROCESSOR_UNAVAILABLE) if unavailable else _UNKNOWN
        if executed.answering is Answering.AFTER_WEBHOOK:
            await self._company.send_webhooks(executed.operation.id)
        return _UNKNOWN if executed.answering in _UNANSWERED else self._told(executed.operation)

    async def query(self, call: Call, _reference: str | None) -> Result:
        """Ask how an operation stands; the answer may be lost."""
        async with self._one_by_one:
            if self._chance.happens(ANSWER_LOST):
                return _UNKNOWN
            known = operations.by_operation_id(self._company.network.database, self.name, str(call.operation_id))
            return self._told(known) if known else Result(ResultStatus.NOT_FOUND)

    def event_of(self, headers: Mapping[str, str], body: bytes) -> ProcessorEvent:
        """Verify and read a webhook."""
        return self._adapter.event_of(headers, body)

    async def close(self) -> None:
        await self._adapter.close()

    def _told(self, operation: Operation) -> Result:
        return _Operation.model_validate_json(orjson.dumps(operation_view(operation, base_url(self.name)))).result()
