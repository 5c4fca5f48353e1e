"""The Prefer header (RFC 7240): how long the client wants to wait for an outcome."""

import re
from dataclasses import dataclass

from gateway.settings import MAX_WAIT_SECONDS

_WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,9})\"?")


@dataclass(frozen=True, slots=True)
class Preferences:
    """How long to wait, whether the first reply is enough, and what to say was applied."""

    wait_seconds: float
    respond_async: bool
    applied: str | None

    @property
    def headers(self) -> dict[str, str]:
        """What to say of it in the answer (RFC 7240 §3)."""
        return {"Preference-Applied": self.applied} if self.applied else {}


def preferences(header: str | None, default_wait: float) -> Preferences:
    """Read a Prefer header. What is unknown or malformed is ignored, as RFC 7240 §2 asks.

    `respond-async` together with `wait` means: wait that long, then answer 202 (§4.3), which is what `wait` does here.
    `wait=0` asks not to wait for the outcome; what has to be waited for all the same is that the request is recorded,
    or nobody could be told where its outcome follows. So it means `respond-async`, as §4.3 leaves open.
    """
    if not header:
        return Preferences(default_wait, respond_async=False, applied=None)
    tokens = [token.split(";")[0].strip().lower() for token in header.split(",")]
    waits = [match for token in tokens if (match := _WAIT.fullmatch(token))]
    if waits:
        seconds = min(int(waits[0][1]), int(MAX_WAIT_SECONDS))
        if seconds == 0:
            return Preferences(default_wait, respond_async=True, applied="wait=0")
        return Preferences(float(seconds), respond_async=False, applied=f"wait={seconds}")
    if "respond-async" in tokens:
        return Preferences(default_wait, respond_async=True, applied="respond-async")
    return Preferences(default_wait, respond_async=False, applied=None)
