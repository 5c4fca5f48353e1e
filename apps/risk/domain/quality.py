"""How good decisions were, by payments whose labels are known: precision, recall, false positives, money caught."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from contracts.risk import Caught, Label, OutcomeQuality, Quality, RiskOutcome, RuleQuality, RuleSetQuality

STEP_UP = "step_up"


class Decided(NamedTuple):
    """Labelled payments that were decided in the same way, and what they came to together."""

    rule_set: str | None
    outcome: str
    step_up: bool
    label: Label
    currency: str
    payments: int
    amount: int


class Fired(NamedTuple):
    """Labelled payments on which a rule fired."""

    rule: str
    action: str | None
    label: Label
    currency: str
    payments: int
    amount: int


@dataclass
class _Tally:
    frauds: int = 0
    goods: int = 0
    amount: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, row: Decided | Fired) -> None:
        if row.label is Label.FRAUD:
            self.frauds += row.payments
            self.amount[row.currency] += row.amount
        else:
            self.goods += row.payments

    def measured(self, of: "_Tally") -> dict[str, Any]:
        """Return how good it is to fire on these, among all of `of`."""
        return {
            "fired": self.frauds + self.goods,
            "frauds": self.frauds,
            "goods": self.goods,
            "precision": _share(self.frauds, self.frauds + self.goods),
            "recall": _share(self.frauds, of.frauds),
            "false_positive_rate": _share(self.goods, of.goods),
            "amount": dict(sorted(self.amount.items())),
        }


def measure(
    decided: Iterable[Decided], fired: Iterable[Fired], since: datetime, until: datetime, *, is_whole: bool
) -> Quality:
    """Return the quality of decisions; `stopped` are those that were not just approved."""
    rows = list(decided)
    total, stopped = _Tally(), _Tally()
    outcomes: dict[str, _Tally] = defaultdict(_Tally)
    sets: dict[str | None, tuple[_Tally, _Tally]] = defaultdict(lambda: (_Tally(), _Tally()))
    for row in rows:
        of_set, stopped_by_set = sets[row.rule_set]
        tallies = [total, of_set, outcomes[STEP_UP if row.step_up else row.outcome]]
        if row.outcome != RiskOutcome.APPROVE:
            tallies += [stopped, stopped_by_set]
        for tally in tallies:
            tally.add(row)
    return Quality(
        since=since,
        until=until,
        frauds=total.frauds,
        goods=total.goods,
        fraud_amount=dict(sorted(total.amount.items())),
        is_whole=is_whole,
        stopped=Caught(**stopped.measured(total)),
        rules=_rules(fired, total),
        rule_sets=[
            RuleSetQuality(rule_set=name, labelled=of.frauds + of.goods, **caught.measured(of))
            for name, (of, caught) in sorted(sets.items(), key=lambda item: item[0] or "")
        ],
        outcomes=[OutcomeQuality(outcome=name, **t.measured(total)) for name, t in sorted(outcomes.items())],
    )


def _rules(fired: Iterable[Fired], total: _Tally) -> list[RuleQuality]:
    rules: dict[tuple[str, str | None], _Tally] = defaultdict(_Tally)
    for row in fired:
        rules[row.rule, row.action].add(row)
    ordered = sorted(rules.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    return [RuleQuality(rule=rule, action=action, **tally.measured(total)) for (rule, action), tally in ordered]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
