"""Finding out which layer of a `Model` brought the first number that is none."""

from typing import Any

import numpy as np
from jaxtyping import Float
from scratchnn_kernels.contract import Array


def find_non_finite(model: Any, x: Array, epoch: int, step: int) -> str:
    """Name the first parameter or output that is NaN or infinite in the training pass of this step, drawn again."""
    mask = None
    for index, layer in enumerate(model.layers):
        for name, param in layer.params.items():
            if not np.isfinite(param).all():
                return f"parameter {name} of {layer.label} is not finite"
        next_mask = layer.compute_mask(x, mask)
        x, _ = layer.forward(x, mask=mask, training=True, rng=model.dropout_keys(index, epoch, step))
        x, mask = (x[0] if isinstance(x, tuple) else x), next_mask
        if not np.isfinite(x).all():
            return f"{layer.label} is the first layer whose output is not finite"
    return "every layer's output is finite, so it is the loss itself"


def find_non_finite_gradient(model: Any, grads: Float[Array, " P"]) -> str:
    """Name the parameter that is not finite, or else the first gradient, on the way that backward came."""
    owners = [(layer, name) for layer in model.layers for name in layer.params]
    for layer, name in owners:
        if not np.isfinite(layer.params[name]).all():
            return f"parameter {name} of {layer.label} is not finite"
    for (layer, name), segment in reversed(list(zip(owners, model.segments, strict=True))):
        if not np.isfinite(grads[segment]).all():
            return f"the gradient of {name} of {layer.label} is the first on the way back"
    return "their sum of squares overflows"
