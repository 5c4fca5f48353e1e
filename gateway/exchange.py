"""One command on its way: what was sent, and what its owner has answered so far."""

import asyncio
from uuid import UUID

from contracts.message import Envelope, Message, Outcome, Reply


class Exchange:
    """A command and its replies. Its message id stays the same however often it is sent, so it is worked on once."""

    __slots__ = ("_enough", "_latest", "_wants_final", "event_id", "payload", "stream", "subject")

    def __init__(self, command: Envelope[Message], *, wants_final: bool) -> None:
        contract = command.data.contract
        if contract.stream is None:
            raise ValueError(f"{contract.type} is not a command")
        self.event_id: UUID = command.id
        self.subject = contract.subject
        self.stream = contract.stream
        self.payload = command.encode()
        self._wants_final = wants_final
        self._latest: Reply | None = None
        self._enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_unheard(self) -> bool:
        """Whether it is still waited for and nobody has answered yet, so that it is to be sent again."""
        return self._latest is None and not self._enough.done()

    def take(self, reply: Reply) -> None:
        """Take a reply: the final one ends the waiting, and so does the first where that is enough."""
        if self._enough.done():
            return
        self._latest = reply
        if reply.outcome is not Outcome.ACCEPTED or not self._wants_final:
            self._enough.set_result(None)

    async def reply(self, seconds: float) -> Reply | None:
        """Wait for a reply that is enough, at most `seconds`; return the latest, None when there was none."""
        timer = asyncio.get_running_loop().call_later(seconds, self.close)
        try:
            await self._enough
        finally:
            timer.cancel()
            self.close()
        return self._latest

    def close(self) -> None:
        """Stop waiting."""
        if not self._enough.done():
            self._enough.set_result(None)
