"""What the gpu backend would launch for a model, and why: `python -m scratchnn.train --explain-kernels`."""

from collections.abc import Iterator
from typing import Any

from scratchnn_kernels import gpu
from scratchnn_kernels.contract import REFERENCE_ONLY
from scratchnn_kernels.gpu import dispatch

from scratchnn.core.names import snake_case
from scratchnn.report.table import line, table, widths


def kernels_text(model: Any, B: int, T: int) -> str:
    """A line for each layer of a built model, given B rows of T ids, and the table that decided."""
    rows = [
        (f"{layer.name} ({type(layer).__name__})", f"{_shape(layer.input_shape, B)} -> {_shape(layer.output_shape, B)}")
        for layer in model.layers
    ]
    lines = [f'gpu kernels of "{model.name}", a batch of {B:,} rows of {T:,} steps in {model.dtype}:']
    columns = widths(rows)
    for row, layer in zip(rows, model.layers, strict=True):
        what, *more = _launched(layer, B, model.dtype)
        lines.append(f"  {line(row, columns, '<<')}  {what}")
        lines += [f"      {words}" for words in more]
    return "\n".join([*lines, "", rules_text()])


def rules_text() -> str:
    """The rules by which the gpu backend chooses, a line for each."""
    title = "recurrent layers, the first line that fits (by counting; not yet timed):"
    return "\n".join([title, *table(dispatch.rules_in_words(), "<" * 7)])


def _launched(layer: Any, B: int, dtype: Any) -> Iterator[str]:
    # A layer's kernels have its name, but for a layer around any cell: its pair is the walk through time.
    kernel = "recurrence" if hasattr(layer, "cell") else snake_case(type(layer).__name__)
    if kernel == "bidirectional":
        for side in (layer.forward_layer, layer.backward_layer):
            end = "from the end" if side.go_backwards else "from the start"
            what, *more = _launched(side, B, dtype)
            yield from (f"{end}: {what}", *more)
    elif kernel in REFERENCE_ONLY:
        yield "none: this layer runs on the reference backend only"
    elif kernel in dispatch.CELLS:
        cell = "gru_reset_before" if kernel == "gru" and not layer.reset_after else kernel
        yield from dispatch.explain_layer(cell, layer.units, B, layer.input_shape[1], dtype)
    elif kernel in gpu.__all__:
        yield f"{kernel}.py"
    else:
        yield "array code, no kernel"


def _shape(shape: tuple, B: int) -> str:
    return "(" + ", ".join(str(length) for length in (B, *shape[1:])) + ")"
