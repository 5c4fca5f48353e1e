"""Where messages live and who may touch them: streams, durable consumers, and each NATS user's permissions.

The one provisioner makes streams and durables from this; the NATS configuration takes its users from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from contracts import identity, payments, risk, wallet
from contracts.message import GATEWAY_REPLIES, REGISTRY, DeadLetter, Kind, Message

ROOMS = (identity, wallet, payments, risk)
"""The modules whose messages fill `REGISTRY` when they are imported."""
SERVICES = tuple(room.__name__.removeprefix("contracts.") for room in ROOMS)
PROVISIONER = "provisioner"
OPERATOR = "operator"
USERS = (*SERVICES, "gateway", PROVISIONER, OPERATOR)
DEAD_LETTERS = str(DeadLetter.contract.stream)


MAX_MESSAGE_BYTES = 512 * 1024
"""The largest message that a stream takes: as base64 in a dead letter it still fits into NATS's payload of 1 MiB."""


@dataclass(frozen=True)
class Stream:
    """A JetStream stream: limits retention, file storage, atomic batches, bounded by age and bytes.

    `max_message_bytes` is -1 where only the server's own limit holds.
    """

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta = timedelta(days=7)
    max_bytes: int = 4 * 2**30
    max_message_bytes: int = MAX_MESSAGE_BYTES
    duplicate_window: timedelta = timedelta(minutes=2)


