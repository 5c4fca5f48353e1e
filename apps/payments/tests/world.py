"""One payment in a world where everybody answers as chance likes: late, twice, no, or not at all."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

from apps.payments.domain.deciding import Ignored
from apps.payments.domain.operations import Operation, OperationStatus
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.refunds import Stage
from apps.payments.domain.signals import LedgerResult, OperationResult, Timeout
from apps.payments.domain.transitions import TRANSITIONS, State, Trigger
from apps.payments.tests.building import MINE, THEIRS
from apps.payments.tests.play import AMOUNT, BY_CARD, MANUAL, NO, PAYOUT, TOP_UP, WALLET, Play
from contracts.message import Outcome, Problem
from contracts.payments import DisputeFunds, PaymentDirection
from contracts.risk import RiskOutcome

KINDS: list[dict[str, Any]] = [
    WALLET,
    WALLET | {"application_fee": 30},
    WALLET | MANUAL,
    BY_CARD,
    BY_CARD | {"application_fee": 30},
    BY_CARD | MANUAL | {"application_fee": 30},
    TOP_UP,
    PAYOUT,
]
_SETTLED = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED})
_WAITING = frozenset(
    {
        State.REQUIRES_PAYMENT_METHOD,
        State.REQUIRES_CONFIRMATION,
        State.ASSESSING,
        State.IN_REVIEW,
        State.AWAITING_ACTION,
        State.REQUIRES_CAPTURE,
    }
)
_OVER = (DisputeFunds.TAKEN, DisputeFunds.RETURNED)
_STATUSES = [ResultStatus.APPROVED] * 5 + list(ResultStatus)


class Ledger:
    """The ledger, as far as a payment sees it. It may refuse, and says the same when it is asked again."""

    def __init__(self) -> None:
        self.balances: Counter[str] = Counter()
        self.holds: dict[str, dict[str, Any]] = {}
        self.done: dict[UUID, Problem | None] = {}

    def carry_out(self, operation: Operation, *, refuse: bool) -> Problem | None:
        if operation.id not in self.done:
            self.done[operation.id] = NO if refuse else self._do(operation.verb, dict(operation.details))
        return self.done[operation.id]

    def _do(self, verb: Verb, asked: dict[str, Any]) -> Problem | None:
        match verb:
            case Verb.POST:
                for leg in asked.get("legs", [asked]):
                    self._move(leg["debit_account"], leg["credit_account"], leg["amount"])
            case Verb.HOLD:
                self.holds[asked["hold_id"]] = asked | {"remaining": asked["amount"]}
            case _:
                return self._end(verb, asked)
        return None

    def _end(self, verb: Verb, asked: dict[str, Any]) -> Problem | None:
        hold = self.holds[asked["hold_id"]]
        if not hold["remaining"]:
            return Problem(code="hold_not_pending", detail="Over.")
        if verb is Verb.VOID_HOLD:
            hold["remaining"] = 0
            return None
        assert asked["amount"] <= hold["remaining"]
        self._move(hold["debit_account"], hold["credit_account"], asked["amount"])
        hold["remaining"] = 0 if asked["release_rest"] else hold["remaining"] - asked["amount"]
        return None

    def _move(self, debit: Any, credit: Any, amount: int) -> None:
        assert amount > 0
        self.balances[_name(debit)] -= amount
        self.balances[_name(credit)] += amount

    def of(self, kind: str) -> int:
        """The balance of all accounts of one kind."""
        return sum(amount for name, amount in self.balances.items() if name.startswith(kind))


def _name(account: Any) -> str:
    return f"{account['kind']}:{account.get('processor', '')}" if isinstance(account, dict) else str(account)


class World:
    """A payment of some kind, chance, and what must hold whatever happens."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.play = Play()
        self.ledger = Ledger()
        self.said: list[LedgerResult | OperationResult] = []
        self.ended: dict[UUID, object] = {}
        self.play.create(**chance.choice(KINDS), confirm=chance.random() < 0.9)

    def act(self) -> None:
        """Let one thing happen, more often something that leads on."""
        deeds: list[tuple[int, Callable[[], object]]] = [
            (4, self.risk),
            (1, self.deadline),
            (1, self.cancel),
            (1, self.say_again),
        ]
        if self.play.payment.operations:
            deeds.append((10, self.answer))
        if self.play.state in (State.REQUIRES_PAYMENT_METHOD, State.REQUIRES_CONFIRMATION):
            deeds += [(4, self.play.confirm), (1, self.update)]
        if self.play.state is State.REQUIRES_CAPTURE:
            deeds.append((4, self.capture))
        if self.play.intent.captured:
            deeds += [(2, self.refund), (1, self.dispute)]
        if self.play.payment.disputes:
            deeds += [(2, self.dispute), (1, self.submit_evidence)]
        weights = [weight for weight, _ in deeds]
        self.chance.choices([deed for _, deed in deeds], weights)[0]()

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def amount(self) -> int | None:
        return None if self.maybe(0.2) else self.chance.randint(1, AMOUNT)

    def risk(self) -> None:
        self.play.risk(self.chance.choice([RiskOutcome.APPROVE] * 6 + list(RiskOutcome)))

    def answer(self) -> None:
        operation = self.chance.choice(list(self.play.payment.operations.values()))
        if operation.in_ledger:
            self.tell(LedgerResult(operation.id, self.ledger.carry_out(operation, refuse=self.maybe(0.12))))
            return
        status = self.chance.choice(_STATUSES)
        problem = NO if status is ResultStatus.DECLINED else None
        self.tell(OperationResult(operation.id, Result(status, f"sbx_{operation.id}", problem, "https://bank.example")))

    def tell(self, signal: LedgerResult | OperationResult) -> None:
        self.said.append(signal)
        self.play.give(signal)

    def say_again(self) -> None:
        """Say something again: about what is settled, it changes nothing."""
        if not self.said:
            return
        signal, before = self.chance.choice(self.said), self.play.payment
        if signal.operation_id not in before.operations:
            assert isinstance(self.play.give(signal), Ignored)
            assert self.play.payment == before

    def deadline(self) -> None:
        """Let the sweep come by, now and then when it is time."""
        if self.play.intent.deadline_at and self.maybe(0.3):
            self.play.now = max(self.play.now, self.play.intent.deadline_at)
        self.play.give(Timeout(self.play.intent.id))

    def cancel(self) -> None:
        if self.maybe(0.3) or self.play.state is State.AWAITING_ACTION:
            self.play.cancel()

    def update(self) -> None:
        self.play.update(amount=self.chance.randint(31, AMOUNT))

    def capture(self) -> None:
        self.play.capture(self.amount(), final=self.maybe(0.3))

    def refund(self) -> None:
        self.play.refund(self.amount())

    def dispute(self) -> None:
        status = self.chance.choice(["needs_response", "under_review", "won", "lost"])
        self.play.dispute(status, self.chance.randint(1, 2 * AMOUNT), self.chance.choice(["dp_1", "dp_2"]))

    def submit_evidence(self) -> None:
        self.play.submit_evidence(self.chance.choice(list(self.play.payment.disputes)))

    def check(self) -> None:
        """What holds at every moment."""
        self._hops_follow_the_table()
        self._sums_hold()
        self._one_thing_at_a_time()
        self._what_is_over_stays_so()
        self._waits_end()

    def _hops_follow_the_table(self) -> None:
        facts = self.play.facts
        assert [fact.number for fact in facts] == list(range(1, len(facts) + 1))
        triggers = {trigger.value: trigger for trigger in Trigger if trigger is not Trigger.REFUND}
        for before, after in pairwise(facts):
            if after.trigger in triggers:
                assert after.state in TRANSITIONS[before.state][triggers[after.trigger]]
            else:
                assert after.state is before.state

    def _sums_hold(self) -> None:
        intent = self.play.intent
        assert 0 <= intent.captured + intent.capturing <= intent.authorised <= intent.amount
        assert min(intent.refunding, intent.refunded, intent.disputed, intent.lost) >= 0
        assert intent.refunding + intent.refunded + intent.disputed + intent.lost <= intent.captured
        refunds, disputes = self.play.payment.refunds.values(), self.play.payment.disputes.values()
        back = sum(r.amount for r in refunds if r.stage is Stage.SUCCEEDED)
        going = sum(r.amount for r in refunds if r.stage not in (Stage.SUCCEEDED, Stage.FAILED))
        taken = sum(d.contested for d in disputes if d.funds is DisputeFunds.TAKEN)
        open_ = sum(d.contested for d in disputes if d.funds not in _OVER)
        assert (intent.refunding, intent.refunded, intent.disputed, intent.lost) == (going, back, open_, taken)

    def _one_thing_at_a_time(self) -> None:
        sides = Counter((o.subject_id, o.in_ledger) for o in self.play.payment.operations.values())
        assert all(number == 1 for number in sides.values())
        finals = Counter(answer.to for answer in self.play.answers if answer.outcome is Outcome.COMPLETED)
        assert all(number == 1 for number in finals.values())

    def _what_is_over_stays_so(self) -> None:
        over: dict[UUID, object] = {o.id: o.status for o in self.play.operations.values() if o.status in _SETTLED}
        over |= {
            r.id: r.stage for r in self.play.payment.refunds.values() if r.stage in (Stage.SUCCEEDED, Stage.FAILED)
        }
        over |= {d.id: (d.status, d.funds) for d in self.play.payment.disputes.values() if d.funds in _OVER}
        assert {identifier: over[identifier] for identifier in self.ended} == self.ended
        self.ended = over

    def _waits_end(self) -> None:
        intent = self.play.intent
        assert (intent.deadline_at is not None) == (intent.state in _WAITING)
        asked = any(o.subject_id == intent.id for o in self.play.payment.operations.values())
        busy = intent.state not in _WAITING | {State.SUCCEEDED, State.CANCELED}
        assert asked == (busy or intent.state is State.AWAITING_ACTION)

    def finish(self) -> None:
        """Let everybody say yes until nothing is under way: then the money is where the payment says it is."""
        for _ in range(100):
            for operation in list(self.play.payment.operations.values()):
                if operation.in_ledger:
                    self.play.give(LedgerResult(operation.id, self.ledger.carry_out(operation, refuse=False)))
                else:
                    result = Result(ResultStatus.APPROVED, operation.reference or f"sbx_{operation.id}")
                    self.play.give(OperationResult(operation.id, result))
        assert not self.play.payment.operations
        self.check()
        self._money_is_where_it_belongs()
        self._nothing_else_is_reserved()

    def _money_is_where_it_belongs(self) -> None:
        intent, ledger = self.play.intent, self.ledger
        mine, theirs = ledger.balances[str(MINE)], ledger.balances[str(THEIRS)]
        disputes = self.play.payment.disputes.values()
        beyond = sum(d.amount - d.contested for d in disputes if d.funds is DisputeFunds.TAKEN)
        kept = intent.captured - intent.refunded - intent.lost - beyond
        fees, aside, clearing = ledger.of("fees"), ledger.of("suspense"), ledger.of("clearing")
        assert sum(ledger.balances.values()) == 0
        assert clearing == ledger.balances[f"clearing:{intent.processor or 'sandbox'}"]
        assert 0 <= fees <= intent.application_fee
        match intent.direction:
            case PaymentDirection.PAYOUT:
                assert (mine + aside, clearing) == (-intent.captured, intent.captured)
            case PaymentDirection.TOP_UP:
                assert (mine + aside, clearing) == (kept, -kept)
            case PaymentDirection.PAYMENT if intent.by_wallet:
                # Nobody can dispute this one; here somebody did, and what was lost left over a clearing account.
                assert (mine, clearing) == (-intent.captured + intent.refunded, intent.lost + beyond)
                assert theirs + fees + aside == kept
            case PaymentDirection.PAYMENT:
                assert (theirs + fees + aside, clearing) == (kept, -kept)

    def _nothing_else_is_reserved(self) -> None:
        """Open disputes and what may still be captured; and holds that the ledger would not capture or give back."""
        intent = self.play.intent
        reserved = {identifier: hold["remaining"] for identifier, hold in self.ledger.holds.items()}
        for operation in self.play.operations.values():
            if operation.verb in (Verb.CAPTURE_HOLD, Verb.VOID_HOLD) and operation.status is OperationStatus.FAILED:
                reserved.pop(operation.details["hold_id"], None)
        contested = sum(d.contested for d in self.play.payment.disputes.values() if d.funds is DisputeFunds.HELD)
        capturable = intent.capturable if intent.state is State.REQUIRES_CAPTURE and intent.by_wallet else 0
        assert sum(reserved.values()) <= contested + capturable
