"""The `ledgerlink` command. Each subcommand is a file in ops/commands/, named like it."""

from ops.commands import (
    asyncapi,
    audit,
    bench,
    broker_node,
    contracts,
    demo,
    dlq,
    keys,
    migrate,
    outbox,
    provision,
    risk,
    run,
    secrets,
    status,
    streams,
    trace,
    up,
    verify,
)
from ops.commands.app import OneMessageTyper

app = OneMessageTyper(
    name="ledgerlink",
    help="LedgerLink: wallets, payments and risk decisions, choreographed over NATS JetStream.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _ledgerlink() -> None:
    """Keep `ledgerlink` a group of commands, however many there are."""


app.command("demo")(demo.demo)
app.command("up")(up.up)
app.command("status")(status.status)
app.command("trace")(trace.trace)
app.command("streams")(streams.streams)
app.command("consumers")(streams.consumers)
app.command("audit")(audit.audit)
app.command("verify")(verify.verify)
app.command("run")(run.run)
app.command("migrate")(migrate.migrate)
app.command("provision")(provision.provision)
app.command("broker-node")(broker_node.broker_node)
app.command("secrets")(secrets.secrets)
app.command("asyncapi")(asyncapi.asyncapi)
app.add_typer(bench.app, name="bench")
app.add_typer(contracts.app, name="contracts")
app.add_typer(dlq.app, name="dlq")
app.add_typer(outbox.app, name="outbox")
app.add_typer(keys.app, name="keys")
app.add_typer(risk.app, name="risk")
