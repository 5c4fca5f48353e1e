"""A key and its fingerprint give the first answer again; another request under the key is refused."""

from datetime import UTC, datetime, timedelta

from contracts.message import Envelope, Idempotency, Outcome, Reply
from contracts.wallet import OpenAccount
from outbox.tests.conftest import open_account
from outbox.transaction import Transactions


def asking(key: str, fingerprint: str = "a") -> Envelope[OpenAccount]:
    command = open_account(replyto="gateway.replies.here")
    asked = Idempotency(scope="ada", key=key, fingerprint=fingerprint * 64)
    return command.model_copy(update={"data": command.data.model_copy(update={"idempotency": asked})})


async def ask(
    transactions: Transactions, *commands: Envelope[OpenAccount], answer: bool = True
) -> tuple[int, list[Reply]]:
    """Return how many were new, and the replies."""
    async with transactions.begin() as tx:
        new = await tx.first_time(commands)
        for command in new:
            if answer:
                tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource={"id": str(command.data.account_id)}))
    replies = [Envelope[Reply].model_validate_json(payload).data for _, payload in tx.spoken.replies]
    return len(new), replies


async def test_the_same_request_gets_the_same_answer(transactions: Transactions) -> None:
    first, [original] = await ask(transactions, asking("k1"))
    again, [repeated] = await ask(transactions, asking("k1"))
    assert (first, again) == (1, 0)
    assert repeated == original


async def test_another_request_under_the_key_is_refused_and_changes_nothing(transactions: Transactions) -> None:
    _, [original] = await ask(transactions, asking("k1"))
    _, [refused] = await ask(transactions, asking("k1", fingerprint="b"))
    assert refused.problem is not None
    assert (refused.outcome, refused.problem.code) == (Outcome.REFUSED, "idempotency_key_reused")
    _, [repeated] = await ask(transactions, asking("k1"))
    assert repeated == original


async def test_a_key_whose_request_is_under_way_says_so(transactions: Transactions) -> None:
    await ask(transactions, asking("k1"), answer=False)
    new, [refused] = await ask(transactions, asking("k1"))
    assert new == 0
    assert refused.problem is not None
    assert refused.problem.code == "idempotency_key_in_progress"


async def test_of_two_requests_with_one_key_in_one_batch_the_first_wins(transactions: Transactions) -> None:
    first, second, other = asking("k1"), asking("k1"), asking("k2")
    new, replies = await ask(transactions, first, second, other)
    assert new == 2
    assert [r.problem.code if r.problem else None for r in replies] == ["idempotency_key_in_progress", None, None]


async def test_a_key_counts_within_its_scope_only(transactions: Transactions) -> None:
    command = asking("k1")
    elsewhere = command.data.idempotency.model_copy(update={"scope": "grace"})
    other = command.model_copy(update={"data": command.data.model_copy(update={"idempotency": elsewhere})})
    assert (await ask(transactions, command, other))[0] == 2


def late(command: Envelope[OpenAccount]) -> Envelope[OpenAccount]:
    return command.model_copy(update={"deadline": datetime.now(UTC) - timedelta(seconds=1)})


async def test_a_late_command_is_refused_and_leaves_its_key_free(transactions: Transactions) -> None:
    new, [refused] = await ask(transactions, late(asking("k1")))
    assert new == 0
    assert refused.problem is not None
    assert refused.problem.code == "deadline_exceeded"
    assert (await ask(transactions, asking("k1")))[0] == 1


async def test_a_late_repetition_gets_the_first_answer(transactions: Transactions) -> None:
    _, [original] = await ask(transactions, asking("k1"))
    _, [repeated] = await ask(transactions, late(asking("k1")))
    assert repeated == original
