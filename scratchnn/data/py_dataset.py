"""Batches by their numbers, for data that are made, or read from files, while a model trains."""

from typing import Any

from scratchnn.core.attributes import Attributes


class PyDataset(Attributes):
    """Derive from it, and give an object of your class to fit, evaluate or predict in the place of x.

    `dataset[n]` is batch n, (x, y) or (x, y, sample_weight); `len(dataset)` is how many there are. With `shuffle`, fit
    takes them in an order that depends on the model's seed and its count of epochs only, so that training goes on in
    the middle of an epoch with the batch that is next.

    Keras' `workers`, `use_multiprocessing` and `max_queue_size` are refused: batches are asked for one by one.
    """

    def __init__(self) -> None:
        pass

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} defines __getitem__(self, index), which returns a batch")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines __len__(self), how many batches there are")

    @property
    def num_batches(self) -> int:
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before the first batch of an epoch, and before evaluate, predict and validation go over all."""

    def on_epoch_end(self) -> None:
        """Called after the last one. Keras calls it once before the first epoch, too."""


Sequence = PyDataset  # Keras' older name
