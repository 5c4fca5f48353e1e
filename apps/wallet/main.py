"""Composition root of the wallet service."""

from apps.wallet.domain.sealing import Signer
from apps.wallet.settings import WalletSettings
from apps.wallet.subscribers import subscribe
from outbox.service import Service


def build(settings: WalletSettings) -> Service:
    """Wire the service."""
    service = Service("wallet", settings)
    subscribe(service, Signer(settings.seal_key.get_secret_value()), settings.audit_share)
    return service


def run() -> None:
    """Run the service until SIGTERM."""
    build(WalletSettings()).run()
