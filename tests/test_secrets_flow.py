"""Nothing secret gets out: the demo and all that has to do with secrets are played, and what is said is searched."""

import json
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp
import pytest
import pytest_asyncio
from pydantic import BaseModel, SecretStr

from contracts.ids import new_id
from contracts.topology import SERVICES, streams
from ops.demo.place import of_stack
from ops.demo.telling import tell
from ops.stack.stack import Stack
from tests.oauth_people import new_app, new_merchant
from tests.span_collector import SpanCollector, collecting
from tests.streams import stored_since
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROCESSES = (*SERVICES, "gateway")
SHAPES = {
    "an access token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}",
    "a token or key of ours": r"\bll[a-z]_[\w-]{20,}",
    "a webhook secret": r"\bwhsec_[\w+/=-]{20,}",
    "a key in PEM": r"PRIVATE KEY",
    "an nkey seed": r"\bSU[A-Z2-7]{56}\b",
    "a password in a URL": r"://[\w%.-]+:[^@\s/]{8,}@",
    "a hash of a password": r"\$argon2",
}


@dataclass
class Known:
    """What nobody else may learn, by what it is."""

    secrets: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, secret: str) -> str:
        self.secrets[name] = secret
        return secret


@dataclass(frozen=True)
class Said:
    """All that was said, by where."""

    texts: Mapping[str, str]
    known: Known


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def said(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Said]:
    """Play on a stack that logs for machines and records every trace; read its logs, streams, spans and metrics."""
    with collecting() as spans, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")  # milliseconds until spans are sent
        for process in PROCESSES:
            environment.setenv(f"{process.upper()}_LOG_FORMAT", "json")
            environment.setenv(f"{process.upper()}_OTLP_ENDPOINT", spans.url)
            environment.setenv(f"{process.upper()}_TRACE_SAMPLE_RATIO", "1")
        async with Stack(tmp_path_factory.mktemp("secrets"), durable=False) as stack:
            known = Known(dict(_secrets_of(stack.parts.secrets, "stack")))
            await tell(of_stack(stack))
            async with httpx.AsyncClient(base_url=stack.url, timeout=35) as http:
                await _live(http, known)
                await _keep_shop(stack, http, known)
            await eventually("every process has sent spans", lambda: _all_trace(spans))
            metrics = await _metrics(stack)
            messages = await stored_since(stack, {stream.name: 0 for stream in streams()})
            streamed = "\n".join(f"{message.subject} {message.payload.decode()}" for message in messages)
        logs = {path.name: path.read_text() for path in (stack.layout.root / "logs").glob("*.log")}
        # What the sender of development shows on purpose (apps.identity.workers.senders): its user gets it by mail.
        shown = '"event": "message to a user"'
        logs["identity.log"] = "\n".join(line for line in logs["identity.log"].splitlines() if shown not in line)
        yield Said(logs | metrics | {"streams": streamed, "spans": _told(spans)}, known)


async def _live(http: httpx.AsyncClient, known: Known) -> None:
    """Register, mistype, log in, take a second factor, use it, take a new password, refresh."""
    email = f"{new_id()}@ledgerlink.example"
    password, wrong = (known.keep(name, f"{name} {os.urandom(12).hex()}") for name in ("password", "mistyped"))
    await _done(http.post("/v1/users", json={"email": email, "password": password}))
    refused = await http.post("/v1/sessions", json={"email": email, "password": wrong})
    assert refused.status_code == 401
    session = await _done(http.post("/v1/sessions", json={"email": email, "password": password}))
    own = {"Authorization": f"Bearer {known.keep('access token', session['access_token'])}"}
    known.keep("refresh token", session["refresh_token"])
    seed = known.keep("seed of codes", (await _done(http.post("/v1/users/me/totp", headers=own)))["secret"])
    code = {"code": pyotp.TOTP(seed).now()}
    confirmed = await _done(http.post("/v1/users/me/totp/confirm", json=code, headers=own))
    for number, recovery in enumerate(confirmed["recovery_codes"]):
        known.keep(f"recovery code {number}", recovery)
    first, *_ = confirmed["recovery_codes"]
    await _done(http.post("/v1/sessions", json={"email": email, "password": password, "recovery_code": first}))
    form = {"grant_type": "refresh_token", "client_id": "ledgerlink", "refresh_token": session["refresh_token"]}
    await _done(http.post("/oauth/token", data=form))
    await http.get(f"/v1/wallets?token={session['access_token']}", headers=own | {"X-Request-Id": "a-request"})