@dataclass(frozen=True)
class Durable:
    """A durable pull consumer of one service: one handler's messages, all of one stream.

    `ack_wait` is how long the messages that a killed process had in hand stay out of reach. Too short costs little:
    what is delivered a second time while the first is still being worked on, the inbox drops.
    """

    name: str
    service: str
    messages: tuple[type[Message], ...]
    ack_wait: timedelta = timedelta(seconds=5)
    max_ack_pending: int = 4096

    @property
    def stream(self) -> str:
        """The stream it reads."""
        (stream,) = {message.contract.stream for message in self.messages}
        if stream is None:
            raise ValueError(f"{self.name} consumes a message that no stream holds")
        return stream

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects of its messages; of decisions only those that this service asked for."""
        return tuple(m.contract.subject.replace("*", self.service) for m in self.messages)

    @property
    def replays(self) -> str:
        """The subject on which an operator gives it a dead letter again: it alone, whoever else read the message."""
        return f"replays.{self.service}.{self.name}"

    @property
    def filter_subjects(self) -> tuple[str, ...]:
        """All that it reads."""
        return (*self.subjects, self.replays)


DURABLES = (
    # All that clients ask of payments, in one order.
    Durable(
        "payments-commands",
        "payments",
        (
            payments.CreatePaymentIntent,
            payments.UpdatePaymentIntent,
            payments.ConfirmPaymentIntent,
            payments.CapturePaymentIntent,
            payments.CancelPaymentIntent,
            payments.CreateRefund,
            payments.SubmitEvidence,
            payments.SettleOperation,
        ),
    ),
    Durable("payments-risk-decision", "payments", (risk.RiskDecision,)),
    Durable(
        "payments-ledger-outcome",
        "payments",
        (
            wallet.TransferPosted,
            wallet.TransferRefused,
            wallet.JournalPosted,
            wallet.JournalRefused,
            wallet.HoldPlaced,
            wallet.HoldCaptured,
            wallet.HoldVoided,
            wallet.HoldExpired,
            wallet.HoldRefused,
        ),
    ),
    Durable("risk-assess", "risk", (risk.Assess,)),
    Durable("risk-decide-review", "risk", (risk.DecideReview,)),
    # What analysts do with cases, in one order.
    Durable(
        "risk-cases",
        "risk",
        (risk.ClaimCase, risk.ReleaseCase, risk.AddCaseNote, risk.AddCaseEvidence, risk.DecideCase),
    ),
    Durable("risk-lists", "risk", (risk.AddListEntry, risk.RemoveListEntry)),
    Durable("risk-screenings", "risk", (risk.DecideScreening,)),
    # Hundreds of payments in one message: a few at a time.
    Durable("risk-labels", "risk", (risk.LabelPayment, risk.ImportLabels), max_ack_pending=8),
    Durable("risk-disputes", "risk", (payments.DisputeOpened, payments.DisputeClosed)),
    # What becomes of payments that risk has decided about.
    Durable(
        "risk-payments",
        "risk",
        (payments.PaymentIntentCanceled, payments.PaymentIntentFailed, payments.PaymentIntentSucceeded),
    ),
    Durable("risk-limits", "risk", (risk.SetLimit, risk.SetTier)),
    Durable("risk-customers", "risk", (identity.UserRegistered, identity.UserEmailVerified, identity.UserRoleChanged)),
    # Messages of hundreds of kilobytes: two at a time.
    Durable("risk-models", "risk", (risk.RegisterModel, risk.ApproveModel), max_ack_pending=2),
    # What decides, in one order; a rule set is hundreds of kilobytes, too.
    Durable(
        "risk-rule-sets",
        "risk",
        (
            risk.DraftRuleSet,
            risk.ShadowRuleSet,
            risk.ApproveRuleSet,
            risk.ActivateRuleSet,
            risk.RetireRuleSet,
            risk.RollBackRules,
        ),
        max_ack_pending=8,
    ),
    Durable("risk-backtests", "risk", (risk.StartBacktest, risk.CancelBacktest), max_ack_pending=8),
    Durable("wallet-open-account", "wallet", (wallet.OpenAccount, wallet.OpenSystemAccount)),
    Durable("wallet-change-account", "wallet", (wallet.ChangeAccount, wallet.FreezeAccount, wallet.CloseAccount)),
    Durable("wallet-close-period", "wallet", (wallet.ClosePeriod,)),
    # Messages of hundreds of kilobytes: two at a time, so that reading them keeps nothing else waiting for long.
    Durable(
        "wallet-import-statement",
        "wallet",
        (wallet.StartReconciliation, wallet.ImportLines, wallet.MatchLines),
        max_ack_pending=2,
    ),
    Durable("wallet-resolve-break", "wallet", (wallet.ResolveBreak,)),
    # All that moves money, in one order.
    Durable(
        "wallet-ledger",
        "wallet",
        (
            wallet.PostTransfer,
            wallet.FundAccount,
            wallet.ReverseTransfer,
            wallet.PostJournal,
            wallet.PlaceHold,
            wallet.CaptureHold,
            wallet.VoidHold,
            wallet.ExtendHold,
        ),
    ),
)


LISTENED: tuple[type[Message], ...] = (identity.AccessRevoked, identity.SigningKeyPublished)
"""The events that every gateway hears as they are said, beside the streams: what it misses it asks for again."""


def durable(name: str) -> Durable:
    """Return the durable of that name. Raises KeyError."""
    return {d.name: d for d in DURABLES}[name]


def streams() -> tuple[Stream, ...]:
    """Return every stream, with the subjects of the messages it holds and of what its durables are given again."""
    subjects: dict[str, set[str]] = {}
    for d in DURABLES:
        subjects.setdefault(d.stream, set()).add(d.replays)
    for message in REGISTRY.values():
        if message.contract.stream:
            subjects.setdefault(message.contract.stream, set()).add(message.contract.subject)
    return tuple(
        Stream(name, tuple(sorted(held)), max_message_bytes=-1 if name == DEAD_LETTERS else MAX_MESSAGE_BYTES)
        for name, held in sorted(subjects.items())
    )


@lru_cache(maxsize=1024)
def stream_of(subject: str) -> str:
    """Return the stream that a concrete subject goes to. Raises LookupError when no stream takes it."""
    owner, kind, *_ = subject.split(".")
    if owner == Kind.DEAD_LETTER.value:
        return DEAD_LETTERS
    name = f"{owner}_{kind}".upper()
    if name not in {message.contract.stream for message in REGISTRY.values()}:
        raise LookupError(f"no stream takes {subject}")
    return name


@dataclass(frozen=True)
class Permissions:
    """What one NATS user may do; all else is refused."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    allow_responses: bool = False


