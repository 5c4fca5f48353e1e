"""A headless browser for tests of pages; where there is none, they are skipped and say so."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 60.0
DESKTOP, PHONE = (1280, 900), (390, 844)
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser(size: tuple[int, int] = DESKTOP, *, scripts: bool = True) -> Iterator[Chrome]:
    """Open Chromium for one test, with JavaScript or without. Skips the test where it is not installed."""
    driver, binary = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if driver is None or binary is None:
        pytest.skip("there is no Chromium with its driver (Debian: apt-get install chromium chromium-driver)")
    options = ChromeOptions()
    options.binary_location = binary
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.add_argument(f"--window-size={size[0]},{size[1]}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    try:
        chrome.set_page_load_timeout(SECONDS)
        yield chrome
    finally:
        chrome.quit()


def found(chrome: Chrome, css: str) -> WebElement:
    """Return the first element that a CSS selector finds and that is shown, once there is one."""

    def shown(_: Chrome) -> WebElement | None:
        return next((element for element in chrome.find_elements(By.CSS_SELECTOR, css) if element.is_displayed()), None)

    element = WebDriverWait(chrome, SECONDS).until(shown, f"nothing is shown at {css}")
    assert element is not None
    return element


def press(chrome: Chrome, css: str) -> None:
    """Press what a CSS selector finds, wherever on the page it is."""
    element = found(chrome, css)
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def complaints(chrome: Chrome) -> list[str]:
    """Return what the browser's console says is wrong, such as what a content security policy refused."""
    said = chrome.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in said if entry["level"] == "SEVERE"]
