"""What is recorded: the traces that the sampler picks, the messages of those traces, and every failure."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from contracts.ids import new_id
from contracts.message import Envelope, Message, decode
from contracts.topology import durable
from contracts.wallet import CloseAccount
from outbox import tracing

TRACE = "4bf92f3577b34da60000000000000001"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-"
LEDGER = durable("wallet-ledger")
GOLDEN = Path(__file__).parents[2] / "contracts" / "golden" / "ledgerlink.wallet.close_account.v1.json"


class Recorded:
    """The spans that were ended, in that order."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def __call__(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()


@pytest.fixture(params=[0.5])
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """What is recorded where half of the traces are, or another share."""
    exporter = InMemorySpanExporter()
    tracing.record_with(SimpleSpanProcessor(exporter), "test", request.param)
    yield Recorded(exporter)
    tracing.record_nothing()


def command(traceparent: str | None) -> Envelope[Message]:
    envelope: Envelope[Message] = decode(GOLDEN.read_bytes(), CloseAccount)
    return envelope.model_copy(update={"id": new_id(), "traceparent": traceparent})


@pytest.mark.parametrize("flags", ["00", "01"])
def test_the_trace_id_decides_and_not_the_client(recorded: Recorded, flags: str) -> None:
    high = "00-4bf92f3577b34da6ffffffffffffffff-00f067aa0ba902b7-"
    assert tracing.server_span(high + flags, "GET")[1] is None
    traceparent, span = tracing.server_span(PARENT + flags, "GET")
    assert span is not None
    assert traceparent.startswith(f"00-{TRACE}-")
    assert traceparent.endswith("-01")
    tracing.end_request(span, traceparent, "GET /v1/wallets", 200, {})
    [ended] = recorded()
    assert (ended.name, ended.kind, ended.status.status_code) == ("GET /v1/wallets", SpanKind.SERVER, StatusCode.UNSET)
    assert ended.parent is not None
    assert f"{ended.parent.span_id:016x}" == "00f067aa0ba902b7"


def test_half_of_the_traces_that_begin_here_are_recorded(recorded: Recorded) -> None:
    contexts = [tracing.producer_context(None, "x") or "" for _ in range(1000)]
    sampled = [context for context in contexts if context.endswith("-01")]
    assert 300 < len(sampled) < 700
    assert {int(context[19:35], 16) < 2**63 for context in sampled} == {True}
    assert len(recorded()) == len(sampled)


def test_without_a_place_for_spans_ids_are_passed_on() -> None:
    tracing.set_up_tracing("wallet", 1.0)
    traceparent, span = tracing.server_span(PARENT + "01", "GET")
    assert span is None
    assert (traceparent[:36], traceparent[-3:]) == (PARENT[:36], "-00")
    with tracing.consuming(LEDGER, [command(PARENT + "01")]) as [envelope]:
        assert envelope.traceparent == PARENT + "01"


def test_a_message_alone_is_handled_in_its_own_trace(recorded: Recorded) -> None:
    with tracing.consuming(LEDGER, [command(PARENT + "01")]) as [envelope], tracing.statement("SELECT 1 FROM hold"):
        pass
    statement, batch = recorded()
    assert (statement.name, batch.name) == ("SELECT hold", "process wallet-ledger")
    assert {f"{span.context.trace_id:032x}" for span in (statement, batch) if span.context} == {TRACE}
    assert envelope.traceparent == f"00-{TRACE}-{batch.context.span_id if batch.context else 0:016x}-01"


@pytest.mark.parametrize("recorded", [0.0], indirect=True)
def test_a_batch_is_not_recorded_for_the_sake_of_one_message(recorded: Recorded) -> None:
    with (
        tracing.consuming(LEDGER, [command(PARENT + "01"), command(PARENT + "00")]) as [continued, _],
        tracing.statement("SELECT 1 FROM hold"),
    ):
        pass
    (message,) = recorded()
    assert message.name == f"process {CloseAccount.contract.type}"
    assert continued.traceparent == f"00-{TRACE}-{message.context.span_id if message.context else 0:016x}-01"


@pytest.mark.parametrize("recorded", [1.0], indirect=True)
def test_a_batch_links_to_each_message_that_is_recorded(recorded: Recorded) -> None:
    envelopes = [command(PARENT + "01"), command(PARENT + "00"), command(None)]
    with tracing.consuming(LEDGER, envelopes) as continued:
        assert [e.traceparent for e in continued[1:]] == [PARENT + "00", None]
    message, batch = sorted(recorded(), key=lambda span: span.name, reverse=False)
    assert (message.name, batch.name) == (f"process {CloseAccount.contract.type}", "process wallet-ledger")
    assert continued[0].traceparent == f"00-{TRACE}-{message.context.span_id if message.context else 0:016x}-01"
    assert [f"{link.context.span_id:016x}" for link in batch.links] == ["00f067aa0ba902b7"]
    assert [link.context.span_id for link in message.links] == [batch.context.span_id if batch.context else 0]
    assert batch.parent is None
    assert batch.attributes is not None
    assert batch.attributes["messaging.batch.message_count"] == 3


def test_failures_are_recorded_whatever_the_sampler_says(recorded: Recorded) -> None:
    tracing.record_failure("process wallet-ledger", PARENT + "00", "ValueError")
    tracing.end_request(None, PARENT + "00", "POST /v1/refunds", 503, {})
    tracing.end_request(None, PARENT + "00", "POST /v1/refunds", 422, {})
    assert [(span.name, span.status.status_code) for span in recorded()] == [
        ("process wallet-ledger", StatusCode.ERROR),
        ("POST /v1/refunds", StatusCode.ERROR),
    ]


def test_what_an_exception_says_is_not_kept(recorded: Recorded) -> None:
    with (
        pytest.raises(ValueError, match="Ada"),
        tracing.consuming(LEDGER, [command(PARENT + "01")]),
        tracing.statement("INSERT INTO t VALUES ($1)"),
    ):
        raise ValueError("the name is Ada")
    assert len(recorded()) == 2
    assert "Ada" not in "".join(span.to_json() for span in recorded())


STATEMENTS = {
    "SELECT a FROM b": "SELECT b",
    "WITH x AS (INSERT INTO inbox (a) VALUES (1) RETURNING a) SELECT a FROM x": "INSERT inbox",
    "UPDATE wallet SET a = 1 FROM other": "UPDATE wallet",
    "DELETE FROM hold": "DELETE hold",
    "SELECT pg_advisory_xact_lock($1)": "SELECT",
}


@pytest.mark.parametrize(("query", "summary"), STATEMENTS.items())
def test_statements_have_short_names(recorded: Recorded, query: str, summary: str) -> None:
    with tracing.consuming(LEDGER, [command(PARENT + "01")]), tracing.statement(query):
        pass
    assert recorded()[0].name == summary
