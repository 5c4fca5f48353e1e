"""Labels: which payments were frauds, as disputes, analysts and imported files say; and how well rules did by them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query
from contracts.risk.decisions import Sha256

LABELS_AT_ONCE = 500
"""Labels in one import; larger files come in several."""
MOST_LABELLED = 200_000
"""Labelled payments that quality is measured by, the newest of the period."""


class Label(StrEnum):
    """What a payment was."""

    FRAUD = "fraud"
    GOOD = "good"


class LabelSource(StrEnum):
    """Who says what a payment was. Where sources differ the first of these that says something is right."""

    DISPUTE = "dispute"
    ANALYST = "analyst"
    IMPORT = "import"


class LabelStatement(Message):
    """The newest that a source says of a payment; `reference` is the dispute, the analyst's reason or the file."""

    source: LabelSource
    label: Label
    stated_at: AwareDatetime
    stated_by: UUID7 | None = None
    reference: str


class PaymentLabel(Message):
    """What a payment was, who said so, and what every source says."""

    payment_intent_id: UUID7
    label: Label
    source: LabelSource
    changed_at: AwareDatetime
    statements: list[LabelStatement]


class NewLabel(Message):
    """A payment of an imported file; `labelled_at` is when it became known, if the file says it."""

    payment_intent_id: UUID7
    label: Label
    labelled_at: AwareDatetime | None = None


class LabelsImported(Message):
    """What became of an import: how many labels were taken, and the payments that risk never decided about."""

    taken: int
    unknown: list[UUID7]


Reference = Annotated[str, Field(min_length=1, max_length=200, pattern="^[^\x00]*$")]


@command("risk", "label_payment", senders=("gateway",), answer=PaymentLabel)
class LabelPayment(Message):
    """Say what a payment was, as an analyst. Refused with `payment_not_assessed`."""

    payment_intent_id: UUID7
    label: Label
    reason: Reference
    analyst: UUID7
    idempotency: Idempotency


@command("risk", "import_labels", senders=("gateway",), answer=LabelsImported)
class ImportLabels(Message):
    """Say what payments were, out of a file."""

    labels: Annotated[list[NewLabel], Field(min_length=1, max_length=LABELS_AT_ONCE)]
    reference: Reference
    imported_by: UUID7
    idempotency: Idempotency


@query("risk", "get_label", senders=("gateway",), answer=PaymentLabel)
class GetLabel(Message):
    """Read what a payment was. Refused with `label_not_found`."""

    payment_intent_id: UUID7


@event("risk", "label.changed")
class LabelChanged(Message):
    """What is known of a payment has changed."""

    payment_intent_id: UUID7
    label: Label
    source: LabelSource
    before: Label | None = None
    changed_at: AwareDatetime


class Caught(Message):
    """What something said of labelled payments: `frauds` are rightly, `goods` wrongly what it fired on or stopped.

    `precision` is the share of frauds in what it fired on, `recall` its share of all frauds, `false_positive_rate` its
    share of all good payments; None where there is nothing to divide by. `amount` is the money of the frauds that it
    caught, in minor units by currency.
    """

    fired: int
    frauds: int
    goods: int
    precision: float | None = None
    recall: float | None = None
    false_positive_rate: float | None = None
    amount: Mapping[str, int]


class RuleQuality(Caught):
    """How good a rule was; the same name in several rule sets is one rule. It fires whether or not it decides."""

    rule: str
    action: str | None = None


class RuleSetQuality(Caught):
    """How good a rule set was on the payments that it decided about: it fires where it does not just approve.

    `labelled` are those payments; recall and the false-positive rate are shares of its own frauds and good payments.
    None is before rule sets were documents.
    """

    rule_set: Sha256 | None = None
    labelled: int


class OutcomeQuality(Caught):
    """What payments were about which was decided in one way: approve, review, decline or step_up."""

    outcome: str


class Quality(Message):
    """How good risk's decisions of a time were, by the payments whose labels are known.

    `is_whole` is false where there were more than could be looked at: then it is of the newest ones.
    """

    since: AwareDatetime
    until: AwareDatetime
    frauds: int
    goods: int
    fraud_amount: Mapping[str, int]
    is_whole: bool
    stopped: Caught
    rules: list[RuleQuality]
    rule_sets: list[RuleSetQuality]
    outcomes: list[OutcomeQuality]


@query("risk", "get_quality", senders=("gateway",), answer=Quality)
class GetQuality(Message):
    """Measure decisions about payments asked for in `since` <= time < `until` against their labels."""

    since: AwareDatetime
    until: AwareDatetime
