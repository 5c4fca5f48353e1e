"""Commands of the ledger, read as operations."""

from collections.abc import Callable
from typing import Any
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
from contracts.wallet import (
    AccountKind,
    CaptureHold,
    ExchangeLeg,
    ExtendHold,
    FundAccount,
    PlaceHold,
    PostJournal,
    PostTransfer,
    ReverseTransfer,
    SystemAccountName,
    TransferLeg,
    VoidHold,
)

LedgerCommand = (
    PostTransfer | FundAccount | ReverseTransfer | PostJournal | PlaceHold | CaptureHold | VoidHold | ExtendHold
)


def operation_of(command: LedgerCommand) -> Operation:
    """Return what a command asks of the ledger."""
    return _READ[type(command)](command)


def _transfer(command: PostTransfer) -> TransferRequest:
    return TransferRequest(
        command.transfer_id,
        _account(command.debit_account, command.currency),
        _account(command.credit_account, command.currency),
        command.amount,
        command.currency,
        command.authorised_by,
        command.reference,
        command.effective_at,
        command.metadata,
    )


def _account(named: UUID | SystemAccountName, currency: str) -> UUID | SystemAccount:
    return named if isinstance(named, UUID) else SystemAccount(named.kind, currency, named.processor)


def _funding(command: FundAccount) -> TransferRequest:
    clearing = SystemAccount(AccountKind.CLEARING, command.currency, command.processor)
    return TransferRequest(command.transfer_id, clearing, command.account_id, command.amount, command.currency)


def _reversal(command: ReverseTransfer) -> ReversalRequest:
    return ReversalRequest(
        command.transfer_id,
        command.reverses,
        command.amount,
        command.reference,
        command.effective_at,
        command.metadata,
    )


def _journal(command: PostJournal) -> JournalRequest:
    return JournalRequest(
        command.journal_id,
        tuple(_leg(leg, command.authorised_by) for leg in command.legs),
        command.reference,
        command.effective_at,
        command.metadata,
        command.authorised_by,
    )


def _leg(leg: TransferLeg | ExchangeLeg, authorised_by: UUID | None) -> TransferRequest | ExchangeRequest:
    if isinstance(leg, TransferLeg):
        debit, credit = _account(leg.debit_account, leg.currency), _account(leg.credit_account, leg.currency)
        return TransferRequest(leg.transfer_id, debit, credit, leg.amount, leg.currency, authorised_by)
    return ExchangeRequest(
        leg.sell_transfer_id,
        leg.buy_transfer_id,
        leg.debit_account,
        leg.credit_account,
        leg.sold,
        leg.sold_currency,
        leg.bought,
        leg.bought_currency,
        leg.rate,
    )


def _hold(command: PlaceHold) -> HoldRequest:
    return HoldRequest(
        command.hold_id,
        command.debit_account,
        _account(command.credit_account, command.currency),
        command.amount,
        command.currency,
        command.expires_at,
        command.authorised_by,
        command.reference,
    )


def _capture(command: CaptureHold) -> CaptureRequest:
    return CaptureRequest(
        command.transfer_id,
        command.hold_id,
        command.amount,
        command.release_rest,
        command.reference,
        command.effective_at,
    )


def _void(command: VoidHold) -> VoidRequest:
    return VoidRequest(command.operation_id, command.hold_id)


def _extension(command: ExtendHold) -> ExtensionRequest:
    return ExtensionRequest(command.operation_id, command.hold_id, command.expires_at)


_READ: dict[type[Any], Callable[[Any], Operation]] = {
    PostTransfer: _transfer,
    FundAccount: _funding,
    ReverseTransfer: _reversal,
    PostJournal: _journal,
    PlaceHold: _hold,
    CaptureHold: _capture,
    VoidHold: _void,
    ExtendHold: _extension,
}
