"""Presets of your own from a TOML file: layers and settings as plain values, so that a file can run no code.

[my-lstm]
summary = "a larger LSTM"
embedding = 32
layers = [
    {class = "Bidirectional", layer = {class = "LSTM", units = 64}},
    {class = "Dense", units = 1, activation = "sigmoid"},
]
epochs = 5
"""

import os
import re
from dataclasses import fields
from typing import Any

from scratchnn import activations
from scratchnn.core.files.bounded import read_toml
from scratchnn.core.files.errors import StorageError
from scratchnn.core.names import look_up
from scratchnn.experiments.presets import CONTROLS, PRESETS, Preset
from scratchnn.experiments.settings import Settings
from scratchnn.experiments.stack import Part, Stack

_NOT_SET = ("arch", "seed", "backend", "synthetic", "out", "early_stop")  # chosen when a model is trained
SETTINGS = {field.name: field.name for field in fields(Settings) if field.name not in _NOT_SET}
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
LONGEST = 60  # letters of a name: it becomes part of names of files
_WRAPPERS = ("Bidirectional", "TimeDistributed")
_NOT_FOR_A_FILE = ("Layer", "Lambda", "RNN")  # bases, and what takes code of your own


def read(path: str | os.PathLike[str]) -> dict[str, Preset]:
    """The presets in the file, by name.

    Raises:
        ValueError: if it cannot be read or is no TOML, or something in it is unknown or does not fit; the message names
            the place.
    """
    try:
        tables = read_toml(path)
    except OSError as error:
        raise ValueError(f"--presets {os.fspath(path)!r} cannot be read: {error.strerror}") from None
    except StorageError as error:
        raise StorageError(f"{os.fspath(path)!r} {error}") from None
    if not tables:
        raise ValueError(f"{os.fspath(path)!r} holds no preset: a preset is a table, such as [my-lstm]")
    known = {_plain(name): name for name in PRESETS | CONTROLS}
    found = {}
    for name, table in tables.items():
        where = f"{os.fspath(path)!r}, [{name}]"
        if (other := known.setdefault(_plain(name), name)) in found:
            raise ValueError(f"{where}: {name!r} and {other!r} differ in capitals and '_' alone; name them apart")
        if other in PRESETS | CONTROLS:
            raise ValueError(f"{where}: {other!r} is a preset of scratchnn already; give yours another name")
        found[name] = _preset(where, name, table)
    return found


def check_name(name: Any) -> None:
    """Raise ValueError if no file can be called after a model of this name."""
    if not isinstance(name, str) or not re.fullmatch(NAME, name) or len(name) > LONGEST:
        raise ValueError(
            f"files are named after a model, so that its name must be 1 to {LONGEST} letters, digits, '_', '.' or '-', "
            f"beginning with a letter or a digit, got {name!r}"
        )


def is_taken(name: str) -> bool:
    """Whether a preset of ours has the name, in whatever capitals."""
    return _plain(name) in map(_plain, PRESETS | CONTROLS)


def _plain(name: str) -> str:
    """As `look_up` reads a name: two that are equal here would be one for --arch."""
    return name.replace("_", "").lower()


def _preset(where: str, name: str, table: Any) -> Preset:
    try:
        check_name(name)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if not isinstance(table, dict):
        raise ValueError(f"{where}: expected a table with embedding and layers, got {table!r}")
    given = dict(table)
    summary, features, layers = (
        given.pop("summary", "a preset of your own"),
        given.pop("embedding", None),
        given.pop("layers", None),
    )
    if not isinstance(summary, str):
        raise ValueError(f"{where}: summary must be text, got {summary!r}")
    if not isinstance(features, int) or isinstance(features, bool) or features < 1:
        raise ValueError(f"{where}: embedding must be the number of features of a word, 1 or more, got {features!r}")
    if not isinstance(layers, list) or not layers:
        raise ValueError(
            f'{where}: layers must be a list such as [{{class = "LSTM", units = 32}}, ...], got {layers!r}'
        )
    chosen: dict[str, Any] = {}
    for spelled, value in given.items():
        try:
            setting = look_up("setting", spelled, SETTINGS)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if setting in chosen:
            raise ValueError(f"{where}: {setting} is given twice, as {spelled!r} too; leave one of them out")
        chosen[setting] = value
    parts = [_part(f"{where}, layer {n}", layer) for n, layer in enumerate(layers, start=1)]
    preset = Preset(name, summary, Stack(features, *parts), chosen)
    _check(where, preset)
    return preset


def _part(where: str, layer: Any) -> Part:
    import scratchnn as nn

    if not isinstance(layer, dict) or not isinstance(layer.get("class"), str):
        raise ValueError(f'{where}: expected a layer such as {{class = "LSTM", units = 32}}, got {layer!r}')
    known = {
        kind: kind
        for kind in nn.layers.__all__
        if isinstance(found := getattr(nn.layers, kind), type) and issubclass(found, nn.layers.Layer)
    }
    known = {kind: kind for kind in known if kind not in _NOT_FOR_A_FILE}
    try:
        kind = look_up("layer", layer["class"], known)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    settings = {
        # A table without a class is a setting, such as {name = "constant", value = 0.5} for an initializer.
        name: _part(f"{where}, its {name}", value) if isinstance(value, dict) and "class" in value else value
        for name, value in layer.items()
        if name != "class"
    }
    if kind in _WRAPPERS and not isinstance(settings.get("layer"), tuple):
        raise ValueError(
            f'{where}: {kind} needs a layer inside, such as layer = {{class = "LSTM", units = 32}}, got '
            f"{settings.get('layer')!r}"
        )
    return kind, settings


def _check(where: str, preset: Preset) -> None:
    """Build it once: layers and settings must be accepted, and the output must be one probability per review."""
    from scratchnn.models.sequential import Sequential

    try:
        settings = preset.settings()
        model = Sequential(preset.layers_for(settings), backend="reference", seed=0, name=preset.name)
        model.build((None, settings.length))
    except (ValueError, TypeError, MemoryError) as error:
        raise ValueError(f"{where}: {error}") from None
    if stateful := [layer.label for layer in model.layers if getattr(layer, "stateful", False)]:
        raise ValueError(f"{where}: {stateful[0]} is stateful, but reviews do not continue each other: leave it out")
    if model.output_shape != (None, 1):
        raise ValueError(
            f"{where}: its output must be one number per review, of shape (None, 1), got {model.output_shape}; end it "
            'with {class = "Dense", units = 1, activation = "sigmoid"}, which becomes a softmax where there are more '
            "than two classes"
        )
    last = model.head
    if last.final_activation not in (activations.sigmoid, activations.hard_sigmoid):
        named = "none" if last.final_activation is None else last.final_activation.name
        raise ValueError(
            f"{where}: its output must be a probability, from 0 to 1: give {type(last).__name__}, the "
            f'activation "sigmoid"; its activation is {named}'
        )
