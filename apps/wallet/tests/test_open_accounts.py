from apps.wallet.tests.bank import PASSED, Bank, code, idempotency, opening
from contracts.ids import new_id


async def test_an_opened_wallet_is_answered_and_said(bank: Bank) -> None:
    account, owner = new_id(), new_id()
    command = opening(account, owner)
    [reply] = await bank.open(command)
    assert code(reply) == "completed"
    resource = dict(reply.resource)
    [(subject, event)] = await bank.said()
    assert resource.pop("created_at") == event["data"].pop("opened_at")
    assert resource == {
        "id": str(account),
        "owner": str(owner),
        "currency": "EUR",
        "balance": 0,
        "floor": 0,
        "held": 0,
        "available": 0,
        "kind": "wallet",
        "type": "liability",
        "normal_side": "credit",
        "wallet": str(account),
        "frozen": "none",
        "metadata": {},
    }
    assert subject == "wallet.events.account.opened"
    assert event["data"] == {"account_id": str(account), "owner": str(owner), "currency": "EUR", "kind": "wallet"}
    assert event["causationid"] == str(command.id)


async def test_a_used_key_is_answered_again_and_opens_nothing(bank: Bank) -> None:
    owner, key = new_id(), idempotency()
    first, again = opening(new_id(), owner, idempotency=key), opening(new_id(), owner, idempotency=key)
    other = opening(new_id(), owner, idempotency=idempotency(key.key, "1" * 64))
    [one, two, three] = await bank.open(first, again, other)
    # Within one batch the first is still being worked on; asked again after it, its answer is there.
    assert [code(one), code(two)] == ["completed", "refused idempotency_key_in_progress"]
    assert code(three) == "refused idempotency_key_reused"
    assert await bank.open(opening(new_id(), owner, idempotency=key)) == [one]
    assert await bank.database.pool.fetchval("SELECT count(*) FROM account") == 1


async def test_an_open_account_can_be_opened_again_by_its_owner_only(bank: Bank) -> None:
    account, owner = new_id(), new_id()
    first, same, thief, foreign = await bank.open(
        opening(account, owner), opening(account, owner), opening(account, new_id()), opening(account, owner, "USD")
    )
    assert same == first
    assert [code(reply) for reply in (first, thief, foreign)] == ["completed", *["refused account_id_reused"] * 2]
    assert await bank.database.pool.fetchval("SELECT count(*) FROM account") == 1


async def test_a_late_opening_is_refused_without_using_up_its_key(bank: Bank) -> None:
    account, owner, key = new_id(), new_id(), idempotency()
    [reply] = await bank.open(opening(account, owner, idempotency=key, deadline=PASSED))
    assert code(reply) == "refused deadline_exceeded"
    [reply] = await bank.open(opening(account, owner, idempotency=key))
    assert code(reply) == "completed"
