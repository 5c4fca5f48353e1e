"""Every published message type has a golden envelope: it decodes, and encodes to the same JSON, for ever."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.message import REGISTRY, Message, decode
from contracts.topology import ROOMS

GOLDEN = Path(__file__).parent.parent / "golden"


def golden_of(message: type[Message]) -> Path:
    return GOLDEN / f"{message.contract.type}.json"


def test_every_message_type_has_a_golden_file_and_no_file_is_left_over() -> None:
    assert ROOMS
    wanted = {golden_of(message).name for message in REGISTRY.values()}
    assert {path.name for path in GOLDEN.glob("*.json")} == wanted


@pytest.mark.parametrize("message", REGISTRY.values(), ids=lambda m: m.contract.type)
def test_golden_envelope_survives_a_round_trip(message: type[Message]) -> None:
    golden = json.loads(golden_of(message).read_text())
    envelope = decode(json.dumps(golden).encode(), message)
    assert json.loads(envelope.encode()) == golden
    assert envelope.type == message.contract.type


@pytest.mark.parametrize("message", REGISTRY.values(), ids=lambda m: m.contract.type)
def test_readers_ignore_fields_that_they_do_not_know(message: type[Message]) -> None:
    golden = json.loads(golden_of(message).read_text())
    grown = golden | {"newattribute": "x", "data": golden["data"] | {"new_field": 1}}
    assert decode(json.dumps(grown).encode(), message) == decode(json.dumps(golden).encode(), message)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("id", "9f0c1f2e-1d2b-4c3d-8e4f-5a6b7c8d9e0f"),
        ("specversion", "0.3"),
        ("correlationid", ""),
        ("time", "yesterday"),
    ],
)
def test_an_envelope_that_breaks_the_rules_is_refused(attribute: str, value: str) -> None:
    message = next(iter(REGISTRY.values()))
    golden = json.loads(golden_of(message).read_text())
    with pytest.raises(ValidationError):
        decode(json.dumps(golden | {attribute: value}).encode(), message)
