"""An obviously correct ledger: lists and loops, one operation at a time, every sum from the first entry on.

It keeps no balance, no running total and no state of a hold that a clock would change: what is not a fact that somebody
asked for is worked out anew whenever it is needed. It is slow, and it is what the real one must agree with.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from apps.wallet.domain.account import SystemAccount
from apps.wallet.domain.exchange import bought_at
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
from contracts.wallet import BALANCE_LIMIT, JOURNAL_LIMIT, AccountKind

Name = UUID | SystemAccount
Answer = tuple[object, ...]
"""("refused", code, leg), ("posted", id), ("journal", id, transfers), ("captured", id, *hold) or ("hold", *hold)."""


@dataclass
class NaiveAccount:
    """An account, with what it had before the first transfer."""

    currency: str
    owner: UUID | None = None
    began_with: int = 0
    floor: int | None = None
    ceiling: int | None = None
    frozen: str = "none"
    closed: bool = False


@dataclass(frozen=True)
class NaiveTransfer:
    """A transfer that was posted."""

    id: UUID
    debit: Name
    credit: Name
    amount: int
    currency: str
    effective_at: datetime
    posted_at: datetime
    hold: UUID | None = None
    reverses: UUID | None = None


@dataclass
class NaiveHold:
    """A hold: what was asked for, and what was done to it."""

    request: HoldRequest
    expires_at: datetime
    captured: int = 0
    released: bool = False
    voided: bool = False


class Refused(Exception):  # noqa: N818 - it is how an operation may end
    """The first broken rule."""


@dataclass
class NaiveLedger:
    """Accounts, and all that was ever asked about them."""

    accounts: dict[Name, NaiveAccount]
    transfers: list[NaiveTransfer] = field(default_factory=list)
    holds: dict[UUID, NaiveHold] = field(default_factory=dict)
    closed_until: datetime | None = None
    asked_transfers: dict[UUID, object] = field(default_factory=dict)
    asked_journals: dict[UUID, JournalRequest] = field(default_factory=dict)
    asked_steps: dict[UUID, object] = field(default_factory=dict)
    refused: dict[UUID, tuple[Operation, Answer]] = field(default_factory=dict)

    # What can be known of it

    def moment(self, now: datetime) -> datetime:
        """Return the time of the next batch: after all that is there."""
        ticks = [t.posted_at + timedelta(microseconds=1) for t in self.transfers]
        return max([now, *ticks, self.closed_until or now])

    def balance(self, account: Name) -> int:
        """Return what an account has."""
        return self.accounts[account].began_with + sum(amount for _, amount in self._entries(account))

    def held(self, account: Name, now: datetime) -> int:
        """Return what of it is reserved."""
        return sum(self.remaining(h, now) for h in self.holds.values() if h.request.debit_account == account)

    def remaining(self, hold: NaiveHold, now: datetime) -> int:
        """Return what a hold reserves."""
        over = hold.voided or hold.released or hold.expires_at <= now
        return 0 if over else hold.request.amount - hold.captured

    def status(self, hold: NaiveHold, now: datetime) -> str:
        """Return where a hold stands."""
        if hold.voided:
            return "voided"
        if hold.released or hold.captured == hold.request.amount:
            return "captured"
        return "expired" if hold.expires_at <= now else "pending"

    def reversed(self, transfer: UUID) -> int:
        """Return how much of a transfer has been taken back."""
        return sum(t.amount for t in self.transfers if t.reverses == transfer)

    def balances_since(self, account: Name, since: datetime) -> list[int]:
        """Return the balance at `since` and at every later instant at which it changed, on the effective axis."""
        entries = self._entries(account)
        instants = {since, *(moment for moment, _ in entries if moment > since)}
        began = self.accounts[account].began_with
        return [began + sum(amount for moment, amount in entries if moment <= instant) for instant in instants]

    def _entries(self, account: Name) -> list[tuple[datetime, int]]:
        debits = [(t.effective_at, -t.amount) for t in self.transfers if t.debit == account]
        return debits + [(t.effective_at, t.amount) for t in self.transfers if t.credit == account]

    # What can be asked of it

    def carry_out(self, operation: Operation, now: datetime) -> Answer:
        """Carry out one operation, or tell the first rule that it breaks."""
        earlier = self._asked_before(operation, now)
        if earlier:
            return earlier
        before = list(self.transfers), dict(self.asked_transfers)
        try:
            match operation:
                case TransferRequest():
                    answer = self._transfer(operation, now)
                case ReversalRequest():
                    answer = self._reverse(operation, now)
                case JournalRequest():
                    answer = self._journal(operation, now)
                case HoldRequest():
                    answer = self._place(operation, now)
                case CaptureRequest():
                    answer = self._capture(operation, now)
                case VoidRequest():
                    answer = self._void(operation, now)
                case ExtensionRequest():
                    answer = self._extend(operation, now)
        except Refused as refused:
            self.transfers, self.asked_transfers = before
            answer = ("refused", *refused.args)
            self.refused[operation.id] = operation, answer
        return answer

    def _asked_before(self, operation: Operation, now: datetime) -> Answer | None:
        """Return the answer to what was asked under the same id before."""
        asked: dict[UUID, object]
        match operation:
            case TransferRequest() | ReversalRequest():
                asked, code = self.asked_transfers, "transfer_id_reused"
            case CaptureRequest():  # it is a transfer and a step of a hold
                asked, code = self.asked_steps | self.asked_transfers, "transfer_id_reused"
            case JournalRequest():
                asked, code = dict(self.asked_journals), "journal_id_reused"
            case HoldRequest():
                asked, code = {i: h.request for i, h in self.holds.items()}, "hold_id_reused"
            case VoidRequest() | ExtensionRequest():
                asked, code = self.asked_steps, "operation_id_reused"
        leg = 0 if isinstance(operation, JournalRequest) else None
        if operation.id in asked:
            same = asked[operation.id] == operation
            return self._answer_again(operation, now) if same else ("refused", code, leg)
        if operation.id in self.refused:
            refused, answer = self.refused[operation.id]
            return answer if refused == operation else ("refused", code, leg)
        return None

    def _answer_again(self, operation: Operation, now: datetime) -> Answer:
        match operation:
            case TransferRequest() | ReversalRequest():
                return "posted", operation.id
            case JournalRequest():
                return self._journal_answer(operation)
            case CaptureRequest():
                return "captured", operation.id, *self.hold_facts(operation.hold_id, now)
            case HoldRequest():
                return "hold", *self.hold_facts(operation.id, now)
            case VoidRequest() | ExtensionRequest():
                return "hold", *self.hold_facts(operation.hold_id, now)

    def hold_facts(self, hold_id: UUID, now: datetime) -> Answer:
        """Return what can be told of a hold."""
        hold = self.holds[hold_id]
        return hold_id, hold.captured, self.remaining(hold, now), self.status(hold, now), hold.expires_at

    def _transfer(self, asked: TransferRequest, now: datetime) -> Answer:
        self._move(asked.id, asked.debit_account, asked.credit_account, asked.amount, asked.currency, asked, now)
        return "posted", asked.id

    def _reverse(self, asked: ReversalRequest, now: datetime) -> Answer:
        if asked.reverses not in {t.id for t in self.transfers}:
            raise Refused("transfer_not_found", None)
        [original] = [t for t in self.transfers if t.id == asked.reverses]
        left = original.amount - self.reversed(original.id)
        if left == 0:
            raise Refused("already_reversed", None)
        amount = left if asked.amount is None else asked.amount
        if amount > left:
            raise Refused("exceeds_original", None)
        self._move(asked.id, original.credit, original.debit, amount, original.currency, asked, now)
        return "posted", asked.id

    def _journal(self, asked: JournalRequest, now: datetime) -> Answer:
        if sum(2 if isinstance(leg, ExchangeRequest) else 1 for leg in asked.legs) > JOURNAL_LIMIT:
            raise Refused("too_many_transfers", 0)
        for number, leg in enumerate(asked.legs):
            try:
                self._post_leg(asked, leg, now)
            except Refused as refused:
                raise Refused(refused.args[0], number) from None
        self.asked_journals[asked.id] = asked
        return self._journal_answer(asked)

    def _journal_answer(self, asked: JournalRequest) -> Answer:
        return "journal", asked.id, tuple(i for leg in asked.legs for i in _ids(leg))

    def _post_leg(self, journal: JournalRequest, leg: TransferRequest | ExchangeRequest, now: datetime) -> None:
        ids = list(_ids(leg))
        taken = {*self.asked_transfers, *self.refused}
        if len(set(ids)) < len(ids) or not taken.isdisjoint(ids):
            raise Refused("transfer_id_reused", None)
        if isinstance(leg, TransferRequest):
            self._move(leg.id, leg.debit_account, leg.credit_account, leg.amount, leg.currency, journal, now, leg)
            return
        if leg.sold_currency == leg.bought_currency:
            raise Refused("same_currency", None)
        if leg.bought != bought_at(leg.sold, leg.sold_currency, leg.rate, leg.bought_currency):
            raise Refused("rate_mismatch", None)
        into, out_of = (SystemAccount(AccountKind.FX, c) for c in (leg.sold_currency, leg.bought_currency))
        self._move(leg.sell_id, leg.debit_account, into, leg.sold, leg.sold_currency, journal, now, leg)
        self._move(leg.buy_id, out_of, leg.credit_account, leg.bought, leg.bought_currency, journal, now, leg)

    def _place(self, asked: HoldRequest, now: datetime) -> Answer:
        if asked.expires_at <= now:
            raise Refused("expiry_in_past", None)
        self._check_accounts(asked.debit_account, asked.credit_account, asked.currency, asked.authorised_by)
        floor = self.accounts[asked.debit_account].floor
        held = self.held(asked.debit_account, now)
        if floor is not None and self.balance(asked.debit_account) - held - asked.amount < floor:
            raise Refused("insufficient_funds", None)
        if held + asked.amount > BALANCE_LIMIT:
            raise Refused("balance_overflow", None)
        self.holds[asked.id] = NaiveHold(asked, asked.expires_at)
        return "hold", *self.hold_facts(asked.id, now)

    def _capture(self, asked: CaptureRequest, now: datetime) -> Answer:
        hold = self._pending(asked.hold_id, now)
        remaining = self.remaining(hold, now)
        amount = remaining if asked.amount is None else asked.amount
        if amount > remaining:
            raise Refused("exceeds_hold", None)
        frees = remaining if asked.release_rest else amount
        request = hold.request
        self._move(
            asked.id, request.debit_account, request.credit_account, amount, request.currency, asked, now, frees=frees
        )
        hold.captured += amount
        hold.released = asked.release_rest
        self.asked_steps[asked.id] = asked
        return "captured", asked.id, *self.hold_facts(asked.hold_id, now)

    def _void(self, asked: VoidRequest, now: datetime) -> Answer:
        self._pending(asked.hold_id, now).voided = True
        self.asked_steps[asked.id] = asked
        return "hold", *self.hold_facts(asked.hold_id, now)

    def _extend(self, asked: ExtensionRequest, now: datetime) -> Answer:
        hold = self._pending(asked.hold_id, now)
        if asked.expires_at <= hold.expires_at:
            raise Refused("expiry_not_later", None)
        hold.expires_at = asked.expires_at
        self.asked_steps[asked.id] = asked
        return "hold", *self.hold_facts(asked.hold_id, now)

    def _pending(self, hold_id: UUID, now: datetime) -> NaiveHold:
        if hold_id not in self.holds:
            raise Refused("hold_not_found", None)
        status = self.status(self.holds[hold_id], now)
        if status == "expired":
            raise Refused("hold_expired", None)
        if status != "pending":
            raise Refused("hold_not_pending", None)
        return self.holds[hold_id]

    # The rules of every movement

    def _move(  # noqa: PLR0913 - all that a transfer is
        self, id_: UUID, debit: Name, credit: Name, amount: int, currency: str,
        asked: TransferRequest | ReversalRequest | JournalRequest | CaptureRequest, now: datetime,
        leg: TransferRequest | ExchangeRequest | None = None, *, frees: int = 0,
    ) -> None:  # fmt: skip
        authorised_by = asked.authorised_by if isinstance(asked, TransferRequest | JournalRequest) else None
        self._check_accounts(debit, credit, currency, authorised_by)
        effective_at = now if asked.effective_at is None else asked.effective_at
        if effective_at > now:
            raise Refused("effective_in_future", None)
        if effective_at < datetime(1970, 1, 1, tzinfo=UTC):
            raise Refused("effective_too_early", None)
        if self.closed_until and effective_at < self.closed_until:
            raise Refused("period_closed", None)
        for code in self._broken_limits(debit, credit, amount, effective_at, now, frees):
            raise Refused(code, None)
        hold = asked.hold_id if isinstance(asked, CaptureRequest) else None
        reverses = asked.reverses if isinstance(asked, ReversalRequest) else None
        self.transfers.append(NaiveTransfer(id_, debit, credit, amount, currency, effective_at, now, hold, reverses))
        self.asked_transfers[id_] = asked if leg is None else leg

    def _check_accounts(self, debit: Name, credit: Name, currency: str, authorised_by: UUID | None) -> None:
        if debit == credit:
            raise Refused("same_account", None)
        giver, taker = self.accounts.get(debit), self.accounts.get(credit)
        exchange = isinstance(debit, SystemAccount) and debit.kind == AccountKind.FX
        foreign = giver and authorised_by and giver.owner != authorised_by and not exchange
        if giver is None or foreign:
            raise Refused("debit_account_not_found", None)
        if taker is None:
            raise Refused("credit_account_not_found", None)
        if len({giver.currency, taker.currency, currency}) > 1:
            raise Refused("currency_mismatch", None)
        for broken, code in (
            (giver.closed, "debit_account_closed"),
            (taker.closed, "credit_account_closed"),
            (giver.frozen in {"out", "both"}, "debit_account_frozen"),
            (taker.frozen in {"in", "both"}, "credit_account_frozen"),
        ):
            if broken:
                raise Refused(code, None)

    def _broken_limits(
        self, debit: Name, credit: Name, amount: int, effective_at: datetime, now: datetime, frees: int
    ) -> Iterator[str]:
        floor, ceiling = self.accounts[debit].floor, self.accounts[credit].ceiling
        debited, credited = self.balance(debit) - amount, self.balance(credit) + amount
        if floor is not None and debited - self.held(debit, now) + frees < floor:
            yield "insufficient_funds"
        if ceiling is not None and credited > ceiling:
            yield "ceiling_exceeded"
        if debited < -BALANCE_LIMIT or credited > BALANCE_LIMIT:
            yield "balance_overflow"
        if effective_at < now:
            if floor is not None and min(self.balances_since(debit, effective_at)) - amount < floor:
                yield "insufficient_funds_then"
            if ceiling is not None and max(self.balances_since(credit, effective_at)) + amount > ceiling:
                yield "ceiling_exceeded_then"


def _ids(leg: TransferRequest | ExchangeRequest) -> tuple[UUID, ...]:
    return (leg.id,) if isinstance(leg, TransferRequest) else (leg.sell_id, leg.buy_id)
