"""Between which ends a payment may go: which must be named, whose wallets they are, and in which currency."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from contracts.payments import MethodType, PaymentDirection
from gateway.accounts import KnownAccount, wallet_not_found
from gateway.currencies import check_currency
from gateway.parts import Parts
from gateway.payment_bodies import Method, NewPaymentIntent, WalletPaymentMethod
from gateway.problems import ProblemError
from gateway.request_context import Caller, RequestContext

_METHODS: Mapping[PaymentDirection, tuple[MethodType, ...]] = MappingProxyType(
    {
        PaymentDirection.PAYMENT: (MethodType.WALLET, MethodType.CARD, MethodType.BANK),
        PaymentDirection.TOP_UP: (MethodType.CARD, MethodType.BANK),
        PaymentDirection.PAYOUT: (MethodType.BANK,),
    }
)
SOURCE_REQUIRED = "A payout needs a `source_wallet` of yours, which the money comes from."
DESTINATION_REQUIRED = "A payment or top_up needs a `destination_wallet`, which the money goes to."
_NO_SUCH_PAYEE = "No wallet has the id given as `destination_wallet`; ask the payee for theirs."


async def check_ends(
    body: NewPaymentIntent, caller: Caller, parts: Parts, context: RequestContext
) -> tuple[UUID | None, UUID | None]:
    """Return the wallet that pays and the merchant, who owns the wallet that is paid; None where there is none.

    Raises ProblemError unless the ends fit the direction, the caller owns what is to be his, and all hold the currency.
    """
    _check_method(body)
    _check_wallets(body)
    source = _source(body)
    named = [wallet for wallet in (source, body.destination_wallet) if wallet]
    wallets = await parts.wallets.find(named, context) if named else {}
    if source:
        parameter = "source_wallet" if body.source_wallet else "payment_method"
        check_currency(_own(wallets, source, parameter, caller), parameter, body.currency)
    if not body.destination_wallet:
        return source, None
    payee = _payee(wallets, body.destination_wallet, body.direction, caller)
    check_currency(payee, "destination_wallet", body.currency)
    return source, payee.owner


async def check_method(method: Method | None, caller: Caller, parts: Parts, context: RequestContext) -> None:
    """Raise ProblemError `wallet_not_found` when the payment is to be paid from a wallet that is not the caller's."""
    if isinstance(method, WalletPaymentMethod):
        _own(await parts.wallets.find([method.wallet], context), method.wallet, "payment_method", caller)


def _check_method(body: NewPaymentIntent) -> None:
    """Raise ProblemError `payment_method_not_possible` for a method that the direction does not have."""
    possible = _METHODS[body.direction]
    if body.payment_method is not None and body.payment_method.type not in possible:
        types = " or ".join(f"`{kind}`" for kind in possible)
        detail = f"A {body.direction} takes a payment method of type {types}."
        raise ProblemError("payment_method_not_possible", detail, parameter="payment_method")


def _check_wallets(body: NewPaymentIntent) -> None:
    """Raise ProblemError where a wallet that the direction needs is missing, or one is named that it does not have."""
    if body.direction is PaymentDirection.PAYOUT:
        if body.destination_wallet:
            raise _not_possible("destination_wallet", "A payout goes to the bank account of `payment_method`.")
        if not body.source_wallet:
            raise ProblemError("source_required", SOURCE_REQUIRED, parameter="source_wallet")
        return
    if not body.destination_wallet:
        raise ProblemError("destination_required", DESTINATION_REQUIRED, parameter="destination_wallet")
    if body.source_wallet and body.direction is PaymentDirection.TOP_UP:
        raise _not_possible("source_wallet", "A top_up comes from the card or bank account of `payment_method`.")
    if body.source_wallet and _source(body) != body.source_wallet:
        raise _not_possible("source_wallet", "`payment_method` says otherwise where the money comes from.")


def _not_possible(parameter: str, why: str) -> ProblemError:
    return ProblemError("wallet_not_possible", f"{why} Leave `{parameter}` out.", parameter=parameter)


def _source(body: NewPaymentIntent) -> UUID | None:
    """Return the wallet that the money comes from."""
    if isinstance(body.payment_method, WalletPaymentMethod):
        return body.payment_method.wallet
    if body.direction is PaymentDirection.PAYMENT and body.payment_method is not None:
        return None
    return body.source_wallet


def _own(wallets: Mapping[UUID, KnownAccount], wallet: UUID, parameter: str, caller: Caller) -> KnownAccount:
    known = wallets.get(wallet)
    if known is None or known.owner != caller.user:
        raise wallet_not_found(parameter)
    return known


def _payee(
    wallets: Mapping[UUID, KnownAccount], wallet: UUID, direction: PaymentDirection, caller: Caller
) -> KnownAccount:
    """Return the wallet that is paid: anybody's, and in a top-up the caller's own."""
    if direction is PaymentDirection.TOP_UP:
        return _own(wallets, wallet, "destination_wallet", caller)
    known = wallets.get(wallet)
    if known is None:
        raise ProblemError("wallet_not_found", _NO_SUCH_PAYEE, parameter="destination_wallet")
    return known
