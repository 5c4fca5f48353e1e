"""Compliance: the rules that every rule set has, and that nothing can allow away."""

from apps.risk.domain.rule_sets.documents import RuleDocument
from contracts.risk import RuleAction

_LIMIT = "limit_exceeded"
_SCREENING = "screening_confirmed"


def _limit(when: str, reason: str) -> RuleDocument:
    return RuleDocument(name=_LIMIT, when=when, action=RuleAction.BLOCK, code=_LIMIT, reason=reason, weight=100)


BUILT_IN: tuple[RuleDocument, ...] = (
    _limit("limit_payment_left < 0", "{limit_payment_left:money} would be left of what the payer may pay at once."),
    _limit(
        "limit_payment_left >= 0 && limit_day_left < 0",
        "{limit_day_left:money} would be left of what the payer may pay in a day.",
    ),
    _limit(
        "limit_payment_left >= 0 && limit_day_left >= 0 && limit_month_left < 0",
        "{limit_month_left:money} would be left of what the payer may pay in a month.",
    ),
    RuleDocument(
        name=_SCREENING,
        when="payer_screening == 'confirmed' || beneficiary_screening == 'confirmed'",
        action=RuleAction.BLOCK,
        code=_SCREENING,
        reason="Who pays or is paid is on a sanctions list.",
        weight=100,
    ),
)
"""At most one of those of one name fires: the narrowest limit that is exceeded."""
RESERVED_NAMES = frozenset(rule.name for rule in BUILT_IN)
