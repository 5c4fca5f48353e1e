"""The people of the tests: customers with wallets, and the operator that funds them, all over HTTP."""

from dataclasses import dataclass
from uuid import UUID

from contracts.ids import new_id
from ops.client import Gateway, Session
from ops.stack.stack import Stack

PASSWORD = "correct horse battery staple"
CURRENCY = "EUR"


@dataclass(frozen=True)
class Customer:
    """A logged-in customer with one wallet."""

    session: Session
    wallet: UUID

    @property
    def bearer(self) -> dict[str, str]:
        """The header of a raw request in the customer's name."""
        return {"Authorization": f"Bearer {self.session.token.get_secret_value()}"}

    async def balance(self) -> int:
        """Return the wallet's balance in minor units."""
        return (await self.session.balance(self.wallet)).balance


async def log_operator_in(stack: Stack, gateway: Gateway) -> Session:
    """Log the operator in whom the stack's secrets name."""
    secrets = stack.parts.secrets
    return await gateway.login(secrets.operator_email, secrets.operator_password.get_secret_value())


async def new_customer(gateway: Gateway, operator: Session, funds: int = 0, currency: str = CURRENCY) -> Customer:
    """Register somebody new, open a wallet and fund it with `funds` minor units."""
    session = await gateway.register_and_login(f"{new_id()}@ledgerlink.example", PASSWORD)
    wallet = (await session.open_wallet(currency)).id
    if funds:
        await operator.top_up(wallet, funds, currency)
    return Customer(session, wallet)
