"""Which handler takes which message."""

from functools import partial

from apps.wallet import queries
from apps.wallet.audit.rounds import EVERY_SECONDS, Rounds
from apps.wallet.domain.sealing import Signer
from apps.wallet.handlers.change_accounts import change_accounts
from apps.wallet.handlers.close_periods import close_periods
from apps.wallet.handlers.import_statements import import_statements
from apps.wallet.handlers.ledger_operations import EXPIRY_SECONDS, carry_out, expire_holds, read_wishes
from apps.wallet.handlers.match_statements import SWEEP_SECONDS, match_statements
from apps.wallet.handlers.open_accounts import open_accounts
from apps.wallet.handlers.resolve_breaks import resolve_breaks
from apps.wallet.handlers.seal_ledger import SEAL_SECONDS, seal_ledger
from contracts.wallet import (
    GetAccounts,
    GetBalance,
    GetBalances,
    GetEffects,
    GetHold,
    GetJournal,
    GetOutcome,
    GetReceipt,
    GetReconciliation,
    GetSealKeys,
    GetStatement,
    GetTransfer,
    GetTrialBalance,
    ListAccounts,
    ListBreaks,
    ListChart,
    ListEntries,
    ListHolds,
    ListPeriods,
    ListReconciliations,
    ListTransfers,
)
from outbox.outcomes import get_outcome
from outbox.service import Service


def subscribe(service: Service, signer: Signer, audit_share: float) -> None:
    """Bind every handler and query of the room."""
    service.consume("wallet-open-account", open_accounts)
    service.consume("wallet-change-account", change_accounts)
    service.consume("wallet-ledger", carry_out, prepare=read_wishes)
    service.consume("wallet-close-period", close_periods)
    service.consume("wallet-import-statement", import_statements)
    service.consume("wallet-resolve-break", resolve_breaks)
    service.every(EXPIRY_SECONDS, expire_holds)
    service.every(SWEEP_SECONDS, match_statements)
    service.every(SEAL_SECONDS, partial(seal_ledger, signer))
    service.every(EVERY_SECONDS, Rounds(audit_share).go_on)
    service.answer(GetAccounts, queries.get_accounts)
    service.answer(ListAccounts, queries.list_accounts)
    service.answer(ListChart, queries.list_chart)
    service.answer(ListEntries, queries.list_entries)
    service.answer(ListTransfers, queries.list_transfers)
    service.answer(GetTransfer, queries.get_transfer)
    service.answer(GetJournal, queries.get_journal)
    service.answer(GetHold, queries.get_hold)
    service.answer(ListHolds, queries.list_holds)
    service.answer(GetOutcome, get_outcome)
    service.answer(GetEffects, queries.get_effects)
    service.answer(GetBalance, queries.get_balance)
    service.answer(GetBalances, queries.get_balances)
    service.answer(GetStatement, queries.get_statement)
    service.answer(GetTrialBalance, queries.get_trial_balance)
    service.answer(ListPeriods, queries.list_periods)
    service.answer(GetReceipt, queries.get_receipt)
    service.answer(GetSealKeys, queries.get_seal_keys)
    service.answer(GetReconciliation, queries.get_reconciliation)
    service.answer(ListReconciliations, queries.list_reconciliations)
    service.answer(ListBreaks, queries.list_breaks)
