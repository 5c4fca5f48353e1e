"""Between which accounts a caller may move money: customers between their own wallets, operators between any."""

from uuid import UUID

from gateway.accounts import account_not_found, wallet_not_found
from gateway.currencies import check_currency
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import Caller, RequestContext

ELSEWHERE = (
    "No wallet of yours has the id given as `credit_account`. To pay somebody else, use POST /v1/payment_intents: "
    "such payments are assessed for risk."
)


async def check_accounts(
    debit: UUID, credit: UUID, currency: str, caller: Caller, parts: Parts, context: RequestContext
) -> None:
    """Raise ProblemError unless the caller may move `currency` from one account to the other.

    Somebody else's wallet gets the same answer as one that does not exist.
    """
    if debit == credit:
        detail = "Debit and credit account are the same; a transfer needs two accounts."
        raise ProblemError("same_account", detail, parameter="credit_account")
    known = await parts.wallets.find_accounts((debit, credit), context)
    for parameter, identifier in (("debit_account", debit), ("credit_account", credit)):
        account = known.get(identifier)
        if account is None or not (caller.moves_any_money or account.owner == caller.user):
            raise _not_found(parameter, caller)
        check_currency(account, parameter, currency)


def _not_found(parameter: str, caller: Caller) -> ProblemError:
    if caller.moves_any_money:
        return account_not_found(parameter)
    if parameter == "credit_account":
        return ProblemError("wallet_not_found", ELSEWHERE, parameter=parameter)
    return wallet_not_found(parameter)
