"""The names that Keras has in `keras.utils`."""

from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.core.randomness import set_random_seed
from scratchnn.core.session import clear_session
from scratchnn.data.labels import to_categorical
from scratchnn.data.py_dataset import PyDataset, Sequence
from scratchnn.data.text import pad_sequences
from scratchnn.report.diagram import plot_model

__all__ = ["PyDataset", "Sequence", "clear_session", "pad_sequences", "plot_model", "set_random_seed", "to_categorical"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("utils", name, list(globals()))
