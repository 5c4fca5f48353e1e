"""`ledgerlink risk limits`: what customers of each tier may pay, and setting it."""

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.risk import HIGHEST_LIMIT, Tier
from ops.commands.options import DEFAULT_DATA_DIR, DataDir
from ops.commands.risk.app import app
from ops.commands.risk.asking import asked, asked_of_gateway

if TYPE_CHECKING:
    from contracts.risk import TierLimit

limits_app = typer.Typer(help="Show and set what customers of each tier may pay.")
app.add_typer(limits_app, name="limits")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table or words.")]
MajorUnits = Annotated[int, typer.Option(min=0, max=HIGHEST_LIMIT, help="In major units (euros).")]


@limits_app.callback(invoke_without_command=True)
def limits(context: typer.Context, data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Show what customers of each tier may pay at once, in a day and in a month (UTC), in major units.

    Reads the database of the running stack, or that of RISK_DATABASE_URL. Exits with code 1 when it cannot.

    [bold]Examples[/bold]

      $ ledgerlink risk limits

      $ ledgerlink risk limits --json | jq '.[] | select(.tier == "business")'
    """
    if context.invoked_subcommand:
        return
    import orjson

    from ops import risk_limits

    found = asked(data_dir, risk_limits.show_limits)
    if as_json:
        typer.echo(orjson.dumps([limit.model_dump(mode="json") for limit in found], option=orjson.OPT_INDENT_2))
    else:
        _show(found)


@limits_app.command("set")
def set_limit(
    tier: Annotated[Tier, typer.Argument(help="Whose limits.")],
    per_payment: MajorUnits,
    per_day: MajorUnits,
    per_month: MajorUnits,
    reason: Annotated[str, typer.Option(help="Why; it is kept with who has set them.")],
    currency: Annotated[
        str | None, typer.Option(help="ISO 4217 code; without it, for all that have no limits of their own.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Set the limits of a tier on the running stack in the name of an analyst: the next decision goes by them.

    The analyst's address and password are asked for, or come from LEDGERLINK_EMAIL and LEDGERLINK_PASSWORD.
    Exits with code 1 when the limits are not set.

    [bold]Examples[/bold]

      $ ledgerlink risk limits set business --per-payment 2000000 --per-day 20000000 --per-month 200000000 --reason "Agreed"

      $ ledgerlink risk limits set verified --currency JPY --per-payment 4000000 --per-day 16000000 --per-month 80000000 --reason "Yen are small"
    """  # noqa: E501 - an example is one line
    from ops import risk_limits

    wanted = {"tier": tier.value, "per_payment": per_payment, "per_day": per_day, "per_month": per_month}
    wanted |= {"reason": reason} | ({"currency": currency} if currency else {})
    limit = asked_of_gateway(data_dir, lambda session: risk_limits.set_limit(session, wanted))
    if as_json:
        typer.echo(limit.model_dump_json(indent=2))
    else:
        typer.echo(f"Set for {limit.tier.value} in {limit.currency or 'all other currencies'}.")


def _show(limits: "list[TierLimit]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Limits, in major units (UTC)", title_justify="left")
    for heading in ("Tier", "Currency", "A payment", "A day", "A month", "Set"):
        table.add_column(heading, no_wrap=True, justify="right" if heading.startswith("A ") else "left")
    for limit in limits:
        amounts = (f"{amount:,}" for amount in (limit.per_payment, limit.per_day, limit.per_month))
        changed = f"{limit.changed_at:%Y-%m-%d %H:%M}" if limit.changed_at else ""
        table.add_row(limit.tier.value, limit.currency or "all others", *amounts, changed)
    Console().print(table)
