"""How a payment starts: created, changed before it is confirmed, and confirmed, once or again after a decline."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding.asking import candidate
from apps.payments.domain.deciding.step import Draft, Payment, Step, Terms
from apps.payments.domain.intents import Attempt, Intent, Method
from apps.payments.domain.public_view import public_view
from apps.payments.domain.signals import Wish
from apps.payments.domain.transitions import State, Trigger, is_legal
from contracts.message import Outcome, Problem
from contracts.payments import (
    CaptureMethod,
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    MethodType,
    PaymentDirection,
    PaymentIntentCreated,
    PaymentMethod,
    UpdatePaymentIntent,
    WalletMethod,
)
from contracts.risk import Assess

CREATED = "create"
"""The trigger that a payment's first hop names; it comes from no state, so it is not in the table."""


def create(wish: Wish, asked: CreatePaymentIntent, terms: Terms, now: datetime) -> Step | Problem:
    """Return the new payment, which waits to be confirmed or has been, or why there is none."""
    intent = _opened(asked, terms, now)
    if problem := _impossible(intent, asked.source_wallet):
        return problem
    draft = Draft(Payment(intent), terms, now)
    draft.note(CREATED, event=PaymentIntentCreated.model_construct(payment_intent=public_view(intent)))
    if not asked.confirm:
        draft.change(asked_by=wish.asked_by)
        draft.answer(wish.asked_by, Outcome.COMPLETED, public_view(draft.intent))
        return draft.step()
    return _confirmed(draft, wish, asked) or draft.step()


def _opened(asked: CreatePaymentIntent, terms: Terms, now: datetime) -> Intent:
    method, source = _named(asked.payment_method, asked.source_wallet)
    if method is None and source and asked.direction is PaymentDirection.PAYMENT:
        method = Method(MethodType.WALLET)
    own = asked.direction is not PaymentDirection.PAYMENT
    return Intent(
        id=asked.payment_intent_id,
        customer=asked.customer,
        merchant=asked.customer if own else asked.merchant,
        direction=asked.direction,
        source_wallet=source,
        destination_wallet=asked.destination_wallet,
        method=method,
        amount=asked.amount,
        currency=asked.currency,
        capture_method=asked.capture_method,
        application_fee=asked.application_fee,
        description=asked.description,
        statement_descriptor=asked.statement_descriptor,
        metadata=asked.metadata or {},
        return_url=asked.return_url,
        country=asked.country,
        state=State.REQUIRES_CONFIRMATION if method else State.REQUIRES_PAYMENT_METHOD,
        created_at=now,
        updated_at=now,
        deadline_at=now + terms.abandon_after,
    )


def update(draft: Draft, wish: Wish, asked: UpdatePaymentIntent) -> Problem | None:
    """Change what a client has said of the payment; what is None stays."""
    intent = draft.intent
    if intent.customer != asked.customer:
        return errors.NOT_FOUND
    if not is_legal(intent.state, Trigger.UPDATE):
        return errors.unexpected_state(intent.state, Trigger.UPDATE)
    changed = _with_method(intent, asked.payment_method)
    given = {
        name: value
        for name in ("amount", "application_fee", "description", "statement_descriptor", "metadata")
        if (value := getattr(asked, name)) is not None
    }
    changed = changed._replace(**given)
    if problem := _impossible(changed, changed.source_wallet):
        return problem
    draft.change(method=changed.method, source_wallet=changed.source_wallet, **given)
    state = State.REQUIRES_CONFIRMATION if asked.payment_method else intent.state
    draft.move(Trigger.UPDATE, state, deadline_at=draft.now + draft.terms.abandon_after)
    draft.answer(wish.asked_by, Outcome.COMPLETED, public_view(draft.intent))
    return None


def confirm(draft: Draft, wish: Wish, asked: ConfirmPaymentIntent) -> Problem | None:
    """Set the payment going; the order of refusals is whose it is, how it stands, and what it lacks."""
    intent = draft.intent
    if intent.customer != asked.customer:
        return errors.NOT_FOUND
    if not is_legal(intent.state, Trigger.CONFIRM):
        return errors.unexpected_state(intent.state, Trigger.CONFIRM)
    changed = _with_method(intent, asked.payment_method)
    if problem := _impossible(changed, changed.source_wallet):
        return problem
    return_url = asked.return_url or intent.return_url
    draft.change(method=changed.method, source_wallet=changed.source_wallet, return_url=return_url)
    return _confirmed(draft, wish, asked)


