"""AsyncAPI 3.0 documents, one for each application and one for the system, from the contracts and the topology."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from contracts.message import REGISTRY, Contract, DeadLetter, Kind, Message, Reply, envelope_of
from contracts.topology import DURABLES, LISTENED, SERVICES, Durable, streams

GOLDEN = Path(__file__).parent / "golden"
DOCUMENTED = (*SERVICES, "gateway")
SYSTEM = "system"
INBOX = "inbox"
_SUMMARY = {
    "identity": "Users and access tokens. Secrets travel only as queries.",
    "wallet": "The double-entry ledger: accounts, transfers, entries.",
    "payments": "Payment intents and their state machine.",
    "risk": "Decides about payments by rules, on the reply subject that each request names.",
    "gateway": "The HTTP edge: turns requests into commands and queries, and waits for replies.",
}
_PARAMETERS = {
    Kind.DECISION: ("requester", "The service that asked for the decision"),
    Kind.REPLY: ("instance", "The gateway instance that waits for the reply"),
}
_HEADERS = {
    "type": "object",
    "properties": {
        "Nats-Msg-Id": {"type": "string", "description": "The envelope's id: the stream drops what it has had lately"},
        "Nats-Expected-Stream": {"type": "string", "description": "The stream that keeps it"},
    },
    "required": ["Nats-Msg-Id", "Nats-Expected-Stream"],
}

Json = dict[str, Any]


def documents() -> dict[str, Json]:
    """Return every AsyncAPI document by its name: one for each application, and `system`, which holds all of them."""
    return {**{application: _application(application) for application in DOCUMENTED}, SYSTEM: _system()}


def _application(application: str) -> Json:
    received, sent = _received_by(application), _sent_by(application)
    operations = dict(_operations(application, received, sent))
    return _document(application, _SUMMARY[application], [*received, *sent], operations)


def _system() -> Json:
    """Return what all applications send and receive, each operation under the name of whose it is."""
    operations: Json = {}
    messages: list[type[Message]] = []
    for application in DOCUMENTED:
        received, sent = _received_by(application), _sent_by(application)
        messages += [*received, *sent]
        for name, operation in _operations(application, received, sent):
            operations[f"{application}.{name}"] = operation | {"tags": [*operation["tags"], {"name": application}]}
    return _document(SYSTEM, "All applications together, and what they say to each other.", messages, operations)


def _document(name: str, summary: str, spoken: Iterable[type[Message]], operations: Json) -> Json:
    messages = list(dict.fromkeys(spoken))
    replies = _reply_channels(operations.values())
    payloads, schemas = _schemas([*messages, Reply] if replies else messages)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"LedgerLink {name}",
            "version": "1.0.0",
            "description": f"{summary} Every message is a CloudEvents 1.0 event in structured JSON.",
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": name}],
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "nats": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": "NATS with JetStream; each application has its own user, with exactly these rights.",
                "security": [{"$ref": "#/components/securitySchemes/nkey"}],
            }
        },
        "channels": {**{_channel_id(m.contract): _channel(m) for m in messages}, **replies},
        "operations": operations,
        "components": {
            "messages": {_name(m): _message(m, payload) for m, payload in payloads.items()},
            "schemas": schemas,
            "securitySchemes": {"nkey": {"type": "asymmetricEncryption", "description": "An Ed25519 nkey"}},
        },
    }


def _received_by(application: str) -> list[type[Message]]:
    consumed = [m for d in DURABLES if d.service == application for m in d.messages]
    answered = [m for m in REGISTRY.values() if m.contract.kind is Kind.QUERY and m.contract.owner == application]
    return [*consumed, *answered, *(LISTENED if application == "gateway" else ())]


def _sent_by(application: str) -> list[type[Message]]:
    sent = [message for message in REGISTRY.values() if application in message.contract.senders]
    sent.sort(key=lambda message: message.contract.owner)  # whichever owner's messages were imported first
    return [*sent, DeadLetter] if application in SERVICES else sent


def _reply_channels(operations: Iterable[Json]) -> Json:
    """Return the channels on which the replies travel that these operations have."""
    named = {operation["reply"]["channel"]["$ref"] for operation in operations if "reply" in operation}
    channels = {INBOX: _inbox(), _channel_id(Reply.contract): _channel(Reply)}
    return {name: channel for name, channel in channels.items() if f"#/channels/{name}" in named}


def _inbox() -> Json:
    """Return the channel of answers to queries; its address is the asker's own, and so unknown before it asks."""
    channel = _channel(Reply)
    del channel["parameters"]
    return channel | {"address": None, "title": "the inbox of who asks"}


def _channel_id(contract: Contract) -> str:
    return contract.subject.replace(".*", "")


