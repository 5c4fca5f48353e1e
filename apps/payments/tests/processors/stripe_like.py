"""A small server that answers as Stripe does, keeps what it is asked, and complains about forms that Stripe refuses."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
KEY = "sk_test_of_the_tests"


class TroubleError(Exception):
    def __init__(self, status: int, kind: str, code: str | None = None, **others: Any) -> None:
        super().__init__(code)
        self.status, self.error = status, {"type": kind, "code": code, "message": "no", **others}


def nested(form: str) -> Json:
    """a[b][c]=1 as {"a": {"b": {"c": "1"}}}; a[0]=1 as {"a": ["1"]}."""
    found: Json = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        path = re.findall(r"[^\[\]]+", name)
        place = found
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdigit() for name in value):
        return list(value.values())
    return {name: _listed(inner) for name, inner in value.items()}


@dataclass
class StripeLike:
    """All objects by id, and all forms by path, in the order in which they came."""

    objects: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, str, Json, str | None]] = field(default_factory=list)
    trouble: Callable[[], Response] | None = None
    hangs: bool = False
    _answers: dict[str, tuple[str, int, Json]] = field(default_factory=dict)

    def forms(self, path: str) -> list[Json]:
        return [form for method, asked, form, _ in self.asked if method == "POST" and asked == path]

    def keys(self, path: str) -> list[str | None]:
        return [key for method, asked, _, key in self.asked if method == "POST" and asked == path]

    def application(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._serve, methods=["GET", "POST"])])

    async def _serve(self, request: Request) -> Response:
        body = (await request.body()).decode()
        key = request.headers.get("idempotency-key")
        form = nested(body or request.url.query)
        path = request.url.path
        self.asked.append((request.method, path, form, key))
        assert request.headers["authorization"] == f"Bearer {KEY}"
        if self.trouble:
            return self.trouble()
        status, answer = self._kept(request.method, path, form, f"{path} {key}", body)
        if self.hangs:
            await asyncio.sleep(60)
        return JSONResponse(answer, status)

    def _kept(self, method: str, path: str, form: Json, name: str, body: str) -> tuple[int, Json]:
        """The answer, or the one that was given to the same key before."""
        if method == "POST" and name in self._answers:
            said, status, answer = self._answers[name]
            if said != body:
                return 400, {"error": {"type": "idempotency_error", "message": "other parameters"}}
            return status, answer
        try:
            status, answer = 200, self._do(method, path.split("/")[2:], form)
        except TroubleError as error:
            status, answer = error.status, {"error": error.error}
        answer = json.loads(json.dumps(answer))
        if method == "POST":
            self._answers[name] = body, status, answer
        return status, answer

    def _do(self, method: str, path: list[str], form: Json) -> Json:  # noqa: PLR0911 - one for each route
        match method, *path:
            case "POST", "payment_intents":
                return self._charge(form)
            case "GET", "payment_intents", "search":
                found = re.fullmatch(r"metadata\['(\w+)'\]:'([\w-]+)'", form["query"])
                assert found
                data = [o for o in self._of("payment_intent") if o["metadata"].get(found[1]) == found[2]]
                return {"object": "search_result", "url": "/v1/payment_intents/search", "has_more": False, "data": data}
            case "POST", "payment_intents", name, "capture":
                return self._capture(self._found(name), form)
            case "POST", "payment_intents", name, "cancel":
                return self._cancel(self._found(name))
            case "POST", "refunds":
                return self._refund(form)
            case "POST", "payouts":
                return self._payout(form)
            case "POST", "disputes", name:
                dispute = self._found(name)
                assert form["submit"] == "true"
                dispute["metadata"] |= form["metadata"]
                return dispute | {"evidence": form["evidence"], "status": "under_review"}
            case "GET", kind, name:
                assert kind in {"payment_intents", "payouts", "disputes"}
                return self._found(name)
            case "GET", kind:
                return self._page(kind, form)
        raise TroubleError(404, "invalid_request_error", "resource_missing")

    def _charge(self, form: Json) -> Json:
        if "payment_method_types" in form:
            raise TroubleError(400, "invalid_request_error", "payment_method_types_no_longer_supported")
        assert form["confirm"] == "true"
        assert form["currency"].islower()
        token = form.get("payment_method") or form["payment_method_data"][form["payment_method_data"]["type"]]["token"]
        manual = form["capture_method"] == "manual"
        intent = self.new(
            "payment_intent",
            "pi",
            amount=int(form["amount"]),
            currency=form["currency"],
            capture_method=form["capture_method"],
            metadata=form["metadata"],
            amount_received=0 if manual else int(form["amount"]),
            amount_capturable=int(form["amount"]) if manual else 0,
            status="requires_capture" if manual else "succeeded",
        )
        if token == "pm_card_authenticationRequired":
            intent |= {
                "status": "requires_action",
                "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}},
            }
        elif token == "pm_debit":
            intent["status"] = "processing"
        elif token.startswith("tok_chargeDeclined"):
            error = {"code": "card_declined", "decline_code": "insufficient_funds"}
            intent |= {"status": "requires_payment_method", "last_payment_error": error}
            raise TroubleError(
                402, "card_error", "card_declined", decline_code="insufficient_funds", payment_intent=intent
            )
        self.objects[intent["id"]] = intent
        return intent

    def _capture(self, intent: Json, form: Json) -> Json:
        if intent["status"] != "requires_capture":
            raise TroubleError(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent["amount_received"] += int(form["amount_to_capture"])
        intent["metadata"] |= form["metadata"]
        if form["final_capture"] == "true":
            intent["status"] = "succeeded"
        return intent

    def _cancel(self, intent: Json) -> Json:
        if intent["status"] not in {"requires_capture", "requires_action", "requires_payment_method"}:
            raise TroubleError(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        return intent

    def _refund(self, form: Json) -> Json:
        intent = self._found(form["payment_intent"])
        amount = int(form.get("amount") or intent["amount_received"])
        if amount > intent["amount_received"]:
            raise TroubleError(400, "invalid_request_error", "charge_already_refunded")
        intent["amount_received"] -= amount
        return self.new(
            "refund",
            "re",
            amount=amount,
            currency=intent["currency"],
            payment_intent=intent["id"],
            metadata=form["metadata"],
            status="succeeded",
        )

    def _payout(self, form: Json) -> Json:
        if form["destination"] == "ba_closed":
            raise TroubleError(400, "invalid_request_error", "account_closed")
        return self.new(
            "payout", "po", amount=int(form["amount"]), metadata=form["metadata"], status="in_transit", currency="eur"
        )

    def _page(self, kind: str, form: Json) -> Json:
        objects = [o for o in reversed(self._of(kind.removesuffix("s"))) if self._matches(o, form)]
        if after := form.get("starting_after"):
            objects = objects[[o["id"] for o in objects].index(after) + 1 :]
        limit = int(form["limit"])
        return {"object": "list", "url": f"/v1/{kind}", "has_more": len(objects) > limit, "data": objects[:limit]}

    def _matches(self, said: Json, form: Json) -> bool:
        since = int(form.get("created", {}).get("gte", 0))
        return said["created"] >= since and form.get("payment_intent") in {None, said.get("payment_intent")}

    def _of(self, kind: str) -> list[Json]:
        return [o for o in self.objects.values() if o["object"] == kind]

    def _found(self, name: Any) -> Json:
        if name not in self.objects:
            raise TroubleError(404, "invalid_request_error", "resource_missing")
        return self.objects[name]

    def new(self, kind: str, prefix: str, **others: Any) -> Json:
        identifier = f"{prefix}_{len(self.objects) + 1}"
        made = {"id": identifier, "object": kind, "created": int(time.time()), "livemode": False, **others}
        self.objects[identifier] = made
        return made
