"""New passwords: whether they will do, and their hashes."""

from apps.identity.domain.password_rules import weakness
from apps.identity.domain.passwords import OverloadedError
from apps.identity.handlers.authenticating import overloaded
from apps.identity.handlers.parts import Parts
from outbox.responder import Refused


async def checked_hash(parts: Parts, password: str, email: str) -> str:
    """Return the hash of a password that an account of this address may have.

    Raises Refused with `password_too_weak` or `overloaded`.
    """
    await refuse_weak(parts, password, email)
    return await hashed(parts, password)


async def refuse_weak(parts: Parts, password: str, email: str) -> None:
    """Let a password pass that is hard enough to guess. Raises Refused with `password_too_weak` or `overloaded`."""
    try:
        advice = await parts.passwords.beside(weakness, password, email)
    except OverloadedError:
        raise overloaded() from None
    if advice is not None:
        raise Refused("password_too_weak", f"The password is too easy to guess. {advice}", "password")


async def hashed(parts: Parts, password: str) -> str:
    """Return the hash of a password that was checked. Raises Refused with `overloaded`."""
    try:
        return await parts.passwords.hash(password)
    except OverloadedError:
        raise overloaded() from None
