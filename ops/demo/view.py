"""The report for people: a few sentences and four tables."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contracts.money import in_major_units
from ops.demo.report import (
    CardStep,
    Check,
    Decline,
    DemoReport,
    EntryLine,
    HopLine,
    Payment,
    Repetition,
    WebhookLine,
)
from ops.demo.timeline import WIDTH, timelines

NOBODY = "nobody yet"
COLOURS = {"gateway": "cyan", "payments": "green", "risk": "yellow", "wallet": "magenta", NOBODY: "dim"}
TIMELINE_FROM = 80 + WIDTH  # columns of the terminal
INDENT = (0, 0, 1, 2)


def show(report: DemoReport, console: Console) -> None:
    """Print the report."""
    sentences = _sentences(report)
    timeline = console.width >= TIMELINE_FROM
    tables = {3: _hops(report.payment, timeline=timeline), 10: _webhooks(report.webhooks), 11: _ledger(report.ledger)}
    for number, sentence in enumerate(sentences, start=1):
        grid = Table.grid(padding=(0, 1))
        grid.add_row(f"[bold blue]{number}[/bold blue]", sentence)
        console.print(grid, highlight=False)
        if number in tables:
            console.print(Padding(tables[number], INDENT))
    console.print(Padding(_proof(report.proof), (0, 0, 0, 2)))


def _sentences(report: DemoReport) -> list[str]:
    cold, payment, decline, repetition = report.first_payment, report.payment, report.decline, report.repetition
    funds = next(line for line in report.ledger if line.amount > 0)
    same = "same payment" if repetition.same_answer else "[red]another answer[/red]"
    authorised, first, rest, refund, refused = report.card
    return [
        f"Ada and Grace register, log in and open a wallet each; the operator tops up Ada's with {_money(funds)}.",
        f"Ada pays Grace {_money(cold)}, the first payment of a cold system: {_outcome(cold, cold.status)}.",
        f"Ada pays Grace {_money(payment)}: {_outcome(payment, payment.status)}, by these messages:",
        f"Ada pays Grace {_money(decline)}: {_outcome(decline, decline.code)}. {escape(decline.detail)}",
        f"Ada sends 3 again with the same Idempotency-Key: {_outcome(repetition, same)}.",
        f"Ada pays Grace {_money(authorised)} by card, to be captured later: {_led_to(authorised)}.",
        f"Grace captures {_money(first)}: {_led_to(first)}; and {_money(rest)}: {_led_to(rest)}.",
        f"Grace gives {_money(refund)} of it back: {_led_to(refund)}.",
        f"Ada tries another card for {_money(refused)}: {_led_to(refused)}.",
        "Meanwhile Grace's own server was told, and has verified each signature:",
        "Every entry of the ledger:",
        "The proof:",
    ]


def _outcome(answered: Payment | Decline | Repetition | CardStep, what: str) -> str:
    return f"[bold]{answered.http_status}[/bold] {what} after {answered.answered_after_ms:.0f} ms"


def _led_to(step: CardStep) -> str:
    return _outcome(step, step.outcome)


def _hops(payment: Payment, *, timeline: bool) -> Table:
    """Draw the way of a payment: each message, who said it when, who took it up when."""
    table = _table()
    for heading in ("message", "kind", "said by", "at ms", "taken by", "at ms"):
        table.add_column(heading, justify="right" if heading == "at ms" else "left", no_wrap=True)
    if timeline:
        table.add_column("", no_wrap=True)
    bars = timelines(payment.hops, payment.answered_after_ms)
    for row, bar in zip(_hop_rows(payment), bars, strict=True):
        taker = row[4]
        table.add_row(
            *row[:2], _name(row[2]), row[3], _name(taker), row[5], *([Text(bar, _colour(taker))] if timeline else [])
        )
    answer = f"{payment.http_status} {payment.status}"
    table.add_row(answer, "HTTP", _name("gateway"), "", _name("Ada"), _ms(payment.answered_after_ms))
    table.caption = "said: in the sender's outbox; taken: in the taker's inbox"
    return table


def _hop_rows(payment: Payment) -> list[tuple[str, str, str, str, str, str]]:
    """Return the request, the hops, and the reply, which is no row of anybody's: it travels over core NATS only."""
    return [
        ("POST /v1/payment_intents", "HTTP", "Ada", _ms(0), "gateway", ""),
        *(_hop_row(hop) for hop in payment.hops),
        ("Reply", "reply", "payments", "", "gateway", ""),
    ]


def _hop_row(hop: HopLine) -> tuple[str, str, str, str, str, str]:
    taken_at = "" if hop.taken_at_ms is None else _ms(hop.taken_at_ms)
    return hop.message, hop.kind, hop.said_by, _ms(hop.said_at_ms), hop.taken_by or NOBODY, taken_at


def _name(name: str) -> Text:
    return Text(name, _colour(name))


def _colour(name: str) -> str:
    return COLOURS.get(name, "")


def _table() -> Table:
    return Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), caption_justify="left")


def _ledger(lines: Iterable[EntryLine]) -> Table:
    table = _table()
    for heading in ("no.", "transfer", "account", "debit", "credit", "balance"):
        table.add_column(heading, justify="left" if heading in {"transfer", "account"} else "right", no_wrap=True)
    before = 0
    for line in lines:
        first, before = line.sequence != before, line.sequence
        amount = in_major_units(abs(line.amount), line.currency)
        table.add_row(
            str(line.sequence) if first else "",
            line.what if first else "",
            line.account,
            amount if line.amount < 0 else "",
            amount if line.amount > 0 else "",
            in_major_units(line.balance_after, line.currency),
        )
    return table


def _proof(checks: Iterable[Check]) -> Table:
    table = Table.grid(padding=(0, 2))
    for check in checks:
        mark = "[green]✓[/green]" if check.holds else "[bold red]✗[/bold red]"
        table.add_row(mark, check.claim, f"[dim]{escape(check.found)}[/dim]")
    return table


def _webhooks(lines: Iterable[WebhookLine]) -> Table:
    """Draw what came to Grace's server."""
    table = _table()
    for heading in ("webhook", "after ms", "signature"):
        table.add_column(heading, justify="right" if heading == "after ms" else "left", no_wrap=True)
    for line in lines:
        signature = "[green]✓[/green]" if line.verified else "[bold red]✗[/bold red]"
        table.add_row(line.type, _ms(line.arrived_after_ms), signature)
    return table


def _money(thing: Payment | Decline | CardStep | EntryLine) -> str:
    return in_major_units(thing.amount, thing.currency)


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f}"
