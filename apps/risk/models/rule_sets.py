"""Rule sets, their life, backtests and shadow decisions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from apps.risk.models.base import MOMENT, RiskTable

_NONE_YET = {"server_default": text("0")}


class StoredRuleSet(RiskTable, table=True):
    """A rule set under the hash of its characters; `position` is the order of drafting. Insert-only."""

    __tablename__ = "rule_set"
    __table_args__ = (
        CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="rule_set_hash"),
        CheckConstraint("octet_length(document) <= 262144", name="rule_set_document"),
        UniqueConstraint("position", name="rule_set_position"),
        UniqueConstraint("hash", "author", name="rule_set_author"),
    )

    hash: str = Field(sa_type=Text, primary_key=True)
    position: int = Field(sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    name: str = Field(sa_type=Text)
    description: str = Field(sa_type=Text)
    rules: int = Field(sa_type=SmallInteger)
    model: str | None = Field(sa_type=Text)
    document: str = Field(sa_type=Text)
    author: UUID
    drafted_at: datetime = Field(sa_type=MOMENT)


class RuleSetEvent(RiskTable, table=True):
    """A step of a rule set's life; the newest is where it is. Insert-only."""

    __tablename__ = "rule_set_event"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'shadow', 'approved', 'active', 'retired')", name="rule_set_event_status"),
        CheckConstraint("number > 0", name="rule_set_event_number"),
        CheckConstraint(
            "status <> 'approved' OR made_by IS NOT NULL AND made_by <> author",
            name="rule_set_event_second_person",
        ),
        ForeignKeyConstraint(["rule_set"], ["rule_set.hash"], name="rule_set_event_rule_set"),
        ForeignKeyConstraint(
            ["rule_set", "author"], ["rule_set.hash", "rule_set.author"], name="rule_set_event_author"
        ),
        PrimaryKeyConstraint("rule_set", "number"),
    )

    rule_set: str = Field(sa_type=Text)
    number: int = Field(sa_type=Integer)
    status: str = Field(sa_type=Text)
    author: UUID
    made_by: UUID | None
    made_at: datetime = Field(sa_type=MOMENT)


class Activation(RiskTable, table=True):
    """That a rule set decides from here on; the newest does. Insert-only."""

    __tablename__ = "activation"
    __table_args__ = (
        ForeignKeyConstraint(["rule_set"], ["rule_set.hash"], name="activation_rule_set"),
        ForeignKeyConstraint(["previous"], ["activation.position"], name="activation_previous"),
    )

    position: int = Field(sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    rule_set: str = Field(sa_type=Text)
    previous: int | None = Field(sa_type=BigInteger)
    rolled_back: bool
    activated_by: UUID | None
    activated_at: datetime = Field(sa_type=MOMENT)


class Backtest(RiskTable, table=True):
    """A backtest, as far as it is: payments are judged down to `reached`. One runs at a time."""

    __tablename__ = "backtest"
    __table_args__ = (
        CheckConstraint("status IN ('running', 'completed', 'canceled', 'failed')", name="backtest_status"),
        CheckConstraint("(status = 'running') = (ended_at IS NULL)", name="backtest_ended"),
        CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name="backtest_failure"),
        CheckConstraint("flips_kept BETWEEN 0 AND flips", name="backtest_flips"),
        CheckConstraint("most BETWEEN 1 AND 5000000", name="backtest_most"),
        ForeignKeyConstraint(["rule_set"], ["rule_set.hash"], name="backtest_rule_set"),
        Index("backtest_running", "status", unique=True, postgresql_where=text("status = 'running'")),
    )

    id: UUID = Field(primary_key=True)
    rule_set: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=MOMENT)
    until: datetime = Field(sa_type=MOMENT)
    most: int = Field(sa_type=Integer)
    asked_by: UUID
    asked_at: datetime = Field(sa_type=MOMENT)
    status: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'running'")})
    total: int = Field(sa_type=Integer, sa_column_kwargs=_NONE_YET)
    reached: UUID | None
    tries: int = Field(sa_type=SmallInteger, sa_column_kwargs=_NONE_YET)
    judged: int = Field(sa_type=Integer, sa_column_kwargs=_NONE_YET)
    not_judged: int = Field(sa_type=Integer, sa_column_kwargs=_NONE_YET)
    flips: int = Field(sa_type=Integer, sa_column_kwargs=_NONE_YET)
    flips_kept: int = Field(sa_type=Integer, sa_column_kwargs=_NONE_YET)
    tally: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")})
    ended_at: datetime | None = Field(sa_type=MOMENT)
    ended_by: UUID | None
    failure: str | None = Field(sa_type=Text)


class BacktestFlip(RiskTable, table=True):
    """A past payment that comes out otherwise; goes with its backtest."""

    __tablename__ = "backtest_flip"
    __table_args__ = (
        ForeignKeyConstraint(["backtest_id"], ["backtest.id"], name="backtest_flip_backtest", ondelete="CASCADE"),
        PrimaryKeyConstraint("backtest_id", "assessment_id"),
    )

    backtest_id: UUID
    assessment_id: UUID
    payment_intent_id: UUID
    before: str = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    score_before: int = Field(sa_type=SmallInteger)
    score: int = Field(sa_type=SmallInteger)
    codes: list[str] = Field(sa_type=ARRAY(Text))
    label: str | None = Field(sa_type=Text)


class ShadowTally(RiskTable, table=True):
    """How many payments a rule set in shadow has judged, by what was decided and what it says."""

    __tablename__ = "shadow_tally"
    __table_args__ = (
        ForeignKeyConstraint(["rule_set"], ["rule_set.hash"], name="shadow_tally_rule_set"),
        PrimaryKeyConstraint("rule_set", "before", "after"),
    )

    rule_set: str = Field(sa_type=Text)
    before: str = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    payments: int = Field(sa_type=BigInteger)


class ShadowDecision(RiskTable, table=True):
    """A payment that a rule set in shadow would have decided otherwise. Insert-only, and a bounded number of each."""

    __tablename__ = "shadow_decision"
    __table_args__ = (
        ForeignKeyConstraint(["rule_set"], ["rule_set.hash"], name="shadow_decision_rule_set"),
        ForeignKeyConstraint(["assessment_id"], ["decision.assessment_id"], name="shadow_decision_decision"),
        PrimaryKeyConstraint("rule_set", "assessment_id"),
    )

    rule_set: str = Field(sa_type=Text)
    assessment_id: UUID
    payment_intent_id: UUID
    before: str = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    score_before: int = Field(sa_type=SmallInteger)
    score: int = Field(sa_type=SmallInteger)
    codes: list[str] = Field(sa_type=ARRAY(Text))
