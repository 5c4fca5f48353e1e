"""Money moves between wallets of its own currency only."""

from gateway.accounts import Wallet
from gateway.problems import ProblemError


def check_currency(wallet: Wallet, parameter: str, currency: str) -> None:
    """Raise ProblemError `currency_mismatch` when the wallet named by `parameter` holds another currency."""
    if wallet.currency != currency:
        detail = f"The wallet `{parameter}` holds {wallet.currency}, not {currency}."
        raise ProblemError("currency_mismatch", detail, parameter="currency")
