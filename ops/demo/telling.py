"""From the story and the evidence to the report."""

import asyncio

from ledgerlink_client import LedgerLink
from ops.demo.card import play_with_cards
from ops.demo.evidence import ledger_entries, payment_hops
from ops.demo.place import Place
from ops.demo.proof import prove
from ops.demo.report import Decline, DemoReport, HopLine, Payment, Person, Repetition
from ops.demo.story import Declined, Paid, Repeated, Story, play


async def tell(place: Place, started_after: float | None = None) -> DemoReport:
    """Play the story and gather the evidence; `started_after` is how many seconds it took to start all of it.

    Raises DemoError or LedgerLinkError when it goes another way.
    """
    async with LedgerLink(place.gateway) as gateway:
        story = await play(gateway, place)
        card = await play_with_cards(story.ada, story.grace, place.webhook_host)
        wallets = await asyncio.gather(story.ada.balance(), story.grace.balance())
        first_payment, payment = [_payment(p, await payment_hops(place, p)) for p in (story.first_paid, story.paid)]
        ledger = await ledger_entries(place, story, card)
        proof = await prove(place, story, card, wallets)
    return DemoReport(
        started_after_seconds=started_after if started_after is None else round(started_after, 1),
        people=[
            Person(name=customer.name, email=customer.email, wallet=wallet)
            for customer, wallet in zip((story.ada, story.grace), wallets, strict=True)
        ],
        first_payment=first_payment,
        payment=payment,
        decline=_decline(story.declined),
        repetition=_repetition(story.repeated, story),
        card=card.steps,
        webhooks=card.heard,
        ledger=ledger,
        proof=proof,
    )


def _payment(paid: Paid, hops: list[HopLine]) -> Payment:
    intent = paid.intent
    return Payment(
        payment_intent_id=intent.id,
        amount=intent.amount,
        currency=intent.currency,
        idempotency_key=paid.idempotency_key,
        correlation_id=intent.answer.correlation_id,
        http_status=intent.answer.status,
        status=intent.status,
        transfer_id=intent.transfer_id,
        answered_after_ms=paid.took_ms,
        hops=hops,
    )


def _decline(declined: Declined) -> Decline:
    return Decline(
        payment_intent_id=declined.intent.id,
        amount=declined.intent.amount,
        currency=declined.intent.currency,
        http_status=declined.error.status,
        status=declined.intent.status,
        code=declined.error.code,
        detail=declined.error.detail,
        answered_after_ms=declined.took_ms,
    )


def _repetition(repeated: Repeated, story: Story) -> Repetition:
    return Repetition(
        payment_intent_id=repeated.intent.id,
        http_status=repeated.intent.answer.status,
        same_answer=repeated.same_answer_as(story.paid),
        entries_before=repeated.entries_before,
        entries_after=repeated.entries_after,
        answered_after_ms=repeated.took_ms,
    )
