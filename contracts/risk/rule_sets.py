"""Rule sets and how they change: drafted, tried on past and present payments, approved by a second person, active."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query

RULE_SET_BYTES = 256 * 1024
"""The largest rule set: it travels in one message (contracts.topology.MAX_MESSAGE_BYTES)."""
RULE_SETS_LIMIT = 100
MOST_SHADOWS = 3
"""So many rule sets are tried on present payments at once."""
MOST_BACKTESTED = 5_000_000
FLIPS_LIMIT = 1_000

RuleSetHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the rule set's canonical JSON")]
Count = Annotated[int, Field(ge=0)]
Score = Annotated[int, Field(ge=0, le=100)]


class RuleSetStatus(StrEnum):
    """Where a rule set is in its life; a retired one can be proposed again, by putting it in shadow."""

    DRAFT = "draft"
    SHADOW = "shadow"
    APPROVED = "approved"
    ACTIVE = "active"
    RETIRED = "retired"


class RuledOutcome(StrEnum):
    """What rules decide, a step-up told apart from a decline."""

    APPROVE = "approve"
    STEP_UP = "step_up"
    DECLINE = "decline"
    REVIEW = "review"


class BacktestStatus(StrEnum):
    """Where a backtest is."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"


class RuleSetChange(Message):
    """A step of a rule set's life: what it became, by whom and when; by nobody where it came with the product."""

    status: RuleSetStatus
    by: UUID7 | None = None
    at: AwareDatetime


class OutcomeChange(Message):
    """Of how many payments the outcome was `before`, and is `after`; of so many it is known what they were."""

    before: RuledOutcome
    after: RuledOutcome
    payments: Count
    frauds: Count = 0
    goods: Count = 0


class RuleSet(Message):
    """A rule set: never changed, and named by its hash.

    `rules` is how many there are. Where one is read: `changes` is its life so far, `document` the whole of it, and
    `shadow` what it would have decided about the payments that it was tried on.
    """

    hash: RuleSetHash
    name: str
    description: str = ""
    rules: Count
    model: RuleSetHash | None = None
    status: RuleSetStatus
    author: UUID7 | None = None
    drafted_at: AwareDatetime
    changes: list[RuleSetChange] | None = None
    shadow: list[OutcomeChange] | None = None
    document: Mapping[str, Any] | None = None


class RuleSetPage(Message):
    """Rule sets, newest first, without documents; `next_before` continues after the last, None at the end."""

    rule_sets: list[RuleSet]
    active: RuleSetHash | None = None
    next_before: RuleSetHash | None = None


class StoppedQuality(Message):
    """How good it is to stop payments (all but approving them), by those of which it is known what they were.

    Precision: of those stopped, frauds. Recall: of the frauds, stopped. None where there is nothing to divide by.
    """

    stopped: Count
    frauds: Count
    goods: Count
    precision: float | None = None
    recall: float | None = None
    false_positive_rate: float | None = None


class RuleFirings(Message):
    """On how many payments a rule fired."""

    rule: str
    payments: Count
    frauds: Count
    goods: Count


class Backtest(Message):
    """What a rule set would have decided about past payments, from the feature values that were stored with each.

    The newest payments asked for in `since` <= time < `until` are judged first, at most `limit`; `payments` of `total`
    are, without those of before values were stored (`not_judged`). `flips` came out otherwise, and the first
    `flips_kept` of them are listed.
    """

    id: UUID7
    rule_set: RuleSetHash
    status: BacktestStatus
    since: AwareDatetime
    until: AwareDatetime
    limit: Annotated[int, Field(ge=1, le=MOST_BACKTESTED)]
    total: Count
    payments: Count
    not_judged: Count
    flips: Count
    flips_kept: Count
    outcomes: list[OutcomeChange]
    quality_before: StoppedQuality
    quality_after: StoppedQuality
    rules: list[RuleFirings]
    asked_by: UUID7
    asked_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    failure: str | None = None


class BacktestPage(Message):
    """Backtests, newest first."""

    backtests: list[Backtest]


class Flip(Message):
    """A payment that comes out otherwise; `codes` and `score` are the new ones, `label` what it was, if known."""

    assessment_id: UUID7
    payment_intent_id: UUID7
    before: RuledOutcome
    after: RuledOutcome
    score_before: Score
    score: Score
    codes: tuple[str, ...]
    label: str | None = None


class FlipPage(Message):
    """Payments that come out otherwise, newest first; `next_before` continues after the last, None at the end."""

    flips: list[Flip]
    next_before: UUID7 | None = None


@command("risk", "draft_rule_set", senders=("gateway",), answer=RuleSet)
class DraftRuleSet(Message):
    """Keep a rule set (JSON). It is checked, and its own tests are run; one that is kept already stays as it is.

    Refused with `rule_set_invalid`, `too_many_rule_sets`.
    """

    document: Annotated[str, Field(min_length=2, max_length=RULE_SET_BYTES)]
    author: UUID7
    idempotency: Idempotency


