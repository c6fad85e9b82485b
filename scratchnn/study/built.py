"""A model of a study that code of the user's own makes: in Python alone, since no file is trusted to name code."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scratchnn.experiments.model_file import check_output, check_outputs
from scratchnn.experiments.preset_file import check_name
from scratchnn.experiments.presets import Preset
from scratchnn.experiments.settings import Settings
from scratchnn.layers import Layer
from scratchnn.models.model import Model

Builder = Callable[[int], Model]
_OF_ITSELF = ("name", "seed")  # what two builds may differ in


def _no_layers(V: int) -> list[Layer]:
    return []


@dataclass(frozen=True)
class Built(Preset):
    builder: Builder | None = None
    described: Any = None  # the layers of the first model, which those of every seed must have
    backend: str = "cpu"
    row: tuple[int, ...] | None = None  # the shape of one example, to draw a model that was not built for one

    @classmethod
    def of(cls, name: str, builder: Builder, seed: int) -> "Built":
        """Of a function that returns a compiled model for a seed; it is called once now.

        Raises:
            TypeError, ValueError: if it is none, its model cannot be used, or no file can have its name.
        """
        check_name(name)
        if isinstance(builder, Model) or not callable(builder):
            what = (
                f"got {builder!r}; give a function that makes one for a seed: lambda seed: Sequential(..., seed=seed)"
            )
            raise TypeError(f"{name!r} must be a function of a seed that returns a compiled model, {what}")
        if inspect.isclass(builder):
            raise TypeError(f"{name!r} must be a function of a seed, got the class {builder.__name__}")
        model = _made(name, builder, seed)
        config = model.get_config()
        compiled = {part: config["compiled"][part] for part in ("optimizer", "loss")}
        return cls(
            name, "built in Python", _no_layers, compiled=compiled, builder=builder,
            described=_plain(config["layers"]), backend=model.backend.name,
        )  # fmt: skip

    def build(self, seed: int) -> Model:
        """A new model with the initial weights of the seed.

        Raises:
            ValueError: if it is not one, or has other layers than the first one had.
        """
        assert self.builder is not None
        model = _made(self.name, self.builder, seed)
        if _plain(model.get_config()["layers"]) != self.described:
            raise ValueError(f"{self.name!r} makes other layers for seed {seed} than it made first: give both a name")
        return model

    def layers_for(self, settings: Settings) -> list[Layer]:
        return list(self.build(settings.seed).layers)


def _made(name: str, builder: Builder, seed: int) -> Model:
    model = builder(seed)
    call = f"{name!r}({seed})"
    if not isinstance(model, Model):
        raise TypeError(f"{call} must return a compiled model, got {model!r}")
    if model.seed != seed:
        raise ValueError(
            f"{call} returned a model of the seed {model.seed}: hand the seed on, Sequential([...], seed=seed), so "
            "that initial weights, dropout and the order of batches come from it"
        )
    if model.clock.epoch or model.clock.step:
        raise ValueError(f"{call} returned a model that is trained already: make a new one in every call")
    if model.optimizer is None or model.loss is None:
        raise ValueError(f"{call} returned a model that is not compiled: call model.compile(...) in it")
    return model


def built_for(preset: Built, seed: int, x: Any, classes: int) -> Model:
    """The model of a seed, built for x, with outputs for the classes.

    Raises:
        ValueError: if it has others.
    """
    model = preset.build(seed)
    model.check_input(x)  # which builds it, if it is not
    model.ready_optimizer()
    try:
        check_output(model)
    except ValueError as error:
        raise ValueError(f"{preset.name!r}: {error}") from None
    try:
        check_outputs(model.output_shape[-1], classes)
    except ValueError as error:
        raise ValueError(f"{preset.name!r} {error}") from None
    return model


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key not in _OF_ITSELF or "units" in value}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
