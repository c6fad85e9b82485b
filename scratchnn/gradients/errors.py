"""How far a gradient is from the derivative that was measured, and what to expect of a correct one."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float


class Method(NamedTuple):
    """A way to measure a derivative, and how exact it is."""

    name: str
    expected: float  # what a correct gradient stays below
    limit: float  # above it, a gradient is wrong
    rounding: float  # ... unless no number is off by more than this: smaller differences cannot be measured


CENTRAL = Method("central differences", 1e-6, 1e-5, 1e-11)  # most arrays reach 1e-12 to 1e-9
COMPLEX = Method("complex step", 1e-12, 1e-12, 1e-14)  # most arrays reach 1e-16 to 1e-13
MOST_KINKS = 0.5  # with more of an array than this left out, nothing is shown


@dataclass(frozen=True)
class ArrayError:
    """How far the gradient of one array is from its derivative; see `relative_error`."""

    name: str
    shape: tuple[int, ...]
    error: float
    distance: float = np.inf  # max |a - b|
    kinks: int = 0  # numbers that were left out
    remark: str = ""  # why nothing could be compared
    method: Method = CENTRAL
    scale: float = 1.0  # of the array: what rounding is relative to

    @property
    def ok(self) -> bool:
        near = self.error <= self.method.limit or self.distance <= self.method.rounding * self.scale  # NaN is neither
        return near and not self.remark and self.kinks <= MOST_KINKS * math.prod(self.shape)

    def __str__(self) -> str:
        return self.line()

    def line(self, width: int = 12) -> str:
        """In words and numbers, with the name in a column of this width."""
        kinks = f", {self.kinks} at a kink left out" if self.kinks else ""
        verdict = ("ok" if self.ok else "OFF") + kinks + (f": {self.remark}" if self.remark else "")
        how = f"(expect below {self.method.expected:.0e}, {self.method.name})"
        return f"{self.name:<{width}} {self.shape!s:<14} {self.error:8.1e}  {how:<43}  {verdict}"


def relative_error(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> float:
    """max |a - b| / max(1e-8, |a| + |b|), the formula of Stanford's CS231n."""
    return float((np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))).max(initial=0))
