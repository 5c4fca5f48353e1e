"""Composition root of the wallet service."""

from apps.wallet.settings import WalletSettings
from apps.wallet.subscribers import subscribe
from outbox.service import Service


def build(settings: WalletSettings) -> Service:
    """Wire the service."""
    service = Service("wallet", settings)
    subscribe(service)
    return service


def run() -> None:
    """Run the service until SIGTERM."""
    build(WalletSettings()).run()
