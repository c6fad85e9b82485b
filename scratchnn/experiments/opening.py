"""A run that has ended, opened again: its model, and the texts that it was tested on."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn_kernels.contract import Array

from scratchnn.core.files.container import StorageError
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.models.loading import load_model
from scratchnn.models.model import Model

if TYPE_CHECKING:
    from scratchnn.data.own.loading import OwnTexts
    from scratchnn.experiments.settings import Settings


def open_run(path: str | os.PathLike[str]) -> tuple[Path, Model]:
    """The folder of a run and its model after the last epoch; or those of a saved model.

    Raises:
        FileNotFoundError: if there is neither; StorageError: if the file holds no network.
    """
    folder, model = open_either(path)
    if isinstance(model, LinearModel):
        raise StorageError(
            f"{os.fspath(path)} is a linear model of words, and this needs a network, such as the model.npz beside it"
        )
    return folder, model


def open_either(path: str | os.PathLike[str]) -> tuple[Path, Model | LinearModel]:
    """The folder of a run and its network; or those of a file, which may hold a network or a linear model.

    Raises:
        FileNotFoundError, StorageError: as `open_run`.
    """
    path, file = Path(path), model_file(path)
    if not file.is_file():
        if (path / "checkpoint.npz").is_file():
            raise FileNotFoundError(
                f"{path} has no model.npz, since its training has not finished: "
                f"python -m scratchnn.train --resume {path} finishes it"
            )
        raise FileNotFoundError(f"{path} is neither the folder of a run, with a model.npz, nor a saved model")
    try:
        return file.parent, load_model(file, backend="reference")
    except StorageError as no_network:
        try:
            return file.parent, LinearModel.load(file)
        except (OSError, StorageError):
            raise no_network from None


def model_file(path: str | os.PathLike[str]) -> Path:
    """The model of a run's folder; any other path is the file itself."""
    return Path(path) / "model.npz" if os.path.isdir(path) else Path(path)


def reviews_of(model: Model, source: str | None) -> tuple[Array, Array]:
    """The ids (N, T) and the labels (N,) of the test reviews, encoded as the run did it.

    Raises:
        ValueError: for a model that does not say how its reviews were encoded.
        DataError: if the reviews are not found, or others than those of the run.
    """
    from scratchnn.experiments.preparation import load_reviews  # whoever gives a text waits for none of this

    if "texts" in model.metadata.get("data", {}):
        raise ValueError("the run is on texts of your own, and not on film reviews: give a text, --text '...'")
    data = load_reviews(_settings_of(model.metadata), source)
    _require_the_same(model.metadata, data.digest, data.source)
    model.metadata.setdefault("vocabulary", list(data.vocabulary.words))  # an older version did not save it
    return data.x_test, data.y_test


def own_texts_of(metadata: Mapping[str, Any], source: str | None = None) -> "OwnTexts":
    """The texts of the user's own that a run was trained and tested on; `source`: where they are now.

    Raises:
        DataError: if they are not found, or others than those of the run.
    """
    from scratchnn.experiments.own import texts_again

    saved = {**metadata["data"]["texts"], **({} if source is None else {"data": source})}
    data, _ = texts_again(_settings_of(metadata), saved)
    _require_the_same(metadata, data.digest, data.source)
    return data


def _settings_of(metadata: Mapping[str, Any]) -> "Settings":
    """Those that an older version did not have are the defaults."""
    from scratchnn.experiments.settings import Settings

    if "settings" not in metadata:
        raise ValueError(
            "the model was not saved by scratchnn.train, so that its reviews are not known: give texts of your own, "
            "evaluate --data PATH or explain --text '...'"
        )
    saved: dict[str, Any] = metadata["settings"]
    if unknown := sorted(set(saved) - {field.name for field in dataclasses.fields(Settings)}):
        raise ValueError(
            f"the run was saved by another version of scratchnn: its settings {', '.join(unknown)} are not known here, "
            "so that its texts cannot be encoded again. Give others"
        )
    return Settings(**saved)


def _require_the_same(metadata: Mapping[str, Any], digest: str, source: str) -> None:
    from scratchnn.data import DataError

    before = metadata.get("data", {}).get("digest", digest)
    if before != digest:
        raise DataError(f"the run was trained with the data {before[:8]}, found {digest[:8]} ({source})")
