"""The trial balance: all balances, each on the side where it stands; per currency both sides are equal."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from contracts.wallet import AccountKind, AccountType, TrialBalanceLine


@dataclass(frozen=True, slots=True)
class SystemAccount:
    """Where one of the ledger's own accounts stands in the chart."""

    id: UUID
    currency: str
    type: str
    kind: str


@dataclass(slots=True)
class _Sums:
    accounts: int = 0
    debit: int = 0
    credit: int = 0

    def add(self, balance: int) -> None:
        self.accounts += 1
        self.debit += max(-balance, 0)
        self.credit += max(balance, 0)


def trial_balance(balances: Iterable[tuple[SystemAccount, int]]) -> list[TrialBalanceLine]:
    """Return a line for each currency, type and kind, by currency; the wallets last, as what the others leave.

    A transfer debits what it credits, so each currency sums to zero: all wallets together hold what the few other
    accounts lack, and nobody has to visit millions of them. That it is so, the audit proves entry by entry.
    """
    kinds: dict[tuple[str, str, str], _Sums] = {}
    others: dict[str, int] = {}
    for account, balance in balances:
        kinds.setdefault((account.currency, account.kind, account.type), _Sums()).add(balance)
        others[account.currency] = others.get(account.currency, 0) + balance
    lines = [
        TrialBalanceLine(
            currency=currency,
            type=AccountType(type_),
            kind=AccountKind(kind),
            accounts=sums.accounts,
            debit=sums.debit,
            credit=sums.credit,
        )
        for (currency, kind, type_), sums in kinds.items()
    ]
    lines += [_wallets(currency, -balance) for currency, balance in others.items()]
    return sorted(lines, key=lambda line: (line.currency, line.kind is AccountKind.WALLET, line.kind, line.type))


def _wallets(currency: str, balance: int) -> TrialBalanceLine:
    return TrialBalanceLine(
        currency=currency,
        type=AccountType.LIABILITY,
        kind=AccountKind.WALLET,
        debit=max(-balance, 0),
        credit=max(balance, 0),
    )
