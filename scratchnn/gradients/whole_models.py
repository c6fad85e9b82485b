"""A model as it is, at its real length: the derivative along one random direction for each of its arrays.

One number stands for all of an array: how the outputs change when every number of it moves at once, each by its own
random amount, beside the sum of amount ⊙ gradient. An error in any number of the gradient changes that sum, if by less
than it changes the number; so this is a check of seconds, and not the last word on a single number. The numbers move by
a complex step, through kinks too, since in a model at its real length some are always near; where a complex step cannot
be taken, by small steps forward and back.

With dropout, as in training; its masks are the same in every pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import losses
from scratchnn.core import randomness
from scratchnn.gradients import complex_step
from scratchnn.gradients.differences import along, projections
from scratchnn.gradients.errors import ArrayError, Method
from scratchnn.gradients.of_losses import check_loss
from scratchnn.layers import Embedding
from scratchnn.layers.symbol import Symbol

ROWS = 2
LENGTH = 50  # of sequences, where a model takes any
SMALL = 1e-6  # the step of differences: small, so that few of a model's many kinks lie within it
ATTEMPTS = 5  # directions, until one meets no kink
STEP_ALONG = Method("complex step", 1e-12, 1e-10, 1e-13)  # rounding adds up over the steps of a long sequence
DIFFERENCES_ALONG = Method("central differences", 1e-6, 1e-5, 1e-9)


def in_float64(model: Any, backend: str) -> Any:
    """A built model of scratchnn's again, with all parameters trainable, in float64."""
    layers = [layer.clone() for layer in model.layers]
    settings = {"backend": backend, "dtype": "float64", "seed": model.seed, "name": model.name, "trainable": True}
    start = Symbol(model.input_shape, model.input_shape)
    other = type(model).assembled(start, layers, model._outputs, settings)
    other.trainable = True
    other.set_flat_params(np.asarray(model.backend.to_host(model.flat_params), np.float64))
    return other


