"""Streams, durables and permissions follow from the messages, and grant nothing more."""

import pytest

from contracts.message import REGISTRY, Kind
from contracts.risk import DraftRuleSet, ImportLabels, RegisterModel, StartBacktest
from contracts.topology import DURABLES, SERVICES, USERS, permissions, stream_of, streams
from contracts.wallet import ImportLines

LARGE = {ImportLines, RegisterModel, DraftRuleSet, ImportLabels, StartBacktest}
"""Hundreds of lines each, a whole model or a whole rule set."""


def test_every_stored_subject_is_held_by_exactly_one_stream() -> None:
    held = [subject for stream in streams() for subject in stream.subjects]
    assert len(held) == len(set(held))
    for message in REGISTRY.values():
        assert (message.contract.stream is None) == (message.contract.subject not in held)


def test_every_command_and_decision_is_consumed_by_its_owner_or_requester() -> None:
    consumed = {message.contract.type: d.service for d in DURABLES for message in d.messages}
    for message in REGISTRY.values():
        if message.contract.kind is Kind.COMMAND:
            assert consumed[message.contract.type] == message.contract.owner


def test_durables_read_one_stream_and_subjects_that_it_holds() -> None:
    by_name = {stream.name: stream for stream in streams()}
    for durable in DURABLES:
        for subject in durable.subjects:
            assert stream_of(subject) == durable.stream
        assert durable.stream in by_name
        assert durable.max_ack_pending >= (1 if LARGE & set(durable.messages) else 1000)


@pytest.mark.parametrize("user", [*SERVICES, "gateway"])
def test_no_user_may_say_another_owners_events_or_manage_streams(user: str) -> None:
    granted = permissions(user).publish
    for subject in granted:
        assert subject not in {">", "*", "$JS.API.>"}
        owner, kind, *_ = subject.split(".")
        if kind in {"events", "decisions"}:
            assert owner == user
        assert not subject.startswith(("$JS.API.STREAM.CREATE", "$JS.API.STREAM.DELETE", "$JS.API.STREAM.UPDATE"))


def test_an_inbox_is_its_users_own() -> None:
    for user in USERS:
        inboxes = [s for s in permissions(user).subscribe if s.startswith("_INBOX")]
        assert inboxes == [f"_INBOX_{user}.>"]


def test_a_subject_that_no_stream_takes_is_an_error() -> None:
    with pytest.raises(LookupError):
        stream_of("wallet.queries.get_accounts")
