"""Which kernel runs a recurrent layer: a table, read from the top; the first rule that fits decides.

The rules rest on counting: registers as the compiler gives them, bytes read and launches made per time step. None has
been timed yet. No rule asks for the number of rows so far: a pass takes as long as its chain of steps until the
multiprocessors are full (132 of them: some 290 rows of 32 units, 132 of more than 64), and then rows queue.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

PERSISTENT, STEPWISE = "persistent", "stepwise"
CELLS = ("simple_rnn", "lstm", "gru", "gru_reset_before")


@dataclass(frozen=True)
class Rule:
    """None: any, and for `held`: all."""

    cell: str | None
    dtype: str | None
    H_max: int | None
    B_max: int | None
    kernel: str
    held: int | None  # of a thread's weights, those in registers from the first step to the last
    why: str

    def fits(self, cell: str, H: int, B: int, dtype: Any) -> bool:
        return (
            self.cell in (None, cell)
            and (self.dtype is None or np.dtype(dtype) == self.dtype)
            and (self.H_max is None or self.H_max >= H)
            and (self.B_max is None or self.B_max >= B)
        )


TABLE = (
    Rule(None, "float32", 96, None, PERSISTENT, None, "Wh fits the registers of the block that takes a row"),
    Rule("simple_rnn", "float32", 128, None, PERSISTENT, None, "a thread for each unit has registers for its weights"),
    Rule(
        None, "float32", 128, None, PERSISTENT, 80,
        "512 threads have 128 registers each; reading the rest of Wh again takes a step below 1 us, by counting, "
        "stepwise launches 10 us or more",
    ),
    Rule(None, "float32", None, None, STEPWISE, 0, "Wh fits neither the registers nor the cache of a multiprocessor"),
    Rule(None, None, None, None, STEPWISE, 0, "float64 is for checking; its weights take twice the registers"),
)  # fmt: skip

# Of the recurrence, stepwise, for each time step without dropout of h: products, kernels, and in the backward pass the
# addition to dh.
LAUNCHES_PER_STEP = {"simple_rnn": (2, 3), "lstm": (2, 3), "gru": (2, 3), "gru_reset_before": (4, 5)}
LAUNCHES_FOR_THE_REST = 3  # zeros and two copies: see recurrent.py


def choose(cell: str, H: int, B: int, dtype: Any) -> Rule:
    return next(rule for rule in TABLE if rule.fits(cell, H, B, dtype))


def padded(H: int) -> int:
    """H rounded up to a multiple of eight, as in registers.cuh."""
    return -(-H // 8) * 8


def block(cell: str, H: int) -> int:
    """Threads of a persistent kernel's block: for each unit one or, where there are gates, four; in whole warps."""
    return -(-H // 32) * 32 if cell == "simple_rnn" else 4 * padded(H)


def held(rule: Rule, H: int) -> int:
    """How many weights a thread holds in registers, of the padded(H) that it has."""
    return padded(H) if rule.held is None else min(rule.held, padded(H))


def launches(cell: str, H: int, B: int, T: int, dtype: Any) -> tuple[int, int]:
    """Launches of the recurrence in a forward and in a backward pass, without the products before and after it."""
    rule = choose(cell, H, B, dtype)
    if rule.kernel == PERSISTENT:
        count = 1 + LAUNCHES_FOR_THE_REST * (held(rule, H) < padded(H))
        return count, count
    forward, backward = LAUNCHES_PER_STEP[cell]
    return forward * T, backward * T


def rules_in_words() -> list[tuple[str, ...]]:
    """A heading, and a row for each rule of the table."""
    rows = [("cell", "dtype", "units", "rows", "kernel", "in registers", "why")]
    for rule in TABLE:
        kept = "all weights" if rule.held is None else f"{rule.held} a thread" if rule.held else "none"
        H, B = (f"up to {most}" if most else "any" for most in (rule.H_max, rule.B_max))
        rows.append((rule.cell or "any", rule.dtype or "any", H, B, rule.kernel, kept, rule.why))
    return rows


def explain_layer(cell: str, H: int, B: int, T: int, dtype: Any) -> list[str]:
    """Lines: what runs a layer of H units on B rows of T steps, in which shape, and why."""
    rule = choose(cell, H, B, dtype)
    forward, backward = launches(cell, H, B, T, dtype)
    what = f"{rule.kernel}: {forward:,} launch{'es' if forward > 1 else ''} forward, {backward:,} backward"
    if rule.kernel == STEPWISE:
        return [what, rule.why]
    instead = [f"{count * T:,}" for count in LAUNCHES_PER_STEP[cell]]
    shape = f"{B:,} blocks of {block(cell, H)} threads, {min(H, held(rule, H))} of {H} weights in registers"
    return [f"{what} (stepwise {instead[0]} and {instead[1]})", shape, rule.why]
