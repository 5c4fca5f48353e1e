"""All messages as plain JSON: what is in them and how they travel. The form in which the last release is kept."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import contracts.topology  # noqa: F401 - with it all rooms publish their messages
from contracts.compatibility import REFERENCE, Json
from contracts.message import REGISTRY, Envelope, Message

# Of `discriminator` the `const` in each kind tells, too.
_FOR_PEOPLE = frozenset({"title", "description", "examples", "writeOnly", "discriminator"})


def catalogue() -> dict[str, Any]:
    """Return the messages by type, the envelope around them, and the schemas that both refer to.

    Schemas come without what only people read: a better word is no change.
    """
    answers = {message.contract.answer for message in REGISTRY.values() if message.contract.answer}
    models: list[type[BaseModel]] = [
        Envelope[Message],
        *REGISTRY.values(),
        *sorted(answers, key=lambda answer: answer.__name__),
    ]
    references, schema = models_json_schema(
        [(model, "validation") for model in models], ref_template=REFERENCE + "{model}"
    )
    return {
        "envelope": references[Envelope[Message], "validation"],
        "messages": {
            name: _travelling(REGISTRY[name], {model: reference for (model, _), reference in references.items()})
            for name in sorted(REGISTRY)
        },
        "schemas": {name: _plain(one) for name, one in sorted(schema["$defs"].items())},
    }


def _travelling(message: type[Message], references: dict[Any, Json]) -> Json:
    contract = message.contract
    form = {
        "kind": contract.kind.value,
        "subject": contract.subject,
        "senders": sorted(contract.senders),
        "data": references[message],
    }
    return form | ({"answer": references[contract.answer]} if contract.answer else {})


def _plain(schema: Any) -> Any:
    match schema:
        case {"properties": dict(properties), **rest}:
            return {"properties": {name: _plain(one) for name, one in properties.items()}} | _plain(rest)
        case dict():
            return {k: v if k == "default" else _plain(v) for k, v in schema.items() if k not in _FOR_PEOPLE}
        case list():
            return [_plain(one) for one in schema]
        case _:
            return schema
