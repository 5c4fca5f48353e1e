"""The services of a world, the messages between them, and one step after the other."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import pytest

from apps.payments import main as payments_main
from apps.payments.processors import registry
from apps.payments.settings import PaymentsSettings
from apps.payments.workers import call_processors, check_ledger
from apps.payments.workers.call_processors import CallProcessors
from apps.risk.main import build as build_risk
from apps.risk.settings import RiskSettings
from apps.risk.tests.rule_sets import limits
from apps.wallet.main import build as build_wallet
from apps.wallet.queries import effects
from apps.wallet.settings import WalletSettings
from contracts import ids
from contracts.message import Envelope, Message, Outcome, Reply, decode, envelope_of
from contracts.payments import AcceptWebhook
from contracts.topology import DURABLES
from ops.stack.secrets import PROCESSOR_ACCOUNTS, Secrets
from outbox import envelopes
from outbox import service as service_module
from outbox.database import Database
from outbox.service import Job, Service
from outbox.transaction import Spoken, Transactions
from outbox.workers import Worker
from tests.fresh_databases import Cluster, FreshDatabase
from tests.interleavings.chance import Chance, Clock, Ids, Killed, MortalTransactions, step
from tests.interleavings.network import Company, Line

SERVICES = ("payments", "wallet", "risk")
DELIVERED_AGAIN, OUT_OF_ORDER = 0.05, 0.1
LONGEST_BATCH = 60
GATEWAY = "gateway.replies.world"
A = TypeVar("A", bound=Message)


class World:
    """Payments, wallet, risk and the sandbox processor, as one seed would have them."""

    def __init__(self, seed: int, cluster: Cluster, directory: Path, patches: pytest.MonkeyPatch) -> None:
        self.chance, self.clock = Chance(seed), Clock()
        self.databases: dict[str, FreshDatabase] = {}
        self.services: dict[str, Service] = {}
        self.sent: dict[UUID, Message] = {}
        self.replies: dict[UUID, list[Reply]] = defaultdict(list)
        self._queues: dict[str, list[bytes]] = {d.name: [] for d in DURABLES if d.service in SERVICES}
        self._cluster, self._patches = cluster, patches
        self._secrets = Secrets().complete()
        accounts = {name: a.webhook_secret.get_secret_value() for name, a in self._secrets.processor_accounts.items()}
        self.company = Company(directory, accounts, self.clock, self.chance)
        self.company.take = self._take_webhook

    async def __aenter__(self) -> Self:
        self._take_over()
        for name in SERVICES:
            self.databases[name] = await self._cluster.fresh(name, migrated=True)
        for name, build in (("payments", self._payments), ("wallet", self._wallet), ("risk", self._risk)):
            self.services[name] = build()
            await self.services[name].database.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for service in self.services.values():
            await service.database.close()
        for database in self.databases.values():
            await self._cluster.drop(database.name)
        self.company.close()

    def _take_over(self) -> None:
        """Put this world's clock, ids, transactions and network in the place of the real ones."""
        clock = self.clock

        class WorldTime:
            @staticmethod
            def now(_zone: object) -> Any:
                return clock.now

        def transactions(database: Database, name: str, _speak: object) -> Transactions:
            return MortalTransactions(database, name, self._hear, clock, self.chance)

        def lines(settings: Sequence[Any]) -> Mapping[str, Line]:
            return {s.name: Line(s, self.company, self.chance) for s in settings}

        self._patches.setattr(ids, "uuid7", Ids(self.chance.rng))
        self._patches.setattr(service_module, "Transactions", transactions)
        self._patches.setattr(registry, "build", lines)
        self._patches.setattr(payments_main, "Requester", lambda *_: _Asker(self))
        for module in (envelopes, call_processors, check_ledger, effects):
            self._patches.setattr(module, "datetime", WorldTime)

    def _settings(self, name: str) -> dict[str, Any]:
        seed = self._secrets.nats_seeds[name]
        return {"database_url": self.databases[name].url, "nats_seed": seed, "http_port": 1, "database_pool_size": 2}

    def _payments(self) -> Service:
        processors = [
            {
                "name": name,
                "kind": "sandbox",
                "url": f"http://{name}.example",
                "api_key": account.api_key,
                "webhook_secret": account.webhook_secret,
            }
            for name, account in self._secrets.processor_accounts.items()
        ]
        return payments_main.build(
            PaymentsSettings(
                **self._settings("payments"),
                processors=processors,
                routes=[{"processors": list(PROCESSOR_ACCOUNTS)}],
                webhook_signing_key=self._secrets.webhook_signing_key,
                secrets_key=self._secrets.endpoint_secrets_key,
            )
        )

    def _wallet(self) -> Service:
        return build_wallet(WalletSettings(**self._settings("wallet"), seal_key=self._secrets.seal_key))

    def _risk(self) -> Service:
        return build_risk(RiskSettings(**self._settings("risk")), limits(amount=80, review_amount=30))

    # Messages

    def send(self, command: Message) -> None:
        """Send a command as the gateway does."""
        identifier = ids.new_id()
        envelope = envelope_of(type(command))(
            id=identifier,
            source="/ledgerlink/gateway",
            type=command.contract.type,
            time=self.clock.now,
            correlationid=str(identifier),
            replyto=GATEWAY,
            data=command,
        )
        self._publish(command.contract.subject, envelope.encode())
        self.sent[identifier] = command

    def send_again(self) -> None:
        """Deliver something that waits once more than it was sent."""
        if waiting := [queue for queue in self._queues.values() if queue]:
            queue = self.chance.rng.choice(waiting)
            queue.append(self.chance.rng.choice(queue))

    def _publish(self, subject: str, payload: bytes) -> None:
        for durable in DURABLES:
            if subject in durable.subjects and durable.name in self._queues:
                self._queues[durable.name].append(payload)

    def _hear(self, _service: str, spoken: Spoken) -> None:
        for _, said in spoken.said:
            self._publish(said.subject, said.payload)
        for _, payload in spoken.replies:
            reply = decode(payload, Reply)
            if reply.causationid:
                self.replies[reply.causationid].append(reply.data)

    async def ask(self, service: str, question: Message) -> Reply:
        """Ask a service something, as over the broker."""
        envelope: Envelope[Message] = envelope_of(type(question))(
            id=ids.new_id(),
            source="/ledgerlink/gateway",
            type=question.contract.type,
            time=self.clock.now,
            correlationid="world",
            data=question,
        )
        responder = self.services[service].responders[question.contract.subject]
        with step(question.contract.subject):
            return decode(await responder.respond(envelope.encode()), Reply).data

    async def _take_webhook(self, account: str, headers: Mapping[str, str], body: bytes) -> bool:
        question = AcceptWebhook.model_construct(processor=account, headers=headers, body=body)
        reply = await self.ask("payments", question)
        assert reply.outcome is Outcome.COMPLETED, reply.problem
        return True

    # Steps

    @property
    def waiting(self) -> list[str]:
        """The durables for which there are messages."""
        return [name for name, queue in self._queues.items() if queue]

    async def deliver(self, name: str) -> None:
        """Deliver a batch to a durable's consumer; what its process did not finish comes again."""
        queue, rng = self._queues[name], self.chance.rng
        if self.chance.happens(OUT_OF_ORDER):
            rng.shuffle(queue)
        size = len(queue) if self.chance.is_calm else rng.randint(1, len(queue))
        batch = queue[: min(size, LONGEST_BATCH)]
        del queue[: len(batch)]
        service = next(s for s in self.services.values() if name in s.consumers)
        try:
            with step(name):
                await self._consume(service, name, batch)
        except Killed:
            queue[:0] = batch
            return
        queue += [payload for payload in batch if self.chance.happens(DELIVERED_AGAIN)]

    async def _consume(self, service: Service, name: str, batch: Sequence[bytes]) -> None:
        consumer = service.consumers[name]
        by_id = {envelope.id: envelope for envelope in map(consumer._decode, batch)}
        async with service.transactions.begin() as tx:
            new = await tx.take_new(name, list(by_id))
            fresh = [envelope for identifier, envelope in by_id.items() if identifier in new]
            if fresh:
                await consumer._handle(tx, await consumer._prepare(fresh))

    async def sweep(self, service: str, job_name: str) -> None:
        """Run one of a service's recurring jobs."""
        job = next(job for _, job in self.services[service]._jobs if _name_of(job) == job_name)
        try:
            with step(job_name):
                async with self.services[service].transactions.begin() as tx:
                    await job(tx)
        except Killed:
            return

    async def call_processors(self) -> None:
        """Let the worker give its answers and take what is due; where it dies, another one takes its place."""
        worker = self.services["payments"]._workers["processors"]
        assert isinstance(worker, CallProcessors)
        try:
            with step("keep answers"):
                await worker._give_answers()
            with step("call processors"):
                await worker._take_due()
                await asyncio.gather(*worker._tasks)
                self.chance.may_die("with answers in hand")
            with step("keep answers"):
                await worker._give_answers()
        except Killed:
            parts = worker._transactions, worker._processors, worker._bounds, worker._apply
            self.services["payments"]._workers["processors"] = CallProcessors(*parts)

    async def drain(self, worker_name: str) -> bool:
        """Let a worker do what is due."""
        worker: Worker = self.services["payments"]._workers[worker_name]
        try:
            with step(worker_name):
                return await worker._drain()
        except Killed:
            return True

    async def reads(self, service: str, query: str, *parameters: object) -> list[Any]:
        """Look into a service's database."""
        async with self.services[service].database.reads() as reads:
            return await reads.fetch(query, *parameters)

    async def work_off(self) -> None:
        """Do all that is due now, until nothing is left to do."""
        for _ in range(500):
            for name in self.waiting:
                await self.deliver(name)
            await self._work_once()
            busy = self.company.do_what_is_due()
            busy = await self.company.send_webhooks() or busy
            busy = bool(await self.reads("payments", _DUE, self.clock.now)) or busy
            if not busy and not self.waiting:
                return
        raise AssertionError("there is always something left to do")

    async def _work_once(self) -> None:
        await self.call_processors()
        await self.drain("inbound")
        await self.sweep("payments", "end_waits")
        await self.sweep("payments", "ask_ledger_again")
        await self.sweep("wallet", "expire_holds")

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)


class _Asker:
    """Asks the wallet in this process."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def ask(self, question: Message, answer: type[A]) -> A:
        return answer.model_validate((await self._world.ask("wallet", question)).resource)


_DUE = """
SELECT FROM operation WHERE next_at <= $1 UNION ALL SELECT FROM inbound_webhook WHERE next_at <= $1
UNION ALL SELECT FROM payment_intent WHERE deadline_at <= $1
"""


def _name_of(job: Job) -> str:
    return str(getattr(job, "func", job).__name__)
