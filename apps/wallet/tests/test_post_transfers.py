from apps.wallet.audit import audit
from apps.wallet.tests.bank import Bank, payment
from contracts.ids import new_id


async def test_a_payment_moves_money(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=1000), await bank.wallet()
    await bank.said()
    command = payment(ann, source, target, 400)
    assert await bank.post(command) == [None]
    assert await bank.balances([source, target]) == [600, 400]
    [(subject, event)] = await bank.said()
    assert subject == "wallet.events.transfer.posted"
    assert event["causationid"] == str(command.id)
