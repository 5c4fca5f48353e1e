import pytest
from rich.console import Console

from ops.demo.timeline import WIDTH, timelines
from ops.demo.view import show
from ops.tests.demo_samples import report


def _shown(width: int, *, holds: bool = True) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        show(report(holds=holds), console)
    return capture.get()


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_off(width: int) -> None:
    shown = _shown(width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    for part in (
        "PaymentIntentSucceeded",
        "nobody yet",
        "1500.0",
        "20,000.00 EUR",
        "Too [much].",
        "amount_capturable_updated",
        "✓",
    ):
        assert part in shown


def test_wide_terminals_see_bars() -> None:
    assert "█" not in _shown(80)
    assert "█" in _shown(120)


def test_a_broken_claim_is_marked() -> None:
    assert "✗" in _shown(80, holds=False)


def test_bars_are_where_the_messages_are() -> None:
    payment = report().payment
    request, command, decision, event, reply = timelines(payment.hops, payment.answered_after_ms)
    assert request.strip() == "██"
    assert command == "  ───█"
    assert decision == "      ──" + "█" * 26
    assert event == ""
    assert reply == " " * 34 + "██"
    assert all(len(bar) <= WIDTH for bar in (request, command, decision, event, reply))


def test_work_goes_on_when_two_messages_were_said_at_once() -> None:
    command, decision, event = report().payment.hops
    aside = event.model_copy(update={"said_at_ms": command.said_at_ms})
    assert timelines([command, aside, decision, event], 1500.0)[1:3] == ["  ───█", ""]
    late = decision.model_copy(update={"said_at_ms": 700.0, "taken_at_ms": 800.0})
    assert timelines([command, aside, late, event], 1500.0)[1] == "  ───" + "█" * 12
