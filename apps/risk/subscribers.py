"""Which handler takes which message, and which job runs how often."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from apps.risk import queries
from apps.risk.domain.rules import Rule
from apps.risk.handlers import decide_reviews
from apps.risk.handlers.assess import assess
from apps.risk.handlers.forget_history import forget_history
from contracts.risk import GetOutcome, ListReviews
from outbox.outcomes import get_outcome
from outbox.service import Service

FORGET_EVERY_SECONDS = 10.0


def subscribe(service: Service, rules: Sequence[Rule], history_retention: timedelta) -> None:
    """Bind every handler, query and job of the room."""
    service.consume("risk-assess", partial(assess, rules))
    service.consume("risk-decide-review", decide_reviews.decide)
    service.answer(GetOutcome, get_outcome)
    service.answer(ListReviews, queries.list_reviews)
    service.every(FORGET_EVERY_SECONDS, partial(forget_history, history_retention))
