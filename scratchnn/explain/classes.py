"""The classes of a model, and which of them is told of."""

from typing import Any

from scratchnn.core.checks import whole_number
from scratchnn.data.encoder import REVIEW_CLASSES
from scratchnn.models.model import Model


def classes_of(model: Model) -> tuple[str, ...]:
    """The names of the classes: those that the model was saved with, else numbers; of one output, the two ends of p."""
    count = model.output_shape[-1]
    named = tuple(model.metadata.get("classes", ()))
    if count == 1:
        return named if len(named) == 2 else REVIEW_CLASSES
    return named if len(named) == count else tuple(f"class {n}" for n in range(count))


def class_of(model: Model, wanted: Any, later: bool) -> int | None:
    """The output that is told of; None where there is but one. `later`: the first, where it is not said yet.

    Raises:
        ValueError: for a class that there is not, one asked for where there is one output, or none where there are
            several.
    """
    count, names = model.output_shape[-1], classes_of(model)
    if count == 1:
        if wanted is not None:
            raise ValueError(
                f"of_class is for a model with an output for each class; this one has one output, p of {names[1]!r}"
            )
        return None
    if wanted is None and not later:
        raise ValueError(f"the model has {count} outputs: say which class p is of, of_class={names[0]!r}, ...")
    return 0 if wanted is None else number_of(names, wanted)


def number_of(names: tuple[str, ...], wanted: Any) -> int:
    """The place of a class among those of several outputs, by its name or number.

    Raises:
        ValueError: if there is none.
    """
    if isinstance(wanted, str):
        if wanted not in names:
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            raise ValueError(f"the model has no class {wanted!r}; it has {shown}")
        return names.index(wanted)
    return whole_number("of_class", wanted, 0, len(names) - 1)
