from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.payments.domain.circuit import Circuit, CircuitState, Limits

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits()
SECOND = timedelta(seconds=1)


def after(circuit: Circuit, ends: str, at: datetime = START) -> Circuit:
    """The circuit after calls that ended well (w) or in trouble (t), one a second."""
    for number, end in enumerate(ends):
        now = at + number * SECOND
        circuit = circuit.sent(now).ended(now, well=end == "w")
    return circuit


def test_a_new_circuit_lets_all_through() -> None:
    assert Circuit().lets_through(START)


def test_five_troubles_open_it() -> None:
    assert after(Circuit(), "tttt").state is CircuitState.CLOSED
    opened = after(Circuit(), "ttttt")
    assert opened.state is CircuitState.OPEN
    assert not opened.lets_through(START + 13 * SECOND)
    assert opened.lets_through(START + 14 * SECOND)


def test_troubles_among_successes_are_borne() -> None:
    assert after(Circuit(), "twwtwwtwwtwwtwwtww").state is CircuitState.CLOSED
    assert after(Circuit(), "twtwtwtwt").state is CircuitState.OPEN


def test_old_troubles_are_forgotten() -> None:
    circuit = after(Circuit(), "tttt")
    assert after(circuit, "t", START + timedelta(minutes=2)).state is CircuitState.CLOSED


def test_one_probe_goes_at_a_time() -> None:
    opened = after(Circuit(), "ttttt")
    later = START + timedelta(minutes=1)
    probing = opened.sent(later)
    assert probing.state is CircuitState.HALF_OPEN
    assert not probing.lets_through(later)
    assert not probing.lets_through(later + LIMITS.probe - SECOND)
    assert probing.lets_through(later + LIMITS.probe)  # the probe said nothing


def test_a_good_probe_closes_it() -> None:
    later = START + timedelta(minutes=1)
    circuit = after(Circuit(), "ttttt").sent(later).ended(later, well=True)
    assert circuit == Circuit()


def test_a_bad_probe_opens_it_for_longer() -> None:
    circuit = after(Circuit(), "ttttt")
    now, pauses = START, []
    for _ in range(8):
        assert circuit.until is not None
        now = max(now, circuit.until)
        circuit = circuit.sent(now).ended(now, well=False)
        assert circuit.until is not None
        pauses.append((circuit.until - now).total_seconds())
    assert pauses == [20, 40, 80, 160, 300, 300, 300, 300]


def test_what_ends_while_it_is_open_changes_nothing() -> None:
    opened = after(Circuit(), "ttttt")
    assert opened.ended(START + 6 * SECOND, well=True) is opened
    assert opened.ended(START + 6 * SECOND, well=False) is opened


STEPS = st.lists(st.tuples(st.sampled_from(["send", "well", "trouble"]), st.integers(0, 90_000)), max_size=200)


@given(STEPS)
def test_it_is_bounded_and_always_opens_again(steps: list[tuple[str, int]]) -> None:
    circuit, now = Circuit(), START
    for step, milliseconds in steps:
        now += timedelta(milliseconds=milliseconds)
        if step != "send":
            circuit = circuit.ended(now, well=step == "well")
        elif circuit.lets_through(now):
            circuit = circuit.sent(now)
        assert len(circuit.recent) <= LIMITS.latest
        assert (circuit.until is None) == (circuit.state is CircuitState.CLOSED)
        assert circuit.lets_through(now + LIMITS.longest_pause)
        if circuit.state is CircuitState.CLOSED:
            troubles = sum(not call.well for call in circuit.recent)
            assert troubles < LIMITS.troubles or troubles * 2 < len(circuit.recent)


@given(st.lists(st.booleans(), max_size=100))
def test_less_trouble_than_the_limit_never_opens_it(ends: list[bool]) -> None:
    circuit, troubles = Circuit(), 0
    for well in ends:
        troubles += not well
        if troubles >= LIMITS.troubles:
            return
        circuit = circuit.ended(START, well=well)
        assert circuit.state is CircuitState.CLOSED
