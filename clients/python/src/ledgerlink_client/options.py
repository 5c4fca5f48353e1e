"""How a single request is asked, where the client's own way does not fit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What one call may ask for.

    `idempotency_key` repeats a call of before; left out, every call that moves money gets a key of its own. `wait`
    (seconds) or `respond_async` becomes the Prefer header (RFC 7240); with `respond_async` a 202 is the answer, else it
    is followed to its end. `deadline` (seconds) is how long the call may take, retries and all.
    """

    idempotency_key: str | None = None
    correlation_id: str | None = None
    wait: int | None = None
    respond_async: bool = False
    deadline: float | None = None

    @property
    def prefer(self) -> str | None:
        """The Prefer header."""
        preferences = ["respond-async"] if self.respond_async else []
        preferences += [] if self.wait is None else [f"wait={self.wait}"]
        return ", ".join(preferences) or None


AS_USUAL = Options()
