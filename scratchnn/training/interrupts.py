"""Ctrl-C and SIGTERM, delayed until the step under way is finished."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """A context in which Ctrl-C and SIGTERM set a flag; `act` raises once it is set, where nothing is half done.

    Outside the main thread, where Python allows no handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) != signal.SIG_IGN:  # a background job ignores Ctrl-C
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number

    def act(self) -> None:
        """Raise KeyboardInterrupt after Ctrl-C, SystemExit (status 143) after SIGTERM."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
