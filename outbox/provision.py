"""The provisioner: the one place that creates and changes streams and durable consumers (contracts.topology)."""

import asyncio
from contextlib import suppress

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from contracts.topology import DURABLES, PROVISIONER, Durable, Stream, streams
from outbox.connection import connect
from outbox.settings import BrokerSettings

_LOG = structlog.get_logger()
WATCH_SECONDS = 1.0
API_SECONDS = 5.0
CONNECT_SECONDS = 30.0


async def provision(nc: Client, replicas: int = 1) -> list[str]:
    """Bring streams and durables to what the topology says; return the names of those created or changed.

    `replicas` is on how many nodes of the broker each stream is kept; its durables are on the same.
    """
    js = nc.jetstream(timeout=API_SECONDS)
    changed = [stream.name for stream in streams() if await _provide_stream(js, stream, replicas)]
    return changed + [durable.name for durable in DURABLES if await _provide_durable(js, durable)]


async def tell_again(nc: Client, service: str) -> list[str]:
    """Let a service be handed again all that its streams still hold; return its durables.

    For a database that was restored from a backup: its inbox drops what it knows, and what it forgot it does again. The
    durables go; `provision` makes them anew, from the first message on.
    """
    js = nc.jetstream(timeout=API_SECONDS)
    own = [durable for durable in DURABLES if durable.service == service]
    for durable in own:
        with suppress(NotFoundError):
            await js.delete_consumer(durable.stream, durable.name)
    return [durable.name for durable in own]


async def _provide_stream(js: JetStreamContext, stream: Stream, replicas: int) -> bool:
    config = StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=stream.max_age.total_seconds(),
        max_bytes=stream.max_bytes,
        max_msg_size=stream.max_message_bytes,
        duplicate_window=stream.duplicate_window.total_seconds(),
        num_replicas=replicas,
        allow_direct=True,
        allow_atomic=True,
    )
    try:
        current = (await js.stream_info(stream.name)).config
    except NotFoundError:
        await js.add_stream(config)
        return True
    wanted = config.as_dict()
    if all(current.as_dict().get(key) == value for key, value in wanted.items() if value is not None):
        return False
    await js.update_stream(config)
    return True


async def _provide_durable(js: JetStreamContext, durable: Durable) -> bool:
    config = ConsumerConfig(
        durable_name=durable.name,
        filter_subjects=list(durable.filter_subjects),
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=durable.ack_wait.total_seconds(),
        max_deliver=-1,  # the consumer counts deliveries itself: a database that is away is no fault of a message
        max_ack_pending=durable.max_ack_pending,
    )
    try:
        current = (await js.consumer_info(durable.stream, durable.name)).config
    except NotFoundError:
        await js.add_consumer(durable.stream, config)
        return True
    keys = ("filter_subjects", "ack_wait", "max_ack_pending", "max_deliver")
    if all(getattr(current, key) == getattr(config, key) for key in keys):
        return False
    await js.add_consumer(durable.stream, config)
    return True


async def watch(settings: BrokerSettings, replicas: int = 1) -> None:
    """Provision, then keep looking: a broker that lost its disk gets its streams back within a second."""
    nc = await connect(settings, PROVISIONER)
    while True:
        try:
            if changed := await provision(nc, replicas):
                _LOG.info("provisioned", changed=changed)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            _LOG.warning("broker is away", error=str(error) or type(error).__name__)
        await asyncio.sleep(WATCH_SECONDS)


async def provision_once(settings: BrokerSettings, replicas: int = 1, again: str | None = None) -> list[str]:
    """Provision and disconnect; let the service `again` be told again what it was told.

    Raises TimeoutError when the broker cannot be reached, and nats errors.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            nc = await connect(settings, PROVISIONER)
    except TimeoutError:
        raise TimeoutError(f"NATS at {settings.nats_url} does not answer") from None
    try:
        told = await tell_again(nc, again) if again else []
        return sorted({*told, *await provision(nc, replicas)})
    finally:
        await nc.close()
