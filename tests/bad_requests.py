"""Bad requests, as a table: what is wrong, the request, and the answer that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json"
HUGE = 10 * 2**20
MISSING: Any = object()


@dataclass(frozen=True)
class Bad:
    """One request that is wrong in one way. Placeholders such as `{mine}` stand for the ids of real wallets.

    `body` is sent as it is when it is bytes, in chunks without a length when `chunked`. A header of None is left out.
    `tells` must be in the answer: the name of what to change.
    """

    what: str
    status: int
    code: str
    body: Any = None
    headers: Mapping[str, str | bytes | None] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/v1/payment_intents"
    tells: str = ""
    chunked: bool = False

    def content(self, names: Mapping[str, str]) -> bytes:
        """Return the body's bytes with the placeholders filled in; none for None."""
        if self.body is None:
            return b""
        content = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        return filled(content.decode("latin-1"), names).encode("latin-1")


def filled(text: str, names: Mapping[str, str]) -> str:
    """Return the text with real ids for its placeholders."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


ORDER = {
    "source_wallet": "{mine}",
    "destination_wallet": "{theirs}",
    "amount": 100,
    "currency": "EUR",
    "confirm": True,
}
"""A payment that would succeed."""


def _order(**changes: Any) -> dict[str, Any]:
    changed = ORDER | changes
    return {name: value for name, value in changed.items() if value is not MISSING}


def _raw(old: str, new: str) -> bytes:
    """Return the good order with a piece of its text replaced, for what no JSON library would write."""
    text = orjson.dumps(ORDER).decode()
    assert old in text
    return text.replace(old, new).encode("latin-1")


def _invalid(what: str, name: str, value: Any) -> Bad:
    return Bad(what, 422, "invalid_request", _order(**{name: value}), tells=name)


AMOUNTS = (
    _invalid("amount as text", "amount", "100"),
    _invalid("amount as a float", "amount", 100.5),
    _invalid("amount as a whole float", "amount", 100.0),
    _invalid("amount zero", "amount", 0),
    _invalid("amount negative", "amount", -100),
    _invalid("amount above the limit", "amount", 10**12 + 1),
    _invalid("amount beyond 64 bits", "amount", 2**63),
    Bad("amount of sixty digits", 422, "invalid_request", _raw("100", "9" * 60), tells="amount"),
    Bad("amount of a hundred digits", 400, "malformed_json", _raw("100", "9" * 100)),
    Bad("amount of five thousand digits", 400, "malformed_json", _raw("100", "9" * 5000)),
    Bad("amount infinite", 400, "malformed_json", _raw("100", "1e999")),
    Bad("amount no number", 400, "malformed_json", _raw("100", "NaN")),
    Bad("amount in exponents", 422, "invalid_request", _raw("100", "1e2"), tells="amount"),
    _invalid("amount true", "amount", True),
    _invalid("amount null", "amount", None),
    _invalid("amount as a list", "amount", [100]),
    _invalid("amount as an object", "amount", {"amount": 100}),
    _invalid("amount missing", "amount", MISSING),
)
CURRENCIES = (
    _invalid("currency unknown", "currency", "ABC"),
    _invalid("currency without minor units", "currency", "XAU"),
    _invalid("currency in lower case", "currency", "eur"),
    _invalid("currency too long", "currency", "EURO"),
    _invalid("currency empty", "currency", ""),
    _invalid("currency as a number", "currency", 978),
    _invalid("currency null", "currency", None),
    _invalid("currency missing", "currency", MISSING),
    Bad("currency of another wallet", 422, "currency_mismatch", _order(currency="USD"), tells="currency"),
    Bad("wallets of two currencies", 422, "currency_mismatch", _order(destination_wallet="{yen}"), tells="wallet"),
)
CARD = {"type": "card", "token": "tok_visa"}
UNKNOWN = "01980000-0000-7000-8000-000000000000"
WALLETS = (
    _invalid("source wallet no id", "source_wallet", "my wallet"),
    _invalid("source wallet a number", "source_wallet", 4711),
    Bad("source wallet null", 422, "payment_method_required", _order(source_wallet=None), tells="payment_method"),
    Bad("nothing to pay with", 422, "payment_method_required", _order(source_wallet=MISSING), tells="payment_method"),
    Bad(
        "destination wallet missing",
        422,
        "destination_required",
        _order(destination_wallet=MISSING),
        tells="destination_wallet",
    ),
    Bad("top-up from a wallet", 422, "wallet_not_possible", _order(direction="top_up"), tells="source_wallet"),
    Bad("payout to a wallet", 422, "wallet_not_possible", _order(direction="payout"), tells="destination_wallet"),
    Bad("payout by card", 422, "payment_method_not_possible", _order(direction="payout", payment_method=CARD)),
    Bad("card and wallet", 422, "wallet_not_possible", _order(payment_method=CARD), tells="source_wallet"),
    Bad(
        "top-up of somebody else's wallet",
        404,
        "wallet_not_found",
        {
            "direction": "top_up",
            "destination_wallet": "{theirs}",
            "payment_method": CARD,
            "amount": 100,
            "currency": "EUR",
        },
        tells="destination_wallet",
    ),
    Bad("source wallet unknown", 404, "wallet_not_found", _order(source_wallet=UNKNOWN), tells="source_wallet"),
    Bad(
        "source wallet somebody else's",
        404,
        "wallet_not_found",
        _order(source_wallet="{theirs}"),
        tells="source_wallet",
    ),
    Bad("destination unknown", 404, "wallet_not_found", _order(destination_wallet=UNKNOWN), tells="destination_wallet"),
    Bad("destination a clearing account", 404, "wallet_not_found", _order(destination_wallet="{clearing}")),
    Bad("paying oneself", 422, "same_wallet", _order(destination_wallet="{mine}"), tells="destination_wallet"),
)
FIELDS = (
    _invalid("a field that is not known", "tip", 5),
    _invalid("confirm as text", "confirm", "true"),
    _invalid("confirm as a number", "confirm", 1),
    _invalid("description too long", "description", "x" * 501),
    _invalid("description a number", "description", 5),
    _invalid("description with a NUL character", "description", "tea\0cake"),
    Bad(
        "description with half a character", 422, "invalid_request",
        _raw('"amount"', '"description":"\\ud800","amount"'), tells="description",
    ),
    Bad("amount given twice", 400, "malformed_json", _raw('"amount":100', '"amount":1,"amount":100'), tells="amount"),
)  # fmt: skip
BODIES = (
    Bad("no body", 422, "invalid_request", b""),
    Bad("body cut off", 400, "malformed_json", _raw("}", "")),
    Bad("body with more after it", 400, "malformed_json", _raw("}", "} {}")),
    Bad("body of single quotes", 400, "malformed_json", b"{'amount': 100}"),
    Bad("body a list", 422, "invalid_request", []),
    Bad("body text", 422, "invalid_request", "pay"),
    Bad("body null", 422, "invalid_request", b"null"),
    Bad("body not UTF-8", 400, "malformed_request", b'{"description": "\xff\xfe"}'),
    Bad("body nested ten thousand deep", 400, "malformed_json", b"[" * 10_000),
    Bad("body as plain text", 415, "unsupported_media_type", ORDER, {"Content-Type": "text/plain"}),
    Bad("body as XML", 415, "unsupported_media_type", b"<pay/>", {"Content-Type": "application/xml"}),
    Bad("body as a form", 415, "unsupported_media_type", b"amount=100",
        {"Content-Type": "application/x-www-form-urlencoded"}),
    Bad("body without a type", 415, "unsupported_media_type", ORDER, {"Content-Type": None}),
    Bad("body of 10 MB", 413, "body_too_large", b" " * HUGE),
    Bad("body of 10 MB that does not say so", 413, "body_too_large", b" " * HUGE, chunked=True),
    Bad("body a byte too long", 413, "body_too_large", b" " * (64 * 1024 + 1)),
)  # fmt: skip
KEYS = (
    Bad("no Idempotency-Key", 400, "idempotency_key_required", ORDER, {"Idempotency-Key": None},
        tells="Idempotency-Key"),
    Bad("Idempotency-Key empty", 400, "idempotency_key_required", ORDER, {"Idempotency-Key": ""}),
    Bad("Idempotency-Key too long", 400, "idempotency_key_invalid", ORDER, {"Idempotency-Key": "k" * 256}),
    Bad("Idempotency-Key not ASCII", 400, "idempotency_key_invalid", ORDER, {"Idempotency-Key": "schlüssel".encode()}),
    Bad("no key for a wallet", 400, "idempotency_key_required", {"currency": "EUR"}, {"Idempotency-Key": None},
        path="/v1/wallets"),
)  # fmt: skip
TOKENS = (
    Bad("no token", 401, "token_required", ORDER, {"Authorization": None}, tells="/v1/sessions"),
    Bad("token expired", 401, "invalid_token", ORDER, {"Authorization": "Bearer {expired}"}, tells="expired"),
    Bad("token tampered with", 401, "invalid_token", ORDER, {"Authorization": "Bearer {tampered}"}),
    Bad("token of another key", 401, "invalid_token", ORDER, {"Authorization": "Bearer {forged}"}),
    Bad("token of another key under our key's id", 401, "invalid_token", ORDER, {"Authorization": "Bearer {masked}"}),
    Bad("token unsigned", 401, "invalid_token", ORDER, {"Authorization": "Bearer {unsigned}"}),
    Bad("token for another audience", 401, "invalid_token", ORDER, {"Authorization": "Bearer {misdirected}"}),
    Bad("token of another issuer", 401, "invalid_token", ORDER, {"Authorization": "Bearer {foreign}"}),
    Bad("token of another type", 401, "invalid_token", ORDER, {"Authorization": "Bearer {untyped}"}),
    Bad("token nested a thousand deep", 401, "invalid_token", ORDER, {"Authorization": "Bearer {deep}"}),
    Bad("token no token", 401, "invalid_token", ORDER, {"Authorization": "Bearer a.b.c"}),
    Bad("token far too long", 401, "invalid_token", ORDER, {"Authorization": "Bearer " + "a" * 8000}),
    Bad("token not ASCII", 401, "invalid_token", ORDER, {"Authorization": "Bearer ä".encode()}),
    Bad("a password instead", 401, "invalid_token", ORDER, {"Authorization": "Basic YWRhOmFkYQ=="}, tells="Bearer"),
    Bad("a customer funds a wallet", 403, "insufficient_scope", {"amount": 100, "currency": "EUR"},
        path="/v1/wallets/{mine}/top_ups", tells="wallets:fund"),
    Bad("no token for a wallet", 401, "token_required", headers={"Authorization": None}, method="GET",
        path="/v1/wallets/{mine}"),
)  # fmt: skip
PLACES = (
    Bad("nothing there", 404, "not_found", method="GET", path="/v1/payment_intentions", tells="/docs"),
    Bad("a path with a NUL character", 404, "not_found", method="GET", path="/v1/%00"),
    Bad("wrong method", 405, "method_not_allowed", method="PUT", tells="POST"),
    Bad("deleting a wallet", 405, "method_not_allowed", method="DELETE", path="/v1/wallets/{mine}", tells="GET"),
    Bad("no id in the path", 422, "invalid_request", method="GET", path="/v1/payment_intents/latest",
        tells="payment_intent_id"),
    Bad("no wallet id in the path", 422, "invalid_request", method="GET", path="/v1/wallets/savings",
        tells="wallet_id"),
    Bad("no transfer id in the path", 422, "invalid_request", method="GET", path="/v1/transfers/1",
        tells="transfer_id"),
    Bad("wallet unknown", 404, "wallet_not_found", method="GET", path=f"/v1/wallets/{UNKNOWN}"),
    Bad("wallet somebody else's", 404, "wallet_not_found", method="GET", path="/v1/wallets/{theirs}/entries"),
    Bad("intent unknown", 404, "payment_intent_not_found", method="GET", path=f"/v1/payment_intents/{UNKNOWN}"),
    Bad("confirming what is unknown", 404, "payment_intent_not_found", path=f"/v1/payment_intents/{UNKNOWN}/confirm"),
    Bad("transfer unknown", 404, "transfer_not_found", method="GET", path=f"/v1/transfers/{UNKNOWN}"),
    Bad("page too long", 422, "invalid_request", method="GET", path="/v1/wallets/{mine}/entries?limit=1000",
        tells="limit"),
    Bad("page empty", 422, "invalid_request", method="GET", path="/v1/wallets/{mine}/entries?limit=0", tells="limit"),
    Bad("page before no number", 422, "invalid_request", method="GET", path="/v1/wallets/{mine}/entries?before=last",
        tells="before"),
    Bad("page before a number beyond 64 bits", 422, "invalid_request", method="GET",
        path=f"/v1/wallets/{{mine}}/entries?before={10**30}", tells="before"),
)  # fmt: skip
PERSON = {"email": "{email}", "password": "correct horse battery staple"}
PEOPLE = (
    Bad("e-mail no address", 422, "invalid_request", PERSON | {"email": "ada"}, path="/v1/users", tells="email"),
    Bad("e-mail with a NUL character", 422, "invalid_request", PERSON | {"email": "a\0da@ledgerlink.example"},
        path="/v1/users", tells="email"),
    Bad("e-mail taken", 409, "email_taken", PERSON | {"email": "{taken}"}, path="/v1/users", tells="email"),
    Bad("e-mail taken, in capitals", 409, "email_taken", PERSON | {"email": "{TAKEN}"}, path="/v1/users",
        tells="email"),
    Bad("password too short", 422, "invalid_request", PERSON | {"password": "secret"}, path="/v1/users",
        tells="password"),
    Bad("password too long", 422, "invalid_request", PERSON | {"password": "x" * 129}, path="/v1/users",
        tells="password"),
    Bad("password half a character", 422, "invalid_request",
        b'{"email": "{email}", "password": "\\ud800 horse battery staple"}', path="/v1/users", tells="password"),
    Bad("choosing a role", 422, "invalid_request", PERSON | {"role": "operator"}, path="/v1/users", tells="role"),
    Bad("unknown person", 401, "invalid_credentials", PERSON, path="/v1/sessions"),
    Bad("wrong password", 401, "invalid_credentials", PERSON | {"email": "{taken}", "password": "let me in"},
        path="/v1/sessions"),
    Bad("wallet in no currency", 422, "invalid_request", {}, path="/v1/wallets", tells="currency"),
    Bad("wallet in gold", 422, "invalid_request", {"currency": "XAU"}, path="/v1/wallets", tells="currency"),
    Bad("wallet for somebody else", 422, "invalid_request", {"currency": "EUR", "owner": UNKNOWN}, path="/v1/wallets",
        tells="owner"),
)  # fmt: skip
MOVE = {"debit_account": "{mine}", "credit_account": "{theirs}", "amount": 100, "currency": "EUR"}
OWN = MOVE | {"credit_account": "{savings}"}
HOLD = OWN | {"expires_in": 60}
LEDGER = (
    Bad("moving money to somebody else", 404, "wallet_not_found", MOVE, path="/v1/transfers",
        tells="POST /v1/payment_intents"),
    Bad("moving somebody else's money", 404, "wallet_not_found",
        MOVE | {"debit_account": "{theirs}", "credit_account": "{mine}"}, path="/v1/transfers", tells="debit_account"),
    Bad("moving money to a clearing account", 404, "wallet_not_found", MOVE | {"credit_account": "{clearing}"},
        path="/v1/transfers"),
    Bad("moving money to where it is", 422, "same_account", MOVE | {"credit_account": "{mine}"}, path="/v1/transfers"),
    Bad("moving more than there is", 402, "insufficient_funds", OWN | {"amount": 10**12}, path="/v1/transfers"),
    Bad("dating back", 403, "insufficient_scope", OWN | {"effective_at": "2026-01-05T09:30:00Z"}, path="/v1/transfers",
        tells="effective_at"),
    Bad("a date without an offset", 422, "invalid_request", OWN | {"effective_at": "2026-01-05T09:30:00"},
        path="/v1/transfers", tells="effective_at"),
    Bad("a date in seconds", 422, "invalid_request", OWN | {"effective_at": 1767605400}, path="/v1/transfers",
        tells="effective_at"),
    Bad("metadata with a NUL character", 422, "invalid_request", OWN | {"metadata": {"tea": "ca\0ke"}},
        path="/v1/transfers", tells="metadata"),
    Bad("metadata without end", 422, "invalid_request", OWN | {"metadata": {f"{n}": "" for n in range(21)}},
        path="/v1/transfers", tells="metadata"),
    Bad("holding money for somebody else", 404, "wallet_not_found", HOLD | {"credit_account": "{theirs}"},
        path="/v1/holds", tells="credit_account"),
    Bad("holding money without end", 422, "invalid_request", OWN, path="/v1/holds", tells="expires_in"),
    Bad("holding money too long", 422, "expiry_too_far", OWN | {"expires_at": "2099-01-05T09:30:00Z"},
        path="/v1/holds", tells="31 days"),
    Bad("holding money until yesterday", 422, "expiry_in_past", OWN | {"expires_at": "2026-01-05T09:30:00Z"},
        path="/v1/holds"),
    Bad("holding more than there is", 402, "insufficient_funds", HOLD | {"amount": 10**12}, path="/v1/holds"),
    Bad("capturing an unknown hold", 404, "hold_not_found", {}, path=f"/v1/holds/{UNKNOWN}/captures"),
    Bad("voiding an unknown hold", 404, "hold_not_found", path=f"/v1/holds/{UNKNOWN}/void"),
    Bad("a page of holds before no id", 422, "invalid_request", method="GET", path="/v1/wallets/{mine}/holds?before=1",
        tells="before"),
    Bad("adding a currency to somebody else's wallet", 404, "wallet_not_found",
        {"currency": "USD", "wallet": "{theirs}"}, path="/v1/wallets", tells="`wallet`"),
    Bad("a currency that the wallet has", 409, "currency_taken", {"currency": "EUR", "wallet": "{mine}"},
        path="/v1/wallets"),
    Bad("a customer posts a journal", 403, "insufficient_scope", {"legs": []}, path="/v1/journals"),
    Bad("a customer reverses", 403, "insufficient_scope", {}, path=f"/v1/transfers/{UNKNOWN}/reversals"),
    Bad("a customer looks at the chart", 403, "insufficient_scope", method="GET", path="/v1/accounts"),
    Bad("a customer freezes", 403, "insufficient_scope", {"direction": "both", "reason": "Spite"},
        path="/v1/accounts/{theirs}/freeze"),
    Bad("a customer closes", 403, "insufficient_scope", {"reason": "Spite"}, path="/v1/accounts/{theirs}/close"),
)  # fmt: skip
INTENT = f"/v1/payment_intents/{UNKNOWN}"
ENDPOINT = f"/v1/webhook_endpoints/{UNKNOWN}"
NUMBER = "4242 4242 4242 4242"
PAYMENTS = (
    Bad("a card number", 422, "card_number_refused", _order(payment_method={"type": "card", "number": NUMBER})),
    Bad("a card number for a token", 422, "card_number_refused",
        _order(payment_method={"type": "card", "token": "tok_4242424242424242"})),
    Bad("a card number in between", 422, "card_number_refused", _order(metadata={"card": f"is {NUMBER}, valid"})),
    Bad("a payment method of no type", 422, "invalid_request", _order(payment_method={"token": "tok_visa"}),
        tells="`type`"),
    Bad("a card without a token", 422, "invalid_request", _order(payment_method={"type": "card"}), tells="token"),
    Bad("a fee that is all of it", 422, "application_fee_not_possible", _order(application_fee=100)),
    Bad("a fee of what is captured by hand", 422, "application_fee_not_possible",
        _order(application_fee=1, capture_method="manual")),
    Bad("a payout that is captured by hand", 422, "capture_method_not_possible",
        {"direction": "payout", "source_wallet": "{mine}", "amount": 100, "currency": "EUR",
         "capture_method": "manual"}, tells="capture_method"),
    Bad("coming back to a script", 422, "invalid_request", _order(return_url="javascript:alert(1)"),
        tells="return_url"),
    Bad("changing nothing", 422, "invalid_request", {}, path=INTENT, tells="amount"),
    Bad("changing the currency", 422, "invalid_request", {"currency": "USD"}, path=INTENT, tells="currency"),
    Bad("changing what is unknown", 404, "payment_intent_not_found", {"amount": 1}, path=INTENT),
    Bad("capturing what is unknown", 404, "payment_intent_not_found", path=f"{INTENT}/capture"),
    Bad("capturing nothing", 422, "invalid_request", {"amount": 0}, path=f"{INTENT}/capture", tells="amount"),
    Bad("canceling what is unknown", 404, "payment_intent_not_found", path=f"{INTENT}/cancel"),
    Bad("canceling as only the system does", 422, "invalid_request", {"cancellation_reason": "expired"},
        path=f"{INTENT}/cancel", tells="cancellation_reason"),
    Bad("the timeline of what is unknown", 404, "payment_intent_not_found", method="GET", path=f"{INTENT}/timeline"),
    Bad("following what is unknown", 404, "payment_intent_not_found", method="GET", path=f"{INTENT}/events"),
    Bad("following from an event that is none", 422, "invalid_request", None, {"Last-Event-ID": "x"}, method="GET",
        path=f"{INTENT}/events", tells="Last-Event-ID"),
    Bad("a list by what it cannot be asked by", 422, "invalid_request", method="GET",
        path="/v1/payment_intents?state=succeeded", tells="`status`"),
    Bad("a list by a status that is none", 422, "invalid_request", method="GET",
        path="/v1/payment_intents?status=paid", tells="status"),
    Bad("refunding what is unknown", 404, "payment_intent_not_found", {"payment_intent": UNKNOWN}, path="/v1/refunds"),
    Bad("refunding nothing", 422, "invalid_request", {"payment_intent": UNKNOWN, "amount": 0}, path="/v1/refunds",
        tells="amount"),
    Bad("refund unknown", 404, "refund_not_found", method="GET", path=f"/v1/refunds/{UNKNOWN}"),
    Bad("dispute unknown", 404, "dispute_not_found", method="GET", path=f"/v1/disputes/{UNKNOWN}"),
    Bad("answering a dispute that is unknown", 404, "dispute_not_found", {"evidence": {"receipt": "R-1"}},
        path=f"/v1/disputes/{UNKNOWN}/evidence"),
    Bad("answering a dispute with nothing", 422, "invalid_request", {"evidence": {}},
        path=f"/v1/disputes/{UNKNOWN}/evidence", tells="evidence"),
    Bad("a customer looks at reviews", 403, "insufficient_scope", method="GET", path="/v1/reviews"),
    Bad("a customer decides a review", 403, "insufficient_scope", {"outcome": "approve", "note": "Mine"},
        path=f"/v1/reviews/{UNKNOWN}/decision"),
    Bad("a customer looks at operations in doubt", 403, "insufficient_scope", method="GET",
        path="/v1/processor_operations"),
    Bad("a customer settles an operation", 403, "insufficient_scope", {"outcome": "succeeded", "note": "Mine"},
        path=f"/v1/processor_operations/{UNKNOWN}/settlement"),
    Bad("a customer looks at parked webhooks", 403, "insufficient_scope", method="GET", path="/v1/parked_webhooks"),
    Bad("webhooks to nowhere", 422, "invalid_request", {"url": "shop", "events": ["*"]}, path="/v1/webhook_endpoints",
        tells="url"),
    Bad("webhooks of events that are none", 422, "unknown_event_type",
        {"url": "https://shop.example/hooks", "events": ["payment_intent.paid"]}, path="/v1/webhook_endpoints",
        tells="events"),
    Bad("webhook endpoint unknown", 404, "endpoint_not_found", method="GET", path=ENDPOINT),
    Bad("testing an unknown endpoint", 404, "endpoint_not_found", path=f"{ENDPOINT}/test"),
    Bad("sending an unknown delivery again", 404, "delivery_not_found",
        path=f"/v1/webhook_deliveries/{UNKNOWN}/redeliver"),
    Bad("a webhook of nobody", 404, "processor_not_found", path="/v1/webhooks/nobody"),
    Bad("a webhook that nobody signed", 401, "signature_invalid", {"id": "evt_1"}, path="/v1/webhooks/sandbox"),
)  # fmt: skip

ALL_OF_THEM = (
    *AMOUNTS,
    *CURRENCIES,
    *WALLETS,
    *FIELDS,
    *BODIES,
    *KEYS,
    *TOKENS,
    *PLACES,
    *PEOPLE,
    *LEDGER,
    *PAYMENTS,
)