class _Step(Message):
    rule_set: RuleSetHash
    by: UUID7
    idempotency: Idempotency


@command("risk", "shadow_rule_set", senders=("gateway",), answer=RuleSet)
class ShadowRuleSet(_Step):
    """Judge payments by it too, without any effect on them: the proposal to make it active.

    Refused with `rule_set_not_found`, `rule_set_not_draft`, `too_many_shadows`.
    """


@command("risk", "approve_rule_set", senders=("gateway",), answer=RuleSet)
class ApproveRuleSet(_Step):
    """Let it be made active.

    Refused with `rule_set_not_found`, `rule_set_not_in_shadow`, `rule_set_approver_proposed_it`.
    """


@command("risk", "activate_rule_set", senders=("gateway",), answer=RuleSet)
class ActivateRuleSet(_Step):
    """Decide by it from the next payments on; the one before is retired.

    Refused with `rule_set_not_found`, `rule_set_active`, `rule_set_not_approved`, `rule_set_model_not_approved`,
    `rule_set_invalid`.
    """


@command("risk", "retire_rule_set", senders=("gateway",), answer=RuleSet)
class RetireRuleSet(_Step):
    """Withdraw a draft or a proposal. Refused with `rule_set_not_found`, `rule_set_active`, `rule_set_retired`."""


@command("risk", "roll_back_rules", senders=("gateway",), answer=RuleSet)
class RollBackRules(Message):
    """Decide by the rule set that was active before the present one again. Refused with `nothing_to_roll_back_to`."""

    by: UUID7
    idempotency: Idempotency


@command("risk", "start_backtest", senders=("gateway",), answer=Backtest)
class StartBacktest(_Step):
    """Judge past payments by a rule set. There is one backtest at a time, and of the finished ones the newest are kept.

    Refused with `rule_set_not_found`, `backtest_running`, `period_empty`.
    """

    since: AwareDatetime
    until: AwareDatetime
    limit: Annotated[int, Field(ge=1, le=MOST_BACKTESTED)] = 500_000


@command("risk", "cancel_backtest", senders=("gateway",), answer=Backtest)
class CancelBacktest(Message):
    """End a backtest; what it has found so far stays. Refused with `backtest_not_found`, `backtest_ended`."""

    backtest: UUID7
    by: UUID7
    idempotency: Idempotency


@query("risk", "get_rule_set", senders=("gateway",), answer=RuleSet)
class GetRuleSet(Message):
    """Read one rule set with its document and its life. Refused with `rule_set_not_found`."""

    hash: RuleSetHash


@query("risk", "list_rule_sets", senders=("gateway",), answer=RuleSetPage)
class ListRuleSets(Message):
    """Read rule sets, newest first, those drafted before the rule set `before`."""

    before: RuleSetHash | None = None
    limit: Annotated[int, Field(ge=1, le=RULE_SETS_LIMIT)] = 20


@query("risk", "list_shadow_flips", senders=("gateway",), answer=FlipPage)
class ListShadowFlips(Message):
    """Read the payments that a rule set in shadow would have decided otherwise. Refused with `rule_set_not_found`."""

    rule_set: RuleSetHash
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=FLIPS_LIMIT)] = 100


@query("risk", "get_backtest", senders=("gateway",), answer=Backtest)
class GetBacktest(Message):
    """Read one backtest, as far as it is. Refused with `backtest_not_found`."""

    id: UUID7


@query("risk", "list_backtests", senders=("gateway",), answer=BacktestPage)
class ListBacktests(Message):
    """Read the backtests that are kept."""


@query("risk", "list_backtest_flips", senders=("gateway",), answer=FlipPage)
class ListBacktestFlips(Message):
    """Read the payments that come out otherwise. Refused with `backtest_not_found`."""

    backtest: UUID7
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=FLIPS_LIMIT)] = 100


class _Changed(Message):
    hash: RuleSetHash
    name: str
    by: UUID7
    at: AwareDatetime


@event("risk", "rule_set.drafted")
class RuleSetDrafted(_Changed):
    """A rule set is kept, and decides about nothing yet."""


@event("risk", "rule_set.shadowed")
class RuleSetShadowed(_Changed):
    """A rule set is proposed: it is tried on present payments, and waits for somebody to approve it."""


@event("risk", "rule_set.approved")
class RuleSetApproved(_Changed):
    """A second person has approved a rule set: it may be made active."""


@event("risk", "rule_set.activated")
class RuleSetActivated(_Changed):
    """A rule set decides from now on instead of `replaced`; `rolled_back` where it is the one of before again."""

    replaced: RuleSetHash | None = None
    rolled_back: bool = False


@event("risk", "rule_set.retired")
class RuleSetRetired(_Changed):
    """A rule set is withdrawn, or another one has taken its place."""
