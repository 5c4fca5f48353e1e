"""What the payments service needs of a processor; everything else about one stays in its adapter."""

from collections.abc import Mapping
from typing import Protocol

from apps.payments.domain.processing import Call, ProcessorEvent, Result

TOLERANCE_SECONDS = 300
"""How far a webhook's timestamp may be from now: what is older may be a recorded one that somebody sends again."""


class SignatureError(Exception):
    """A webhook is not signed by the processor, or too long ago."""


class MalformedWebhookError(Exception):
    """A webhook is signed well and says nothing that can be understood."""


class Processor(Protocol):
    """One account at a processor. Its calls end within its time-out, and trouble is a result, not an exception."""

    @property
    def name(self) -> str:
        """What routes, operations and the clearing account call it."""

    async def execute(self, call: Call) -> Result:
        """Do it, or have it done already: a call's `operation_id` has one effect, however often it is executed.

        `failed` says that this execution certainly had none.
        """

    async def query(self, call: Call, reference: str | None) -> Result:
        """Ask what became of a call; `reference` is the processor's name for it, where it told one. Never `failed`."""

    def event_of(self, headers: Mapping[str, str], body: bytes) -> ProcessorEvent:
        """Verify and read a webhook; header names are lower-case. Raises SignatureError, MalformedWebhookError."""

    async def close(self) -> None:
        """Close its connections."""
