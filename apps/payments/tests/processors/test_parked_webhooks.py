"""Operators see the webhooks that have not taken effect, and have one looked at again, also after it was given up."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.payments.domain.processing import Result, ResultStatus
from apps.payments.queries.parked_webhooks import list_parked_webhooks, retry_webhook
from apps.payments.tests.building import enveloped, late
from apps.payments.tests.processors.operations import dispute_news, insert_operation, operation_news, row_of
from apps.payments.tests.processors.webhook_room import WebhookRoom
from contracts.ids import new_id
from contracts.payments import ListParkedWebhooks, ParkedWebhook, RetryWebhook
from outbox.database import Database
from outbox.responder import Refused

LONG_AGO = timedelta(days=4)


@pytest.fixture
def room(database: Database) -> WebhookRoom:
    return WebhookRoom(database)


async def listed(room: WebhookRoom, **asked: Any) -> tuple[list[ParkedWebhook], UUID | None]:
    page = await list_parked_webhooks(room.database, enveloped(ListParkedWebhooks(**asked)))
    return page.webhooks, page.next_before


async def ids(room: WebhookRoom, **asked: Any) -> list[UUID]:
    return [webhook.id for webhook in (await listed(room, **asked))[0]]


async def retry(room: WebhookRoom, webhook: UUID) -> ParkedWebhook:
    return await retry_webhook(room.transactions, room.database, enveloped(RetryWebhook(id=webhook)))


async def test_what_waits_and_what_was_given_up_is_shown_with_what_it_names(room: WebhookRoom) -> None:
    named = new_id()
    (waiting,) = await room.keep(operation_news(named, reference="ref_1"))
    (given_up,) = await room.keep(dispute_news("ref_2"), age=LONG_AGO)
    assert await listed(room) == ([], None)  # not looked at yet
    await room.look()
    (second, first), following = await listed(room)
    assert (first.id, first.operation, first.reference, first.given_up) == (waiting, str(named), "ref_1", False)
    assert (second.id, second.operation, second.reference, second.given_up) == (given_up, None, "ref_2", True)
    assert first.next_look_at
    assert (first.processor, first.event, first.tries) == ("sandbox", "said", 1)
    assert (second.next_look_at, following) == (None, None)
    assert not {"headers", "body", "facts"} & ParkedWebhook.model_fields.keys()


async def test_pages_and_filters(room: WebhookRoom) -> None:
    given_up = await room.keep(*(dispute_news(f"ref_{n}") for n in range(3)), age=LONG_AGO)
    waiting = await room.keep(*(dispute_news(f"ref_{n}") for n in range(3)))
    await room.look()
    everything = [*reversed(given_up + waiting)]
    assert await ids(room) == everything
    assert await ids(room, given_up=True) == given_up[::-1]
    assert await ids(room, given_up=False) == waiting[::-1]
    found, before = [], None
    for _ in range(3):
        page, before = await listed(room, limit=2, before=before)
        found += [webhook.id for webhook in page]
    assert (found, before) == (everything, None)


async def test_a_webhook_that_was_given_up_takes_effect_after_all(room: WebhookRoom, database: Database) -> None:
    (webhook,) = await room.keep(operation_news(None), age=LONG_AGO)
    await room.look()
    assert await room.statuses() == ["attention"]
    operation = await insert_operation(database, reference="ref_1")
    await room.look()
    assert await room.statuses() == ["attention"]  # by itself it is not looked at any more
    shown = await retry(room, webhook)
    assert (shown.given_up, shown.tries, "inbound" in room.room.wakes) == (False, 1, True)
    await room.look()
    assert await room.statuses() == ["applied"]
    assert (await row_of(database, operation))["status"] == "succeeded"
    assert await ids(room) == []


async def test_what_is_still_about_nothing_is_given_up_again(room: WebhookRoom) -> None:
    (webhook,) = await room.keep(operation_news(None), age=LONG_AGO)
    await room.look()
    await retry(room, webhook)
    await room.look()
    ((shown,), _) = await listed(room)
    assert (shown.given_up, shown.tries) == (True, 2)


async def test_what_waits_is_looked_at_at_once_and_waits_on(room: WebhookRoom) -> None:
    (webhook,) = await room.keep(operation_news(None))
    await room.look()
    await retry(room, webhook)
    await room.look()
    ((shown,), _) = await listed(room)
    assert (shown.given_up, shown.tries) == (False, 2)


async def test_what_contradicts_is_shown_with_its_payment(room: WebhookRoom, database: Database) -> None:
    operation = await insert_operation(database)
    await room.keep(operation_news(operation), operation_news(operation, Result(ResultStatus.DECLINED, "ref_1")))
    await room.look()
    assert await room.statuses() == ["applied", "attention"]
    ((shown,), _) = await listed(room)
    assert (shown.payment_intent, shown.given_up) == ((await row_of(database, operation))["intent_id"], True)


async def test_nothing_else_is_looked_at_again(room: WebhookRoom, database: Database) -> None:
    operation = await insert_operation(database)
    (applied,) = await room.keep(operation_news(operation))
    await room.look()
    for webhook in (applied, new_id()):
        with pytest.raises(Refused) as raised:
            await retry(room, webhook)
        assert raised.value.problem.code == "parked_webhook_not_found"
    assert await room.statuses() == ["applied"]


async def test_nobody_waits_for_it_any_more(room: WebhookRoom) -> None:
    (webhook,) = await room.keep(operation_news(None), age=LONG_AGO)
    await room.look()
    with pytest.raises(Refused) as raised:
        await retry_webhook(room.transactions, room.database, late(enveloped(RetryWebhook(id=webhook))))
    assert raised.value.problem.code == "deadline_exceeded"
    assert await room.statuses() == ["attention"]
