"""What a presented refresh token gets: judged against the whole history of its session, which is not kept."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.identity.domain.refresh_tokens import (
    GRACE,
    MOST_REPLACED,
    PREFIX,
    Presented,
    Verdict,
    is_genuine,
    present,
    read,
    write,
)
from apps.identity.domain.secret_tokens import Derivation
from apps.identity.domain.sessions import OpenSession
from apps.identity.tests.conftest import TOKEN_KEY
from contracts.identity import FIRST_PARTY_CLIENT, Acr, RevocationReason, Scope
from contracts.ids import new_id

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
IDLE = timedelta(days=14)
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
DERIVATION = Derivation([TOKEN_KEY])


def session(jkt: str | None = None) -> OpenSession:
    return OpenSession(
        id=new_id(),
        user=new_id(),
        client_id=FIRST_PARTY_CLIENT,
        scopes=(Scope.PROFILE,),
        jkt=jkt,
        salt=b"salt",
        generation=1,
        replaced=(),
        acr=Acr.ONE_FACTOR,
        methods=("pwd",),
        authenticated_at=START,
        created_at=START,
        last_used_at=START,
        expires_at=START + timedelta(days=30),
    )


def own(generation: int, jkt: str | None = None) -> Presented:
    return Presented(generation, FIRST_PARTY_CLIENT, jkt)


@dataclass
class History:
    """All that ever happened to a session: the instant at which each generation was replaced, the first one first."""

    replaced: list[datetime] = field(default_factory=list)
    ended: bool = False

    @property
    def generation(self) -> int:
        return len(self.replaced) + 1

    def expected(self, generation: int, now: datetime, *, stolen: bool) -> Verdict:
        if self.ended:
            return Verdict.NOT_VALID
        if stolen:
            return Verdict.REUSED
        if generation == self.generation:
            lately = sum(now - at <= GRACE for at in self.replaced)
            return Verdict.TOO_QUICK if lately >= MOST_REPLACED else Verdict.ROTATED
        return Verdict.REPEATED if now - self.replaced[generation - 1] <= GRACE else Verdict.REUSED


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.0, 0.001, 2.5, 10.0, 10.001, 300.0]),  # how long nothing happens
        st.integers(0, 3) | st.integers(0, 60),  # how many generations back the presented one is
        st.integers(0, 39).map(lambda chance: chance == 0),  # whether it is another client's
    ),
    max_size=150,
)


@given(ACTIONS)
def test_every_interleaving_is_judged_as_if_all_history_were_kept(actions: list[tuple[float, int, bool]]) -> None:
    known, history, now = session(), History(), START
    for pause, back, stolen in actions:
        now += timedelta(seconds=pause)
        generation = max(1, history.generation - back)
        expected = history.expected(generation, now, stolen=stolen)
        decision = present(known, replace(own(generation), client_id="thief" if stolen else "ledgerlink"), now, IDLE)
        assert decision.verdict is expected
        assert decision.successor == (generation + 1 if expected in {Verdict.ROTATED, Verdict.REPEATED} else None)
        if expected is Verdict.ROTATED:
            history.replaced.append(now)
        history.ended |= expected is Verdict.REUSED
        known = decision.session
        assert (known.end_reason is not None) == history.ended
        assert len(known.replaced) <= MOST_REPLACED


@given(st.lists(st.tuples(st.floats(0, 3600), st.booleans()), max_size=60))
def test_a_client_that_hears_only_some_answers_and_asks_again_soon_is_never_logged_out(
    requests: list[tuple[float, bool]],
) -> None:
    """It presents the newest token that it has heard of; when it hears nothing it asks again within the grace."""
    known, mine, now = session(), 1, START
    for pause, heard in requests:
        now += timedelta(seconds=pause)
        decision = present(known, own(mine), now, IDLE)
        known = decision.session
        if not heard:
            now += GRACE
            again = present(known, own(mine), now, IDLE)
            assert again.successor == decision.successor
            known = again.session
        assert known.end_reason is None
        mine = decision.successor or mine


@given(st.floats(10.001, 10**6), st.integers(1, 40))
def test_a_stolen_token_that_comes_later_ends_the_session_for_both(late: float, rotations: int) -> None:
    known, now = session(), START
    for generation in range(1, rotations + 1):
        known = present(known, own(generation), now, timedelta(days=365)).session
        now += timedelta(seconds=1)
    ended = present(known, own(1), START + timedelta(seconds=late), timedelta(days=365))
    assert ended.verdict is Verdict.REUSED
    assert ended.session.end_reason is RevocationReason.REFRESH_TOKEN_REUSED
    assert present(ended.session, own(rotations + 1), now, IDLE).verdict is Verdict.NOT_VALID


def test_whoever_has_another_key_ends_a_session_that_is_bound_to_one() -> None:
    bound = session(JKT)
    assert present(bound, own(1, JKT), START, IDLE).verdict is Verdict.ROTATED
    for jkt in (None, JKT[::-1]):
        assert present(bound, own(1, jkt), START, IDLE).verdict is Verdict.REUSED


def test_a_session_that_is_bound_to_no_key_does_not_ask_for_one() -> None:
    assert present(session(), own(1, JKT), START, IDLE).verdict is Verdict.ROTATED


@pytest.mark.parametrize("later", [timedelta(days=14), timedelta(days=30)])
def test_a_session_ends_by_itself(later: timedelta) -> None:
    known = session()
    if later > IDLE:
        known = replace(known, last_used_at=START + timedelta(days=29))
    just_before = START + later - timedelta(microseconds=1)
    assert present(known, own(1), just_before, IDLE).verdict is Verdict.ROTATED
    assert present(known, own(1), START + later, IDLE).verdict is Verdict.NOT_VALID


def test_a_token_that_a_lost_database_gave_is_no_proof_of_theft() -> None:
    decision = present(session(), own(5), START, IDLE)
    assert (decision.verdict, decision.session.end_reason) == (Verdict.NOT_VALID, None)


def test_clocks_of_replicas_may_differ() -> None:
    rotated = present(session(), own(1), START, IDLE).session
    earlier = START - timedelta(seconds=3)
    assert present(rotated, own(1), earlier, IDLE).verdict is Verdict.REPEATED
    again = present(rotated, own(2), earlier, IDLE).session
    assert again.replaced == (START, START)
    assert again.last_used_at == START


@given(st.integers(1, 2**63 - 1))
def test_a_token_is_read_as_it_was_written_and_is_always_the_same(generation: int) -> None:
    known = session()
    text = write(DERIVATION, known, generation)
    token = read(text)
    assert token is not None
    assert (token.session, token.generation) == (known.id, generation)
    assert is_genuine(DERIVATION, known, token)
    assert write(DERIVATION, known, generation) == text
    assert text.startswith(PREFIX)


@given(st.data())
def test_no_changed_token_is_genuine(data: st.DataObject) -> None:
    known = session()
    text = write(DERIVATION, known, 1)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("abcXYZ019-_=€ \x00").filter(lambda character: character != text[place]))
    token = read(text[:place] + other + text[place + 1 :])
    assert token is None or not is_genuine(DERIVATION, known, token)


@given(st.text(max_size=100) | st.text("abcAB01-_", max_size=100).map(PREFIX.__add__))
def test_any_text_is_read_or_is_none(text: str) -> None:
    token = read(text)
    assert token is None or not is_genuine(DERIVATION, session(), token)


def test_knowing_the_session_is_not_enough_to_write_its_tokens() -> None:
    known = session()
    token = read(write(DERIVATION, replace(known, salt=b"other"), 1))
    assert token is not None
    assert not is_genuine(DERIVATION, known, token)


def test_tokens_of_a_key_that_has_been_replaced_are_genuine_still() -> None:
    known = session()
    token = read(write(DERIVATION, known, 1))
    assert token is not None
    other = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    assert is_genuine(Derivation([other, TOKEN_KEY]), known, token)
    assert not is_genuine(Derivation([other]), known, token)
