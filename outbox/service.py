"""A service process: one broker connection, one database, consumers, responders, relay, upkeep and health."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import asyncpg
import nats.errors
import structlog
import uvloop
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.message import StreamMessage
from faststream.middlewares import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.security import NatsNKey
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig
from prometheus_client import make_asgi_app

from contracts.message import Message
from contracts.topology import durable, streams_said_by, wakes_relay
from outbox.connection import connection_options
from outbox.consumer import Consumer, Handler, Prepare
from outbox.database import Database, is_transient
from outbox.deadlines import AnswerBy, Deadlines
from outbox.ending import end
from outbox.garbage import collect_rarely
from outbox.lags import Lags
from outbox.logs import set_up_logs
from outbox.metrics import JOB_FAILURES
from outbox.relay import Relay
from outbox.responder import Answerer, Responder
from outbox.settings import ServiceSettings
from outbox.subscriber import make_eager
from outbox.tracing import set_up_tracing
from outbox.transaction import Spoken, Transaction, Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
LAG_SECONDS = 5.0
UPKEEP_SECONDS = 3600.0
JOB_PAUSE_SECONDS = 60.0
FORGET_SECONDS = 10.0
FORGET_KEYS = 20_000
READY_SECONDS = 2.0
SHUTDOWN_SECONDS = 10
FINISH_SECONDS = 2.0
ANSWERED_AT_ONCE = 8

Job = Callable[[Transaction], Awaitable[None]]


async def _raw(message: StreamMessage[Any]) -> Any:
    return message.raw_message


class Service:
    """What a room's `main` composes: `consume` and `answer` bind handlers, `run` lives until SIGTERM.

    `consumers`, by durable, and `responders`, by subject, are what the bound handlers are called through.
    """

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name, self.settings = name, settings
        self.database = Database(settings.database_url.get_secret_value(), settings.database_pool_size)
        self.transactions = Transactions(self.database, name, self._speak)
        self.relay = Relay(name, streams_said_by(name), self.database)
        options = connection_options(settings, name, self.relay.compare, self.relay.compare)
        self.broker = NatsBroker(
            security=NatsNKey.from_seed(options.pop("nkeys_seed_str")),
            **options,
            apply_types=False,
            logger=None,
            graceful_timeout=SHUTDOWN_SECONDS,
        )
        self.consumers: dict[str, Consumer] = {}
        self.responders: dict[str, Responder] = {}
        self._jobs: list[tuple[float, Job]] = []
        self._workers: dict[str, Worker] = {}
        self._before_start: list[Callable[[], Awaitable[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscribed = False

    def consume(
        self, durable_name: str, handle: Handler, prepare: Prepare | None = None, answer_by: AnswerBy | None = None
    ) -> None:
        """Bind a handler of batches to the durable of that name (contracts.topology); see Consumer for `prepare`.

        With `answer_by` messages are answered in time, whatever happens to the handler (see outbox.deadlines).
        """
        spec = durable(durable_name)
        deadlines = None
        if answer_by:
            deadlines = Deadlines(spec.name, answer_by, self.broker.connect, self.relay.has_said)
        consumer = Consumer(spec, handle, self.transactions, self.settings.inbox_retention_days, prepare, deadlines)
        self.consumers[spec.name] = consumer
        subscriber = self.broker.subscriber(
            config=ConsumerConfig(filter_subjects=list(spec.filter_subjects)),
            durable=spec.name,
            stream=JStream(spec.stream, declare=False),
            pull_sub=PullSub(batch_size=self.settings.batch_size, batch=True),
            ack_policy=AckPolicy.MANUAL,
            title=spec.name,
            decoder=_raw,
            no_reply=True,
        )

        make_eager(subscriber, deadlines)(consumer.process)

    def answer(self, query: type[Message], handle: Answerer, at_once: int = ANSWERED_AT_ONCE) -> None:
        """Bind a handler to a query type; replicas share the work as a queue group.

        This process works on so many requests `at_once`; one that answers in batches (outbox.batching) needs more.
        """
        responder = Responder(query, handle, self.database, self.name)
        self.responders[responder.subject] = responder

        async def respond(message: Msg) -> bytes:
            return await responder.respond(message.data)

        self.broker.subscriber(
            responder.subject, queue=self.name, max_workers=at_once, title=responder.subject, decoder=_raw
        )(respond)

    def every(self, seconds: float, job: Job) -> None:
        """Run a job in a transaction of its own, again and again: what a durable deadline is swept by."""
        self._jobs.append((seconds, job))

    def work(self, worker: Worker) -> None:
        """Run a worker beside the consumers; transactions wake it by its name."""
        self._workers[worker.name] = worker

    def before_start(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step once the database is open and before anything is consumed."""
        self._before_start.append(step)

    def run(self) -> None:
        """Live until SIGTERM or SIGINT: then finish the batches in hand and stop."""
        collect_rarely()
        set_up_logs(self.settings, self.name)
        set_up_tracing(self.name, self.settings.trace_sample_ratio, self.settings.otlp_endpoint)
        address = {"host": self.settings.http_host, "port": str(self.settings.http_port)}
        options: dict[str, Any] = address | {"access_log": "false", "timeout_graceful_shutdown": SHUTDOWN_SECONDS}
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.app().run(log_level=30, run_extra_options=options))

    def app(self) -> AsgiFastStream:
        """Return the ASGI application: FastStream's life cycle plus /healthz, /readyz and /metrics."""
        routes: list[tuple[str, Any]] = [
            ("/healthz", get(self._alive)),
            ("/readyz", get(self._ready)),
            ("/metrics", make_asgi_app()),
        ]
        app = AsgiFastStream(self.broker, asgi_routes=routes, logger=None)
        app.on_startup(self._open)
        app.after_startup(self._start_tasks)
        app.on_shutdown(self._stop_tasks)
        app.after_shutdown(self._close)
        return app

    async def _open(self) -> None:
        await self.database.open()
        await self._keep_up()
        for step in self._before_start:
            await step()
        _LOG.info("starting", subscribers=len(self.broker.subscribers))

    async def _start_tasks(self) -> None:
        self._subscribed = True
        connection = await self.broker.connect()
        self._spawn(self.relay.run(connection), "relay")
        self._spawn(self._repeat(UPKEEP_SECONDS, self._keep_up, "keep_up"), "keep_up")
        lags = Lags([consumer.durable for consumer in self.consumers.values()], connection, self.database)
        self._spawn(self._repeat(LAG_SECONDS, lags.look, "lags"), "lags")
        self._spawn(self._repeat(FORGET_SECONDS, self._forget_keys, "forget_keys"), "forget_keys")
        for worker in self._workers.values():
            self._spawn(worker.run(), worker.name)
        for seconds, job in self._jobs:
            name = getattr(job, "func", job).__name__
            self._spawn(self._repeat(seconds, partial(self._in_transaction, job), name), name)
        _LOG.info("ready")

    def _spawn(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Stop the process when a task that should never end has ended: a supervisor starts a healthy one."""
        self._tasks.discard(task)
        if not task.cancelled():
            _LOG.error("background task ended", task=task.get_name(), exc_info=task.exception())
            signal.raise_signal(signal.SIGTERM)

    async def _repeat(self, seconds: float, step: Callable[[], Awaitable[None]], name: str) -> None:
        """Take a step again and again, also while it fails: one job's trouble must not stop the others."""
        pause = seconds
        failures = JOB_FAILURES.labels(name)
        while True:
            await asyncio.sleep(pause)
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and counted, and tried again
                pause = min(pause * 2, JOB_PAUSE_SECONDS)
                failures.inc()
                if is_transient(error):
                    _LOG.warning("database is away", job=name, error=str(error) or type(error).__name__)
                else:
                    _LOG.exception("job failed, will try again", job=name, seconds=pause)
            else:
                pause = seconds

    async def _in_transaction(self, job: Job) -> None:
        async with self.transactions.begin() as tx:
            await job(tx)

    async def _keep_up(self) -> None:
        """Make the partitions of the next days, drop those past retention."""
        days = self.settings.outbox_retention_days, self.settings.inbox_retention_days
        await self.database.pool.execute("SELECT maintain_delivery($1, $2)", *days)

    async def _forget_keys(self) -> None:
        """Forget idempotency keys that are past their time, more at a time than can come due meanwhile."""
        await self.database.pool.execute("SELECT forget_idempotency_keys($1)", FORGET_KEYS)

    async def _speak(self, spoken: Spoken) -> None:
        """Hand rows to the relay, here or in another replica, wake workers, send replies.

        All of it is best effort: the relay looks for rows itself, and the resource's GET is the truth.
        """
        self.relay.offer(spoken.said)
        for name in spoken.wakes & self._workers.keys():
            self._workers[name].wake()
        outgoing = list(spoken.replies)
        if spoken.said and self._subscribed and not self.relay.leads:
            outgoing.append((wakes_relay(self.name), b""))
        if outgoing:
            connection = await self.broker.connect()
            with suppress(nats.errors.Error, OSError):
                for subject, payload in outgoing:
                    await connection.publish(subject, payload)

    async def _stop_tasks(self) -> None:
        """Take nothing new, finish the batches in hand, publish what they said, and only then stop the rest."""
        await asyncio.gather(*(subscriber.stop() for subscriber in self.broker.subscribers))
        await self.relay.finish(FINISH_SECONDS)
        await end(list(self._tasks))

    async def _close(self) -> None:
        await self.database.close()

    async def _alive(self, _scope: object) -> AsgiResponse:
        return AsgiResponse(b"alive", 200)

    async def _ready(self, _scope: object) -> AsgiResponse:
        if not self._subscribed:
            return AsgiResponse(b"starting", 503)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.database.pool.fetchval("SELECT 1")
            connected = (await self.broker.connect()).is_connected
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError):
            return AsgiResponse(b"the database does not answer", 503)
        return AsgiResponse(b"ready", 200) if connected else AsgiResponse(b"not connected to NATS", 503)
