"""Where the training of a model stands, in one file with the model. `save_checkpoint` and `fit` write it.

`checkpoint.py` makes a new model of it; `Found` is what `fit` takes up in the model that it is called on.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.files import container
from scratchnn.core.files.foreign import refuse_foreign_name
from scratchnn.core.files.generations import newest_usable, one_before
from scratchnn.core.files.plain import plain
from scratchnn.models.saving import CARRIED, OPTIMIZER, contents, other_slots, read
from scratchnn.training.progress import Clock, Progress

_CALLBACKS = "callbacks."  # begins the names of the arrays in the states of callbacks
_ARRAY = "$array"  # {"$array": "callbacks.0"} stands for one of them
_IDENTITY = ("class", "layers", "trainable", "weights", "outputs", "dtype", "seed")  # with optimizer and loss


def write(
    model: Any,
    progress: Progress,
    filepath: str | os.PathLike[str],
    *,
    keep_previous: bool = True,
    begun: Mapping[str, Any] | None = None,
) -> None:
    """Replace the file at `filepath`, and keep the one before. `begun`: the `identity` with which training began.

    Raises:
        TypeError, ValueError: for what no file can hold, or loading could not make again; nothing was written.
    """
    refuse_foreign_name("save_checkpoint", filepath)
    if state := other_slots(model):
        raise ValueError(f"a checkpoint cannot hold {state}")
    arrays, config = contents(model)
    progress.refresh()
    place = {each.name: getattr(progress, each.name) for each in dataclasses.fields(progress)}
    place["states"] = [_without_arrays(entry, arrays) for entry in progress.states]
    meta = {"kind": "checkpoint", "model": config, "progress": place}
    if begun is not None:
        meta["begun"] = begun
    container.write(filepath, arrays, meta, one_before(filepath) if keep_previous else None)


def progress_of(arrays: dict[str, Array], meta: Mapping[str, Any]) -> Progress:
    """Where training stands by the content of a file. The arrays of callbacks are taken out of `arrays`.

    Raises:
        one of `loading.UNUSABLE`: for what `write` does not write.
    """
    held = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_CALLBACKS)}
    place = dict(meta["progress"])
    states = _with_arrays(place.pop("states", []), held)
    return Progress(**place, states=states)


def fill(model: Any, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
    """Give a built model the parameters, the count, what layers carry, and the optimizer's state that a file holds."""
    model.clock = Clock(**config.get("clock", {}))
    model.set_flat_params(arrays["params"])
    carried = _beginning_with(CARRIED, arrays)
    for n in sorted({int(name.split(".")[0]) for name in carried}):
        layer: Any = model.layers[n]
        states = [carried.pop(f"{n}.{i}") for i in range(len(layer.state_names))]
        layer.states = list(layer.as_state(states, len(states[0])))
    if carried:
        raise ValueError(f"it has states that no layer carries, {sorted(carried)}")
    if state := _beginning_with(OPTIMIZER, arrays):
        if model.optimizer is None:
            raise ValueError("it has the state of an optimizer, but its model was not compiled")
        model.ready_optimizer()
        model.optimizer.load_state(state)


