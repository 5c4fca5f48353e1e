"""`ledgerlink risk evaluate`: how good the product's own features and model are on labelled payments of others."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.risk.app import app
from ops.commands.risk.labelled_payments import Format, FormatOption, KindOption, OneKind, Transactions, one_message

if TYPE_CHECKING:
    from ops.risk_model.running import Evaluation

TrainFrom = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day of training (UTC).")]


@app.command("evaluate")
def evaluate(
    transactions: Transactions,
    _format: FormatOption = Format.FRAUD_HANDBOOK,
    train_from: TrainFrom = datetime(2018, 7, 25),  # noqa: DTZ001 - a day
    train_days: Annotated[int, typer.Option(min=1, max=366, help="Days of training.")] = 7,
    delay_days: Annotated[int, typer.Option(min=0, max=366, help="Days until labels are known, before the test.")] = 7,
    test_days: Annotated[int, typer.Option(min=1, max=366, help="Days of test.")] = 7,
    kind: OneKind = KindOption.TREES,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Train on a week, wait until its labels would be known, and test on the week after, as the Fraud-Detection-Handbook does.

    Features are those of live decisions, by the same code, over the whole file from its first payment on; so the file
    should begin 38 days before the training or earlier. Cards that are known to be compromised are left out of the
    test. Columns: TX_DATETIME, CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT or TX_AMOUNT_CENTS, TX_FRAUD; no other is read.

    [bold]Examples[/bold]

      $ ledgerlink risk evaluate --transactions payments.parquet --format fraud-handbook

      $ ledgerlink risk evaluate --transactions payments.csv.gz --train-from 2018-07-18 --json
    """  # noqa: E501 - the first line is the summary in --help
    with one_message():
        from ops.risk_model.fitting import Kind
        from ops.risk_model.protocol import Protocol
        from ops.risk_model.running import evaluate as run

        report = run(transactions, Protocol(train_from.date(), train_days, delay_days, test_days), Kind(kind.value))
    typer.echo(report.model_dump_json(indent=2)) if as_json else _show(report)


def _show(report: "Evaluation") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="On the days of test", title_justify="left")
    for heading in ("Metric", "LedgerLink", "The handbook's best", "Difference"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "Metric" else "right")
    for name, title in (
        ("auc_roc", "AUC ROC"),
        ("average_precision", "Average precision"),
        ("card_precision_at_100", "Card precision@100"),
    ):
        ours, best = report.metrics[name], report.books_best[name]
        table.add_row(title, f"{ours:.3f}", f"{best:.3f}", f"{ours - best:+.3f}")
    for said, days in (("Trained on", report.train), ("Tested on", report.test)):
        typer.echo(f"{said} {days.first} to {days.last}: {days.payments:,} payments, {days.frauds:,} of them frauds.")
    typer.echo(f"{report.removed_payments:,} payments of cards known to be compromised were left out of the test.")
    Console().print(table)
    typer.echo(f"Model {report.model} ({report.kind.value}), in {report.seconds} s.")
