"""What all tests share."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def ctrl_c_interrupts() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, in this process and in those it starts.

    A shell starts a program in the background with Ctrl-C ignored, and every child inherits that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
