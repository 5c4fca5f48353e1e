"""What operations name: all that has to be read before they can be decided."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from apps.wallet.domain.account import SystemAccount
from apps.wallet.domain.operation import (
    CaptureRequest,
    ExchangeRequest,
    ExtensionRequest,
    HoldRequest,
    JournalRequest,
    Operation,
    ReversalRequest,
    TransferRequest,
    VoidRequest,
)
from contracts.wallet import AccountKind


@dataclass(slots=True)
class Named:
    """What operations name, by what it is to be looked for as."""

    transfers: set[UUID] = field(default_factory=set)
    reversed: set[UUID] = field(default_factory=set)
    journals: list[UUID] = field(default_factory=list)
    holds: set[UUID] = field(default_factory=set)
    steps: list[UUID] = field(default_factory=list)
    refusable: set[UUID] = field(default_factory=set)
    accounts: set[UUID] = field(default_factory=set)
    system: set[SystemAccount] = field(default_factory=set)
    effective: set[datetime] = field(default_factory=set)

    @classmethod
    def by(cls, operations: Iterable[Operation]) -> Self:
        """Return what some operations name."""
        named = cls()
        for operation in operations:
            named.take(operation)
        return named

    def take(self, operation: Operation) -> None:
        """Add what an operation names."""
        self.refusable.add(operation.id)
        match operation:
            case TransferRequest():
                self._take_transfer(operation)
                self._take_date(operation.effective_at)
            case ReversalRequest():
                self.transfers |= {operation.id, operation.reverses}
                self.reversed.add(operation.reverses)
                self._take_date(operation.effective_at)
            case JournalRequest():
                self.journals.append(operation.id)
                self._take_date(operation.effective_at)
                for leg in operation.legs:
                    self._take_leg(leg)
            case HoldRequest():
                self.holds.add(operation.id)
                self.accounts.add(operation.debit_account)
                self._take_account(operation.credit_account)
            case CaptureRequest():
                self.transfers.add(operation.id)
                self.steps.append(operation.id)
                self.holds.add(operation.hold_id)
                self._take_date(operation.effective_at)
            case VoidRequest() | ExtensionRequest():
                self.steps.append(operation.id)
                self.holds.add(operation.hold_id)

    def _take_date(self, effective_at: datetime | None) -> None:
        if effective_at is not None:
            self.effective.add(effective_at)

    def _take_leg(self, leg: TransferRequest | ExchangeRequest) -> None:
        if isinstance(leg, TransferRequest):
            self.refusable.add(leg.id)
            self._take_transfer(leg)
        else:
            self.refusable |= {leg.sell_id, leg.buy_id}
            self.transfers |= {leg.sell_id, leg.buy_id}
            self.accounts |= {leg.debit_account, leg.credit_account}
            self.system |= {SystemAccount(AccountKind.FX, c) for c in (leg.sold_currency, leg.bought_currency)}

    def _take_transfer(self, request: TransferRequest) -> None:
        self.transfers.add(request.id)
        self._take_account(request.debit_account)
        self._take_account(request.credit_account)

    def _take_account(self, account: UUID | SystemAccount) -> None:
        if isinstance(account, UUID):
            self.accounts.add(account)
        else:
            self.system.add(account)
