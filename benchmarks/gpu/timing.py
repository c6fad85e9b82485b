"""How long a call takes: on the device alone, and in wall time.

- `device`: between two events around many calls, which the host queues while the device is kept waiting. So the
  host's share does not show, as long as the calls fit the queue of about a thousand launches; in longer passes, such as
  loops over time steps, it does.
- `wall`: many calls one after another until the device has finished the last: what a program would see.

Medians over several groups of calls, after a warm-up that compiles and fills the pools of memory; milliseconds.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, Protocol

GROUPS, GROUP_MS, WARM_UP = 5, 6.0, 3
DEVICE_CALLS = 16  # in a group; at most, since a training step of PyTorch is some sixty launches
HEAD_START_MS = 100.0  # for the host, at most
EPOCHS_SECONDS = 0.5  # of training to be timed, where steps are short

Times = dict[str, float | None]


class Clock(Protocol):
    """The one seam between the measurements and a device."""

    def synchronize(self) -> None: ...

    def device(self, function: Callable[[], Any], calls: int, head_start: float) -> float | None:
        """Milliseconds of a call on the device; None where there is no device to ask."""
        ...


class HostClock:
    """Where the host computes, there is nothing to wait for."""

    def synchronize(self) -> None:
        pass

    def device(self, function: Callable[[], Any], calls: int, head_start: float) -> float | None:
        return None


def measure(function: Callable[[], Any], clock: Clock) -> Times:
    def wall(calls: int) -> float:
        clock.synchronize()
        started = time.perf_counter()
        for _ in range(calls):
            function()
        clock.synchronize()
        return 1000 * (time.perf_counter() - started) / calls

    wall(WARM_UP)
    calls = max(1, round(GROUP_MS / wall(1)))
    walls = [wall(calls) for _ in range(GROUPS)]
    on_device = device_time(function, clock, statistics.median(walls))
    return {"device": on_device, "wall": rounded(statistics.median(walls))}


def device_time(function: Callable[[], Any], clock: Clock, wall: float) -> float | None:
    """`wall`: milliseconds that a call is known to take at most."""
    calls = max(1, min(DEVICE_CALLS, round(GROUP_MS / wall)))
    head_start = min(1.2 * wall * calls, HEAD_START_MS)
    found = [each for _ in range(GROUPS) if (each := clock.device(function, calls, head_start)) is not None]
    return rounded(statistics.median(found)) if found else None


def passes(
    forward: Callable[[], Any], forward_cached: Callable[[], Any], total: Callable[[], Any], clock: Clock
) -> Any:
    """A forward pass alone, one that keeps what backward needs, and both passes; `backward` is the difference."""
    found = {
        "forward": measure(forward, clock),
        "forward_cached": measure(forward_cached, clock),
        "total": measure(total, clock),
    }
    whole, there = found["total"], found["forward_cached"]
    return found | {"backward": {key: _difference(whole[key], there[key]) for key in whole}}


def per_step(epochs: Callable[[int], Any], steps: int) -> float:
    """Milliseconds of a step of training: what further epochs add to the first, divided by their steps.

    `epochs` trains for so many epochs, and returns when the device is done. What it does once, such as copying the
    data to the device, is not counted.
    """

    def seconds(number: int) -> float:
        started = time.perf_counter()
        epochs(number)
        return time.perf_counter() - started

    seconds(1)
    one = seconds(1)
    more = max(1, min(4, round(EPOCHS_SECONDS / one)))
    found = [seconds(1 + more) - seconds(1) for _ in range(2 if one < EPOCHS_SECONDS else 1)]
    return rounded(1000 * min(found) / (more * steps))


def rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else rounded(a - b)
