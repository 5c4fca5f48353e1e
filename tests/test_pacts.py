"""What consumers read is declared, is kept as pacts, and is in what is really said."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from pact import Verifier

from contracts.asyncapi import GOLDEN
from ops.stack.stack import Stack
from tests.pacts.expectations import expectations, named
from tests.pacts.files import CONTENT_TYPE, PACTS, write
from tests.pacts.readings import READINGS, Reading
from tests.pacts.recording import recorded
from tests.pacts.story import tell
from tests.pacts.trimming import trimmed

Said = Mapping[tuple[str, str], Sequence[bytes]]

EXPECTED = expectations()
PROVIDERS = sorted({one.provider for one in EXPECTED})
MOST_SHAPES = 8


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def said(stack: Stack) -> Said:
    """What the real services and a real gateway say in the story."""
    async with recorded(stack) as (gateway, recording):
        await tell(stack, gateway.http)
    return recording.by_name()


def test_the_committed_pacts_are_what_consumers_declare(tmp_path: Path) -> None:
    write(EXPECTED, tmp_path)
    declared = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {path.name: path.read_text() for path in PACTS.iterdir()} == declared, "run `python -m tests.pacts`"


def _read(reading: Reading, envelope: dict[str, Any]) -> None:
    """Let a consumer read a message that has nothing but what it declares."""
    reading.read(trimmed(envelope, reading))


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: f"{reading.consumer} {reading.message.__name__}")
def test_a_consumer_reads_nothing_that_it_does_not_declare(reading: Reading) -> None:
    _read(reading, orjson.loads((GOLDEN / f"{reading.message.contract.type}.json").read_bytes()))


def test_a_field_that_is_read_and_not_declared_is_found() -> None:
    (reading,) = (one for one in READINGS if one.message.__name__ == "TransferPosted")
    envelope = orjson.loads((GOLDEN / "ledgerlink.wallet.transfer.posted.v1.json").read_bytes())
    for field in reading.fields.split():
        less = " ".join(one for one in reading.fields.split() if one != field)
        with pytest.raises(AttributeError):
            _read(Reading(reading.consumer, reading.message, less, reading.read), envelope)


@pytest.mark.asyncio(loop_scope="session")
async def test_every_message_is_said(said: Said) -> None:
    expected = {(one.provider, one.description) for one in EXPECTED}
    assert sorted(expected - said.keys()) == [], "the story in tests.pacts.story does not say these: let it"


@pytest.mark.asyncio(loop_scope="session")
async def test_consumers_read_what_was_really_said_by_what_they_declare(said: Said) -> None:
    for reading in READINGS:
        for sender in reading.message.contract.senders:
            asked_by = reading.consumer if reading.asked else None
            for payload in said[sender, named(reading.message, asked_by=asked_by)]:
                _read(reading, orjson.loads(payload))


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_provider_says_what_its_consumers_expect(provider: str, said: Said) -> None:
    names = {one.description for one in EXPECTED if one.provider == provider}
    shapes = {name: list(_by_shape(said[provider, name])) for name in names}
    for turn in range(min(MOST_SHAPES, max(map(len, shapes.values())))):
        _verify(provider, {name: different[turn % len(different)] for name, different in shapes.items()})


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("field", "value"),
    [("amount_captured", "1000"), ("status", "gone"), ("id", None)],
    ids=["another type", "an unknown value", "a field that lacks"],
)
async def test_a_message_that_breaks_a_pact_is_refused(said: Said, field: str, value: object) -> None:
    messages = {one.description: said["payments", one.description][0] for one in EXPECTED if one.provider == "payments"}
    broken = orjson.loads(messages["ledgerlink.payments.payment_intent.succeeded.v1"])
    intent = broken["data"]["payment_intent"]
    broken["data"]["payment_intent"] = {k: value if k == field else v for k, v in intent.items() if k != field or value}
    messages["ledgerlink.payments.payment_intent.succeeded.v1"] = orjson.dumps(broken)
    with pytest.raises(AssertionError) as refused:
        _verify("payments", messages)
    assert field in str(refused.value)


def _by_shape(payloads: Sequence[bytes]) -> Iterator[bytes]:
    """Yield one message of each set of members that there is."""
    seen = set[str]()
    for payload in payloads:
        if (shape := json.dumps(_shape(orjson.loads(payload)), sort_keys=True)) not in seen:
            seen.add(shape)
            yield payload


def _shape(value: Any) -> Any:
    match value:
        case dict():
            return {name: _shape(member) for name, member in value.items()}
        case list():
            return sorted({json.dumps(_shape(one), sort_keys=True) for one in value})
        case _:
            return type(value).__name__


def _verify(provider: str, messages: Mapping[str, bytes]) -> None:
    """Hold messages, by their descriptions, against all pacts with their provider. Raises AssertionError."""
    verifier = Verifier(provider)
    for path in PACTS.glob(f"*-{provider}.json"):
        verifier.add_source(path)
    verifier.message_handler(
        {name: {"contents": said, "content_type": CONTENT_TYPE, "metadata": None} for name, said in messages.items()}
    )
    try:
        verifier.verify()
    except RuntimeError:
        raise AssertionError(json.dumps(verifier.results, indent=1)) from None
