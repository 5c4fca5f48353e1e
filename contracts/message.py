"""What a message is: its kind, who owns it, who may send it, where it travels, and its CloudEvents envelope."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from pydantic import UUID7, AwareDatetime, BaseModel, ConfigDict, Field, SerializeAsAny

SOURCE_PREFIX = "/ledgerlink/"
GATEWAY_REPLIES = "gateway.replies"
"""Replies to commands go to `gateway.replies.<gateway instance>`, which the command names in `replyto`."""


class Kind(StrEnum):
    """The kinds of message; each has its own transport (see docs/asyncapi)."""

    COMMAND = "commands"
    EVENT = "events"
    DECISION = "decisions"
    QUERY = "queries"
    REPLY = "replies"
    DEAD_LETTER = "dlq"


@dataclass(frozen=True)
class Contract:
    """How one message type travels. `subject` of a decision ends in the requester's name: `risk.decisions.*`."""

    kind: Kind
    owner: str
    subject: str
    type: str
    senders: tuple[str, ...]
    answer: "AnswerType" = None

    @property
    def stream(self) -> str | None:
        """The JetStream stream that holds this message; None when it travels over core NATS only."""
        match self.kind:
            case Kind.QUERY | Kind.REPLY:
                return None
            case Kind.DEAD_LETTER:
                return "DEAD_LETTERS"
            case _:
                return f"{self.owner}_{self.kind.value}".upper()


class Message(BaseModel):
    """The data of an envelope: immutable; readers ignore fields they do not know, so that a type may grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    contract: ClassVar[Contract]


REGISTRY: dict[str, type[Message]] = {}
"""CloudEvents `type` -> message class, for every published message type."""

AnswerType: TypeAlias = type[Message] | None
M = TypeVar("M", bound=Message)


class _Publish:
    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def __call__(self, message: type[M]) -> type[M]:
        message.contract = self.contract
        REGISTRY[self.contract.type] = message
        return message


def command(owner: str, name: str, *, senders: tuple[str, ...], answer: type[Message] | None = None) -> _Publish:
    """Publish a message class as `<owner>.commands.<name>`: imperative, one owner, may be refused."""
    subject, kind = f"{owner}.commands.{name}", Kind.COMMAND
    return _Publish(Contract(kind, owner, subject, f"ledgerlink.{owner}.{name}.v1", senders, answer))


def event(owner: str, name: str) -> _Publish:
    """Publish a message class as `<owner>.events.<name>`: a fact in the past tense, said by its owner only."""
    subject, kind = f"{owner}.events.{name}", Kind.EVENT
    return _Publish(Contract(kind, owner, subject, f"ledgerlink.{owner}.{name}.v1", (owner,)))


def query(owner: str, name: str, *, senders: tuple[str, ...], answer: type[Message]) -> _Publish:
    """Publish a message class as `<owner>.queries.<name>`: core NATS request/reply, never stored."""
    subject, kind = f"{owner}.queries.{name}", Kind.QUERY
    return _Publish(Contract(kind, owner, subject, f"ledgerlink.{owner}.{name}.v1", senders, answer))


def decision(owner: str, name: str) -> _Publish:
    """Publish a message class that goes to `<owner>.decisions.<requester>`, the subject that the request named."""
    subject, kind = f"{owner}.decisions.*", Kind.DECISION
    return _Publish(Contract(kind, owner, subject, f"ledgerlink.{owner}.{name}.v1", (owner,)))


def reply(name: str) -> _Publish:
    """Publish the shape of answers; they travel on the reply subject of the request."""
    contract = Contract(Kind.REPLY, "gateway", f"{GATEWAY_REPLIES}.*", f"ledgerlink.{name}.v1", ())
    return _Publish(contract)


def dead_letter(name: str) -> _Publish:
    """Publish the shape of dead letters, which go to `dlq.<service>.<consumer>`."""
    return _Publish(Contract(Kind.DEAD_LETTER, "outbox", "dlq.*.*", f"ledgerlink.{name}.v1", ()))


D_co = TypeVar("D_co", bound=Message, covariant=True)

Traceparent = Annotated[str, Field(pattern="^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
ReplySubject = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_.-]+$")]


class Envelope(BaseModel, Generic[D_co]):
    """A CloudEvents 1.0 event in structured JSON, with LedgerLink's extension attributes.

    `id` is what inboxes and `Nats-Msg-Id` dedupe on; `sequence` is the position in the sender's outbox,
    zero-padded so that it sorts as text (CloudEvents sequence extension); the relay adds it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID7
    source: Annotated[str, Field(max_length=64)]
    type: Annotated[str, Field(max_length=128)]
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    correlationid: Annotated[str, Field(min_length=1, max_length=128)]
    causationid: UUID7 | None = None
    traceparent: Traceparent | None = None
    replyto: ReplySubject | None = None
    deadline: AwareDatetime | None = None
    sequence: str | None = None
    data: SerializeAsAny[D_co]

    def is_late(self, now: datetime) -> bool:
        """Tell whether the sender has given up waiting, so that the command is not to be executed any more."""
        return self.deadline is not None and now > self.deadline

    def encode(self) -> bytes:
        """Return the structured-mode JSON; attributes that are not set are left out (CloudEvents §2.2)."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


@cache
def envelope_of(message: type[M]) -> type[Envelope[M]]:
    """Return the envelope class of one message type; encoding through it writes that type's own fields."""
    return Envelope[message]  # type: ignore[valid-type]


def decode(payload: bytes, message: type[M]) -> Envelope[M]:
    """Parse an envelope of one known message type. Raises `pydantic.ValidationError` on anything else."""
    return envelope_of(message).model_validate_json(payload)


class Problem(BaseModel):
    """Why a request was refused: a stable code that the gateway maps to HTTP in one place, and a sentence.

    Of a payment that risk declined, `reason_codes` tell why, and `approvable_amount` is the largest amount below it
    that would be approved, in minor units, where there is one.
    """

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(pattern="^[a-z0-9_]+$", max_length=64)]
    detail: str
    parameter: str | None = None
    retry_after: Annotated[int | None, Field(ge=1, description="Seconds until asking again may help")] = None
    reason_codes: tuple[str, ...] | None = None
    approvable_amount: int | None = None


class Idempotency(BaseModel):
    """The client's Idempotency-Key within its scope (who asks and what for) and the request's fingerprint."""

    model_config = ConfigDict(frozen=True)

    scope: Annotated[str, Field(max_length=128)]
    key: Annotated[str, Field(min_length=1, max_length=255)]
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the request")]


class Outcome(StrEnum):
    """Where a request stands when it is answered."""

    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REFUSED = "refused"


@reply("reply")
class Reply(Message):
    """The answer to a command or a query; the envelope's `causationid` names the request.

    accepted: recorded, the outcome follows; completed: `resource` is the result (or `problem` says why the
    operation ended without its effect, as a declined payment does); refused: nothing was done, see `problem`.
    """

    outcome: Outcome
    resource: Mapping[str, Any] = Field(default_factory=dict)
    problem: Problem | None = None


@dead_letter("dead_letter")
class DeadLetter(Message):
    """A message that its consumer could not handle: where it stands, what went wrong, and the message itself."""

    stream: str
    stream_sequence: int
    subject: str
    consumer: str
    deliveries: int
    reason: str
    payload: Annotated[str, Field(description="The original bytes, base64")]
    headers: Mapping[str, str] = Field(default_factory=dict)
