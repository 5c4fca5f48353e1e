"""The rules of posting, pure: every refusal by one table, in the order in which the rules are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.wallet.domain.account import Account, new_clearing, new_wallet
from apps.wallet.domain.posting import BALANCE_LIMIT, Books, Decided, decide
from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.transfer import Outcome, Posted, Refused, TransferRequest

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _id(number: int) -> UUID:
    return UUID(int=number)


ANN, BOB = _id(1), _id(2)
FULL, EMPTY, BOBS, DOLLARS, BRIMFUL, CLEARING, NOWHERE = (_id(n) for n in range(10, 17))
USED, REFERENCE = _id(20), _id(30)


def _wallet(account: UUID, owner: UUID, balance: int = 0, currency: str = "EUR") -> Account:
    return replace(new_wallet(account, owner, currency, NOW), balance=balance, last_sequence=1 if balance else None)


ACCOUNTS = {
    FULL: _wallet(FULL, ANN, balance=1000),
    EMPTY: _wallet(EMPTY, ANN),
    BOBS: _wallet(BOBS, BOB),
    DOLLARS: _wallet(DOLLARS, BOB, currency="USD"),
    BRIMFUL: _wallet(BRIMFUL, BOB, balance=BALANCE_LIMIT),
    CLEARING: replace(new_clearing(CLEARING, "EUR", NOW), balance=-1000, last_sequence=1),
}
GOOD = TransferRequest(_id(21), FULL, BOBS, 100, "EUR", ANN, REFERENCE)
EARLIER = replace(GOOD, id=USED)


def _books(accounts: Mapping[UUID, Account] = ACCOUNTS, known: Sequence[Outcome] = ()) -> Books:
    return Books(7, accounts, {"EUR": CLEARING}, frozenset(), {outcome.id: outcome for outcome in known})


def _earlier() -> Outcome:
    return Posted(USED, FULL, BOBS, 100, "EUR", REFERENCE, EARLIER.fingerprint(), 7, NOW)


# Each row breaks its own rule, and as many of the later ones as it can: the first rule must win.
REFUSALS = (
    (Refusal.TRANSFER_ID_REUSED, replace(GOOD, id=USED, debit_account=BOBS, currency="JPY", amount=10**12)),
    (Refusal.SAME_ACCOUNT, replace(GOOD, debit_account=NOWHERE, credit_account=NOWHERE)),
    (Refusal.DEBIT_ACCOUNT_NOT_FOUND, replace(GOOD, debit_account=NOWHERE, credit_account=_id(99))),
    (Refusal.DEBIT_ACCOUNT_NOT_FOUND, replace(GOOD, authorised_by=BOB, credit_account=NOWHERE)),
    (Refusal.DEBIT_ACCOUNT_NOT_FOUND, replace(GOOD, debit_account=CLEARING, currency="JPY")),
    (Refusal.CREDIT_ACCOUNT_NOT_FOUND, replace(GOOD, credit_account=NOWHERE, currency="JPY")),
    (Refusal.CREDIT_ACCOUNT_NOT_FOUND, replace(GOOD, credit_account=CLEARING, amount=1001)),
    (Refusal.CURRENCY_MISMATCH, replace(GOOD, credit_account=DOLLARS, amount=1001)),
    (Refusal.CURRENCY_MISMATCH, replace(GOOD, currency="JPY", amount=1001)),
    (Refusal.INSUFFICIENT_FUNDS, replace(GOOD, amount=1001, credit_account=BRIMFUL)),
    (Refusal.INSUFFICIENT_FUNDS, replace(GOOD, debit_account=EMPTY, amount=1)),
    (Refusal.BALANCE_OVERFLOW, replace(GOOD, credit_account=BRIMFUL, amount=1)),
    (Refusal.BALANCE_OVERFLOW, replace(GOOD, debit_account=None, authorised_by=None, credit_account=BRIMFUL)),
)


@pytest.mark.parametrize(("refusal", "request_"), REFUSALS, ids=[f"{n}-{r.value}" for n, (r, _) in enumerate(REFUSALS)])
def test_the_first_broken_rule_refuses(refusal: Refusal, request_: TransferRequest) -> None:
    decided = decide(_books(known=[_earlier()]), [request_], NOW)
    [outcome] = decided.outcomes
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal
    assert (decided.postings, decided.balances, decided.sequence) == ([], {}, 7)


def test_the_table_covers_every_refusal_in_its_order() -> None:
    assert list(dict.fromkeys(refusal for refusal, _ in REFUSALS)) == list(Refusal)
    assert all(refusal.detail for refusal in Refusal)


def test_a_good_transfer_is_posted() -> None:
    decided = decide(_books(), [GOOD], NOW)
    assert decided.outcomes == [Posted(GOOD.id, FULL, BOBS, 100, "EUR", REFERENCE, GOOD.fingerprint(), 8, NOW)]
    assert {account: b.balance for account, b in decided.balances.items()} == {FULL: 900, BOBS: 100}


def test_the_same_transfer_again_has_the_earlier_outcome() -> None:
    assert decide(_books(known=[_earlier()]), [EARLIER], NOW).outcomes == [_earlier()]
    decided = decide(_books(), [GOOD, GOOD], NOW)
    assert decided.outcomes[0] == decided.outcomes[1]
    assert len(decided.postings) == 1


def test_a_clearing_account_may_go_down_to_the_limit() -> None:
    deep = replace(ACCOUNTS[CLEARING], balance=-BALANCE_LIMIT + 1)
    funding = replace(GOOD, debit_account=None, authorised_by=None, amount=1)
    books = _books({**ACCOUNTS, CLEARING: deep})
    first, second = decide(books, [funding, replace(funding, id=_id(22))], NOW).outcomes
    assert isinstance(first, Posted)
    assert isinstance(second, Refused)
    assert second.refusal is Refusal.BALANCE_OVERFLOW


REQUESTS = st.builds(
    TransferRequest,
    id=st.integers(100, 112).map(_id),
    debit_account=st.sampled_from([FULL, EMPTY, BOBS, DOLLARS, CLEARING, NOWHERE, None]),
    credit_account=st.sampled_from([FULL, EMPTY, BOBS, DOLLARS, CLEARING, NOWHERE]),
    amount=st.integers(1, 700),
    currency=st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    authorised_by=st.sampled_from([ANN, BOB]),
    reference=st.sampled_from([REFERENCE, None]),
)
DOLLAR_CLEARING = new_clearing(_id(17), "USD", NOW)
BATCHES = st.lists(REQUESTS, max_size=30)


def _full_books() -> Books:
    accounts = {a: b for a, b in ACCOUNTS.items() if a != BRIMFUL} | {DOLLAR_CLEARING.id: DOLLAR_CLEARING}
    clearing = {"EUR": CLEARING, "USD": DOLLAR_CLEARING.id}
    return Books(7, accounts, clearing, frozenset([DOLLAR_CLEARING.id]), {})


def _after(books: Books, decided: Decided) -> Books:
    """Return the books as the database would hold them after the write."""
    accounts = dict(books.accounts)
    for account, moved in decided.balances.items():
        accounts[account] = replace(accounts[account], balance=moved.balance, last_sequence=moved.sequence)
    new = {p.transfer.id: p.transfer for p in decided.postings} | {r.id: r for r in decided.refusals}
    opened = {account.id for account in decided.opened}
    return Books(decided.sequence, accounts, books.clearing, books.unopened - opened, {**books.known, **new})


@given(BATCHES, st.lists(st.integers(0, 30)))
def test_any_split_of_a_batch_decides_the_same(requests: list[TransferRequest], cuts: list[int]) -> None:
    whole = decide(_full_books(), requests, NOW)
    books, outcomes = _full_books(), list[Outcome]()
    bounds = sorted({0, *(min(cut, len(requests)) for cut in cuts), len(requests)})
    for start, end in pairwise(bounds):
        part = decide(books, requests[start:end], NOW)
        books = _after(books, part)
        outcomes += part.outcomes
    assert outcomes == list(whole.outcomes)
    assert books == _after(_full_books(), whole)


@given(BATCHES)
def test_the_books_always_balance_and_no_floor_is_broken(requests: list[TransferRequest]) -> None:
    before = _full_books()
    decided = decide(before, requests, NOW)
    after = _after(before, decided)
    for currency in ("EUR", "USD"):
        assert sum(a.balance for a in after.accounts.values() if a.currency == currency) == 0
    assert all(a.floor is None or a.balance >= a.floor for a in after.accounts.values())
    assert [p.transfer.sequence for p in decided.postings] == list(range(8, 8 + len(decided.postings)))
    running = {account: a.balance for account, a in before.accounts.items()}
    for posting in decided.postings:
        running[posting.transfer.debit_account] -= posting.transfer.amount
        running[posting.transfer.credit_account] += posting.transfer.amount
        assert running[posting.transfer.debit_account] == posting.debit_balance
        assert running[posting.transfer.credit_account] == posting.credit_balance
