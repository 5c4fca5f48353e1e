"""The sandbox processor: an outside company that payments through cards and banks are tried with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.stack.ports import HOST
from ops.stack.secrets import ProcessorAccount

NAME = "sandbox_processor"
PREFIX = "SANDBOX_PROCESSOR_"
TIMEOUT_SECONDS = 5.0
"""How long payments wait for its answer: less than its late answers take."""


@dataclass(frozen=True, slots=True)
class SandboxProcessor:
    """One sandbox processor, on this machine if not said otherwise, and our accounts there.

    Its webhooks go to the gateway.
    """

    directory: Path
    port: int
    gateway_port: int
    accounts: Mapping[str, ProcessorAccount]
    host: str = HOST

    @property
    def url(self) -> str:
        """Its URL; an account's is below it."""
        return f"http://{self.host}:{self.port}"

    def settings(self) -> dict[str, str]:
        """Return what the process reads, without its prefix."""
        accounts = {
            name: {
                "api_key": account.api_key.get_secret_value(),
                "webhook_secret": account.webhook_secret.get_secret_value(),
            }
            for name, account in self.accounts.items()
        }
        return {
            "HTTP_HOST": HOST,
            "HTTP_PORT": str(self.port),
            "DATA_DIR": str(self.directory),
            "ACCOUNTS": json.dumps(accounts),
            "WEBHOOK_URL": f"http://{HOST}:{self.gateway_port}/v1/webhooks/{{account}}",
        }

    def client_settings(self) -> dict[str, str]:
        """Return what payments read to be its client, without their prefix: the first account, or else the next."""
        processors = [
            {
                "name": name,
                "kind": "sandbox",
                "url": f"{self.url}/{name}",
                "api_key": account.api_key.get_secret_value(),
                "webhook_secret": account.webhook_secret.get_secret_value(),
                "methods": ["card", "bank"],
                "timeout_seconds": TIMEOUT_SECONDS,
            }
            for name, account in self.accounts.items()
        ]
        return {"PROCESSORS": json.dumps(processors), "ROUTES": json.dumps([{"processors": list(self.accounts)}])}
