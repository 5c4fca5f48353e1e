"""What has been seen of a payer: payments and approved amounts, counted by the minute."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from apps.risk.domain.rules import Feature, Features

MINUTES_IN_WINDOW = 60
"""The volume of an hour: the current minute, and the sixty before it, so that never less than an hour counts."""


def minute_of(moment: datetime) -> int:
    """Return the whole minutes since 1970-01-01 UTC."""
    return int(moment.timestamp()) // 60


@dataclass(frozen=True, slots=True)
class Bucket:
    """The payments of one payer in one currency within one minute."""

    payer: UUID
    currency: str
    minute: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What was recorded before, as seen from a bucket: amounts in its currency, payments in any."""

    hourly_volume: int = 0
    payments_this_minute: int = 0
    payments_last_minute: int = 0


@dataclass(slots=True)
class Count:
    """What is in a bucket. A declined payment counts as an attempt, but moves no money.

    One under review, too; its money counts from when an analyst approves it.
    """

    payments: int = 0
    amount: int = 0


@dataclass
class History:
    """What was recorded before a batch, and what the batch adds to it."""

    recorded: Mapping[Bucket, Seen]
    added: dict[UUID, dict[Bucket, Count]] = field(default_factory=lambda: defaultdict(dict))

    def features(self, bucket: Bucket, amount: int, second: int) -> Features:
        """Return the features of one more payment in a bucket, `second` seconds into its minute.

        Of the minute before, the share counts that is still within the last sixty seconds.
        """
        seen = self.recorded.get(bucket, Seen())
        volume, this_minute, last_minute = seen.hourly_volume, seen.payments_this_minute, seen.payments_last_minute
        for other, count in self.added[bucket.payer].items():
            age = bucket.minute - other.minute
            if other.currency == bucket.currency and 0 <= age <= MINUTES_IN_WINDOW:
                volume += count.amount
            if age == 0:
                this_minute += count.payments
            elif age == 1:
                last_minute += count.payments
        return Features(
            bucket.currency,
            {
                Feature.AMOUNT: amount,
                Feature.HOURLY_VOLUME: volume + amount,
                Feature.PAYMENTS_PER_MINUTE: this_minute + 1 + last_minute * (60 - second) // 60,
            },
        )

    def add(self, bucket: Bucket, amount: int) -> None:
        """Count one more payment; `amount` is zero unless it was approved."""
        count = self.added[bucket.payer].setdefault(bucket, Count())
        count.payments += 1
        count.amount += amount

    def add_approved(self, bucket: Bucket, amount: int) -> None:
        """Count the money of a payment that an analyst has approved; it was counted as an attempt before."""
        self.added[bucket.payer].setdefault(bucket, Count()).amount += amount

    def additions(self) -> list[tuple[Bucket, Count]]:
        """Return what the batch has added."""
        return [item for counts in self.added.values() for item in counts.items()]
