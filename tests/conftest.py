"""What all tests share."""

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import jaxtyping
import pytest

# Without these Chromium asks for updates at every start, in vain where there is no network.
SWITCHES = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture
def ctrl_c_interrupts() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt and SIGHUP ends a program, here and in the processes that are started here.

    A shell starts a program in the background with Ctrl-C ignored, nohup one with SIGHUP ignored, and every child
    inherits that.
    """
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def complex_numbers_are_taken() -> Iterator[None]:
    """The annotations say Float, and the test run enforces them; a complex step goes through the same code."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one for all tests of a process: Playwright cannot be started twice."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        pytest.skip("Playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    switches = [*SWITCHES, *(["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=switches)
        except Error as error:
            pytest.skip(f"no Chromium to show the page in: {str(error).strip().splitlines()[0]}")
        yield browser
        browser.close()
