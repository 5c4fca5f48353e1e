"""`ledgerlink trace`: the life of a payment or a message, as a tree of what followed from what."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.asking import done
from ops.commands.options import DEFAULT_DATA_DIR, DataDir

if TYPE_CHECKING:
    from uuid import UUID

    from rich.tree import Tree

    from ops.trace.report import MessageLine, PaymentLife, Trace

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
_LOOK_BACK = timedelta(days=1)


def trace(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Of a payment or a part of it, of a message, or a correlation id.")
    ],
    since: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="Look for a correlation id since (UTC; one day).")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a tree.")] = False,
) -> None:
    """Show the life of a payment, or all that a request has led to: who said what, who took it when, and why (UTC).

    ID is that of a payment intent, a refund, a dispute, an operation, a transfer, a hold, an assessment, a message, or
    the X-Correlation-Id of a request. It is read from the services' own tables, as far back as outboxes reach.

    Exits with code 1 when nothing is known of it.

    [bold]Examples[/bold]

      $ ledgerlink trace 01990f3e-7c30-7d44-9e55-5f66a77b8801

      $ ledgerlink trace order-4711 --since 2026-11-20

      $ ledgerlink trace 01990f3e-7c30-7d44-9e55-5f66a77b8801 --json | jq '.messages[] | {message, said_by, said_at}'
    """
    from rich.console import Console

    from ops.trace.life import trace as read

    start = since or datetime.now(UTC) - _LOOK_BACK
    with Console(stderr=True).status("Looking ..."):
        found = done(read(data_dir, identifier, start if start.tzinfo else start.replace(tzinfo=UTC)))
    typer.echo(found.model_dump_json(indent=2, exclude_none=True)) if as_json else _show(found)


def _show(found: "Trace") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    payment = found.payment
    about = f"payment intent {payment.id}" if payment else f"{found.named} {escape(found.id)}"
    tree = Tree(f"[bold]{about}[/bold]{_standing(payment) if payment else ''}")
    if payment and found.named != "payment intent":
        tree.add(f"{found.id} is its {found.named}")
    _add_requests(tree, found.messages, found.id)
    if payment:
        _add_timeline(tree, payment)
        _add_decisions(tree, payment)
        _add_ledger(tree, payment)
    Console().print(tree, highlight=False)


def _standing(payment: "PaymentLife") -> str:
    from contracts.money import in_major_units

    return f" {payment.direction}, {in_major_units(payment.amount, payment.currency)}: {payment.status.value}"


def _add_requests(tree: "Tree", messages: "list[MessageLine]", searched: str) -> None:
    """Add a branch for each request, and in it each message below the one that it follows from."""
    from rich.markup import escape

    for correlation in dict.fromkeys(line.correlation_id for line in messages):
        mine = [line for line in messages if line.correlation_id == correlation]
        began = mine[0].said_at
        branch = tree.add(f"[bold]request {escape(correlation)}[/bold], {began:%Y-%m-%d %H:%M:%S.%f}")
        below: dict[UUID, Tree] = {}
        for line in mine:
            parent = branch if line.cause is None else below.get(line.cause, branch)
            below[line.id] = parent.add(_message(line, began, searched))


def _message(line: "MessageLine", began: datetime, searched: str) -> str:
    """Return a message's lines: what, by whom, so many ms after the request began; then who has done what with it."""
    from rich.markup import escape

    name = f"[reverse]{line.message}[/reverse]" if str(line.id) == searched else f"[bold]{line.message}[/bold]"
    lines = [f"{name} {line.kind} by {line.said_by} +{_ms(line.said_at, began)} ms [dim]{line.id}[/dim]"]
    lines += [f"[green]✓[/green] {t.consumer} +{_ms(t.at, began)} ms" for t in line.taken]
    lines += [f"[red]✗ {d.consumer} gave it up[/red] +{_ms(d.at, began)} ms: {escape(d.reason)}" for d in line.dead]
    lines += [f"[yellow]… {consumer} has not handled it[/yellow]" for consumer in line.waiting]
    return "\n".join(lines)


def _ms(at: datetime, began: datetime) -> str:
    return f"{(at - began) / timedelta(milliseconds=1):,.1f}"


def _add_timeline(tree: "Tree", payment: "PaymentLife") -> None:
    branch = tree.add("[bold]timeline[/bold]")
    for step in payment.timeline:
        event = f", told as {step.event}" if step.event else ""
        branch.add(f"{step.at:%Y-%m-%d %H:%M:%S.%f} {step.trigger} → {step.state}{event}")


def _add_decisions(tree: "Tree", payment: "PaymentLife") -> None:
    from rich.markup import escape

    branch = tree.add("[bold]risk[/bold]")
    for decision in sorted(payment.decisions, key=lambda d: d.decided_at):
        score = "" if decision.score is None else f", score {decision.score}"
        at = f"{decision.decided_at:%Y-%m-%d %H:%M:%S.%f}"
        rules = branch.add(f"{at} {decision.outcome.value}{score} [dim]{decision.assessment_id}[/dim]")
        for rule in decision.rules:
            rules.add(escape(f"{rule.name}: {rule.reason}"))


def _add_ledger(tree: "Tree", payment: "PaymentLife") -> None:
    from contracts.money import in_major_units

    branch = tree.add("[bold]ledger[/bold]")
    for transfer in payment.ledger.transfers:
        debit = transfer.debit_name.kind.value if transfer.debit_name else transfer.debit_account
        credit = transfer.credit_name.kind.value if transfer.credit_name else transfer.credit_account
        amount = in_major_units(transfer.amount, transfer.currency)
        branch.add(f"transfer [dim]{transfer.id}[/dim] {amount}\n{debit} → {credit}")
    for hold in payment.ledger.holds:
        amount = in_major_units(hold.amount, hold.currency)
        branch.add(f"hold [dim]{hold.id}[/dim] {amount}: {hold.status.value}")
    for refused in payment.ledger.refused:
        branch.add(f"refused [dim]{refused.id}[/dim]: {refused.code}")
