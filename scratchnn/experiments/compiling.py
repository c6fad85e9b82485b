"""Compiling kernels before they are needed, where the user can see it."""

import time
from collections.abc import Callable
from typing import NamedTuple

from scratchnn.core.backend import Backend
from scratchnn.report.console import Console
from scratchnn.training.interrupts import Interrupts


class Compiled(NamedTuple):
    """What `compile_for` has done."""

    new: int  # kernels
    found: int  # in the cache, or loaded already
    lost: int  # of the new ones, those that could not be stored
    seconds: float


def compile_for(backend: Backend, work: Callable[[], object], console: Console, interrupts: Interrupts) -> Compiled:
    """Compile the kernels that `work` launches; it is called without them, as `Backend.builds_for` says.

    Nothing is printed if all of them are compiled already. Signals are acted on between two kernels, and at the end.
    """
    started = time.perf_counter()
    builds = backend.builds_for(work)
    missing = [build for build in builds if not build.is_ready()]
    if missing and not console.can_rewrite:
        console.line(f"compiling {_kernels(len(missing))}, once on this machine")
    with console.rewritten_line() as show:
        for number, build in enumerate(missing, start=1):
            show(f"compiling kernels {number}/{len(missing)}: {build.name}")
            build.compile()
            interrupts.act()
    for build in builds:
        build.compile()  # loads those that were found
    interrupts.act()  # on a signal that came when there was nothing to compile
    seconds = time.perf_counter() - started
    if missing:
        found = len(builds) - len(missing)
        others = f"; {found} were there already" if found else ""
        console.line(f"compiled {_kernels(len(missing))} in {seconds:.1f} s{others}")
    lost = sum(not build.is_cached() for build in missing)
    return Compiled(len(missing), len(builds) - len(missing), lost, seconds)


def _kernels(number: int) -> str:
    return f"{number} kernel" + "s" * (number != 1)
