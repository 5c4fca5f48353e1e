"""Register: a new customer, unless the address has an account."""

from apps.identity.domain.account import Account, normalised
from apps.identity.domain.personal_details import PersonalDetails
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.new_passwords import checked_hash
from apps.identity.handlers.outgoing import queue_message
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.store import accounts, personal_details
from contracts.identity import Origin, Purpose, Register, Role, SecurityEventKind, User, UserRegistered
from contracts.ids import new_id
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction


async def register(parts: Parts, _database: Database, request: Envelope[Register]) -> User:
    """Answer a request to register, and queue the token that proves the address.

    Raises Refused with `email_taken`, `password_too_weak`, `overloaded` or `deadline_exceeded`.
    """
    refuse_late(request)
    asked = request.data
    password_hash = await checked_hash(parts, asked.password.get_secret_value(), asked.email)
    async with parts.transactions.begin() as tx:
        account = _new(parts, tx, asked.email, password_hash, Role.CUSTOMER)
        if not await _add(parts, tx, account, asked.origin, request):
            raise Refused("email_taken", "This e-mail address has an account already; log in instead.", "email")
        await _keep_details(parts, tx, account, asked)
        await queue_message(parts, tx, Purpose.VERIFY_EMAIL, account, request)
    return account.user


async def ensure_account(parts: Parts, email: str, password: str, role: Role) -> None:
    """Add the first account of a role that nobody else could give, unless the address has one already."""
    async with parts.transactions.begin() as tx:
        known = await accounts.by_email(tx, normalised(email))
    if known:
        return
    password_hash = await parts.passwords.hash(password)
    async with parts.transactions.begin() as tx:
        await _add(parts, tx, _new(parts, tx, email, password_hash, role), None, None)


async def _keep_details(parts: Parts, tx: Transaction, account: Account, asked: Register) -> None:
    details = PersonalDetails(name=asked.name, birth_date=asked.birth_date)
    if sealed := details.sealed(parts.sealer, account.personal_key):
        await personal_details.add(tx, account.id, sealed)


def _new(parts: Parts, tx: Transaction, email: str, password_hash: str, role: Role) -> Account:
    key = parts.sealer.new_personal_key()
    return Account(new_id(), normalised(email), password_hash, role, tx.now, personal_key=key)


async def _add(
    parts: Parts, tx: Transaction, account: Account, origin: Origin | None, cause: Envelope[Register] | None
) -> bool:
    if not await accounts.add(tx, account):
        return False
    await record(tx, parts.sealer, [Happening(SecurityEventKind.REGISTERED, account, origin)])
    tx.say(UserRegistered(user_id=account.id, role=account.role, registered_at=account.created_at), cause)
    return True
