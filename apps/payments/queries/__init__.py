"""Answers read requests."""

from apps.payments.queries.disputes import get_dispute, list_disputes
from apps.payments.queries.intents import get_payment_intent, list_payment_intents
from apps.payments.queries.operations import get_processor_operation, list_processor_operations
from apps.payments.queries.refunds import get_refund, list_refunds
from apps.payments.queries.timelines import get_timeline

__all__ = [
    "get_dispute",
    "get_payment_intent",
    "get_processor_operation",
    "get_refund",
    "get_timeline",
    "list_disputes",
    "list_payment_intents",
    "list_processor_operations",
    "list_refunds",
]
