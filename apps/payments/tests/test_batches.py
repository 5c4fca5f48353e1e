"""A batch costs a constant number of statements, however many messages it holds."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apps.payments.tests.building import approval, confirm, create, late, posted
from apps.payments.tests.room import Room
from outbox.transaction import Transaction


class Counting:
    """Counts the statements of each transaction's fetches and writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements = 0
        for name in ("fetch", "execute"):
            monkeypatch.setattr(Transaction, name, self._counted(getattr(Transaction, name)))

    def _counted(self, original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(*arguments: Any) -> Any:
            self.statements += 1
            return await original(*arguments)

        return counted

    def taken(self) -> int:
        """Return how many there were since the last time."""
        number, self.statements = self.statements, 0
        return number


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(monkeypatch)


async def statements_of_payments(room: Room, counting: Counting, number: int) -> list[int]:
    """Take `number` payments to their end, hop by hop; return each hop's statements."""
    commands = [create(confirm=False) for _ in range(number)]
    ids = [command.data.payment_intent_id for command in commands]
    counts = []
    counting.taken()
    await room.deliver(*commands)
    counts.append(counting.taken())
    await room.deliver(*[confirm(identifier) for identifier in ids])
    counts.append(counting.taken())
    await room.deliver(*[approval(await room.assessment(identifier)) for identifier in ids])
    counts.append(counting.taken())
    await room.deliver(*[posted(await room.post(identifier)) for identifier in ids])
    counts.append(counting.taken())
    await room.deliver(*map(late, commands))
    return [*counts, counting.taken()]


async def test_statements_do_not_grow_with_the_batch(room: Room, counting: Counting) -> None:
    """Inbox, and then, with hops (h), endpoints that ask for events (e), answers (a) and what is said (s) at the end:

    key, lock, insert, h, e, a, s | key, lock, update, h, s | lock, update, ask, h, s |
    lock, operations, update, settle, h, e, a, s | key
    """
    expected = [8, 6, 6, 9, 2]
    assert await statements_of_payments(room, counting, 1) == expected
    assert await statements_of_payments(room, counting, 20) == expected


async def test_a_sweep_is_a_handful_of_statements(room: Room, counting: Counting) -> None:
    await room.deliver(*[create() for _ in range(20)])
    await room.database.pool.execute("UPDATE payment_intent SET deadline_at = now() WHERE deadline_at IS NOT NULL")
    counting.taken()
    assert len(await room.sweep()) == 20
    assert counting.taken() == 8  # overdue, lock, operations, update, hops, endpoints, answers, said
    assert await room.sweep() == []
    assert counting.taken() == 1
