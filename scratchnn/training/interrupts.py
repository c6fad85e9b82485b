"""Ctrl-C, SIGTERM and SIGHUP, delayed until the step under way is finished."""

import signal
import threading
from types import FrameType
from typing import Any

# A terminal that is closed sends SIGHUP. Windows has none.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupts:
    """A context in which these signals set a flag; `act` raises once it is set, where nothing is half done.

    Within another one, what one of them has received both have. Outside the main thread, where Python allows no
    handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) != signal.SIG_IGN:  # a background job ignores Ctrl-C, nohup SIGHUP
                    self._before[number] = signal.signal(number, self._receive)
                    outer = _of(self._before[number])
                    self.received = self.received if outer is None else outer.received
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        if (outer := _of(self._before[number])) is not None:
            outer._receive(number, frame)

    def act(self) -> None:
        """Raise KeyboardInterrupt after Ctrl-C, SystemExit after SIGTERM (status 143) and SIGHUP (status 129)."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received is not None:
            raise SystemExit(128 + self.received)


def _of(handler: Any) -> Interrupts | None:
    """Whose handler it is, if it is one of ours."""
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, Interrupts) else None
