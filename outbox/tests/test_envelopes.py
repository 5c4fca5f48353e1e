"""What is written without a model is what the model writes."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import new_id
from contracts.message import REGISTRY, decode
from contracts.wallet import AccountOpened
from outbox.envelopes import data_json, envelope_json

GOLDEN = sorted((Path(__file__).parents[2] / "contracts" / "golden").glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_message_type_is_written_as_its_model_writes_it(path: Path) -> None:
    golden = path.read_bytes()
    kind = REGISTRY[orjson.loads(golden)["type"]]
    envelope = decode(golden, kind)
    written = envelope_json(
        envelope.id,
        envelope.source.removeprefix("/ledgerlink/"),
        kind,
        data_json(envelope.data),
        correlation=envelope.correlationid,
        causation=envelope.causationid,
        traceparent=envelope.traceparent,
        replyto=envelope.replyto,
    )
    read = decode(written, kind)
    assert read.encode() == written
    assert read == envelope.model_copy(update={"sequence": None, "deadline": None, "time": read.time})


@given(st.text(min_size=1, max_size=128), st.booleans())
def test_any_text_is_written_as_the_model_writes_it(correlation: str, caused: bool) -> None:
    account = AccountOpened(account_id=new_id(), owner=None, currency="EUR", opened_at="2026-11-22T10:15:30Z")
    written = envelope_json(
        new_id(),
        "wallet",
        AccountOpened,
        data_json(account),
        correlation=correlation,
        causation=new_id() if caused else None,
        traceparent=None,
        replyto=None,
    )
    assert decode(written, AccountOpened).encode() == written


def test_without_a_cause_a_message_correlates_with_itself() -> None:
    identifier = new_id()
    written = envelope_json(
        identifier, "wallet", AccountOpened, b"{}", correlation=None, causation=None, traceparent=None, replyto=None
    )
    assert orjson.loads(written)["correlationid"] == str(identifier)
