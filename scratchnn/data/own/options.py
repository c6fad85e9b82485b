"""What a user says about texts of their own; saved with a run, so that it can be resumed."""

import os
from dataclasses import dataclass

from scratchnn.core.checks import share, whole_number
from scratchnn.core.names import look_up

__all__ = ["TextOptions"]


@dataclass(frozen=True)
class TextOptions:
    data: str  # a file, a folder or an archive; reading.py says which
    test_data: str | None = None  # to test on; None: `data` has a part for it, or a share of it is taken
    validation_data: str | None = None
    text_column: str | None = None  # of a table; None: by its name
    label_column: str | None = None
    test_split: float | int | None = None  # share that is taken to test on; None: 0.2
    min_count: int = 2  # how often a word must be in the training texts to be in the vocabulary
    vectors: str | None = None  # file of word vectors that the embedding begins with
    class_weights: str | None = None  # "balanced": rare classes weigh as much as common ones; None: as they come

    def __post_init__(self) -> None:
        """Raise ValueError for an option out of its range."""
        for name in ("data", "test_data", "validation_data", "vectors"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, os.fspath(path))
                if not getattr(self, name):
                    raise ValueError(f"{name} is empty, and must be a path; is a variable of the shell not set?")
        whole_number("min_count", self.min_count, 1, 1_000_000)
        if self.class_weights is not None:
            look_up("class_weights", self.class_weights, {"balanced": "balanced"})
        if self.test_split is not None and share("test_split", self.test_split) == 0:
            raise ValueError("test_split must be above 0: without a test nothing tells how good a model is")
        if self.test_split is not None and self.test_data is not None:
            raise ValueError("test_split takes the test texts out of data, and test_data are others: leave one out")
