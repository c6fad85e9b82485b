"""The names that Keras has in `keras.utils`."""

import gc
from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.core.randomness import set_random_seed
from scratchnn.data.labels import to_categorical
from scratchnn.data.py_dataset import PyDataset, Sequence
from scratchnn.data.text import pad_sequences
from scratchnn.data.windows import timeseries_dataset_from_array
from scratchnn.report.diagram import plot_model

__all__ = [
    "PyDataset",
    "Sequence",
    "clear_session",
    "pad_sequences",
    "plot_model",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
]


def clear_session(free_memory: bool = True) -> None:
    """Give back the memory of models that nothing names any more, unless told not to.

    Programs call this between models. Nothing else is left to clear: names of layers are counted in their model, and
    `set_random_seed` starts the seeds again.
    """
    if free_memory:
        gc.collect()


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("utils", name, list(globals()))