async def _keep_shop(stack: Stack, http: httpx.AsyncClient, known: Known) -> None:
    """Make an app and a key, use both, and have webhooks sent."""
    merchant = await new_merchant(stack, http)
    app = await new_app(http, merchant)
    known.keep("client secret", str(app.secret))
    issued = await _done(http.post("/oauth/token", data=app.form | {"grant_type": "client_credentials"}))
    known.keep("token of an app", issued["access_token"])
    asked = {"name": "Till", "scopes": ["wallets"]}
    made = await _done(http.post("/v1/api_keys", json=asked, headers=merchant))
    with_key = {"Authorization": f"Bearer {known.keep('api key', made['secret'])}", "Idempotency-Key": str(new_id())}
    await _done(http.post("/v1/wallets", json={"currency": "EUR"}, headers=with_key))
    hook = {"url": "http://127.0.0.1:9/hooks", "events": ["*"]}
    endpoint = await _done(
        http.post("/v1/webhook_endpoints", json=hook, headers=merchant | {"Idempotency-Key": str(new_id())})
    )
    known.keep("webhook secret", endpoint["secret"])


async def _done(asked: Any) -> dict[str, Any]:
    answer = await asked
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def _metrics(stack: Stack) -> dict[str, str]:
    async with httpx.AsyncClient(follow_redirects=True) as http:
        ports = {process: stack.parts.ports[process] for process in PROCESSES}
        return {f"{p} metrics": (await http.get(f"http://127.0.0.1:{port}/metrics")).text for p, port in ports.items()}


async def _all_trace(spans: SpanCollector) -> bool:
    return {f"ledgerlink-{process}" for process in PROCESSES} <= {span.service for span in spans.all()}


def _told(spans: SpanCollector) -> str:
    return "\n".join(f"{span.service} {span.name} {span.attributes}" for span in spans.all())


def _secrets_of(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Find all that is secret in a model."""
    if isinstance(value, SecretStr):
        yield name, value.get_secret_value()
    elif isinstance(value, BaseModel):
        for part in type(value).model_fields:
            yield from _secrets_of(getattr(value, part), f"{name} {part}")
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _secrets_of(part, f"{name} {key}")


async def test_all_that_is_searched_says_something(said: Said) -> None:
    assert {f"{process}.log" for process in PROCESSES} <= said.texts.keys()
    assert len(said.known.secrets) > 40
    for where, text in said.texts.items():
        assert text or where == "migrate.log", where
    assert said.texts["gateway.log"].count('"request"') > 30
    assert said.texts["streams"].count("ledgerlink.payments.") > 20
    assert {f"ledgerlink-{process}" for process in PROCESSES} <= set(said.texts["spans"].split())


async def test_nothing_secret_is_said_anywhere(said: Said) -> None:
    found = [(name, where) for name, secret in said.known.secrets.items() for where in _where(said, re.escape(secret))]
    found += [(name, where) for name, shape in SHAPES.items() for where in _where(said, shape)]
    assert not found


def _where(said: Said, pattern: str) -> Iterable[str]:
    return [where for where, text in said.texts.items() if re.search(pattern, text)]


@pytest.mark.parametrize("process", PROCESSES)
async def test_every_line_is_json_and_says_whose_it_is(said: Said, process: str) -> None:
    lines = [json.loads(line) for line in said.texts[f"{process}.log"].splitlines()]
    assert all({"service": process}.items() <= line.items() for line in lines)
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)


async def test_a_request_is_found_by_its_ids(said: Said) -> None:
    lines = [json.loads(line) for line in said.texts["gateway.log"].splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "a-request"]
    assert (line["correlation_id"], line["status"]) == ("a-request", 200)
    assert len(line["trace_id"]) == 32
