"""The models of a study: presets, and with a grid each of them once per combination of settings."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args, get_type_hints

from scratchnn.core.names import look_up
from scratchnn.experiments.flags import optimizers
from scratchnn.experiments.preset_file import SETTINGS
from scratchnn.experiments.presets import OF_NETWORKS, Preset
from scratchnn.experiments.settings import Settings
from scratchnn.study.tasks import Variant

Grid = Mapping[str, Sequence[Any]]  # setting -> its values


def variants(
    presets: Sequence[Preset], chosen: Mapping[str, Any], grid: Grid, spared: Collection[str] = ()
) -> list[Variant]:
    """Every preset with every combination of the grid's values; `chosen` settings are the same for all.

    Of the presets in `spared`, which nobody asked for, those that are no networks get no settings of networks.

    A model is named after what is special about it: "lstm,units=64".

    Raises:
        ValueError: if a setting is both chosen and in the grid.
    """
    if both := sorted(chosen.keys() & grid.keys()):
        raise ValueError(f"{both[0]} is given twice, by a flag of its own and in --grid: leave one of them out")
    found = []
    for preset in presets:
        for values in itertools.product(*grid.values()):
            special = dict(zip(grid, values, strict=True))
            name = ",".join([preset.name, *(f"{setting}={_told(value)}" for setting, value in special.items())])
            useless = OF_NETWORKS if preset.grams is not None and preset.name in spared else ()
            common = {setting: value for setting, value in chosen.items() if setting not in useless}
            found.append(Variant(name, preset, {**common, **special}))
    return found


def parse_grid(texts: Sequence[str], chosen: Mapping[str, Any]) -> Grid:
    """The grid of texts such as "units=16,32,64"; `chosen` settings are the same for all models.

    Raises:
        ValueError: for an unknown setting, a value that it cannot have, and one that is there twice.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not values:
            raise ValueError(f"--grid takes a setting and its values, such as units=16,32,64, got {text!r}")
        name = look_up("setting", name.strip().replace("-", "_"), SETTINGS)
        if name in grid:
            raise ValueError(f"--grid {name} is given twice; give all its values at once, such as {name}=1,2")
        grid[name] = [_value(name, each.strip()) for each in values.split(",")]
        for value in grid[name]:
            if grid[name].count(value) > 1:
                raise ValueError(f"--grid {name}: {_told(value)} is there twice; name each value once")
            # Its range is checked there, which for some depends on other settings: test_reviews needs a new split.
            Settings(**{"resplit": 1, **chosen, name: value})
    return grid


def _value(name: str, text: str) -> Any:
    kind = get_type_hints(Settings)[name]
    kind = next((each for each in get_args(kind) if each is not type(None)), kind)
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError(f"--grid {name} takes true and false, got {text!r}")
        return text == "true"
    if kind is str:
        return look_up("optimizer", text, {each: each for each in optimizers()})
    try:
        if not text.isascii() or "_" in text:
            raise ValueError  # Python would take 1_6 for 16
        return kind(text)
    except ValueError:
        words = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"--grid {name} takes {words}, got {text!r}") from None


def _told(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
