"""Compiling ahead: a signal is acted on, whatever there is to compile."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from scratchnn.core import backend
from scratchnn.experiments.compiling import compile_for
from scratchnn.report.console import Console
from scratchnn.training.interrupts import Interrupts


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_a_signal_that_comes_when_all_is_compiled_is_not_lost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = backend.load(name)

    def builds_for(self: Any, work: Callable[[], object]) -> list[Any]:
        signal.raise_signal(signal.SIGINT)
        return []

    monkeypatch.setattr(type(chosen), "builds_for", builds_for)
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        compile_for(chosen, lambda: None, Console(quiet=True), interrupts)
