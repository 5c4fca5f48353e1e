"""The tables of the wallet service. What no constraint here can say, the migrations' verification triggers enforce."""

from apps.wallet.models import ledger, reconciliation, seals
from apps.wallet.models.base import metadata

__all__ = ["ledger", "metadata", "reconciliation", "seals"]
