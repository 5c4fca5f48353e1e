"""Takes the messages that users are sent."""

import re
from dataclasses import dataclass, field

from apps.identity.domain.messages import Mail
from apps.identity.handlers.parts import Parts
from apps.identity.workers.send_messages import Mailing, MessageWorker, SendFailedError


@dataclass
class Mailbox:
    """A sender that keeps what it is given, unless it is told to fail."""

    mails: list[Mail] = field(default_factory=list)
    fails: bool = False
    attempts: int = 0

    async def send(self, mail: Mail) -> None:
        self.attempts += 1
        if self.fails:
            raise SendFailedError("the server is away")
        self.mails.append(mail)

    def worker(self, parts: Parts) -> MessageWorker:
        return MessageWorker(
            parts.transactions, Mailing(self, parts.sealer, parts.lifetimes, "https://ledgerlink.example")
        )

    async def empty(self, parts: Parts) -> list[Mail]:
        """Send what is due, and take it out."""
        worker = self.worker(parts)
        while await worker.drain():
            pass
        mails, self.mails = self.mails, []
        return mails


def token_in(mail: Mail) -> str:
    found = re.search(r"^(ll[vp]_[\w-]+)$", mail.text, re.MULTILINE)
    assert found, mail.text
    return found.group(1)