def _beginning_with(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


# ---- fit, which goes on with the model that it is called on


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a model's `get_config()` decides the numbers of its training: it must be the same where it goes on."""
    compiled = config["compiled"] or {}
    chosen = {name: config[name] for name in _IDENTITY} | {name: compiled.get(name) for name in ("optimizer", "loss")}
    return plain(chosen, "model")


@dataclass
class Found:
    """What `fit` goes on from."""

    path: str
    progress: Progress
    is_newest: bool  # or else the one before, because the newest is damaged
    arrays: dict[str, Array]
    config: dict[str, Any]
    begun: dict[str, Any]

    def take_up(self, model: Any) -> None:
        """Bring the model to where the training in the file stands.

        Raises:
            ValueError: unless it is the model with which that training began; nothing was changed.
        """
        here, saved = identity(model.get_config()), identity(self.config)
        if isinstance(here["seed"], list) and here["seed"] != saved["seed"]:
            # A stream of set_random_seed, which nobody chose: a notebook's model takes the next one in every run.
            here["seed"] = saved["seed"]
        rates = [each["optimizer"].pop("learning_rate", None) for each in (here, saved, self.begun)]
        if rates[0] not in rates[1:]:  # callbacks may have changed it meanwhile
            self._refuse(f"optimizer.learning_rate is {rates[0]} here and was {rates[2]}")
        if where := _difference(saved, self.begun):
            self._refuse(f"a callback has changed {where} since it began")
        if where := _difference(here, saved):
            self._refuse(f"{where} here")
        model.seed = tuple(saved["seed"]) if isinstance(saved["seed"], list) else saved["seed"]
        # What the model has learned since then is undone, also what a file of an untrained model says nothing of.
        model.optimizer.init(model.trainable_params.size, model.dtype, model.backend)
        for layer in model.layers:
            if layer.takes_state:
                layer.states = None
        fill(model, self.arrays, self.config)
        model.metadata = dict(self.config["metadata"])
        if rates[0] != rates[1]:
            model.optimizer.learning_rate = rates[1]

    def _refuse(self, why: str) -> None:
        raise ValueError(
            f"{self.path} holds the training of another model: {why}. Make and compile the model as it was, or give "
            "another checkpoint; load_checkpoint(path) has the model of that one"
        )


def find(filepath: str | os.PathLike[str]) -> Found | None:
    """What is at `filepath`, or in the one before; None where there is neither.

    Raises:
        StorageError: if there is something, and none of it can be used.
    """
    if not os.path.exists(filepath) and not one_before(filepath).exists():
        return None
    (progress, arrays, meta), is_newest = newest_usable(filepath, _content)
    begun = meta.get("begun") or identity(meta["model"])
    return Found(os.fspath(filepath), progress, is_newest, arrays, meta["model"], begun)


def _content(filepath: str | os.PathLike[str]) -> tuple[Progress, dict[str, Array], dict[str, Any]]:
    arrays, meta = read(filepath, "checkpoint")
    try:
        identity(meta["model"])["optimizer"].keys()
        return progress_of(arrays, meta), arrays, meta
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise container.StorageError(f"{filepath}: the checkpoint in it cannot be used ({error})") from error


def _difference(one: Any, other: Any, where: str = "") -> str | None:
    """Where two descriptions differ first, in words; None where they are equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        inside = [
            _difference(one.get(key), other.get(key), f"{where}.{key}" if where else key) for key in {**one, **other}
        ]
        return next((each for each in inside if each is not None), None)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        inside = [_difference(*pair, f"{where}[{n}]") for n, pair in enumerate(zip(one, other, strict=True))]
        return next((each for each in inside if each is not None), None)
    return None if one == other else f"{where}, which is {one!r} and was {other!r}"


# ---- the states of callbacks


def _without_arrays(entry: dict[str, Any], arrays: dict[str, Array]) -> Any:
    """The state of a callback as plain values; its arrays join `arrays`."""
    where = f"{entry['callback']}.get_state()"
    if not isinstance(entry["state"], dict):
        raise TypeError(f"{where} must return a dict, got {entry['state']!r}")

    def moved(value: Any) -> Any:
        match value:
            case np.ndarray():
                name = f"{_CALLBACKS}{len(arrays)}"
                arrays[name] = value
                return {_ARRAY: name}
            case list() | tuple():
                return [moved(item) for item in value]
            case dict():
                if _ARRAY in value:
                    raise TypeError(f"a key of {where} must be a string other than {_ARRAY!r}")
                return {key: moved(item) for key, item in value.items()}
        return value

    state = moved(entry["state"])
    plain(state, where)
    return entry | {"state": state}


def _with_arrays(value: Any, arrays: dict[str, Array]) -> Any:
    """What `_without_arrays` was given."""
    match value:
        case {"$array": str(name)} if len(value) == 1:
            return arrays[name]
        case list():
            return [_with_arrays(item, arrays) for item in value]
        case dict():
            return {key: _with_arrays(item, arrays) for key, item in value.items()}
    return value
