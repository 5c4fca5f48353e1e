"""The pages of sign-in and consent in a real browser without JavaScript: by keyboard, on a desktop and on a phone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
import pytest_asyncio
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from ops.stack.stack import Stack
from tests.browser import PHONE, browser
from tests.oauth_people import App, Pkce, authorization_url, log_in, new_app, new_merchant, register
from tests.people import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")
_SECONDS = 60.0


class _AppOfADevice(BaseHTTPRequestHandler):
    """What listens at the redirect URI."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"Welcome back")

    def log_message(self, *_: Any) -> None:
        """Keep the test's output quiet."""


@contextmanager
def _listening() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _AppOfADevice)
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    serving.join()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def app(stack: Stack, http: httpx.AsyncClient) -> App:
    merchant = await new_merchant(stack, http)
    grants, uris = ["authorization_code"], ["http://127.0.0.1/callback"]
    return await new_app(http, merchant, confidential=False, grant_types=grants, redirect_uris=uris)


class _Person:
    """Somebody without a mouse: what is focused is what they can use."""

    def __init__(self, chrome: WebDriver) -> None:
        self.chrome = chrome

    def type(self, *keys: str) -> None:
        self.chrome.switch_to.active_element.send_keys(*keys)

    def tab_to(self, attribute: str, value: str) -> None:
        for _ in range(20):
            if self.chrome.switch_to.active_element.get_attribute(attribute) == value:
                return
            self.type(Keys.TAB)
        raise AssertionError(f"no Tab leads to {attribute}={value}")

    def wait_for(self, selector: str) -> WebElement:
        """Wait until the next page is there."""
        found: WebElement = WebDriverWait(self.chrome, _SECONDS).until(
            lambda chrome: chrome.find_element(By.CSS_SELECTOR, selector)
        )
        return found


def _sign_in_and_agree(url: str, email: str, port: int) -> dict[str, list[str]]:
    """Go all the way by keyboard, mistyping the password once, and return what the app is told."""
    with browser(scripts=False) as chrome:
        chrome.get(url)
        person = _Person(chrome)
        person.type(email, Keys.TAB, "not the password", Keys.ENTER)
        alert = person.wait_for("[role=alert]")
        assert "wrong" in alert.text
        assert chrome.title.startswith("Error: ")
        person.tab_to("id", "password")
        person.type(PASSWORD, Keys.ENTER)
        person.wait_for("button[value=allow]")
        assert "See your wallets and move money between them" in chrome.find_element(By.TAG_NAME, "main").text
        person.tab_to("value", "allow")
        person.type(Keys.ENTER)
        WebDriverWait(chrome, _SECONDS).until(lambda shown: "Welcome back" in shown.page_source)
        assert urlsplit(chrome.current_url).netloc == f"127.0.0.1:{port}"
        return parse_qs(urlsplit(chrome.current_url).query)


async def test_a_user_signs_in_by_keyboard_without_javascript(stack: Stack, http: httpx.AsyncClient, app: App) -> None:
    email, pkce = await register(http), Pkce.fresh()
    with _listening() as port:
        redirect_uri = f"http://127.0.0.1:{port}/callback"
        url = stack.url + authorization_url(app, pkce, redirect_uri=redirect_uri)
        told = await asyncio.to_thread(_sign_in_and_agree, url, email, port)
    assert (told["state"], told["iss"]) == (["as it came"], [stack.url])
    form = {"grant_type": "authorization_code", "code": told["code"][0], "code_verifier": pkce.verifier}
    token = await http.post("/oauth/token", data=form | {"redirect_uri": redirect_uri} | app.form)
    assert token.status_code == 200, token.text


async def test_a_second_factor_is_asked_for_on_the_page(stack: Stack, http: httpx.AsyncClient, app: App) -> None:
    email = await register(http)
    user = await log_in(http, email)
    secret = (await http.post("/v1/users/me/totp", headers=user)).json()["secret"]
    totp = pyotp.TOTP(secret)
    enabled = await http.post("/v1/users/me/totp/confirm", json={"code": totp.now()}, headers=user)
    assert enabled.status_code in {200, 201}, enabled.text
    recovery_code = enabled.json()["recovery_codes"][0]
    url = stack.url + authorization_url(app, Pkce.fresh())

    def sign_in() -> None:
        with browser(PHONE, scripts=False) as chrome:
            chrome.get(url)
            person = _Person(chrome)
            person.type(email, Keys.TAB, PASSWORD, Keys.ENTER)
            assert "second factor" in person.wait_for("[role=alert]").text
            assert chrome.find_element(By.ID, "email").get_attribute("value") == email
            person.tab_to("id", "password")
            person.type(PASSWORD, Keys.TAB)
            assert chrome.switch_to.active_element.get_attribute("autocomplete") == "one-time-code"
            person.type(recovery_code, Keys.ENTER)
            person.wait_for("button[value=allow]")

    await asyncio.to_thread(sign_in)


def _faults(chrome: WebDriver) -> list[str]:
    """Return what keeps a page from being used by everybody: unnamed fields, a page that is too wide, small targets."""
    fields = [field.get_attribute("id") for field in _all(chrome, "input:not([type=hidden])")]
    faults = [f"{name} has no label" for name in fields if not _all(chrome, f"label[for='{name}']")]
    faults += [
        f"{target.tag_name} is hard to hit: {target.rect}"
        for target in _all(chrome, "input:not([type=hidden]), button")
        if target.size["height"] < 44 or target.location["x"] + target.size["width"] > PHONE[0]
    ]
    if len(_all(chrome, "h1")) != 1 or not _all(chrome, "html[lang]"):
        faults.append("no heading, or no language")
    layout = chrome.execute_cdp_cmd("Page.getLayoutMetrics", {})
    if layout["cssContentSize"]["width"] > PHONE[0]:
        faults.append(f"the page is {layout['cssContentSize']['width']} wide")
    messages = [entry["message"] for entry in chrome.get_log("browser")]  # type: ignore[no-untyped-call]
    return faults + [message for message in messages if "Content Security Policy" in message]


def _all(chrome: WebDriver, selector: str) -> list[WebElement]:
    return chrome.find_elements(By.CSS_SELECTOR, selector)


async def test_the_pages_fit_a_phone_and_its_reader(stack: Stack, http: httpx.AsyncClient, app: App) -> None:
    email = await register(http)
    url = stack.url + authorization_url(app, Pkce.fresh())

    def look() -> None:
        with browser(PHONE, scripts=False) as chrome:
            screen = {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 2, "mobile": True}
            chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
            person = _Person(chrome)
            chrome.get(url)
            assert _faults(chrome) == []
            person.type(email, Keys.TAB, PASSWORD, Keys.ENTER)
            person.wait_for("button[value=allow]")
            assert _faults(chrome) == []
            chrome.get(stack.url + "/oauth/authorize?client_id=nobody")
            person.wait_for("[role=alert]")
            assert _faults(chrome) == []

    await asyncio.to_thread(look)
