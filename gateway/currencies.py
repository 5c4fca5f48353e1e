"""Money moves between accounts of its own currency only."""

from gateway.accounts import KnownAccount
from gateway.problems import ProblemError


def check_currency(account: KnownAccount, parameter: str, currency: str) -> None:
    """Raise ProblemError `currency_mismatch` when the account named by `parameter` holds another currency."""
    if account.currency != currency:
        # Not "the wallet": of a wallet with several currencies, each is an account with its own id.
        detail = f"The account `{parameter}` holds {account.currency}, not {currency}."
        raise ProblemError("currency_mismatch", detail, parameter="currency")
