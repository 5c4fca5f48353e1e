"""The desk at which analysts work in tests: commands about cases and labels in, answers and what was said out."""

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from apps.risk.domain.cases import CasePolicy
from apps.risk.handlers import labels
from apps.risk.handlers.cases import CaseWork
from apps.risk.tests.desk import ANSWER_TO, Desk
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, envelope_of
from contracts.payments import Dispute, DisputeClosed, DisputeFunds, DisputeOpened, DisputeStatus
from contracts.risk import ImportLabels, LabelPayment

M = TypeVar("M", bound=Message)


def enveloped(message: M, **facts: Any) -> Envelope[M]:
    """Return a message as it is delivered."""
    known = {
        "id": new_id(),
        "source": "/ledgerlink/gateway",
        "type": message.contract.type,
        "time": datetime.now(UTC),
        "correlationid": "case",
        "replyto": ANSWER_TO,
        "data": message,
    }
    return envelope_of(type(message))(**known | facts)


def commanded(kind: type[M], **facts: Any) -> Envelope[M]:
    """Return a command of an analyst, under a key of its own."""
    idempotency = Idempotency(scope="analyst", key=str(new_id()), fingerprint="0" * 64)
    return enveloped(kind.model_validate({"idempotency": idempotency} | facts))


def disputed(payment: UUID, status: str, at: datetime, reason: str = "fraudulent") -> Envelope[Any]:
    """Return what payments says of a dispute."""
    dispute = Dispute(
        id=new_id(),
        payment_intent=payment,
        processor="sandbox",
        amount=1,
        currency="EUR",
        reason=reason,
        status=DisputeStatus(status),
        funds=DisputeFunds.HELD,
        created_at=at,
        updated_at=at,
    )
    is_over = status in {"won", "lost"}
    return enveloped(DisputeClosed(dispute=dispute) if is_over else DisputeOpened(dispute=dispute), replyto=None)


class CaseDesk:
    """What is asked of the handlers of cases and labels, on the database of a desk."""

    def __init__(self, desk: Desk, policy: CasePolicy) -> None:
        self.desk = desk
        self._work = CaseWork(policy)

    async def work(self, *commands: Envelope[Any], at: datetime | None = None) -> list[str]:
        """Hand over a batch about cases, at some time; return for each the status, or the problem's code."""
        async with self.desk.transactions.begin() as tx:
            tx.now = at or tx.now
            await self._work.work(tx, commands)
        return [self._told(command, "status") for command in commands]

    async def label(self, *commands: Envelope[LabelPayment | ImportLabels]) -> list[str]:
        """Hand over a batch of labels; return for each what is known, or the problem's code."""
        async with self.desk.transactions.begin() as tx:
            await labels.label(tx, commands)
        return [self._told(command, "label") for command in commands]

    async def hear(self, *events: Envelope[Any]) -> None:
        """Hand over a batch of what disputes say."""
        async with self.desk.transactions.begin() as tx:
            await labels.hear_disputes(tx, events)

    def _told(self, command: Envelope[Any], member: str) -> str:
        reply = self.desk.replies[command.id]
        return reply.problem.code if reply.problem else str(reply.resource.get(member, "taken"))
