"""The pages that explain the API, used by hand: in a real browser, on the real stack."""

import asyncio
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.browser import DESKTOP, PHONE, SECONDS, browser, complaints, found, press
from tests.oauth_people import new_app, new_merchant
from tests.people import PASSWORD, new_customer

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST_WALLETS = "[id$='list_wallets_v1_wallets_get']"


async def test_docs_are_usable_by_hand(stack: Stack, gateway: LedgerLink, operator: LedgerLink) -> None:
    ada = await new_customer(gateway, operator)
    status, answered, said = await asyncio.to_thread(_list_wallets, stack.url, ada.session.tokens.access_token)
    assert status == "200"
    assert str(ada.wallet) in answered
    assert said == []


def _list_wallets(url: str, token: str) -> tuple[str, str, list[str]]:
    """Press Authorize, paste a token, try GET /v1/wallets out; return status, body, and what the browser objects to."""
    with browser() as chrome:
        chrome.get(f"{url}/docs")
        press(chrome, ".auth-wrapper .authorize")
        found(chrome, ".modal-ux input[aria-label='auth-bearer-value']").send_keys(token)
        press(chrome, ".modal-ux .auth-container form button.authorize")
        return *_tried_out(chrome), complaints(chrome)


def _tried_out(chrome: Chrome) -> tuple[str, str]:
    """Close the form of Authorize, try GET /v1/wallets out, and return its status and body."""
    press(chrome, ".modal-ux .btn-done")
    press(chrome, f"{LIST_WALLETS} .opblock-summary-control")
    press(chrome, f"{LIST_WALLETS} .try-out__btn")
    press(chrome, f"{LIST_WALLETS} .execute")
    status = found(chrome, f"{LIST_WALLETS} .live-responses-table tr.response .response-col_status").text
    body = found(chrome, f"{LIST_WALLETS} .live-responses-table tr.response .response-col_description").text
    return status.split()[0], body


async def test_docs_take_a_user_through_consent(
    stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    """With a client id in its form; GATEWAY_DOCS_CLIENT_ID writes it there."""
    merchant = await new_merchant(stack, http)
    comes_back_to = f"{stack.url}/docs/oauth2-redirect"
    app = await new_app(
        http, merchant, confidential=False, grant_types=["authorization_code"], redirect_uris=[comes_back_to]
    )
    ada = await new_customer(gateway, operator)
    status, answered, said = await asyncio.to_thread(
        _through_consent, stack.url, app.id, str((await ada.session.users.me()).email)
    )
    assert status == "200"
    assert str(ada.wallet) in answered
    assert said == []


def _through_consent(url: str, client_id: str, email: str) -> tuple[str, str, list[str]]:
    """Authorize with OAuth 2, PKCE and all, then try GET /v1/wallets out."""
    form = ".modal-ux .auth-container:has([data-name='clientId']) "
    with browser() as chrome:
        chrome.get(f"{url}/docs")
        press(chrome, ".auth-wrapper .authorize")
        found(chrome, f"{form}#client_id_authorizationCode").send_keys(client_id)
        press(chrome, f"{form}label[for='wallets-authorizationCode-checkbox-oauth2'] .item")
        press(chrome, f"{form}button.authorize")
        docs = chrome.current_window_handle
        WebDriverWait(chrome, SECONDS).until(lambda _: len(chrome.window_handles) > 1, "no page to sign in at")
        chrome.switch_to.window(next(handle for handle in chrome.window_handles if handle != docs))
        found(chrome, "#email").send_keys(email)
        found(chrome, "#password").send_keys(PASSWORD)
        press(chrome, "button[type='submit']")
        press(chrome, "button[value='allow']")
        WebDriverWait(chrome, SECONDS).until(lambda _: len(chrome.window_handles) == 1, "it did not come back")
        chrome.switch_to.window(docs)
        return *_tried_out(chrome), complaints(chrome)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
async def test_the_messages_can_be_read_on_a_desk_and_on_a_phone(stack: Stack, size: tuple[int, int]) -> None:
    _judge(await asyncio.to_thread(_read_messages, f"{stack.url}/asyncapi", "/asyncapi/wallet", size))


async def test_the_messages_can_be_read_from_a_disk() -> None:
    overview = Path(__file__).parents[1] / "docs" / "asyncapi" / "index.html"
    _judge(await asyncio.to_thread(_read_messages, overview.as_uri(), "wallet.html", DESKTOP))


def _read_messages(overview: str, page: str, size: tuple[int, int]) -> tuple[int, str, str, list[str]]:
    """Go from the overview to a message; return how much too wide its page is, its example, that one's colour, and
    what the browser objects to."""
    with browser(size) as chrome:
        chrome.get(overview)
        press(chrome, f"main a[href='{page}#TransferPosted']")
        press(chrome, f"header a[href='{page}']")
        press(chrome, ".contents details:nth-of-type(2) summary")
        press(chrome, ".contents a[href='#TransferPosted']")
        press(chrome, "#TransferPosted details summary")
        overflow: int = chrome.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        example = found(chrome, "#TransferPosted pre").text
        colour = found(chrome, "#TransferPosted pre").value_of_css_property("background-color")
        return overflow, example, colour, complaints(chrome)


def _judge(seen: tuple[int, str, str, list[str]]) -> None:
    overflow, example, colour, said = seen
    assert overflow <= 0, "the page is wider than the screen"
    assert '"type": "ledgerlink.wallet.transfer.posted.v1"' in example
    assert colour == "rgba(244, 246, 250, 1)", "the page's own style was not let in"
    assert said == []
