"""Transfers, reversals and journals: what moves money for good."""

from apps.wallet.domain.account import SystemAccount
from apps.wallet.domain.batch import Batch, Movement, RefusedError
from apps.wallet.domain.exchange import bought_at
from apps.wallet.domain.operation import ExchangeRequest, JournalRequest, ReversalRequest, TransferRequest
from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.transfer import Exchange, Outcome, Posted, PostedJournal, Refused
from contracts.wallet import JOURNAL_LIMIT, AccountKind


def take_transfer(batch: Batch, request: TransferRequest) -> Outcome:
    """Post or refuse a transfer."""
    fingerprint = request.fingerprint
    if earlier := batch.transfers.get(request.id) or batch.refused.get(request.id):
        return earlier if earlier.fingerprint == fingerprint else _reused(batch, request, fingerprint)
    try:
        return batch.post(_movement(request, fingerprint))
    except RefusedError as error:
        return batch.refuse(request.id, request.reference, fingerprint, error.refusal)


def take_reversal(batch: Batch, request: ReversalRequest) -> Outcome:
    """Take back a transfer, in full or in part, or refuse to."""
    fingerprint = request.fingerprint
    if earlier := batch.transfers.get(request.id) or batch.refused.get(request.id):
        return earlier if earlier.fingerprint == fingerprint else _reused(batch, request, fingerprint)
    try:
        original = batch.transfers.get(request.reverses)
        if original is None:
            raise RefusedError(Refusal.TRANSFER_NOT_FOUND)  # noqa: TRY301 - the one way in which an operation ends early
        posted = batch.post(_reversal(request, fingerprint, original, batch.reversed.get(original.id, 0)))
    except RefusedError as error:
        return batch.refuse(request.id, request.reference, fingerprint, error.refusal)
    batch.reversed[original.id] = posted.reversed_total or 0
    return posted


def _reversal(request: ReversalRequest, fingerprint: bytes, original: Posted, reversed_before: int) -> Movement:
    left = original.amount - reversed_before
    amount = request.amount or left
    if not left:
        raise RefusedError(Refusal.ALREADY_REVERSED)
    if amount > left:
        raise RefusedError(Refusal.EXCEEDS_ORIGINAL)
    return Movement(
        request.id,
        original.credit_account,
        original.debit_account,
        amount,
        original.currency,
        request.reference,
        fingerprint,
        effective_at=request.effective_at,
        metadata=request.metadata,
        reverses=original.id,
        reversed_total=reversed_before + amount,
    )


def take_journal(batch: Batch, request: JournalRequest) -> Outcome:
    """Post all legs of a journal, or none and tell which one broke a rule."""
    fingerprint = request.fingerprint
    if earlier := batch.journals.get(request.id) or batch.refused.get(request.id):
        if earlier.fingerprint == fingerprint:
            return earlier
        return Refused(request.id, request.reference, fingerprint, Refusal.JOURNAL_ID_REUSED, batch.moment, 0)
    first, leg = len(batch.postings), 0
    try:
        with batch.all_or_nothing():
            if sum(2 if isinstance(wish, ExchangeRequest) else 1 for wish in request.legs) > JOURNAL_LIMIT:
                raise RefusedError(Refusal.TOO_MANY_TRANSFERS)  # noqa: TRY301 - as above
            for leg, wish in enumerate(request.legs):  # noqa: B007 - the one that broke a rule is told
                _check_ids(batch, wish)
                for movement in _movements(request, wish):
                    batch.post(movement)
    except RefusedError as error:
        return batch.refuse(request.id, request.reference, fingerprint, error.refusal, leg)
    journal = PostedJournal(
        request.id,
        tuple(batch.postings[first:]),
        tuple(Exchange(w.sell_id, w.buy_id, w.rate) for w in request.legs if isinstance(w, ExchangeRequest)),
        request.reference,
        request.metadata,
        fingerprint,
        batch.moment,
    )
    batch.journals[journal.id] = journal
    batch.new_journals.append(journal)
    return journal


def _check_ids(batch: Batch, leg: TransferRequest | ExchangeRequest) -> None:
    ids = (leg.id,) if isinstance(leg, TransferRequest) else (leg.sell_id, leg.buy_id)
    if len(set(ids)) < len(ids) or any(i in batch.transfers or i in batch.refused for i in ids):
        raise RefusedError(Refusal.TRANSFER_ID_REUSED)


def _movements(journal: JournalRequest, leg: TransferRequest | ExchangeRequest) -> tuple[Movement, ...]:
    if isinstance(leg, TransferRequest):
        return (_leg(journal, leg),)
    if leg.sold_currency == leg.bought_currency:
        raise RefusedError(Refusal.SAME_CURRENCY)
    if leg.bought != bought_at(leg.sold, leg.sold_currency, leg.rate, leg.bought_currency):
        raise RefusedError(Refusal.RATE_MISMATCH)
    into = SystemAccount(AccountKind.FX, leg.sold_currency)
    out_of = SystemAccount(AccountKind.FX, leg.bought_currency)
    sell = TransferRequest(leg.sell_id, leg.debit_account, into, leg.sold, leg.sold_currency)
    buy = TransferRequest(leg.buy_id, out_of, leg.credit_account, leg.bought, leg.bought_currency)
    return _leg(journal, sell), _leg(journal, buy)


def _leg(journal: JournalRequest, leg: TransferRequest) -> Movement:
    return Movement(
        leg.id,
        leg.debit_account,
        leg.credit_account,
        leg.amount,
        leg.currency,
        journal.reference,
        leg.fingerprint,
        effective_at=journal.effective_at,
        authorised_by=journal.authorised_by,
        journal_id=journal.id,
    )


def _movement(request: TransferRequest, fingerprint: bytes) -> Movement:
    return Movement(
        request.id,
        request.debit_account,
        request.credit_account,
        request.amount,
        request.currency,
        request.reference,
        fingerprint,
        request.effective_at,
        request.authorised_by,
        request.metadata,
    )


def _reused(batch: Batch, request: TransferRequest | ReversalRequest, fingerprint: bytes) -> Refused:
    return Refused(request.id, request.reference, fingerprint, Refusal.TRANSFER_ID_REUSED, batch.moment)
