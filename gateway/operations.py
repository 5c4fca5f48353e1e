"""Operations: the commands that clients send, by names of their own, and where the effect of each can be seen.

An operation's id holds its name and its Idempotency-Key; whose it is follows from who asks, so that nobody can ask for
an operation of somebody else.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from contracts import payments, risk, wallet
from contracts.identity import Scope
from contracts.message import Idempotency
from contracts.outcomes import OutcomeAsked

PREFIX = "/v1/operations"
_ID = re.compile("op_([A-Za-z0-9_-]{4,450})")
_MEANT = re.compile(r"([a-z_]{1,64}):([\x20-\x7e]{1,255})")


@dataclass(frozen=True, slots=True)
class OperationKind:
    """Who keeps the outcome of such a command, what a token must allow, and where the resource is that it leads to.

    `part` names the member of the answer that this resource is, where it is not the answer itself; `embedded_as` the
    member of a problem that the resource is in, when the command ends without its effect. `goes_on_while` are the
    resource's own states in which the work goes on after the command was answered; `reads` is then how it is read.
    """

    asks: type[OutcomeAsked]
    scope: Scope
    resource: str | None
    part: str | None = None
    embedded_as: str | None = None
    goes_on_while: frozenset[str] = frozenset()
    reads: type[wallet.GetReconciliation] | None = None

    def location(self, resource: Mapping[str, Any], resource_id: UUID | None = None) -> str | None:
        """Return where the resource is, None when there is none, or nobody knows its id yet."""
        if self.resource is None:
            return None
        shown = resource.get(self.part, {}) if self.part else resource
        known = {"id": resource_id} if resource_id else {}
        try:
            return self.resource.format_map({**known, **shown})
        except KeyError:
            return None


def _wallet(resource: str, scope: Scope = Scope.WALLETS, part: str | None = None) -> OperationKind:
    return OperationKind(wallet.GetOutcome, scope, resource, part)


def _ledger(resource: str) -> OperationKind:
    return _wallet(resource, Scope.LEDGER_WRITE)


def _payments(resource: str, embedded_as: str | None) -> OperationKind:
    return OperationKind(payments.GetOutcome, Scope.PAYMENTS, resource, embedded_as=embedded_as)


_TRANSFER, _HOLD, _ACCOUNT = "/v1/transfers/{id}", "/v1/holds/{id}", "/v1/accounts/{id}"
_INTENT = _payments("/v1/payment_intents/{id}", "payment_intent")
_CASE = OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/cases/{id}")
KINDS: Mapping[str, OperationKind] = {
    "open_wallet": _wallet("/v1/wallets/{id}"),
    "top_up": _ledger(_TRANSFER),
    "post_transfer": _wallet(_TRANSFER),
    "reverse_transfer": _ledger(_TRANSFER),
    "place_hold": _wallet(_HOLD),
    "capture_hold": _wallet(_TRANSFER, part="transfer"),
    "void_hold": _wallet(_HOLD),
    "extend_hold": _wallet(_HOLD),
    "open_account": _ledger(_ACCOUNT),
    "change_account": _ledger(_ACCOUNT),
    "freeze_account": _ledger(_ACCOUNT),
    "close_account": _ledger(_ACCOUNT),
    "post_journal": _ledger("/v1/journals/{id}"),
    "close_period": _ledger("/v1/ledger/periods/{id}"),
    "reconcile": OperationKind(
        wallet.GetOutcome,
        Scope.LEDGER_WRITE,
        "/v1/reconciliations/{id}",
        goes_on_while=frozenset({wallet.ReconciliationStatus.IMPORTING, wallet.ReconciliationStatus.MATCHING}),
        reads=wallet.GetReconciliation,
    ),
    "resolve_break": _ledger("/v1/reconciliations/{reconciliation_id}/breaks/{number}"),
    "create_payment_intent": _INTENT,
    "update_payment_intent": _INTENT,
    "confirm_payment_intent": _INTENT,
    "capture_payment_intent": _INTENT,
    "cancel_payment_intent": _INTENT,
    "create_refund": _payments("/v1/refunds/{id}", "refund"),
    "submit_evidence": _payments("/v1/disputes/{id}", "dispute"),
    "settle_operation": OperationKind(payments.GetOutcome, Scope.LEDGER_WRITE, "/v1/processor_operations/{id}"),
    "decide_review": OperationKind(risk.GetOutcome, Scope.REVIEWS, None),
    "claim_case": _CASE,
    "release_case": _CASE,
    "add_case_note": _CASE,
    "add_case_evidence": _CASE,
    "decide_case": _CASE,
    "label_payment": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/labels/{payment_intent_id}"),
    "import_labels": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, None),
    "add_list_entry": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, None),
    "remove_list_entry": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, None),
    "decide_screening": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/screenings/{id}"),
    "set_limit": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/limits"),
    "set_tier": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/customers/{user_id}"),
    "register_model": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/models/{hash}"),
    "draft_rule_set": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/rule_sets/{hash}"),
    "shadow_rule_set": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/rule_sets/{hash}"),
    "approve_rule_set": OperationKind(risk.GetOutcome, Scope.RISK_APPROVE, "/v1/risk/rule_sets/{hash}"),
    "activate_rule_set": OperationKind(risk.GetOutcome, Scope.RISK_APPROVE, "/v1/risk/rule_sets/{hash}"),
    "retire_rule_set": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/rule_sets/{hash}"),
    "roll_back_rules": OperationKind(risk.GetOutcome, Scope.RISK_APPROVE, "/v1/risk/rule_sets/{hash}"),
    "start_backtest": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/backtests/{id}"),
    "cancel_backtest": OperationKind(risk.GetOutcome, Scope.RISK_WRITE, "/v1/risk/backtests/{id}"),
    "approve_model": OperationKind(risk.GetOutcome, Scope.RISK_APPROVE, "/v1/risk/models/{hash}"),
}
"""By name: what clients ask for is kept under `<user>:<name>` (gateway.idempotency)."""


@dataclass(frozen=True, slots=True)
class OperationName:
    """One command of a client: what kind it is, and the Idempotency-Key that it was sent under."""

    name: str
    key: str

    @classmethod
    def of(cls, idempotency: Idempotency) -> Self:
        """Return the name of the command that carries this. Raises KeyError for a kind that nobody could follow."""
        name = idempotency.scope.rpartition(":")[2]
        if name not in KINDS:
            raise KeyError(name)
        return cls(name, idempotency.key)

    @classmethod
    def parse(cls, operation_id: str) -> Self | None:
        """Return what an id says, None for a text that is no operation's id."""
        found = _ID.fullmatch(operation_id)
        try:
            meant = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)).decode("ascii") if found else ""
        except (binascii.Error, UnicodeDecodeError):
            return None
        said = _MEANT.fullmatch(meant)
        operation = cls(said[1], said[2]) if said and said[1] in KINDS else None
        return operation if operation and operation.id == operation_id else None  # one operation has one id

    @property
    def kind(self) -> OperationKind:
        """What kind of command it is."""
        return KINDS[self.name]

    @property
    def id(self) -> str:
        """Return the id: opaque to clients, and safe in a URL."""
        encoded = base64.urlsafe_b64encode(f"{self.name}:{self.key}".encode("ascii"))
        return "op_" + encoded.rstrip(b"=").decode("ascii")

    @property
    def location(self) -> str:
        """Return where to follow it."""
        return f"{PREFIX}/{self.id}"

    def asked_by(self, user: UUID) -> OutcomeAsked:
        """Return the question what has become of it, if it is this user's."""
        return self.kind.asks(scope=f"{user}:{self.name}", key=self.key)
