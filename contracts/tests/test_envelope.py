"""An envelope whose data type is only known as `Message` still says all of its data."""

from datetime import UTC, datetime

from contracts.identity import Role, UserRegistered
from contracts.ids import new_id
from contracts.message import Envelope, Message, decode


def test_a_constructed_envelope_carries_the_data_of_the_message_itself() -> None:
    message = UserRegistered(user_id=new_id(), role=Role.CUSTOMER, registered_at=datetime.now(UTC))
    envelope = Envelope[Message].model_construct(
        id=new_id(), source="/ledgerlink/identity", type="t", time=datetime.now(UTC), correlationid="c", data=message
    )
    assert decode(envelope.encode(), UserRegistered).data == message
