"""`ledgerlink provision`: the streams and durable consumers of the topology."""

from typing import Annotated

import typer


def provision(
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and make again what NATS loses.")] = False,
) -> None:
    """Create or change NATS's streams and durable consumers to what this version needs.

    Reads PROVISIONER_NATS_URL and PROVISIONER_NATS_SEED from the environment.

    [bold]Examples[/bold]

      $ ledgerlink provision

      $ ledgerlink provision --watch
    """
    import asyncio

    from pydantic_settings import SettingsConfigDict

    from outbox.logs import set_up_logs
    from outbox.provision import provision_once
    from outbox.provision import watch as keep_provisioned
    from outbox.settings import BrokerSettings

    class Settings(BrokerSettings):
        model_config = SettingsConfigDict(env_prefix="PROVISIONER_")

    settings = Settings()
    if watch:
        set_up_logs(settings, "provisioner")
        asyncio.run(keep_provisioned(settings))
        return
    changed = asyncio.run(provision_once(settings))
    typer.echo(f"created or changed: {', '.join(changed)}" if changed else "nothing to change")
