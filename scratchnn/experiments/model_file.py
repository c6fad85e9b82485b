"""A saved model as a preset: its layers, its optimizer and its loss, to be trained anew. Its parameters are left aside.

A file holds no code, so that naming one runs none: what is not scratchnn's own is refused.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn.core.files.container import StorageError
from scratchnn.core.names import plural
from scratchnn.experiments.preset_file import check_name, is_taken
from scratchnn.experiments.presets import Preset

if TYPE_CHECKING:
    from scratchnn.layers import Layer
    from scratchnn.models.model import Model

SUFFIX = ".npz"
_OF_A_RUN = ("model", "best")  # the names of files in the folder of a run, which names the model better


@dataclass(frozen=True)
class SavedLayers:
    """Makes new layers from the descriptions in a file."""

    layers: Sequence[Mapping[str, Any]]
    words: int  # ids that the embedding knows
    features: int  # of each
    outputs: int

    def __call__(self, V: int) -> list["Layer"]:
        """For a vocabulary of at most as many ids as the embedding knows: the table stays as large as it is.

        Raises:
            ValueError: for a larger vocabulary.
        """
        from scratchnn.models.custom_objects import filled

        if V > self.words:
            raise ValueError(f"its embedding knows {self.words:,} ids: vocabulary must be at most that, got {V:,}")
        return filled(self.layers, {})

    def with_classes(self, classes: int, features: int | None = None) -> "SavedLayers":
        """The same; a file is taken as it is.

        Raises:
            ValueError: if it has outputs for another number of classes, or other features.
        """
        check_outputs(self.outputs, classes)
        if features not in (None, self.features):
            raise ValueError(
                f"has an embedding of {self.features} features, and the vectors have {features}: leave one of them out"
            )
        return self


def read(path: str | os.PathLike[str]) -> Preset:
    """The model in the file as a preset, named after the file, or after its run.

    It is trained with the optimizer and the loss that it was compiled with, if it was; with another optimizer where
    settings name one of another kind.

    Raises:
        ValueError: if the file cannot be read, or its model cannot be trained on texts as it is; the message says why.
    """
    from scratchnn.initializers import values_follow
    from scratchnn.models import saving
    from scratchnn.models.loading import UNUSABLE

    where = f"the model file {os.fspath(path)!r}"
    if not Path(path).is_file():
        raise ValueError(f"{where} is not there")
    try:
        arrays, meta = saving.read(path, "model")
        with values_follow(arrays["params"].size):  # a file takes the memory of what is in it
            return _preset(_name(Path(path)), meta["model"])
    except (StorageError, OSError) as error:
        raise ValueError(f"{where} cannot be read: {error}") from None
    except UNUSABLE as error:
        raise ValueError(f"{where}: {error}") from None


def _name(path: Path) -> str:
    name = path.resolve().parent.name if path.stem in _OF_A_RUN else path.stem
    check_name(name)
    if is_taken(name):
        raise ValueError(f"{name!r} is a preset of scratchnn already: give the file another name")
    return name


def _preset(name: str, config: Mapping[str, Any]) -> Preset:
    model = _model(config)
    embedding: Any = model.layers[0]
    V, D = embedding.input_dim, embedding.output_dim
    metadata, compiled = config["metadata"], config["compiled"]
    length = metadata.get("length", metadata.get("settings", {}).get("length", config["input_shape"][1]))
    defaults = {"vocabulary": V} | ({} if length is None else {"length": length})
    if compiled is not None:
        defaults |= {"optimizer": compiled["optimizer"]["name"]}
        compiled = {part: compiled[part] for part in ("optimizer", "loss")}
    layers = SavedLayers(config["layers"], V, D, model.output_shape[-1])
    return Preset(name, "a saved model, trained anew", layers, defaults, compiled=compiled)


def _model(config: Mapping[str, Any]) -> "Model":
    """The model, made once to see whether it can be trained on texts; its weights are those of no file.

    Raises:
        ValueError: if it cannot.
    """
    from scratchnn.layers import Embedding
    from scratchnn.models.custom_objects import names_in
    from scratchnn.models.loading import described_model

    if own := names_in(config):
        raise ValueError(
            f"it holds {', '.join(map(repr, own))} of your own, and no file of a command runs code: compare it in "
            "Python, with scratchnn.study.builders.compare"
        )
    if config["dtype"] != "float32":
        raise ValueError(f"it is of {config['dtype']}, and models are compared in float32: save one of float32")
    if not all(_flags(config.get("trainable", []))):
        raise ValueError(
            "some of it is frozen, and would stay as the seed draws it: set trainable = True before it is saved"
        )
    model = described_model(config, "reference", {})
    if not isinstance(model.layers[0], Embedding):
        raise ValueError(f"it begins with {model.layers[0].label}; texts come as ids, so begin with an Embedding")
    if stateful := [layer.label for layer in model.layers if getattr(layer, "stateful", False)]:
        raise ValueError(f"{stateful[0]} is stateful, but texts do not continue each other: leave it out")
    check_output(model)
    return model


def _flags(state: Any) -> Iterator[bool]:
    for each in state:
        yield from _flags(each) if isinstance(each, list) else (each,)


def check_outputs(outputs: int, classes: int) -> None:
    """Raise ValueError if a model with so many outputs cannot tell the classes apart."""
    if outputs not in ((1, 2) if classes == 2 else (classes,)):
        last = "Dense(1, activation='sigmoid')" if classes == 2 else f"Dense({classes}, activation='softmax')"
        raise ValueError(f"has {plural(outputs, 'output')}, and there are {classes} classes: end it in {last}")


def check_output(model: "Model") -> None:
    """Raise ValueError unless the output is a probability, or one of each class, learned from numbers of classes."""
    shape, last = model.output_shape, model.head.final_activation
    if len(shape) != 2 or isinstance(shape[0], tuple):
        raise ValueError(f"its output must be one row of numbers per text, got shape {shape}")
    wanted = ("sigmoid", "hard_sigmoid") if shape[1] == 1 else ("softmax",)
    named = "none" if last is None else last.name
    if named not in wanted:
        raise ValueError(
            f"its output must be a probability, of each class where there are more than two: end it in {wanted[0]}; "
            f"its activation is {named}"
        )
    if shape[1] > 1 and model.loss is not None and model.loss.name != "sparse_categorical_crossentropy":
        raise ValueError(
            f"its loss is {model.loss.name}, and texts are labelled with numbers of classes: compile it with "
            "sparse_categorical_crossentropy"
        )
