"""Every refusal over HTTP: which code has which status and title (RFC 9457). The one place that maps codes to HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from contracts.message import Problem

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
DECLINED_STATUS = 402


@dataclass(frozen=True)
class Kind:
    """What a problem type is; `retry_after` (seconds) where repeating the same request may help."""

    status: int
    title: str
    retry_after: int | None = None


KINDS: Mapping[str, Kind] = {
    # The request itself
    "malformed_json": Kind(400, "The body is not JSON"),
    "malformed_request": Kind(400, "The request cannot be read"),
    "idempotency_key_required": Kind(400, "The Idempotency-Key header is missing"),
    "idempotency_key_invalid": Kind(400, "The Idempotency-Key header is not valid"),
    "not_found": Kind(404, "Nothing is at this path"),
    "method_not_allowed": Kind(405, "The method is not allowed here"),
    "not_acceptable": Kind(406, "There is no such form of it"),
    "request_timeout": Kind(408, "The request came too slowly"),
    "host_not_allowed": Kind(400, "The host is not one of ours"),
    "head_too_large": Kind(431, "The request's head is too large"),
    "body_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body's media type is not supported"),
    "invalid_request": Kind(422, "The request is not valid"),
    "card_number_refused": Kind(422, "Card numbers are not taken here"),
    "cursor_invalid": Kind(422, "The cursor is not one of this list"),
    "invalid_message": Kind(422, "The request is not valid"),
    # Who asks
    "token_required": Kind(401, "An access token is required"),
    "invalid_token": Kind(401, "The access token is not valid"),
    "invalid_dpop_proof": Kind(401, "The DPoP proof is not valid"),
    "insufficient_user_authentication": Kind(401, "The user has to authenticate again"),
    "invalid_credentials": Kind(401, "The credentials are wrong"),
    "insufficient_scope": Kind(403, "The access token does not allow this"),
    "not_permitted": Kind(403, "Somebody else decides about this"),
    "rate_limited": Kind(429, "Too many requests", retry_after=1),
    "too_many_streams": Kind(429, "Too many event streams are open", retry_after=5),
    # Sessions and signing keys
    "session_not_found": Kind(404, "There is no such session"),
    "session_ended": Kind(401, "The session has ended"),
    "rotation_under_way": Kind(409, "The next key does not sign yet", retry_after=10),
    # OAuth: clients, and what their users are asked (RFC 6749, RFC 7009; gateway.oauth says the same in its own form)
    "client_not_found": Kind(404, "There is no such client"),
    "redirect_uri_not_valid": Kind(422, "Nobody is sent there"),
    "client_not_possible": Kind(422, "There can be no such client"),
    "too_many_clients": Kind(409, "There are as many clients as there can be"),
    "ticket_not_valid": Kind(409, "The page does not hold any more"),
    "unmet_authentication_requirements": Kind(403, "The user cannot be authenticated so surely"),
    "invalid_client": Kind(401, "The client is not who it says"),
    "invalid_grant": Kind(400, "The code or refresh token does not hold"),
    "invalid_scope": Kind(400, "The client may not have these scopes"),
    "unauthorized_client": Kind(400, "The client may not do this"),
    "unsupported_token_type": Kind(400, "Such a token is not revoked"),
    # Second factors, passkeys and API keys
    "second_factor_required": Kind(401, "A second factor is required"),
    "too_many_attempts": Kind(429, "There were too many wrong attempts"),
    "code_not_valid": Kind(422, "The code is not valid"),
    "totp_not_started": Kind(409, "There is no secret to confirm"),
    "totp_enabled": Kind(409, "One-time codes are enabled"),
    "totp_not_enabled": Kind(409, "One-time codes are not enabled"),
    "passkey_not_valid": Kind(422, "The passkey's answer is not valid"),
    "passkey_not_found": Kind(404, "There is no such passkey"),
    "too_many_passkeys": Kind(409, "There are as many passkeys as there can be"),
    "api_key_not_found": Kind(404, "There is no such API key"),
    "too_many_keys": Kind(409, "There are as many API keys as there can be"),
    "scope_not_granted": Kind(422, "More scopes than there are to give"),
    # Accounts of users
    "password_too_weak": Kind(422, "The password is too easy to guess"),
    "token_not_valid": Kind(422, "The token is not valid"),
    "email_verified_already": Kind(409, "The e-mail address has been proven"),
    "user_not_found": Kind(404, "There is no such user"),
    "user_erased": Kind(409, "The user has been erased"),
    "own_account": Kind(409, "This is your own account"),
    # What is asked about
    "wallet_not_found": Kind(404, "There is no such wallet"),
    "account_not_found": Kind(404, "There is no such account"),
    "debit_account_not_found": Kind(404, "There is no such account to debit"),
    "credit_account_not_found": Kind(404, "There is no such account to credit"),
    "transfer_not_found": Kind(404, "There is no such transfer"),
    "not_sealed_yet": Kind(409, "The transfer is not sealed yet", retry_after=1),
    "hold_not_found": Kind(404, "There is no such hold"),
    "journal_not_found": Kind(404, "There is no such journal"),
    "payment_intent_not_found": Kind(404, "There is no such payment intent"),
    "operation_not_found": Kind(404, "There is no such operation"),
    "email_taken": Kind(409, "The e-mail address has an account"),
    "payment_intent_unexpected_state": Kind(409, "The payment intent's state does not allow this"),
    "idempotency_key_in_progress": Kind(409, "The first request with this key is still in progress", retry_after=1),
    "idempotency_key_reused": Kind(422, "The key was used with another request"),
    "same_wallet": Kind(422, "Both wallets are the same"),
    "same_account": Kind(422, "Both accounts are the same"),
    "currency_mismatch": Kind(422, "The currencies differ"),
    "balance_overflow": Kind(422, "The balance would become too large"),
    "account_id_reused": Kind(409, "The wallet exists with other contents"),
    "payment_intent_exists": Kind(409, "The payment intent exists with other contents"),
    # What payments refuses: apps.payments.domain
    "source_required": Kind(422, "The source wallet is missing"),
    "destination_required": Kind(422, "The destination wallet is missing"),
    "wallet_not_possible": Kind(422, "Such a payment has no such wallet"),
    "payment_method_required": Kind(422, "A payment method is missing"),
    "payment_method_not_possible": Kind(422, "The payment method is not possible here"),
    "capture_method_not_possible": Kind(422, "The payment is not captured by hand"),
    "application_fee_not_possible": Kind(422, "The application fee is not possible"),
    "amount_exceeds_capturable": Kind(409, "Less than that can be captured"),
    "refund_exceeds_captured": Kind(409, "Less than that can be refunded"),
    "refund_not_possible": Kind(409, "The payment cannot be refunded"),
    "refund_exists": Kind(409, "The refund exists with other contents"),
    "refund_not_found": Kind(404, "There is no such refund"),
    "dispute_not_found": Kind(404, "There is no such dispute"),
    "dispute_closed": Kind(409, "The dispute is closed"),
    "evidence_submitted": Kind(409, "The dispute has been answered"),
    "processor_operation_not_found": Kind(404, "There is no such operation at a processor"),
    "processor_operation_not_in_doubt": Kind(409, "The operation's outcome is not in doubt"),
    "processor_operation_in_hand": Kind(409, "The processor is being asked", retry_after=30),
    "settlement_not_possible": Kind(422, "The operation cannot have ended so"),
    "reference_required": Kind(422, "The processor's reference is missing"),
    "reference_not_possible": Kind(422, "The reference is another operation's"),
    "review_not_found": Kind(404, "There is no such review"),
    "review_decided": Kind(409, "The review has been decided"),
    "outcome_invalid": Kind(422, "A review is not decided so"),
    # Cases and labels of risk (apps.risk.domain.cases, apps.risk.handlers.labels)
    "review_canceled": Kind(409, "The payment was canceled or has gone through"),
    "case_not_found": Kind(404, "There is no such case"),
    "case_closed": Kind(409, "The case is closed"),
    "case_not_claimed": Kind(409, "The case is not claimed by you"),
    "second_analyst_required": Kind(403, "Another analyst has to decide"),
    "case_full": Kind(409, "The case has no more room"),
    "payment_not_assessed": Kind(404, "Risk has decided about no such payment"),
    "label_not_found": Kind(404, "Nobody has labelled the payment"),
    # Limits of risk (apps.risk.domain.limits, apps.risk.domain.customers)
    "limits_not_ascending": Kind(422, "The limits contradict each other"),
    "customer_not_found": Kind(404, "There is no such customer"),
    # Rule sets of risk (apps.risk.domain.change_control, apps.risk.domain.backtesting)
    "rule_set_invalid": Kind(422, "This is no rule set"),
    "rule_set_not_found": Kind(404, "There is no such rule set"),
    "too_many_rule_sets": Kind(409, "There are as many rule sets as there can be"),
    "rule_set_active": Kind(409, "The rule set is active"),
    "rule_set_retired": Kind(409, "The rule set is retired"),
    "rule_set_not_draft": Kind(409, "The rule set is no draft"),
    "too_many_shadows": Kind(409, "There are as many rule sets in shadow as there can be"),
    "rule_set_not_in_shadow": Kind(409, "The rule set is not in shadow"),
    "rule_set_approver_proposed_it": Kind(403, "Somebody else has to approve the rule set"),
    "rule_set_not_approved": Kind(409, "The rule set is not approved"),
    "rule_set_model_not_approved": Kind(409, "The rule set's model is not approved"),
    "nothing_to_roll_back_to": Kind(409, "There is nothing to roll back to"),
    "backtest_running": Kind(409, "A backtest runs"),
    "backtest_not_found": Kind(404, "There is no such backtest"),
    "backtest_ended": Kind(409, "The backtest has ended"),
    # Models of risk (apps.risk.domain.scoring.registry)
    "model_invalid": Kind(422, "This is no model"),
    "too_many_models": Kind(409, "There are as many models as there can be"),
    "decision_not_found": Kind(404, "There is no such decision"),
    "model_not_found": Kind(404, "There is no such model"),
    "model_approved": Kind(409, "The model has been approved"),
    "model_approver_registered_it": Kind(403, "Somebody else has to approve the model"),
    # Lists and screenings of risk (apps.risk.domain.lists, apps.risk.domain.screening.standing)
    "list_value_invalid": Kind(422, "Such a value is not listed"),
    "list_entry_expired": Kind(422, "The entry would have expired"),
    "list_entry_exists": Kind(409, "It is on the list already"),
    "too_many_list_entries": Kind(409, "There are as many list entries as there can be"),
    "list_entry_not_found": Kind(404, "There is no such list entry"),
    "list_entry_ended": Kind(409, "The list entry has ended"),
    "screening_not_found": Kind(404, "There is no such screening"),
    "screening_decided": Kind(409, "The screening has been decided so"),
    "screening_withdrawn": Kind(409, "The screening was withdrawn"),
    "case_claimed": Kind(409, "Another analyst has the case in hand"),
    # Webhooks, those of processors and our own
    "processor_not_found": Kind(404, "There is no such processor"),
    "signature_invalid": Kind(401, "The signature is not valid"),
    "webhook_malformed": Kind(400, "The webhook cannot be read"),
    "parked_webhook_not_found": Kind(404, "There is no such parked webhook"),
    "endpoint_not_found": Kind(404, "There is no such webhook endpoint"),
    "endpoint_url_refused": Kind(422, "Webhooks are not sent there"),
    "endpoint_disabled": Kind(409, "The webhook endpoint is disabled"),
    "unknown_event_type": Kind(422, "There are no such events"),
    "too_many_endpoints": Kind(409, "There are as many webhook endpoints as there can be"),
    "delivery_not_found": Kind(404, "There is no such delivery"),
    "transfer_id_reused": Kind(409, "The transfer exists with other contents"),
    # What the ledger refuses (apps.wallet.domain.refusal)
    "journal_id_reused": Kind(409, "The journal exists with other contents"),
    "hold_id_reused": Kind(409, "The hold exists with other contents"),
    "operation_id_reused": Kind(409, "The id names something else"),
    "already_reversed": Kind(409, "The transfer has been reversed in full"),
    "exceeds_original": Kind(422, "The reversals would exceed the transfer"),
    "hold_expired": Kind(409, "The hold has expired"),
    "hold_not_pending": Kind(409, "The hold reserves nothing any more"),
    "exceeds_hold": Kind(422, "The hold reserves less than that"),
    "effective_too_early": Kind(422, "The effective date is too far back"),
    "expiry_in_past": Kind(422, "The expiry is in the past"),
    "expiry_not_later": Kind(422, "The hold expires no earlier than that"),
    "expiry_too_far": Kind(422, "The hold would expire too late"),
    "too_many_effects": Kind(422, "Too much for one answer"),
    "too_many_transfers": Kind(422, "The journal has too many transfers"),
    "same_currency": Kind(422, "Both currencies are the same"),
    "rate_mismatch": Kind(422, "Amounts and rate do not fit"),
    "debit_account_closed": Kind(409, "The account to debit is closed"),
    "credit_account_closed": Kind(409, "The account to credit is closed"),
    "debit_account_frozen": Kind(409, "The account to debit is frozen"),
    "credit_account_frozen": Kind(409, "The account to credit is frozen"),
    "effective_in_future": Kind(422, "The effective date is in the future"),
    "period_closed": Kind(409, "The period is closed"),
    "period_not_found": Kind(404, "There is no such closed period"),
    "statement_too_long": Kind(422, "The statement has too many lines for paper"),
    "period_empty": Kind(422, "The period ends before it starts"),
    "period_id_reused": Kind(409, "The period exists with other contents"),
    "period_in_future": Kind(422, "The period is not over yet"),
    "period_too_early": Kind(422, "The period is before the ledger's time"),
    "period_not_after_last": Kind(409, "The period is closed already"),
    "too_many_later_entries": Kind(422, "The effective date is too far back"),
    "kind_not_allowed": Kind(422, "Such an account is not opened here"),
    "account_exists": Kind(409, "There is such an account already"),
    "currency_taken": Kind(409, "The wallet holds this currency already"),
    "account_closed": Kind(409, "The account is closed"),
    "account_not_empty": Kind(409, "The account is not empty"),
    "limit_broken": Kind(422, "The account is beyond the new limit"),
    "external_id_taken": Kind(409, "Another account has this external id"),
    "ceiling_exceeded": Kind(422, "The account may not hold so much"),
    "ceiling_exceeded_then": Kind(422, "The account might not hold so much then"),
    # Reconciliation
    "reconciliation_not_found": Kind(404, "There is no such reconciliation"),
    "break_not_found": Kind(404, "There is no such break"),
    "not_a_clearing_account": Kind(422, "The account is no clearing account"),
    "period_invalid": Kind(422, "The period ends before it begins"),
    "balances_incomplete": Kind(422, "One of the statement's balances is missing"),
    "statement_invalid": Kind(422, "The statement cannot be read"),
    "statement_incomplete": Kind(409, "The statement has not come whole"),
    "statement_does_not_add_up": Kind(422, "The statement does not add up"),
    "statement_overlaps": Kind(409, "Another statement covers these days"),
    "line_outside_period": Kind(422, "A line is outside the statement's period"),
    "line_differs": Kind(409, "A line was imported with other contents"),
    "reconciliation_not_importing": Kind(409, "The reconciliation takes no more lines"),
    "reconciliation_id_reused": Kind(409, "The reconciliation exists with other contents"),
    "break_already_resolved": Kind(409, "The break has been resolved"),
    "break_matched_later": Kind(409, "A later statement has a line for the entry"),
    "break_too_large": Kind(422, "The difference is too large for a transfer"),
    # How a payment ended without its effect
    "payment_declined": Kind(DECLINED_STATUS, "The payment was declined"),
    "insufficient_funds": Kind(DECLINED_STATUS, "There is not enough money"),
    "insufficient_funds_then": Kind(DECLINED_STATUS, "The wallet did not hold enough money then"),
    "risk_timed_out": Kind(DECLINED_STATUS, "The payment could not be assessed in time"),
    "processor_unavailable": Kind(DECLINED_STATUS, "No processor could take the payment"),
    "card_declined": Kind(DECLINED_STATUS, "The card was declined"),
    "expired_card": Kind(DECLINED_STATUS, "The card has expired"),
    "incorrect_cvc": Kind(DECLINED_STATUS, "The card's security code is wrong"),
    "incorrect_number": Kind(DECLINED_STATUS, "The card's number is wrong"),
    "lost_card": Kind(DECLINED_STATUS, "The card was reported lost"),
    "stolen_card": Kind(DECLINED_STATUS, "The card was reported stolen"),
    "fraudulent": Kind(DECLINED_STATUS, "The processor suspects fraud"),
    "processing_error": Kind(DECLINED_STATUS, "The processor could not process it"),
    "authentication_failed": Kind(DECLINED_STATUS, "The customer did not authenticate the payment"),
    "payment_canceled": Kind(DECLINED_STATUS, "The payment was canceled at the processor"),
    "unknown_token": Kind(DECLINED_STATUS, "The processor does not know the token"),
    "amount_not_possible": Kind(DECLINED_STATUS, "The processor cannot move this amount"),
    "processor_refused": Kind(DECLINED_STATUS, "The processor did not take the request"),
    "refund_failed": Kind(DECLINED_STATUS, "The processor could not give the money back"),
    "payout_failed": Kind(DECLINED_STATUS, "The processor could not pay the money out"),
    # The system's own trouble
    "internal_error": Kind(500, "Something went wrong here"),
    "unavailable": Kind(503, "A service does not answer", retry_after=1),
    "overloaded": Kind(503, "Too much is in progress", retry_after=1),
    "deadline_exceeded": Kind(503, "The request was not worked on in time", retry_after=1),
    "outcome_unknown": Kind(503, "The outcome is not known yet", retry_after=2),
}
_REFUSED = Kind(422, "The request was refused")
_DECLINED = Kind(DECLINED_STATUS, "The payment was declined")


class ProblemError(HTTPException):
    """Ends a request with a problem. Is Starlette's exception, so that frameworks in between let it pass.

    `members` are extension members of the document (RFC 9457 §3.2).
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = KINDS.get(code, _REFUSED)
        super().__init__(self.kind.status, detail, dict(headers or {}))
        self.code, self.parameter, self.members = code, parameter, members or {}

    @classmethod
    def refused(cls, problem: Problem, **members: Any) -> "ProblemError":
        """Return a service's refusal, with when to ask again where it says so."""
        headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else None
        return cls(problem.code, problem.detail, parameter=problem.parameter, headers=headers, members=members)

    @classmethod
    def declined(cls, problem: Problem, **members: Any) -> "ProblemError":
        """Return an operation that ended without its effect: 402, whatever the code."""
        error = cls(problem.code, problem.detail, parameter=problem.parameter, members=members)
        error.kind = Kind(DECLINED_STATUS, KINDS.get(problem.code, _DECLINED).title)
        error.status_code = DECLINED_STATUS
        return error

    def document(self, correlation_id: str) -> dict[str, Any]:
        """Return the problem details object; its `type` resolves at the gateway itself."""
        document: dict[str, Any] = {
            "type": TYPE_PREFIX + self.code,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.code,
            "correlation_id": correlation_id,
        }
        if self.parameter:
            document["parameter"] = self.parameter
        return {**document, **self.members}

    def response(self, correlation_id: str) -> Response:
        """Return the problem as a response, with Retry-After where repeating may help."""
        headers = dict(self.headers or {})
        if self.kind.retry_after is not None:
            headers.setdefault("Retry-After", str(self.kind.retry_after))
        content = orjson.dumps(self.document(correlation_id))
        return Response(content, self.kind.status, headers, MEDIA_TYPE)
