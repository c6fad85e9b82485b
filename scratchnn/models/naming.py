"""Names for the unnamed layers of a model, by Keras' rule."""

from collections.abc import Sequence

from scratchnn.core.names import snake_case
from scratchnn.layers import Layer


def name_layers(layers: Sequence[Layer]) -> None:
    """Name each unnamed layer after its class: "dense", then "dense_1".

    Raises:
        ValueError: if two were given the same name.
    """
    names = [layer.name for layer in layers if layer.name is not None]
    taken = set(names)
    if len(taken) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two layers are called {twice!r}; give each a name of its own")
    for layer in layers:
        if layer.name is None:
            stem = snake_case(type(layer).__name__)
            layer.name = next(n for i in range(len(layers) + 1) if (n := f"{stem}_{i}" if i else stem) not in taken)
            taken.add(layer.name)
