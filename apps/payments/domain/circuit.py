"""A circuit breaker per processor: after too much trouble nothing is sent for a while, then one call probes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class CircuitState(StrEnum):
    """closed: calls go. open: none goes. half_open: one call is on its way to find out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a circuit opens: of the `latest` calls `within` a time, at least `troubles`, and half of all, went wrong.

    It stays open for `pause`, and twice as long each time that its probe fails, at most `longest_pause`. A probe that
    says nothing within `probe` is given up for another one.
    """

    troubles: int = 5
    latest: int = 20
    within: timedelta = timedelta(seconds=60)
    pause: timedelta = timedelta(seconds=10)
    longest_pause: timedelta = timedelta(minutes=5)
    probe: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that ended, well or in trouble."""

    at: datetime
    well: bool


@dataclass(frozen=True, slots=True)
class Circuit:
    """One processor's circuit. `openings` counts those in a row; `until` is when it may be probed, unless closed."""

    limits: Limits = Limits()
    state: CircuitState = CircuitState.CLOSED
    recent: tuple[Ended, ...] = ()
    openings: int = 0
    until: datetime | None = None

    def lets_through(self, now: datetime) -> bool:
        """Tell whether a call may go now. Whoever lets one go says so by `sent`."""
        return self.until is None or now >= self.until

    def sent(self, now: datetime) -> "Circuit":
        """Return the circuit after a call went: it is the probe, if the circuit was not closed."""
        if self.state is CircuitState.CLOSED:
            return self
        return replace(self, state=CircuitState.HALF_OPEN, until=now + self.limits.probe)

    def ended(self, now: datetime, *, well: bool) -> "Circuit":
        """Return the circuit after a call ended. What was sent before it opened tells nothing while it is open."""
        match self.state:
            case CircuitState.OPEN:
                return self
            case CircuitState.HALF_OPEN:
                return Circuit(self.limits) if well else _opened(self, now)
            case CircuitState.CLOSED:
                since = now - self.limits.within
                recent = [call for call in self.recent if call.at > since][1 - self.limits.latest :]
                noted = replace(self, recent=(*recent, Ended(now, well)))
                return noted if _is_bearable(noted) else _opened(noted, now)


def _is_bearable(circuit: Circuit) -> bool:
    troubles = sum(not call.well for call in circuit.recent)
    return troubles < circuit.limits.troubles or troubles * 2 < len(circuit.recent)


def _opened(circuit: Circuit, now: datetime) -> Circuit:
    limits = circuit.limits
    doublings = min(circuit.openings, 20)
    pause = min(limits.pause * 2**doublings, limits.longest_pause)
    return Circuit(limits, CircuitState.OPEN, (), circuit.openings + 1, now + pause)
