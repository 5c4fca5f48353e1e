"""`ledgerlink audit`: the proof of the whole ledger, or where it does not hold."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, DataDir, command_on

if TYPE_CHECKING:
    from ops.audit.report import AuditReport

PROVED, FOUND, NOT_AUDITED = 0, 1, 2


def audit(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of sentences.")] = False,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows that one statement proves.")] = 20_000,
) -> None:
    """Prove every invariant of the ledger and the payments, row by row, while they go on.

    Each row that does not add up is named: a transfer, a hold, a payment, an entry under a seal. Audits the running
    stack, or the databases of WALLET_DATABASE_URL and PAYMENTS_DATABASE_URL; any role that may read will do.

    Not covered, neither by the audit nor by seals: what reconciliation keeps (statement lines, matches, breaks, notes).

    Exits with code 0 when everything holds, 1 when something was found, 2 when a database could not be read.

    [bold]Examples[/bold]

      $ ledgerlink audit

      $ ledgerlink audit --json | jq '.findings[]'

      $ WALLET_DATABASE_URL=postgresql://auditor@db/wallet ledgerlink audit
    """
    import asyncio

    import asyncpg

    from ops.audit.databases import find_databases
    from ops.audit.run import run_audit
    from ops.failures import debugging, told
    from ops.service_databases import is_stopped
    from ops.stack.errors import StackError

    try:
        report = asyncio.run(run_audit(find_databases(data_dir), rows))
    except (OSError, StackError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if debugging():
            raise
        start = f"nothing runs on {data_dir.resolve()}; start it with: {command_on(data_dir, 'up')}"
        typer.echo(f"Error: not audited: {start if is_stopped('wallet', error) else told(error)}", err=True)
        raise typer.Exit(NOT_AUDITED) from None
    typer.echo(report.model_dump_json(indent=2)) if as_json else _tell(report)
    raise typer.Exit(PROVED if report.balanced else FOUND)


def _tell(report: "AuditReport") -> None:
    from contracts.money import in_major_units

    for currency in report.currencies:
        total = in_major_units(currency.total, currency.currency)
        typer.echo(f"{currency.currency}: {currency.accounts:,} accounts sum to {total}")
    proved = ", ".join(f"{part} {rows:,}" for part, rows in report.proved.items() if rows and part != "ledger")
    typer.echo(f"Proved in {report.seconds} s: {proved or 'an empty ledger'}.")
    for finding in report.findings:
        typer.echo(f"✗ {finding.place}: {finding.claim}")
    if report.balanced:
        typer.echo("✓ Everything holds.")
    else:
        rest = report.findings_total - len(report.findings)
        more = f" ({rest:,} of them not shown)" if rest else ""
        typer.echo(f"{report.findings_total:,} {'finding' if report.findings_total == 1 else 'findings'}{more}.")
