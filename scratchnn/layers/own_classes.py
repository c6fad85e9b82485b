"""Classes of the reader's own, looked at where they are written: what would never be called, or fail in a first batch.

They come from Keras, whose layers have `call`, and a `build` that makes the weights.
"""

import inspect
from typing import Any

from scratchnn.core.attributes import refuse_unheard
from scratchnn.core.keras_names import NO_SYMBOLS

# What a model passes by name.
PASSED = {"build": ("backend", "dtype", "seed", "index"), "forward": ("mask", "training", "rng")}
_WRITE = {
    "build": (
        "name the parameters in parameter_shapes(self, input_shape), from which Layer.build draws them; or pass the "
        "rest on: def build(self, input_shape, **settings): super().build(input_shape, **settings)"
    ),
    "forward": "write def forward(self, x, *, mask=None, training=False, rng=None)",
}

# What Keras' layers have and ours do not, and what to do instead.
NOT_OF_A_LAYER = {
    **dict.fromkeys(("input", "output"), NO_SYMBOLS),
    "add_weight": "name it in parameter_shapes(self, input_shape), and read self.params; docs/extending.md shows how",
    **dict.fromkeys(("add_loss", "add_metric"), "derive a regularizer or a loss; docs/extending.md shows how"),
    "call": "layer(x) gives the output, and forward its cache as well, for a backward pass",
}


def check_layer_class(kind: type) -> None:
    """Raise TypeError for a method that a model would not call, or could not call as it does."""
    refuse_unheard(kind, "Layer")
    for method, passed in PASSED.items():
        function: Any = vars(kind).get(method)
        if inspect.isfunction(function) and (lacking := _lacking(function, passed)):
            raise TypeError(
                f"{kind.__name__}.{method} does not take {', '.join(lacking)}, which a model passes by name: "
                f"{_WRITE[method]}"
            )


def not_begun(kind: type, call: str = "super().__init__()") -> AttributeError:
    """The error for an object whose constructor did not call that of its base."""
    return AttributeError(f"{kind.__name__}.__init__ must call {call}, which sets what every {_base(kind)} has")


def undefined(kind: type, method: str) -> NotImplementedError:
    """The error for a method that a layer must define."""
    return NotImplementedError(f"{kind.__name__} must define {method}; docs/extending.md shows how")


def _base(kind: type) -> str:
    return "model" if any(each.__name__ == "Model" for each in kind.__mro__) else "layer"


def _lacking(function: Any, names: tuple[str, ...]) -> list[str]:
    parameters = inspect.signature(function).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        return []
    return [name for name in names if name not in parameters]
