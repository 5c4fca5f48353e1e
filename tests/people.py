"""The people of the tests: customers with wallets, and the operator that funds them, all over HTTP."""

from dataclasses import dataclass
from uuid import UUID

from contracts.ids import new_id
from ledgerlink_client import LedgerLink, Options
from ledgerlink_client.models.payments import PaymentIntent
from ops.stack.stack import Stack

PASSWORD = "correct horse battery staple"
CURRENCY = "EUR"


@dataclass(frozen=True)
class Customer:
    """A logged-in customer with one wallet."""

    session: LedgerLink
    wallet: UUID

    @property
    def bearer(self) -> dict[str, str]:
        """The header of a raw request in the customer's name."""
        return {"Authorization": f"Bearer {self.session.tokens.access_token}"}

    async def balance(self) -> int:
        """Return the wallet's balance in minor units."""
        return (await self.session.wallets.get(self.wallet)).balance

    async def pay(
        self, wallet: UUID, amount: int, *, confirm: bool = True, options: Options | None = None
    ) -> PaymentIntent:
        """Pay into somebody's wallet. Raises DeclinedError."""
        return await self.session.payment_intents.create(
            source_wallet=self.wallet,
            destination_wallet=wallet,
            amount=amount,
            currency=CURRENCY,
            confirm=confirm,
            options=options or Options(),
        )


async def log_operator_in(stack: Stack, gateway: LedgerLink) -> LedgerLink:
    """Log the operator in whom the stack's secrets name."""
    secrets = stack.parts.secrets
    return await gateway.login(secrets.operator_email, secrets.operator_password.get_secret_value())


async def new_customer(gateway: LedgerLink, operator: LedgerLink, funds: int = 0, currency: str = CURRENCY) -> Customer:
    """Register somebody new, open a wallet and fund it with `funds` minor units."""
    session = await gateway.register_and_login(f"{new_id()}@ledgerlink.example", PASSWORD)
    wallet = (await session.wallets.open(currency)).id
    if funds:
        await operator.wallets.top_up(wallet, funds, currency)
    return Customer(session, wallet)
