"""The event that is written without its model is what the model writes."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg.pgproto.pgproto
from hypothesis import given
from hypothesis import strategies as st

from apps.wallet.domain.resources import transfer_resource
from apps.wallet.domain.transfer import Posted
from apps.wallet.handlers.encoding import transfer_posted_json
from contracts.ids import new_id
from contracts.wallet import TransferPosted
from outbox.envelopes import data_json

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
# Ids that came from the database are of asyncpg's own class.
IDS = st.one_of(st.builds(new_id), st.builds(lambda: asyncpg.pgproto.pgproto.UUID(str(new_id()))))
MAYBE_IDS = st.none() | IDS
TEXTS = st.text(max_size=20)
POSTED = st.builds(
    Posted,
    IDS,
    IDS,
    IDS,
    st.integers(1, 10**12),
    st.sampled_from(["EUR", "USD"]),
    MAYBE_IDS,
    st.just(b""),
    st.integers(1, 10**15),
    MOMENTS,
    st.integers(),
    st.integers(),
    MOMENTS,
    MAYBE_IDS,
    MAYBE_IDS,
    MAYBE_IDS,
    st.none() | st.integers(1, 10**12),
    st.none() | st.dictionaries(TEXTS, TEXTS, max_size=3),
)


@given(POSTED)
def test_a_posted_transfer_is_written_as_its_model_writes_it(posted: Posted) -> None:
    model = TransferPosted.model_construct(transfer=transfer_resource(posted))
    assert transfer_posted_json(posted) == data_json(model)


def test_ids_of_both_classes_are_written_alike() -> None:
    text = "019a8f2e-7c00-7000-8000-000000000005"
    assert str(asyncpg.pgproto.pgproto.UUID(text)) == str(UUID(text)) == text
