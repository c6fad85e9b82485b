"""A run that has ended, opened again: its model, and the reviews that it was tested on."""

import dataclasses
import os
from pathlib import Path
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.models.loading import load_model
from scratchnn.models.model import Model


def open_run(path: str | os.PathLike[str]) -> tuple[Path, Model]:
    """The folder of a run and its model after the last epoch; or those of a saved model.

    Raises:
        FileNotFoundError: if there is neither; StorageError: if the file cannot be read as a model.
    """
    path = Path(path)
    file = path / "model.npz" if path.is_dir() else path
    if not file.is_file():
        if (path / "checkpoint.npz").is_file():
            raise FileNotFoundError(
                f"{path} has no model.npz, since its training has not finished: "
                f"python -m scratchnn.train --resume {path} finishes it"
            )
        raise FileNotFoundError(f"{path} is neither the folder of a run, with a model.npz, nor a saved model")
    return file.parent, load_model(file, backend="reference")


def reviews_of(model: Model, source: str | None) -> tuple[Array, Array]:
    """The ids (N, T) and the labels (N,) of the test reviews, encoded as the run did it.

    Raises:
        ValueError: for a model that does not say how its reviews were encoded.
        DataError: if the reviews are not found, or others than those of the run.
    """
    from scratchnn.data import DataError  # whoever gives a text waits for none of this
    from scratchnn.experiments.preparation import load_reviews
    from scratchnn.experiments.settings import Settings

    if "settings" not in model.metadata:
        raise ValueError(
            "the model was not saved by scratchnn.train, so that its reviews are not known: give a text, --text '...'"
        )
    saved: dict[str, Any] = model.metadata["settings"]
    if unknown := sorted(set(saved) - {field.name for field in dataclasses.fields(Settings)}):
        raise ValueError(
            f"the run was saved by another version of scratchnn: its settings {', '.join(unknown)} are not known here, "
            "so that its reviews cannot be encoded again. Give a text, --text '...'"
        )
    data = load_reviews(Settings(**saved), source)  # settings that an older version did not have: the defaults
    digest = model.metadata.get("data", {}).get("digest", data.digest)
    if digest != data.digest:
        raise DataError(f"the run was trained with the data {digest[:8]}, found {data.digest[:8]} ({data.source})")
    model.metadata.setdefault("vocabulary", list(data.vocabulary.words))  # an older version did not save it
    return data.x_test, data.y_test
