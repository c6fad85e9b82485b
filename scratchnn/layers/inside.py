"""A layer inside another one: it is built by that one, and belongs to it."""

import weakref
from typing import Any

from scratchnn.layers.base import Layer, Shape


def build_inside(owner: Layer, layer: Layer, shape: Shape, **settings: Any) -> None:
    """Build the layer for `owner`. As in Keras, one that was built before keeps its parameters.

    Raises:
        ValueError: if it is in another model or layer.
    """
    other = None if layer.model is None else layer.model()
    if other not in (None, owner):
        raise ValueError(f"{layer.label} is in another place already, and a layer can be in one only")
    weights = layer.get_weights() if layer.built and layer.takes(shape) else None
    layer.build(shape, **settings)
    if weights is not None:
        layer.set_weights(weights)
    layer.model = weakref.ref(owner)