def random_input(model: Any, seed: int = 0) -> Array:
    """A batch for it: ids where its first layer is an Embedding, with padding before the first row's; else numbers."""
    rng = randomness.generator(seed, "data", layer=1)
    shape = (ROWS, *(length or LENGTH for length in model.input_shape[1:]))
    first = model.layers[0]
    if not isinstance(first, Embedding):
        return rng.normal(size=shape)
    ids = rng.integers(1, max(2, first.input_dim), shape) % first.input_dim
    ids[0, : shape[1] // 3] = 0
    return ids


def check_model(model: Any, x: Array, *, seed: int = 0) -> list[ArrayError]:
    """Compare the gradients of a float64 model with derivatives along a random direction of each array.

    The last error is that of its loss, with every number of the outputs, if it was compiled.

    Raises:
        ValueError: if it was built with another dtype, has no parameters, or outputs that are no finite numbers.
    """
    if model.dtype != np.float64:
        raise ValueError(f"gradients are checked in float64, but {model.name!r} was built with dtype {model.dtype}")
    if not model.count_params():
        raise ValueError(f"{model.name!r} has no parameters, and so no gradients to check")

    def outputs(of: Any = model) -> list[Array]:
        of.reset_states()
        y = of.forward(x, training=True, keep_caches=False)[0]
        return [model.backend.to_host(each) for each in (y if isinstance(y, tuple) else (y,))]

    model.reset_states()
    y, caches = model.forward(x, training=True)
    ys = [model.backend.to_host(each) for each in (y if isinstance(y, tuple) else (y,))]
    if not all(np.isfinite(each).all() for each in ys):
        raise ValueError(
            f"{model.name!r} gives NaN or infinite outputs, so that its gradients cannot be checked: "
            f"{_not_finite(model)}"
        )
    dys = projections(ys, seed)
    grads = np.array(model.backend.to_host(model.backward(tuple(dys) if isinstance(y, tuple) else dys[0], caches)[1]))
    arrays = _arrays(model)
    parts = np.split(grads, np.cumsum([array.size for array in arrays.values()])[:-1])
    found = {name: part.reshape(arrays[name].shape) for name, part in zip(arrays, parts, strict=True)}
    for name, penalty in _penalties(model).items():  # which backward adds, and which are not in the outputs
        found[name] = found[name] - penalty
    rng, measures = randomness.generator(seed, "data", layer=3), _measures(model, arrays, outputs, dys)
    errors = [_along(name, array, found[name], measures, rng) for name, array in arrays.items()]
    return errors + _of_loss(model, y, seed)


def _not_finite(model: Any) -> str:
    """Which parameters are to blame."""
    names = [name for name, array in _arrays(model).items() if not np.isfinite(model.backend.to_host(array)).all()]
    return f"there are such numbers in {', '.join(names)}" if names else "its weights are too large"


def _arrays(model: Any) -> dict[str, Array]:
    return {f"{layer.name}.{name}": layer.params[name] for layer in model.layers for name in layer.params}


def _penalties(model: Any) -> dict[str, Array]:
    rules = ((layer, name, rule) for layer in model.layers for name, rule in layer.regularizers().items())
    to_host = model.backend.to_host
    return {f"{layer.name}.{name}": np.array(to_host(rule.gradient(layer.params[name]))) for layer, name, rule in rules}


Measure = Callable[[str, Array], tuple[float, bool, Method]]  # the derivative, and whether it met a kink


def _measures(model: Any, arrays: Mapping[str, Array], outputs: Any, dys: list[Array]) -> list[Measure]:
    """The ways to measure, the best one first."""
    exact = _complex(model, outputs, dys)
    return [*([] if exact is None else [exact]), lambda name, way: _central(arrays[name], way, outputs, dys)]


def _complex(model: Any, outputs: Callable[[Any], list[Array]], dys: list[Array]) -> Measure | None:
    """None where a layer takes no complex numbers."""
    other = object.__new__(type(model))
    vars(other).update(vars(model))

    def moved(name: str, way: Array) -> tuple[float, bool, Method]:
        array = _arrays(other)[name]
        before = array.copy()
        array += 1j * complex_step.STEP * way
        with complex_step.strict():
            slopes = [float((dy * np.imag(np.asarray(y))).sum()) for dy, y in zip(dys, outputs(other), strict=True)]
        array[...] = before
        return sum(slopes) / complex_step.STEP, False, STEP_ALONG

    try:
        with complex_step.strict():
            vars(other)["_layers"] = [complex_step.twin(layer, kind=complex_step.Branching) for layer in model.layers]
            outputs(other)
    except Exception:  # whatever code of the user's own makes of complex numbers
        return None
    return moved


def _central(
    array: Array, way: Array, outputs: Callable[[], list[Array]], dys: list[Array]
) -> tuple[float, bool, Method]:
    slope, wider = (along(array, way, outputs, dys, h) for h in (SMALL, 2 * SMALL))
    return slope, abs(slope - wider) > DIFFERENCES_ALONG.expected * (1 + abs(slope)), DIFFERENCES_ALONG


def _along(name: str, array: Array, gradient: Array, measures: list[Measure], rng: Any) -> ArrayError:
    error = ArrayError(name, array.shape, np.inf)
    for _ in range(ATTEMPTS):
        way = rng.normal(size=array.shape)
        slope, at_kink, method = measures[0](name, way)
        if (error := _compared(name, way * gradient, slope, method)).ok:
            return error
        if method is STEP_ALONG:  # a forward pass of the user's own may lose an imaginary part unseen
            other, at_kink, method = measures[-1](name, way)
            if not at_kink and abs(slope - other) > method.limit * (1 + abs(other)):
                return _compared(name, way * gradient, other, method)
        if not at_kink:
            return error
    return error if len(measures) > 1 else replace(error, remark=f"{ATTEMPTS} directions met a kink")


def _compared(name: str, terms: Array, slope: float, method: Method) -> ArrayError:
    """The derivative along a direction beside the sum of its terms by the gradient."""
    distance, scale = abs(slope - float(terms.sum())), abs(slope) + float(np.sqrt((terms**2).sum()))
    error = distance / max(1e-8, scale)
    return ArrayError(name, terms.shape, error, distance, method=method, scale=max(1.0, scale))


def _of_loss(model: Any, y: Any, seed: int) -> list[ArrayError]:
    """The gradient of the loss with respect to the outputs, at random targets that suit it."""
    if model.loss is None or isinstance(y, tuple):
        return []
    y, rng = np.array(model.backend.to_host(y)), randomness.generator(seed, "data", layer=4)
    classes = rng.integers(0, y.shape[-1], y.shape[:-1])
    if isinstance(model.loss, losses.SparseCategoricalCrossentropy):
        target: Any = classes
    elif getattr(model.loss, "joins", None) == "softmax":
        target = np.eye(y.shape[-1])[classes]
    else:
        target = rng.integers(0, 2, y.shape).astype(np.float64)
    return [
        replace(error, name=model.loss.name) for error in check_loss(model.loss, y, target, backend=model.backend.name)
    ]