def _confirmed(draft: Draft, wish: Wish, asked: CreatePaymentIntent | ConfirmPaymentIntent) -> Problem | None:
    intent, terms = draft.intent, draft.terms
    if intent.method is None:
        return errors.METHOD_REQUIRED
    payment = candidate(intent)
    processor = terms.routing.after(payment, ()) if payment else None
    if payment and processor is None:
        return errors.NOBODY_TAKES_IT
    number = intent.attempt.number + 1 if intent.attempt else 1
    draft.move(
        Trigger.CONFIRM,
        State.ASSESSING,
        attempt=Attempt(number, terms.fresh_id(), terms.fresh_id()),
        asked_by=wish.asked_by,
        awaited=True,
        processor=processor,
        last_payment_error=None,
        authorised=0,
        hold_id=None,
        held_for=None,
        authorisation=None,
        capture_before=None,
        deadline_at=draft.now + terms.risk_wait,
    )
    draft.say(_assessment(draft.intent, intent.method, asked))
    draft.accept()
    return None


def _assessment(intent: Intent, method: Method, asked: CreatePaymentIntent | ConfirmPaymentIntent) -> Assess:
    return Assess.model_construct(
        assessment_id=intent.current.assessment_id,
        payment_intent_id=intent.id,
        payer=intent.customer,
        source_wallet=intent.source_wallet,
        destination_wallet=intent.destination_wallet,
        amount=intent.amount,
        currency=intent.currency,
        direction=intent.direction.value,
        method=method.type.value,
        authenticated_at=asked.authenticated_at,
        payee=intent.merchant if intent.direction is PaymentDirection.PAYMENT else None,
        device=asked.device,
        address=asked.address,
        card=_pseudonym(method.token) if method.type is MethodType.CARD and method.token else None,
        country=intent.country,
        beneficiary=asked.beneficiary if intent.direction is PaymentDirection.PAYOUT else None,
    )


def _pseudonym(token: str) -> str:
    """Return what stands for a card: the first 128 bits of its token's hash; risk needs no more to know it again."""
    return sha256(token.encode()).hexdigest()[:32]


def _named(method: PaymentMethod | None, source: UUID | None) -> tuple[Method | None, UUID | None]:
    """Return the method in the rules' terms, and the source wallet, which a wallet method names."""
    if method is None:
        return None, source
    if isinstance(method, WalletMethod):
        return Method(MethodType.WALLET), method.wallet
    return Method(MethodType(method.type), method.token), source


def _with_method(intent: Intent, method: PaymentMethod | None) -> Intent:
    if method is None:
        return intent
    keeps = intent.source_wallet if intent.direction is PaymentDirection.PAYOUT else None
    named, source = _named(method, keeps)
    return intent._replace(method=named, source_wallet=source)


def _impossible(intent: Intent, named_source: UUID | None) -> Problem | None:
    """Return the first rule that the payment breaks: its wallets, its method, its capture, its fee."""
    if problem := _wallets_wrong(intent, named_source):
        return problem
    if not _method_is_possible(intent):
        return errors.METHOD_NOT_POSSIBLE
    payout = intent.direction is PaymentDirection.PAYOUT
    manual = intent.capture_method is CaptureMethod.MANUAL
    if payout and manual:
        return errors.CAPTURE_METHOD_NOT_POSSIBLE
    if intent.application_fee and (payout or (manual and intent.by_wallet)):
        return errors.FEE_NOT_POSSIBLE
    return errors.FEE_TOO_LARGE if intent.application_fee >= intent.amount else None


def _wallets_wrong(intent: Intent, named_source: UUID | None) -> Problem | None:
    payout = intent.direction is PaymentDirection.PAYOUT
    if payout and intent.source_wallet is None:
        return errors.SOURCE_REQUIRED
    if payout and intent.destination_wallet is not None:
        return errors.DESTINATION_NOT_POSSIBLE
    if not payout and intent.destination_wallet is None:
        return errors.DESTINATION_REQUIRED
    if not payout and named_source is not None and not intent.by_wallet:
        return errors.SOURCE_NOT_POSSIBLE
    if intent.source_wallet is not None and named_source not in (None, intent.source_wallet):
        return errors.SOURCE_NOT_POSSIBLE
    return errors.SAME_WALLET if intent.source_wallet == intent.destination_wallet else None


def _method_is_possible(intent: Intent) -> bool:
    if intent.method is None:
        return True
    kind = intent.method.type
    match intent.direction:
        case PaymentDirection.PAYMENT:
            return True
        case PaymentDirection.TOP_UP:
            return kind is not MethodType.WALLET
        case PaymentDirection.PAYOUT:
            return kind is MethodType.BANK
