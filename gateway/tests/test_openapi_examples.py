"""The examples of the OpenAPI document: bodies, answers and pages are what the code takes and gives."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.identity import (
    AccessToken,
    ApiKey,
    Introspection,
    NewApiKey,
    NewOAuthClient,
    OAuthClient,
    Passkey,
    PasskeyChallenge,
    RecoveryCodes,
    SecurityEvent,
    SecurityEventPage,
    Session,
    SigningKey,
    TotpSecret,
    User,
    UserPage,
)
from contracts.ids import new_id
from contracts.message import Message
from contracts.payments import (
    Delivery,
    DeliveryPage,
    Dispute,
    DisputePage,
    Hop,
    ParkedWebhook,
    ParkedWebhookPage,
    PaymentIntent,
    PaymentIntentPage,
    ProcessorOperation,
    ProcessorOperationPage,
    Refund,
    RefundPage,
    Timeline,
    WebhookEndpoint,
)
from contracts.proof import Receipt, SealKey
from contracts.risk import (
    Case,
    CaseEventPage,
    CasePage,
    Customer,
    DecisionPage,
    DecisionRecord,
    LimitChange,
    LimitChangePage,
    ListEntry,
    ListEntryPage,
    PaymentLabel,
    Quality,
    Review,
    ReviewDecision,
    ReviewPage,
    SanctionsLists,
    ScreeningPage,
    SuspiciousActivityReport,
    TierLimit,
)
from contracts.wallet import (
    Account,
    AccountPage,
    Balance,
    Break,
    Capture,
    Entry,
    EntryPage,
    Hold,
    HoldPage,
    Journal,
    Period,
    Reconciliation,
    StatementLine,
    StatementPage,
    Transfer,
    TransferPage,
    TrialBalance,
)
from gateway import payment_bodies
from gateway.bodies import Body
from gateway.routes import (
    accounts,
    api_keys,
    balances,
    breaks,
    cases,
    disputes,
    email_verifications,
    holds,
    journals,
    oauth_clients,
    oauth_tokens,
    own_sessions,
    parked_webhooks,
    passkeys,
    passwords,
    payment_intents,
    payment_timelines,
    periods,
    processor_operations,
    receipts,
    reconciliations,
    refunds,
    reviews,
    risk_decisions,
    risk_labels,
    risk_limits,
    risk_lists,
    risk_quality,
    risk_screenings,
    security_events,
    sessions,
    signing_keys,
    statements,
    step_up,
    top_ups,
    totp,
    transfers,
    user_management,
    users,
    wallets,
    webhook_deliveries,
    webhook_endpoints,
)
from gateway.tests.openapi_document import problem_of

_ENDS = {"debit_account": str(new_id()), "credit_account": str(new_id())}
WRONG_BODIES: list[tuple[str, type[Body], dict[str, Any]]] = [
    ("/v1/wallets", wallets.NewWallet, {"currency": "eur"}),
    ("/v1/wallets/{wallet_id}/top_ups", top_ups.NewTopUp, {"amount": 0, "currency": "EUR"}),
    ("/v1/payment_intents", payment_bodies.NewPaymentIntent,
     {"source_wallet": str(new_id()), "destination_wallet": str(new_id()), "amount": 0, "currency": "EUR"}),
    ("/v1/payment_intents/{payment_intent_id}", payment_bodies.PaymentIntentChange, {"amount": 0}),
    ("/v1/payment_intents/{payment_intent_id}/confirm", payment_bodies.Confirmation,
     {"payment_method": {"type": "cash"}}),
    ("/v1/payment_intents/{payment_intent_id}/capture", payment_bodies.IntentCapture, {"amount": 0}),
    ("/v1/payment_intents/{payment_intent_id}/cancel", payment_bodies.Cancellation, {"cancellation_reason": "rain"}),
    ("/v1/refunds", refunds.NewRefund, {"payment_intent": str(new_id()), "amount": 0}),
    ("/v1/disputes/{dispute_id}/evidence", disputes.NewEvidence, {"evidence": {}}),
    ("/v1/reviews/{payment_intent_id}/decision", reviews.NewDecision, {"outcome": "review", "note": "Unsure"}),
    ("/v1/processor_operations/{operation_id}/settlement", processor_operations.NewSettlement,
     {"outcome": "unknown", "note": "Unsure"}),
    ("/v1/users/{user_id}/role", user_management.NewRole, {"role": "service"}),
    ("/v1/email_verifications", email_verifications.EmailProof, {}),
    ("/v1/password_resets", passwords.ForgottenPassword, {}),
    ("/v1/users/me/totp/confirm", totp.TotpConfirmation, {"code": "08180"}),
    ("/v1/users/me/passkeys", passkeys.NewPasskey, {"credential": {}, "name": "Phone"}),
    ("/v1/sessions/passkey", passkeys.PasskeyAnswer, {"credential": {}}),
    ("/v1/oauth_clients", oauth_clients.NewClient,
     {"name": "Shop", "confidential": True, "grant_types": ["client_credentials"], "scopes": []}),
    ("/v1/api_keys", api_keys.NewKey, {"name": "Till", "scopes": []}),
    ("/v1/api_keys/{api_key_id}/rotate", api_keys.KeyRotation, {"overlap_hours": 169}),
    ("/v1/webhook_endpoints", webhook_endpoints.NewWebhookEndpoint, {"url": "ftp://shop.example", "events": ["*"]}),
    ("/v1/webhook_endpoints/{endpoint_id}", webhook_endpoints.WebhookEndpointChange, {"url": "ftp://shop.example"}),
    ("/v1/webhook_endpoints/{endpoint_id}/rotate_secret", webhook_endpoints.Rotation, {"overlap_hours": 169}),
    ("/v1/webhook_endpoints/{endpoint_id}/replay", webhook_deliveries.Replay, {}),
    ("/v1/transfers", transfers.NewTransfer, _ENDS | {"amount": 0, "currency": "EUR"}),
    ("/v1/transfers/{transfer_id}/reversals", transfers.NewReversal, {"amount": 0}),
    ("/v1/holds", holds.NewHold, _ENDS | {"amount": 0, "currency": "EUR", "expires_in": 60}),
    ("/v1/holds/{hold_id}/captures", holds.NewCapture, {"amount": 0}),
    ("/v1/holds/{hold_id}/extensions", holds.NewExtension, {}),
    ("/v1/accounts", accounts.NewAccount, {"kind": "fees", "type": "income", "currency": "eur"}),
    ("/v1/accounts/{account_id}", accounts.AccountChange, {"external_id": "vault-1"}),
    ("/v1/accounts/{account_id}/freeze", accounts.Freeze, {"direction": "up", "reason": "Court order"}),
    ("/v1/accounts/{account_id}/close", accounts.Closure, {}),
    ("/v1/journals", journals.NewJournal, {"legs": []}),
    ("/v1/ledger/periods", periods.NewPeriod, {"ends_at": "2026-02-01"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "model", "body"), WRONG_BODIES)
def test_a_wrong_body_is_one_of_the_route(
    document: dict[str, Any], path: str, model: type[Body], body: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    (error,) = caught.value.errors()
    (operation,) = [o for m, o in document["paths"][path].items() if m in {"post", "patch"}]
    shown = problem_of(operation, "422", "invalid_request")
    assert shown["errors"] == [{"location": f"body/{error['loc'][0]}", "detail": error["msg"]}]


PAGES: list[tuple[str, type[Message]]] = [
    ("/v1/wallets/{wallet_id}/entries", EntryPage),
    ("/v1/wallets/{wallet_id}/transfers", TransferPage),
    ("/v1/wallets/{wallet_id}/holds", HoldPage),
    ("/v1/accounts", AccountPage),
    ("/v1/accounts/{account_id}/entries", EntryPage),
    ("/v1/wallets/{wallet_id}/statement", StatementPage),
    ("/v1/accounts/{account_id}/statement", StatementPage),
    ("/v1/payment_intents", PaymentIntentPage),
    ("/v1/payment_intents/{payment_intent_id}/timeline", Timeline),
    ("/v1/refunds", RefundPage),
    ("/v1/disputes", DisputePage),
    ("/v1/reviews", ReviewPage),
    ("/v1/processor_operations", ProcessorOperationPage),
    ("/v1/parked_webhooks", ParkedWebhookPage),
    ("/v1/cases", CasePage),
    ("/v1/cases/{case_id}/events", CaseEventPage),
    ("/v1/risk/decisions", DecisionPage),
    ("/v1/risk/lists", ListEntryPage),
    ("/v1/risk/screenings", ScreeningPage),
    ("/v1/risk/limits/changes", LimitChangePage),
    ("/v1/webhook_endpoints/{endpoint_id}/deliveries", DeliveryPage),
    ("/v1/users", UserPage),
    ("/v1/users/me/security_events", SecurityEventPage),
    ("/v1/security_events", SecurityEventPage),
]


@pytest.mark.parametrize(("path", "page"), PAGES)
def test_a_page_shows_that_it_is_the_last(document: dict[str, Any], path: str, page: type[Message]) -> None:
    answer = document["paths"][path]["get"]["responses"]["200"]
    example = answer["content"]["application/json"]["example"]
    assert example.keys() == page.model_fields.keys()
    (last,) = [value for name, value in example.items() if name.startswith("next_")]
    assert last is None


EXAMPLES = [
    (User, users.EXAMPLE),
    (User, user_management.MERCHANT_EXAMPLE),
    (User, user_management.DEACTIVATED_EXAMPLE),
    (SecurityEvent, security_events.EXAMPLE),
    (AccessToken, sessions.EXAMPLE),
    (Session, own_sessions.EXAMPLE),
    (SigningKey, signing_keys.EXAMPLE),
    (SigningKey, signing_keys.BEFORE_EXAMPLE),
    (TotpSecret, totp.EXAMPLE),
    (RecoveryCodes, totp.CODES_EXAMPLE),
    (Passkey, passkeys.EXAMPLE),
    (PasskeyChallenge, passkeys.CHALLENGE_EXAMPLE),
    (PasskeyChallenge, passkeys.NEW_CHALLENGE_EXAMPLE),
    (AccessToken, step_up.EXAMPLE),
    (OAuthClient, oauth_clients.EXAMPLE),
    (NewOAuthClient, oauth_clients.NEW_EXAMPLE),
    (AccessToken, oauth_tokens.EXAMPLE),
    (Introspection, oauth_tokens.INTROSPECTION_EXAMPLE),
    (ApiKey, api_keys.EXAMPLE),
    (NewApiKey, api_keys.NEW_EXAMPLE),
    (Account, wallets.EXAMPLE),
    (Entry, wallets.ENTRY_EXAMPLE),
    (Transfer, transfers.EXAMPLE),
    (Reconciliation, reconciliations.EXAMPLE),
    (Break, breaks.RESOLVED_EXAMPLE),
    (Transfer, transfers.REVERSAL_EXAMPLE),
    (Hold, holds.EXAMPLE),
    (Capture, holds.CAPTURE_EXAMPLE),
    (Account, accounts.EXAMPLE),
    (Journal, journals.EXAMPLE),
    (Balance, balances.EXAMPLE),
    (TrialBalance, balances.TRIAL_EXAMPLE),
    (StatementPage, statements.EXAMPLE),
    (StatementLine, statements.LINE_EXAMPLE),
    (Period, periods.EXAMPLE),
    (Receipt, receipts.EXAMPLE),
    (SealKey, receipts.KEY_EXAMPLE),
    (PaymentIntent, payment_intents.EXAMPLE),
    (Hop, payment_timelines.HOP_EXAMPLE),
    (Refund, refunds.EXAMPLE),
    (Dispute, disputes.EXAMPLE),
    (Review, reviews.EXAMPLE),
    (ReviewDecision, reviews.DECISION_EXAMPLE),
    (ParkedWebhook, parked_webhooks.EXAMPLE),
    (ProcessorOperation, processor_operations.EXAMPLE),
    (ProcessorOperation, processor_operations.SETTLED_EXAMPLE),
    (Case, cases.EXAMPLE),
    (SuspiciousActivityReport, cases.REPORT_EXAMPLE),
    (PaymentLabel, risk_labels.EXAMPLE),
    (Quality, risk_quality.EXAMPLE),
    (DecisionRecord, risk_decisions.EXAMPLE),
    (ListEntry, risk_lists.REMOVED_EXAMPLE),
    (SanctionsLists, risk_screenings.LISTS_EXAMPLE),
    (TierLimit, risk_limits.EXAMPLE),
    (LimitChange, risk_limits.CHANGE_EXAMPLE),
    (Customer, risk_limits.CUSTOMER_EXAMPLE),
    (WebhookEndpoint, webhook_endpoints.NEW_EXAMPLE),
    (Delivery, webhook_deliveries.EXAMPLE),
]


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_examples_are_real(model: Any, example: dict[str, Any]) -> None:
    assert model.model_validate(example).model_dump(mode="json", exclude_none=True).keys() == example.keys()


@pytest.mark.parametrize("name", payment_bodies.REQUESTS)
def test_example_requests_are_valid(name: str) -> None:
    payment_bodies.NewPaymentIntent.model_validate(payment_bodies.REQUESTS[name]["value"])


BODIES: list[type[Body]] = [
    risk_lists.NewListEntry,
    risk_lists.ListEntryRemoval,
    cases.NewCaseNote,
    cases.NewCaseEvidence,
    cases.NewCaseDecision,
    risk_labels.NewAnalystLabel,
    risk_labels.NewImport,
    risk_screenings.NewScreeningDecision,
    users.NewUser,
    passwords.PasswordChange,
    passwords.ForgottenPassword,
    passwords.PasswordReset,
    email_verifications.EmailProof,
    user_management.NewRole,
    sessions.NewSession,
    totp.TotpConfirmation,
    passkeys.NewPasskey,
    passkeys.PasskeyAnswer,
    step_up.StepUpProof,
    oauth_clients.NewClient,
    api_keys.NewKey,
    api_keys.KeyRotation,
    wallets.NewWallet,
    top_ups.NewTopUp,
    transfers.NewTransfer,
    transfers.NewReversal,
    holds.NewHold,
    holds.NewCapture,
    holds.NewExtension,
    accounts.NewAccount,
    accounts.AccountChange,
    accounts.Freeze,
    accounts.Closure,
    journals.NewJournal,
    periods.NewPeriod,
    payment_bodies.NewPaymentIntent,
    payment_bodies.PaymentIntentChange,
    payment_bodies.Confirmation,
    payment_bodies.IntentCapture,
    payment_bodies.Cancellation,
    refunds.NewRefund,
    disputes.NewEvidence,
    reviews.NewDecision,
    processor_operations.NewSettlement,
    webhook_endpoints.NewWebhookEndpoint,
    webhook_endpoints.WebhookEndpointChange,
    webhook_endpoints.Rotation,
    webhook_deliveries.Replay,
]


@pytest.mark.parametrize("body", BODIES)
def test_example_bodies_are_valid(body: type[Body]) -> None:
    properties = body.model_json_schema()["properties"]
    body.model_validate({name: shown["examples"][0] for name, shown in properties.items() if "examples" in shown})


@pytest.mark.parametrize(
    ("body", "example"),
    [
        (users.NewUser, users.EXAMPLE),
        (sessions.NewSession, sessions.EXAMPLE),
        (user_management.NewRole, user_management.MERCHANT_EXAMPLE),
        (passkeys.NewPasskey, passkeys.EXAMPLE),
        (oauth_clients.NewClient, oauth_clients.EXAMPLE),
        (api_keys.NewKey, api_keys.EXAMPLE),
        (wallets.NewWallet, wallets.EXAMPLE),
        (top_ups.NewTopUp, transfers.EXAMPLE),
        (transfers.NewTransfer, transfers.EXAMPLE),
        (transfers.NewReversal, transfers.REVERSAL_EXAMPLE),
        (holds.NewHold, holds.EXAMPLE),
        (accounts.NewAccount, accounts.EXAMPLE),
        (journals.NewJournal, journals.EXAMPLE),
        (payment_bodies.NewPaymentIntent, payment_intents.EXAMPLE),
        (refunds.NewRefund, refunds.EXAMPLE),
        (reviews.NewDecision, reviews.DECISION_EXAMPLE),
        (webhook_endpoints.NewWebhookEndpoint, webhook_endpoints.EXAMPLE),
    ],
)
def test_request_and_answer_tell_one_story(body: type[Body], example: dict[str, Any]) -> None:
    for name, shown in body.model_json_schema()["properties"].items():
        if name in example and "examples" in shown:
            assert shown["examples"] == [example[name]]