def inbox_prefix(user: str) -> str:
    """Return the prefix of a user's own inboxes, which no other user may read."""
    return f"_INBOX_{user}"


def wakes_relay(service: str) -> str:
    """Return the subject on which a service's replicas tell the one that publishes that they have committed."""
    return f"{service}.relay.wake"


def permissions(user: str) -> Permissions:
    """Return exactly what `user` needs: its rows of the table of message kinds, and nothing else."""
    own_inbox = f"{inbox_prefix(user)}.>"
    if user == PROVISIONER:
        return Permissions(publish=("$JS.API.>",), subscribe=(own_inbox, "$JS.EVENT.ADVISORY.>"))
    if user == OPERATOR:
        return Permissions(publish=_LOOKING + _removing() + tuple(d.replays for d in DURABLES), subscribe=(own_inbox,))
    sent = tuple(sorted(_sent_by(user)))
    answered = tuple(sorted(m.contract.subject for m in REGISTRY.values() if _answers(user, m)))
    if user == "gateway":
        heard = tuple(m.contract.subject for m in LISTENED)
        return Permissions((*sent, *_measuring()), (own_inbox, f"{GATEWAY_REPLIES}.*", *heard))
    return Permissions(
        publish=(*sent, f"{GATEWAY_REPLIES}.*", *_consuming(user), *_relaying(user), wakes_relay(user)),
        subscribe=(own_inbox, *answered, wakes_relay(user)),
        allow_responses=True,
    )


def streams_said_by(service: str) -> tuple[str, ...]:
    """Return the streams that a service's outbox publishes to; what it asks of others goes to no stream."""
    said = {m.contract.stream for m in REGISTRY.values() if service in m.contract.senders}
    return tuple(sorted({DEAD_LETTERS, *(stream for stream in said if stream)}))


_LOOKING = (
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.DIRECT.GET.*",
    "$JS.API.DIRECT.GET.*.>",
    "$JS.API.CONSUMER.NAMES.*",
    "$JS.API.CONSUMER.LIST.*",
    "$JS.API.CONSUMER.INFO.*.*",
)
"""What an operator looks at JetStream with: no consumer of its own, and no message that a service waits for."""


def _removing() -> tuple[str, ...]:
    """Let an operator drop dead letters, and nothing else."""
    return (f"$JS.API.STREAM.MSG.DELETE.{DEAD_LETTERS}",)


def _sent_by(user: str) -> Iterable[str]:
    for message in REGISTRY.values():
        if user in message.contract.senders:
            yield message.contract.subject
    if user in SERVICES:
        yield f"dlq.{user}.*"


def _answers(user: str, message: type[Message]) -> bool:
    return message.contract.kind is Kind.QUERY and message.contract.owner == user


def _consuming(user: str) -> Iterable[str]:
    for d in DURABLES:
        if d.service == user:
            yield f"$JS.API.CONSUMER.INFO.{d.stream}.{d.name}"
            yield f"$JS.API.CONSUMER.MSG.NEXT.{d.stream}.{d.name}"
            yield f"$JS.ACK.{d.stream}.{d.name}.>"


def _measuring() -> Iterable[str]:
    """Let a gateway see how far the consumers of commands lag (see gateway.backlog)."""
    for d in DURABLES:
        if d.messages[0].contract.kind is Kind.COMMAND:
            yield f"$JS.API.CONSUMER.INFO.{d.stream}.{d.name}"


def _relaying(service: str) -> Iterable[str]:
    """Let a relay see whether a stream still holds what it said there (see outbox.relay)."""
    for stream in streams_said_by(service):
        yield f"$JS.API.STREAM.INFO.{stream}"
        yield f"$JS.API.DIRECT.GET.{stream}"
