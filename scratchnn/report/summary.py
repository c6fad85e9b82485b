"""The table of a model's layers, in Keras' form, as plain text."""

from typing import Any

from scratchnn.core.randomness import named
from scratchnn.report.table import line, widths

WIDTHS = (33, 24, 15)


def summary_text(model: Any) -> str:
    """Layers, output shapes, parameter counts and seed of a model; `count_params`, `count_trainable` are its totals."""
    rows = [
        (
            f"{layer.name} ({type(layer).__name__})",
            _shape(layer.output_shape) if layer.built else "?",
            f"{layer.count_params():,}" if layer.built else "0 (unbuilt)",
        )
        for layer in model.layers
    ]
    head = ("Layer (type)", "Output Shape", "Param #")
    columns = widths([head, *rows], least=WIDTHS)

    def rule(left: str, stroke: str, middle: str, right: str) -> str:
        return left + middle.join(stroke * (width + 2) for width in columns) + right

    def cells(row: tuple[str, str, str], bar: str) -> str:
        return f"{bar} {line(row, columns, '<<>', gap=f' {bar} ')} {bar}"

    total, trainable = (model.count_params(), model.count_trainable()) if model.built else (0, 0)
    lines = [f'Model: "{model.name}"', rule("┏", "━", "┳", "┓"), cells(head, "┃"), rule("┡", "━", "╇", "┩")]
    for i, row in enumerate(rows):
        lines += [rule("├", "─", "┼", "┤")] * (i > 0) + [cells(row, "│")]
    lines += [rule("└", "─", "┴", "┘")]
    for kind, count in {"Total": total, "Trainable": trainable, "Non-trainable": total - trainable}.items():
        lines += [f" {kind} params: {count:,} ({_bytes(count * model.dtype.itemsize)})"]
    lines += [f" Seed: {named(model.seed)}"]
    return "\n".join(lines)


def _shape(shape: Any) -> str:
    if shape and isinstance(shape[0], tuple):
        return "[" + ", ".join(_shape(each) for each in shape) + "]"
    return "(" + ", ".join(str(length) for length in shape) + ")"


def _bytes(number: int | float) -> str:
    for unit in ("B", "KB", "MB"):
        if number < 1024:
            return f"{number:.2f} {unit}"
        number /= 1024
    return f"{number:.2f} GB"
