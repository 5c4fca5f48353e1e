from datetime import UTC, datetime, timedelta

import pytest

from apps.risk.handlers import forget_history as job
from apps.risk.tests.desk import Desk, request
from contracts.ids import new_id


async def test_who_was_not_seen_for_long_is_forgotten_in_bounded_chunks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "CHUNK", 2)
    now = datetime.now(UTC)
    ages = [timedelta(days=402), timedelta(days=403), timedelta(days=404), timedelta(days=399), timedelta(0)]
    await desk.assess(*(request(new_id(), 1, at=now - age) for age in ages))
    left = []
    for _ in range(3):
        async with desk.transactions.begin() as tx:
            await job.forget_history(timedelta(days=400), tx)
        left.append(await desk.count("feature_state"))
    assert left == [3, 2, 2]
    assert await desk.count("decision") == 5
