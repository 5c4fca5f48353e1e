"""What was seen of payers, payees, devices, addresses, cards and pairs."""

from sqlalchemy import CheckConstraint, Index, Integer, PrimaryKeyConstraint, SmallInteger
from sqlmodel import Field

from apps.risk.models.base import RiskTable


class FeatureState(RiskTable, table=True):
    """What was seen of one entity, packed (domain.features.state). `last_day` counts days since 1970."""

    __tablename__ = "feature_state"
    __table_args__ = (
        CheckConstraint("octet_length(entity) = 16", name="feature_state_entity"),
        PrimaryKeyConstraint("kind", "entity"),
        Index("feature_state_age", "last_day"),
    )

    kind: int = Field(sa_type=SmallInteger)
    entity: bytes
    last_day: int = Field(sa_type=Integer)
    state: bytes
