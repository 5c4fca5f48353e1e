"""The documents as readers ask of them: which messages are there, who says each, who hears it, and how it travels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

import orjson

from gateway.message_pages.documents import Json
from gateway.message_pages.schemas import Shape, name_of, shape

_KINDS = {
    "commands": "Commands",
    "events": "Events",
    "decisions": "Decisions",
    "queries": "Queries",
    "replies": "Replies",
    "dlq": "Dead letters",
}
_MEBIBYTE, _DAY = 1 << 20, 86400


@dataclass(frozen=True)
class Hearing:
    """Who takes a message: with a durable consumer it waits for them, without one it is gone when nobody listens."""

    service: str
    durable: str | None
    limits: str


@dataclass(frozen=True)
class MessageView:
    """A message: where it travels, between whom, what is in it, and a real example."""

    name: str
    type: str
    kind: str
    description: str
    addresses: Sequence[str]
    parameters: Mapping[str, str]
    stream: str | None
    senders: tuple[str, ...]
    hearers: tuple[Hearing, ...]
    answer: str | None
    data: Shape | None
    example: str


@dataclass(frozen=True)
class Stream:
    """A JetStream stream, and what it keeps."""

    name: str
    keeps: str
    subjects: tuple[str, ...]


@dataclass(frozen=True)
class ServiceView:
    """One application's page."""

    name: str
    description: str
    version: str
    groups: Mapping[str, Sequence[MessageView]]
    streams: Sequence[Stream]
    envelope: Shape
    shapes: Sequence[Shape]

    def anchor(self, shape: str) -> str:
        """Return where on the page a schema is shown: among the shapes, or as the data of a message."""
        of_messages = (m.name for group in self.groups.values() for m in group if m.data and m.data.name == shape)
        return next(of_messages, f"shape-{shape}")

    @property
    def messages(self) -> int:
        """How many messages it sends or receives."""
        return sum(len(group) for group in self.groups.values())


@dataclass(frozen=True)
class _Parties:
    senders: Mapping[str, tuple[str, ...]]
    hearers: Mapping[str, tuple[Hearing, ...]]


@dataclass(frozen=True)
class Route:
    """A message in the list of all: who says it to whom, and on whose page it is told of."""

    name: str
    kind: str
    address: str
    senders: tuple[str, ...]
    hearers: tuple[str, ...]
    page: str


def routes(views: Mapping[str, ServiceView]) -> list[Route]:
    """Return all messages with their ways, by address; each is told of on its owner's page, or where it is said."""
    found: dict[str, Route] = {}
    for view in views.values():
        for message in (one for group in view.groups.values() for one in group):
            hearers = tuple(hearing.service for hearing in message.hearers)
            address = message.addresses[-1]
            owner = address.partition(".")[0]
            page = next((name for name in (owner, *message.senders) if name in views), view.name)
            found[message.name] = Route(message.name, message.kind, address, message.senders, hearers, page)
    return sorted(found.values(), key=lambda route: route.address)


def services(documents: Mapping[str, Json]) -> dict[str, ServiceView]:
    """Return every application's view, by name."""
    parties = _parties(documents)
    return {name: _service(name, document, parties) for name, document in documents.items()}


def _parties(documents: Mapping[str, Json]) -> _Parties:
    senders: dict[str, tuple[str, ...]] = {}
    hearers: dict[str, tuple[Hearing, ...]] = {}
    for service, document in documents.items():
        for operation in document["operations"].values():
            name = _message_of(operation)
            if operation["action"] == "send":
                senders[name] = (*senders.get(name, ()), service)
            else:
                hearers[name] = (*hearers.get(name, ()), _hearing(service, operation))
    return _Parties(senders, hearers)


def _hearing(service: str, operation: Json) -> Hearing:
    durable = operation.get("x-jetstream")
    if durable is None:
        return Hearing(service, None, "")
    limits = f"{durable['ackWaitSeconds']} s to acknowledge, {durable['maxAckPending']:,} unacknowledged at most"
    return Hearing(service, str(durable["durable"]), limits)


def _service(name: str, document: Json, parties: _Parties) -> ServiceView:
    schemas = document["components"]["schemas"]
    channels: dict[str, list[Json]] = {}
    for channel in document["channels"].values():
        channels.setdefault(_only_message(channel), []).append(channel)
    answers = {_message_of(o): _answer(o) for o in document["operations"].values() if "reply" in o}
    groups: dict[str, list[MessageView]] = {title: [] for title in _KINDS.values()}
    data_names = set[str]()
    for message_name, message in document["components"]["messages"].items():
        view = _message(message, channels[message_name], schemas, parties, answers.get(message_name))
        groups[view.kind].append(view)
        data_names |= {view.data.name} if view.data else set()
    envelopes = {name_of(message["payload"]["$ref"]) for message in document["components"]["messages"].values()}
    shown = sorted(set(schemas) - envelopes - data_names)
    return ServiceView(
        name=name,
        description=str(document["info"]["description"]),
        version=str(document["info"]["version"]),
        groups={title: found for title, found in groups.items() if found},
        streams=_streams(document["channels"].values()),
        envelope=_envelope(min(envelopes), schemas),
        shapes=[shape(n, schemas) for n in shown],
    )


def _message(
    message: Json, channels: Sequence[Json], schemas: Mapping[str, Json], parties: _Parties, answer: str | None
) -> MessageView:
    channel = channels[-1]  # of replies, which have two, the one with an address
    name, payload = str(message["title"]), schemas[name_of(message["payload"]["$ref"])]
    data = payload["properties"]["data"].get("$ref")
    stream = channel.get("x-jetstream")
    return MessageView(
        name=name,
        type=str(message["name"]),
        kind=_KINDS[channel["tags"][0]["name"]],
        description=cleandoc(message["description"]),
        addresses=[str(one["address"] or one["title"]) for one in channels],
        parameters={key: str(one["description"]) for key, one in channel.get("parameters", {}).items()},
        stream=str(stream["stream"]) if stream else None,
        senders=parties.senders.get(name, ()),
        hearers=parties.hearers.get(name, ()),
        answer=answer,
        data=shape(name_of(data), schemas) if data else None,
        example=orjson.dumps(message["examples"][0]["payload"], option=orjson.OPT_INDENT_2).decode(),
    )


def _envelope(name: str, schemas: Mapping[str, Json]) -> Shape:
    """Return what all envelopes have; `data` is each message's own."""
    members = tuple(member for member in shape(name, schemas).members if member.name != "data")
    return Shape("Envelope", "Envelope", "", members, ())


def _streams(channels: Any) -> list[Stream]:
    found: dict[str, tuple[str, list[str]]] = {}
    for channel in channels:
        if stream := channel.get("x-jetstream"):
            keeps = (
                f"{stream['maxAgeSeconds'] // _DAY} days, at most {stream['maxBytes'] // _MEBIBYTE:,} MiB; "
                f"repeats of an id are dropped for {stream['duplicateWindowSeconds']} s"
            )
            found.setdefault(stream["stream"], (keeps, []))[1].append(str(channel["address"]))
    return [Stream(name, keeps, tuple(sorted(subjects))) for name, (keeps, subjects) in sorted(found.items())]


def _answer(operation: Json) -> str:
    """Return what is in the reply, which its document says in a sentence only."""
    description = str(operation["reply"]["address"]["description"])
    return description.removeprefix("`resource` of the reply is ").removesuffix(".")


def _message_of(operation: Json) -> str:
    return str(operation["messages"][0]["$ref"]).rsplit("/", maxsplit=1)[-1]


def _only_message(channel: Json) -> str:
    (name,) = channel["messages"]
    return str(name)
