"""The other side of NATS: wallet, payments, risk and identity by script, on the real wire, each under its own user."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import payments, risk, wallet
from contracts.identity import GetRevocations, GetSigningKeys
from contracts.ids import new_id
from contracts.message import REGISTRY, Envelope, Kind, Message, Outcome, Problem, Reply, decode, envelope_of
from contracts.outcomes import OutcomeAsked
from contracts.payments import CreatePaymentIntent, GetPaymentIntent
from contracts.topology import DURABLES, Durable
from contracts.wallet import GetAccounts
from gateway.tests.tokens import Signer
from outbox.ending import end
from tests.servers import NatsServer

Script = Callable[[Any], Iterable[Reply | float]]
"""From a command to its replies, with pauses (seconds) between them."""

GET_OUTCOME: tuple[type[OutcomeAsked], ...] = (payments.GetOutcome, risk.GetOutcome, wallet.GetOutcome)

NOW = "2026-01-05T09:30:00Z"


def completed(resource: dict[str, Any], problem: Problem | None = None) -> Reply:
    return Reply(outcome=Outcome.COMPLETED, resource=resource, problem=problem)


def accepted(resource: dict[str, Any]) -> Reply:
    return Reply(outcome=Outcome.ACCEPTED, resource=resource)


def refused(code: str, detail: str = "No.", parameter: str | None = None) -> Reply:
    return Reply(outcome=Outcome.REFUSED, problem=Problem(code=code, detail=detail, parameter=parameter))


def intent_of(command: CreatePaymentIntent, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    asked = {"payment_intent_id", "return_url", "country", "confirm", "authenticated_at", "idempotency"}
    shown = command.model_dump(mode="json", exclude=asked, exclude_none=True)
    times = {"created_at": NOW, "updated_at": NOW}
    return {"id": str(command.payment_intent_id), "status": status} | shown | times | more


@dataclass
class ScriptedServices:
    """What the services know, how they answer, and what they have heard."""

    signer: Signer = field(default_factory=Signer)
    accounts: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    scripts: dict[type[Message], Script] = field(default_factory=dict)
    answers: dict[type[Message], Callable[[Any], Reply]] = field(default_factory=dict)
    heard: list[Envelope[Any]] = field(default_factory=list)
    _connections: dict[str, Client] = field(default_factory=dict)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _consuming: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answers |= {
            GetSigningKeys: lambda _: completed({"keys": [self.signer.jwk]}),
            GetRevocations: lambda _: completed({"revocations": [], "as_of": datetime.now(UTC).isoformat()}),
            GetAccounts: lambda q: completed({"accounts": [self.accounts[i] for i in q.ids if i in self.accounts]}),
            GetPaymentIntent: lambda _: refused("payment_intent_not_found"),
        }
        for question in GET_OUTCOME:
            self.answers[question] = lambda _: refused("operation_not_found")

    def wallet(self, owner: UUID | None, currency: str = "EUR", balance: int = 0) -> UUID:
        """Make a wallet that exists already."""
        identifier = new_id()
        account = {"id": str(identifier), "currency": currency, "balance": balance, "floor": 0, "created_at": NOW}
        self.accounts[identifier] = account | ({"owner": str(owner)} if owner else {})
        return identifier

    def commands(self, kind: type[Message]) -> list[Envelope[Any]]:
        """Return the commands of a kind that were heard, in order."""
        return [envelope for envelope in self.heard if isinstance(envelope.data, kind)]

    async def start(self, server: NatsServer) -> None:
        for user in ("identity", "wallet", "payments", "risk"):
            self._connections[user] = await server.connect(user)
        for query in REGISTRY.values():
            if query.contract.kind is Kind.QUERY and "gateway" in query.contract.senders:
                await self.serve(query)
        for durable in DURABLES:
            if any(m.contract.kind is Kind.COMMAND and "gateway" in m.contract.senders for m in durable.messages):
                self.consume(durable)

    def consume(self, durable: Durable) -> None:
        """Work on the commands of a durable consumer, from now on."""
        task = asyncio.create_task(self._consume(durable.name, durable.stream, durable.service))
        self._consuming[durable.name] = task
        self._tasks.append(task)

    async def stop_consuming(self, durable: Durable) -> None:
        """Leave its commands where they are."""
        await end([self._consuming.pop(durable.name)])

    async def serve(self, query: type[Message]) -> None:
        nc = self._connections[query.contract.owner]

        async def answer(message: Msg) -> None:
            envelope = decode(message.data, query)
            self.heard.append(envelope)
            if query in self.answers:
                await message.respond(_encoded(envelope, self.answers[query](envelope.data)))

        await nc.subscribe(query.contract.subject, cb=answer)

    async def say(self, event: Message) -> None:
        """Say an event in its owner's name, as the relay does: to its stream, and to all who listen."""
        nc = self._connections[event.contract.owner]
        now = datetime.now(UTC)
        envelope = envelope_of(type(event))(
            id=new_id(), source="/ledgerlink/test", type=event.contract.type, time=now, correlationid="test", data=event
        )
        await nc.jetstream().publish(event.contract.subject, envelope.encode(), stream=event.contract.stream)

    async def _consume(self, durable: str, stream: str, service: str) -> None:
        nc = self._connections[service]
        subscription = await nc.jetstream().pull_subscribe_bind(durable, stream)
        while True:
            try:
                messages = await subscription.fetch(10, timeout=0.2)
            except (nats.errors.Error, TimeoutError):
                await asyncio.sleep(0.01)
                continue
            for message in messages:
                await message.ack()
                kind = next(m for m in REGISTRY.values() if m.contract.subject == message.subject)
                envelope = decode(message.data, kind)
                self.heard.append(envelope)
                self._tasks.append(asyncio.create_task(self._reply(nc, envelope)))

    async def _reply(self, nc: Client, command: Envelope[Any]) -> None:
        for step in self.scripts[type(command.data)](command.data):
            if isinstance(step, Reply):
                await nc.publish(command.replyto or "", _encoded(command, step))
            else:
                await asyncio.sleep(step)

    async def stop(self) -> None:
        await end(self._tasks)
        for nc in self._connections.values():
            with suppress(nats.errors.Error, OSError):
                await nc.close()


def _encoded(request: Envelope[Any], reply: Reply) -> bytes:
    envelope = envelope_of(Reply)(
        id=new_id(),
        source="/ledgerlink/test",
        type=Reply.contract.type,
        time=datetime.now(UTC),
        correlationid=request.correlationid,
        causationid=request.id,
        data=reply,
    )
    return envelope.encode()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that another task brings about. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
