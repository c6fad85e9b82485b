"""Ten bugs in backward passes, and what `gradcheck --locate` says of each: the table in docs/bptt.md.

`python -m tests.gradients.bugs` writes it, with `--print` it only prints it. Each bug is planted into the reference,
and the same mistake in other words into the cpu kernels, which run in Numba's plain Python mode for it.
"""

import os
import sys
from functools import partial
from typing import Any, NamedTuple

import pytest

from benchmarks.tables import markdown, with_table
from scratchnn import layers
from tests.house import ROOT
from tests.planting import plant

PAGE = ROOT / "docs" / "bptt.md"
MARKS = ("<!-- bugs: written by tests/gradients/bugs.py -->", "<!-- end of bugs -->")

Text = tuple[str, str, str]  # the file, a text that stands there once, and what replaces it


class Bug(NamedTuple):
    make: Any  # the layer in which it shows
    words: str
    equation: int  # that is to be named
    reference: Text
    cpu: Text

    @property
    def layer(self) -> str:
        return self.make.func.__name__ + ("" if self.make.keywords.get("reset_after", True) else ", reset before")


RNN, LSTM, GRU = (partial(kind, 3) for kind in (layers.SimpleRNN, layers.LSTM, layers.GRU))
BUGS = (
    Bug(
        RNN, "missing derivative", 3,
        ("simple_rnn", "self.act.backward(dh, h_after)", "dh"),
        ("simple_rnn", "times_derivative(act, flat_da[slot], flat_h[t + 1])", "pass"),
    ),
    Bug(
        RNN, "lost dh", 1,
        ("recurrence", "dbefore[0] + projection.backward_x(dah[t], cache.Wh, call.dropout_h)", "dbefore[0]"),
        ("simple_rnn", "gemm(dh_before, da[slot], WhT)", "pass"),
    ),
    Bug(
        RNN, "bias of the last step only", 1,
        ("recurrence", '"b": dax.sum(axis=(0, 1))', '"b": dax[-1].sum(axis=0)'),
        ("simple_rnn", "add_column_sums(da_rows, db)", "add_column_sums(da_rows[-R:], db)"),
    ),
    Bug(
        LSTM, "swapped gates", 3,
        ("lstm", "[da_i, da_f, da_g, da_o]", "[da_f, da_i, da_g, da_o]"),
        ("lstm", "= flat_da[I, slot], flat_da[F, slot]", "= flat_da[F, slot], flat_da[I, slot]"),
    ),
    Bug(
        LSTM, "missing derivative", 4,
        ("lstm", "self.act.backward(dg, g)", "dg"),
        ("lstm", "times_derivative(act, da_g, g)", "pass"),
    ),
    Bug(
        LSTM, "c[t+1] for c[t]", 5,
        ("lstm", "df, di, dg = dc * c,", "df, di, dg = dc * after[1],"),
        ("lstm", "f, g, flat_c[t], da_i", "f, g, flat_c[t + 1], da_i"),
    ),
    Bug(
        LSTM, "lost dc", 5,
        ("lstm", "dc * f)  # (5)", "0 * dc)  # (5)"),
        ("lstm", "dc_before[n] = total * f[n]", "dc_before[n] = 0"),
    ),
    Bug(
        LSTM, "a masked row loses dc", 2,
        ("recurrence", "d = choose(mask[t], through, d)", "d = choose(mask[t], through, (d[0], *zeros[1:]))"),
        ("lstm", "copy(dc[row], dc_before[row])", "fill(0, dc_before[row])"),
    ),
    Bug(
        GRU, "the reset gate lets all through", 4,
        ("gru", "da_g * ah_g, da_g * r", "da_g * ah_g, da_g"),
        ("gru", "multiply(da_g, r, flat_dq[slot])", "copy(da_g, flat_dq[slot])"),
    ),
    Bug(
        partial(layers.GRU, 3, reset_after=False), "the reset gate lets all through", 4,
        ("gru", "dh * z + d_rh * r", "dh * z + d_rh"),
        ("gru", "add_product(flat_dq[slot], r, flat_dh_before)", "add(flat_dq[slot], flat_dh_before)"),
    ),
)  # fmt: skip


def found(bug: Bug, backend: str) -> Any:
    """What a walk finds with the bug planted into this backend."""
    from scratchnn.gradients.locate import locate

    file, text, instead = getattr(bug, backend)
    with pytest.MonkeyPatch.context() as patch:
        plant(f"scratchnn_kernels.{backend}.{file}", text, instead, patch)
        return locate(bug.make, backend)[1]


def table() -> str:
    """
    Raises:
        AssertionError: if another equation is named than the one with the bug, or another thing is said on cpu.
    """
    rows = []
    for bug in BUGS:
        ours, cpu = found(bug, "reference"), found(bug, "cpu")
        assert ours is not None and (ours.equation, str(ours)) == (bug.equation, str(cpu)), (bug, ours, cpu)
        file, text, instead = bug.reference
        rows.append((bug.layer, bug.words, f"`{file}.py`: `{text}` → `{instead}`", str(ours), ours.why))
    return markdown(("layer", "bug", "planted as", "`--locate` says", "because"), ("---",) * 5, rows)


if __name__ == "__main__":
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # before the kernels are imported: a bug is planted into plain functions
    if "--print" in sys.argv:
        print(table())
    else:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), MARKS, table()), encoding="utf-8")
