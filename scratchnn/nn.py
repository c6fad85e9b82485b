"""The activations that TensorFlow has in `tf.nn`, for `activation=tf.nn.relu` after `import scratchnn as tf`.

Each is a function of one array, which knows its derivative too.
"""

from typing import TYPE_CHECKING, Any

from scratchnn.activations import elu, leaky_relu, relu, selu, sigmoid, softmax, softplus, softsign, tanh
from scratchnn.core.keras_missing import missing

__all__ = ["elu", "leaky_relu", "relu", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("nn", name, __all__)
