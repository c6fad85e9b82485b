"""What all tests share."""

import signal
from collections.abc import Iterator

import jaxtyping
import pytest


@pytest.fixture
def ctrl_c_interrupts() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, in this process and in those it starts.

    A shell starts a program in the background with Ctrl-C ignored, and every child inherits that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def complex_numbers_are_taken() -> Iterator[None]:
    """The annotations say Float, and the test run enforces them; a complex step goes through the same code."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