def _channel(message: type[Message]) -> Json:
    contract = message.contract
    channel: Json = {
        "address": contract.subject,
        "title": contract.subject,
        "summary": _first_line(message),
        "messages": {_name(message): {"$ref": f"#/components/messages/{_name(message)}"}},
        "tags": [{"name": contract.kind.value}],
    }
    if contract.kind in _PARAMETERS:
        name, description = _PARAMETERS[contract.kind]
        channel["address"] = contract.subject.replace("*", f"{{{name}}}")
        channel["parameters"] = {name: {"description": description}}
    if contract.kind is Kind.DEAD_LETTER:
        channel["address"] = "dlq.{service}.{consumer}"
        channel["parameters"] = {
            "service": {"description": "The service that could not handle the message"},
            "consumer": {"description": "Its durable consumer"},
        }
    if contract.stream:
        channel["x-jetstream"] = _stream(contract.stream)
    return channel


def _stream(name: str) -> Json:
    (stream,) = (s for s in streams() if s.name == name)
    return {
        "stream": stream.name,
        "retention": "limits",
        "maxAgeSeconds": int(stream.max_age.total_seconds()),
        "maxBytes": stream.max_bytes,
        "maxMessageBytes": stream.max_message_bytes,
        "duplicateWindowSeconds": int(stream.duplicate_window.total_seconds()),
    }


def _operations(
    application: str, received: Iterable[type[Message]], sent: Iterable[type[Message]]
) -> Iterable[tuple[str, Json]]:
    durables = {m: d for d in DURABLES if d.service == application for m in d.messages}
    for message in received:
        operation = _operation(application, "receive", message)
        if message in durables:
            operation["x-jetstream"] = _durable(durables[message])
        elif message not in LISTENED:  # which every instance hears, beside the streams
            operation["bindings"] = {"nats": {"queue": application}}
        yield f"receive{_name(message)}", operation
    for message in sent:
        yield f"send{_name(message)}", _operation(application, "send", message)


def _operation(application: str, action: Literal["send", "receive"], message: type[Message]) -> Json:
    channel = _channel_id(message.contract)
    operation: Json = {
        "action": action,
        "title": f"{action.capitalize()} {_name(message)}",
        "summary": _first_line(message),
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_name(message)}"}],
        "tags": [{"name": message.contract.kind.value}],
    }
    if reply := _reply(application, message.contract):
        operation["reply"] = reply
    return operation


def _reply(application: str, contract: Contract) -> Json | None:
    """Return how a request is answered. Of a command only the gateway awaits a reply: its events tell the others."""
    if contract.answer is None or (contract.kind is Kind.COMMAND and application not in {"gateway", contract.owner}):
        return None
    asked = contract.kind is Kind.QUERY
    channel = f"#/channels/{INBOX if asked else _channel_id(Reply.contract)}"
    return {
        "address": {
            "description": f"`resource` of the reply is {contract.answer.__name__}.",
            "location": "$message.header#/reply" if asked else "$message.payload#/replyto",
        },
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/Reply"}],
    }


def _durable(durable: Durable) -> Json:
    return {
        "durable": durable.name,
        "stream": durable.stream,
        "filterSubjects": list(durable.filter_subjects),
        "ackPolicy": "explicit",
        "ackWaitSeconds": int(durable.ack_wait.total_seconds()),
        "maxAckPending": durable.max_ack_pending,
    }


def _message(message: type[Message], payload: Json) -> Json:
    described: Json = {
        "name": message.contract.type,
        "title": _name(message),
        "summary": _first_line(message),
        "description": message.__doc__,
        "contentType": "application/cloudevents+json",
        "correlationId": {"location": "$message.payload#/correlationid"},
    }
    if message.contract.stream:
        described["headers"] = _HEADERS
    return described | {
        "payload": payload,
        "examples": [{"name": "golden", "payload": orjson.loads(_golden_of(message).read_bytes())}],
    }


def _golden_of(message: type[Message]) -> Path:
    return GOLDEN / f"{message.contract.type}.json"


class _Schemas(GenerateJsonSchema):
    """JSON Schema without OpenAPI's `discriminator` object, for which AsyncAPI has no place: the `const` tells, too."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> dict[str, Any]:
        """Return `oneOf` alone."""
        union = super().tagged_union_schema(schema)
        union.pop("discriminator", None)
        return union


def _schemas(messages: Sequence[type[Message]]) -> tuple[dict[type[Message], Json], Json]:
    """Return each message's payload, and the JSON schemas of envelopes, of their data, and of what replies carry."""
    answers = {m.contract.answer for m in messages if m.contract.answer}
    envelopes = {m: envelope_of(m) for m in messages}
    models = [*envelopes.values(), *sorted(answers, key=lambda m: m.__name__)]
    references, schema = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    definitions: Json = schema["$defs"]
    return {message: references[envelope, "validation"] for message, envelope in envelopes.items()}, definitions


def _name(message: type[Message]) -> str:
    """Return what a message is called: by its class, and by its owner, too, where several owners have one such."""
    shared = sum(other.__name__ == message.__name__ for other in REGISTRY.values()) > 1
    return f"{message.contract.owner.capitalize()}{message.__name__}" if shared else message.__name__


def _first_line(message: type[Message]) -> str:
    return (message.__doc__ or "").strip().splitlines()[0]
