"""What a rule set would have decided about payments of the past, counted, beside what was decided."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from apps.risk.domain.features.catalogue import Values
from apps.risk.domain.rule_sets.judging import Verdict, decide
from apps.risk.domain.rule_sets.without_history import complete
from apps.risk.domain.ruling import Ruling
from contracts.risk import Label, OutcomeChange, RiskOutcome, RuledOutcome, RuleFirings, StoppedQuality

MOST_FLIPS = 20_000
"""So many payments that come out otherwise are listed, of each backtest and each shadow; all are counted."""
MOST_BACKTESTS = 50
"""So many are kept, with what came out otherwise."""
MOST_TRIES = 5
"""A backtest that so often ends without getting any further is given up."""


class BacktestRefusal(Enum):
    """Why a command about a backtest is refused: its code."""

    BACKTEST_RUNNING = "backtest_running"
    BACKTEST_NOT_FOUND = "backtest_not_found"
    BACKTEST_ENDED = "backtest_ended"
    PERIOD_EMPTY = "period_empty"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    BacktestRefusal.BACKTEST_RUNNING: "A backtest runs; wait for its end, or cancel it.",
    BacktestRefusal.BACKTEST_NOT_FOUND: "There is no backtest with this id.",
    BacktestRefusal.BACKTEST_ENDED: "The backtest has ended already.",
    BacktestRefusal.PERIOD_EMPTY: "The time ends before it starts.",
}


class Past(NamedTuple):
    """A payment that was decided: the outcome and score then, the values that were seen, and what it was if known."""

    assessment_id: UUID
    payment_intent_id: UUID
    outcome: RuledOutcome
    score: int
    values: Values
    label: Label | None


class Flipped(NamedTuple):
    """A payment that comes out otherwise."""

    assessment_id: UUID
    payment_intent_id: UUID
    before: RuledOutcome
    after: RuledOutcome
    score_before: int
    score: int
    codes: tuple[str, ...]
    label: Label | None


@dataclass
class Tally:
    """How many payments had which outcome before and after, and on how many each rule fired; by label."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Count in what another part found."""
        self.outcomes.update(other.outcomes)
        self.fired.update(other.fired)

    def as_json(self) -> dict[str, list[list[str | int]]]:
        """Return it as it is stored."""
        return {
            "outcomes": [[*names, count] for names, count in sorted(self.outcomes.items())],
            "fired": [[*names, count] for names, count in sorted(self.fired.items())],
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, list[list[str | int]]]) -> "Tally":
        """Return what was stored."""
        tally = cls()
        for before, after, label, count in stored.get("outcomes", []):
            tally.outcomes[str(before), str(after), str(label)] = int(count)
        for rule, label, count in stored.get("fired", []):
            tally.fired[str(rule), str(label)] = int(count)
        return tally


def rejudge(ruling: Ruling, past: Iterable[Past], tally: Tally) -> Iterator[Flipped]:
    """Count what the rules say of each payment, and return those that come out otherwise."""
    for payment in past:
        verdict = judge_briefly(ruling, payment.values)
        after, label = outcome_of(verdict), payment.label.value if payment.label else ""
        tally.outcomes[payment.outcome.value, after.value, label] += 1
        for rule in verdict.fired:
            tally.fired[rule.document.name, label] += 1
        if after is not payment.outcome:
            yield Flipped(
                payment.assessment_id,
                payment.payment_intent_id,
                payment.outcome,
                after,
                payment.score,
                verdict.score,
                verdict.codes,
                payment.label,
            )


def judge_briefly(ruling: Ruling, values: Values) -> Verdict:
    """Decide as `judge` does, without the words and without what moved the model."""
    values = complete(values)
    points = ruling.model.points(values) if ruling.model else 0
    return decide(ruling.rules.ready.fired(values), points, ruling.rules.document.thresholds)


def outcome_of(verdict: Verdict) -> RuledOutcome:
    """Return the outcome, a step-up told apart from a decline."""
    return ruled(verdict.outcome, step_up=verdict.step_up)


def ruled(outcome: RiskOutcome, *, step_up: bool) -> RuledOutcome:
    """Return an outcome, a step-up told apart from a decline."""
    return RuledOutcome.STEP_UP if step_up else RuledOutcome(outcome.value)


def outcome_matrix(tally: Tally) -> list[OutcomeChange]:
    """Return how many payments had which outcome before and after."""
    cells: dict[tuple[str, str], Counter[str]] = {}
    for (before, after, label), count in tally.outcomes.items():
        cells.setdefault((before, after), Counter())[label] += count
    return [
        OutcomeChange(
            before=RuledOutcome(before),
            after=RuledOutcome(after),
            payments=counts.total(),
            frauds=counts[Label.FRAUD],
            goods=counts[Label.GOOD],
        )
        for (before, after), counts in sorted(cells.items())
    ]


def rule_firings(tally: Tally) -> list[RuleFirings]:
    """Return on how many payments each rule fired."""
    rules: dict[str, Counter[str]] = {}
    for (rule, label), count in tally.fired.items():
        rules.setdefault(rule, Counter())[label] += count
    return [
        RuleFirings(rule=rule, payments=counts.total(), frauds=counts[Label.FRAUD], goods=counts[Label.GOOD])
        for rule, counts in sorted(rules.items())
    ]


def quality(matrix: Iterable[OutcomeChange]) -> tuple[StoppedQuality, StoppedQuality]:
    """Return how good the outcomes before and after are, by the payments of which it is known what they were."""
    cells = list(matrix)
    return _quality([(c.before, c) for c in cells]), _quality([(c.after, c) for c in cells])


def _quality(cells: list[tuple[RuledOutcome, OutcomeChange]]) -> StoppedQuality:
    all_frauds, all_goods = sum(c.frauds for _, c in cells), sum(c.goods for _, c in cells)
    stopped = [c for outcome, c in cells if outcome is not RuledOutcome.APPROVE]
    frauds, goods = sum(c.frauds for c in stopped), sum(c.goods for c in stopped)
    return StoppedQuality(
        stopped=sum(c.payments for c in stopped),
        frauds=frauds,
        goods=goods,
        precision=_share(frauds, frauds + goods),
        recall=_share(frauds, all_frauds),
        false_positive_rate=_share(goods, all_goods),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def check_period(since: datetime, until: datetime) -> BacktestRefusal | None:
    """Return why a time is none to look at, None where it is one."""
    return None if since < until else BacktestRefusal.PERIOD_EMPTY
