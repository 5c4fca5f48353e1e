"""Posting: which transfers the ledger takes, and what they do to the balances; a batch is folded into one write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.wallet.domain.account import Account, Kind
from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.transfer import Outcome, Posted, Refused, TransferRequest

BALANCE_LIMIT = 2**63 - 1
"""The largest balance, in either direction: a signed 64-bit integer of minor units."""


@dataclass(frozen=True, slots=True)
class Books:
    """The part of the ledger that some requests touch.

    `clearing` names the clearing account of each currency; those in `unopened` exist only once money has come through.
    `known` holds the outcomes of transfers that were decided before.
    """

    sequence: int
    accounts: Mapping[UUID, Account]
    clearing: Mapping[str, UUID]
    unopened: frozenset[UUID]
    known: Mapping[UUID, Outcome]


@dataclass(frozen=True, slots=True)
class Posting:
    """A transfer with the balances that it leaves behind on its two accounts."""

    transfer: Posted
    debit_balance: int
    credit_balance: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Where an account stands after its entry at `sequence`."""

    balance: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be written and said: `outcomes` in the order of the requests, and what of them is new."""

    outcomes: Sequence[Outcome]
    postings: Sequence[Posting]
    refusals: Sequence[Refused]
    balances: Mapping[UUID, Balance]
    opened: Sequence[Account]
    sequence: int


def decide(books: Books, requests: Sequence[TransferRequest], now: datetime) -> Decided:
    """Decide about requests one after the other, each on the balances that the ones before it left.

    The same id with the same content has the outcome that it had before, and no second effect.
    """
    batch = _Batch(books, now)
    outcomes = [batch.take(request) for request in requests]
    return Decided(
        outcomes=outcomes,
        postings=batch.postings,
        refusals=batch.refusals,
        balances=batch.balances,
        opened=[books.accounts[i] for i in sorted(books.unopened) if i in batch.balances],
        sequence=batch.sequence,
    )


class _Batch:
    """The books while a batch is decided."""

    def __init__(self, books: Books, now: datetime) -> None:
        self.postings: list[Posting] = []
        self.refusals: list[Refused] = []
        self.balances: dict[UUID, Balance] = {}
        self.sequence = books.sequence
        self._books, self._now = books, now
        self._known = dict(books.known)

    def take(self, request: TransferRequest) -> Outcome:
        """Post or refuse one request."""
        fingerprint = request.fingerprint()
        if earlier := self._known.get(request.id):
            if earlier.fingerprint == fingerprint:
                return earlier
            return Refused(request.id, request.reference, fingerprint, Refusal.TRANSFER_ID_REUSED, self._now)
        outcome: Outcome
        accounts = self._accounts_of(request)
        if isinstance(accounts, Refusal):
            outcome = self._refuse(request, fingerprint, accounts)
        elif broken := self._broken_by(request.amount, *accounts):
            outcome = self._refuse(request, fingerprint, broken)
        else:
            outcome = self._post(request, fingerprint, *accounts)
        self._known[request.id] = outcome
        return outcome

    def _accounts_of(self, request: TransferRequest) -> Refusal | tuple[Account, Account]:
        """Return debit and credit account, or the first rule about them that is broken, in the order of `Refusal`."""
        if request.debit_account == request.credit_account:
            return Refusal.SAME_ACCOUNT
        debit = self._debit_account_of(request)
        if debit is None:
            return Refusal.DEBIT_ACCOUNT_NOT_FOUND
        credit = self._books.accounts.get(request.credit_account)
        if credit is None or credit.kind is not Kind.WALLET:
            return Refusal.CREDIT_ACCOUNT_NOT_FOUND
        if not request.currency == debit.currency == credit.currency:
            return Refusal.CURRENCY_MISMATCH
        return debit, credit

    def _debit_account_of(self, request: TransferRequest) -> Account | None:
        if request.debit_account is None:
            return self._books.accounts[self._books.clearing[request.currency]]
        account = self._books.accounts.get(request.debit_account)
        # Nobody owns a clearing account, so nobody can authorise a transfer out of one.
        return account if account and account.owner and account.owner == request.authorised_by else None

    def _broken_by(self, amount: int, debit: Account, credit: Account) -> Refusal | None:
        """Return the first rule about balances that moving the amount would break, in the order of `Refusal`."""
        debit_balance = self._balance(debit) - amount
        if debit.floor is not None and debit_balance < debit.floor:
            return Refusal.INSUFFICIENT_FUNDS
        if debit_balance < -BALANCE_LIMIT or self._balance(credit) + amount > BALANCE_LIMIT:
            return Refusal.BALANCE_OVERFLOW
        return None

    def _refuse(self, request: TransferRequest, fingerprint: bytes, refusal: Refusal) -> Refused:
        refused = Refused(request.id, request.reference, fingerprint, refusal, self._now)
        self.refusals.append(refused)
        return refused

    def _post(self, request: TransferRequest, fingerprint: bytes, debit: Account, credit: Account) -> Posted:
        self.sequence += 1
        transfer = Posted(
            request.id,
            debit.id,
            credit.id,
            request.amount,
            request.currency,
            request.reference,
            fingerprint,
            self.sequence,
            self._now,
        )
        debit_balance = self._balance(debit) - request.amount
        credit_balance = self._balance(credit) + request.amount
        self.balances[debit.id] = Balance(debit_balance, self.sequence)
        self.balances[credit.id] = Balance(credit_balance, self.sequence)
        self.postings.append(Posting(transfer, debit_balance, credit_balance))
        return transfer

    def _balance(self, account: Account) -> int:
        moved = self.balances.get(account.id)
        return moved.balance if moved else account.balance
