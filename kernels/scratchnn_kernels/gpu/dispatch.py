"""Which kernel runs a recurrent layer: a table, read from the top; the first rule that fits decides."""

from dataclasses import dataclass
from typing import Any

import numpy as np

PERSISTENT, STEPWISE = "persistent", "stepwise"


@dataclass(frozen=True)
class Rule:
    dtype: str | None  # None: any
    H_max: int | None  # None: any
    kernel: str
    why: str

    def fits(self, H: int, dtype: Any) -> bool:
        return (self.dtype is None or np.dtype(dtype) == self.dtype) and (self.H_max is None or self.H_max >= H)


TABLE = (
    Rule("float32", 64, PERSISTENT, "Wh fits the registers of one block per row: one launch for all time steps"),
    Rule("float32", None, STEPWISE, "Wh does not fit the registers: a matrix product and one kernel per time step"),
    Rule(None, None, STEPWISE, "float64 is for checking; its weights take twice the registers"),
)


def choose(H: int, dtype: Any) -> Rule:
    return next(rule for rule in TABLE if rule.fits(H, dtype))


def explain() -> str:
    """The table in words, a line for each rule."""
    lines = ["recurrent layers (SimpleRNN, LSTM, GRU), the first line that fits:"]
    for rule in TABLE:
        units = "any number of units" if rule.H_max is None else f"up to {rule.H_max} units"
        lines.append(f"  {rule.dtype or 'any dtype'}, {units}: {rule.kernel}. {rule.why}")
    return "\n".join(lines)
