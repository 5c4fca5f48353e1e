"""The pages that messages to users lead to."""

from html.parser import HTMLParser
from typing import Any

import pytest

from apps.identity.domain.messages import RESET_PATH, VERIFY_PATH
from contracts.identity import ResetPassword, VerifyEmail
from contracts.message import Message
from gateway.routes import users
from gateway.routes.account_pages import PASSWORD, VERIFICATION
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

NEW = "a tidy heron crosses seventeen bridges"


class _Page(HTMLParser):
    """What a page has: its form's target and fields."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action, self.fields = "", dict[str, str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.action = found["action"] or ""
        if tag == "input":
            self.fields[found["name"] or ""] = found.get("value") or ""


def _asked(services: ScriptedServices, kind: type[Message]) -> Any:
    (envelope,) = services.commands(kind)
    return envelope.data


async def _form(gateway: Gateway, path: str) -> _Page:
    answer = await gateway.http.get(path, params={"token": 'll"><script>'})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "form-action 'self';" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    return _Page(answer.text)


def test_messages_name_the_pages_that_there_are() -> None:
    assert (VERIFY_PATH, RESET_PATH) == (VERIFICATION, PASSWORD)


async def test_an_address_is_confirmed_by_the_form_and_not_by_the_link(
    gateway: Gateway, services: ScriptedServices
) -> None:
    services.answers[VerifyEmail] = lambda _: completed(users.EXAMPLE)
    page = await _form(gateway, VERIFICATION)
    assert services.commands(VerifyEmail) == []
    answer = await gateway.http.post(page.action, data=page.fields)
    assert answer.status_code == 200
    assert "is confirmed" in answer.text
    assert _asked(services, VerifyEmail).token.get_secret_value() == 'll"><script>'


async def test_a_password_is_set(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[ResetPassword] = lambda _: completed({})
    page = await _form(gateway, PASSWORD)
    answer = await gateway.http.post(page.action, data=page.fields | {"password": NEW})
    assert answer.status_code == 200
    assert _asked(services, ResetPassword).password.get_secret_value() == NEW


@pytest.mark.parametrize(
    ("password", "refusal", "told"),
    [
        ("short", None, "12 to 128 characters"),
        ("password1234", "password_too_weak", "Add another word."),
    ],
)
async def test_a_password_that_will_not_do_is_asked_for_again(
    gateway: Gateway, services: ScriptedServices, password: str, refusal: str | None, told: str
) -> None:
    services.answers[ResetPassword] = lambda _: refused(refusal or "never", "Add another word.")
    answer = await gateway.http.post(PASSWORD, data={"token": "llp_x", "password": password})
    assert answer.status_code == 422
    assert told in answer.text
    assert _Page(answer.text).fields["token"] == "llp_x"
    assert password not in answer.text


@pytest.mark.parametrize(("path", "kind"), [(VERIFICATION, VerifyEmail), (PASSWORD, ResetPassword)])
async def test_a_link_that_holds_no_more_says_so(
    gateway: Gateway, services: ScriptedServices, path: str, kind: type[Message]
) -> None:
    services.answers[kind] = lambda _: refused("token_not_valid")
    answer = await gateway.http.post(path, data={"token": "llv_x", "password": NEW})
    assert answer.status_code == 422
    assert "does not hold any more" in answer.text


@pytest.mark.parametrize("path", [VERIFICATION, PASSWORD])
async def test_a_link_without_its_token_gets_a_page_too(gateway: Gateway, path: str) -> None:
    answer = await gateway.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
