"""The activations that compiled kernels know, each by a number: one kernel then serves them all.

The table is the same for the Numba and the CUDA kernels; their functions are in cpu/activations.py and
gpu/activations.cuh. The reference takes any activation.
"""

from scratchnn_kernels.contract import ElementwiseActivation

NAMES = (
    "linear",
    "relu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "softsign",
    "softplus",
    "elu",
    "selu",
    "leaky_relu",
    "exponential",
)
NUMBERS = {name: number for number, name in enumerate(NAMES)}


def number_of(activation: ElementwiseActivation) -> int:
    """The number under which the compiled kernels know an activation.

    Raises:
        ValueError: if they have none of that name.
    """
    if activation.name not in NUMBERS:
        raise ValueError(
            f"the compiled kernels have no activation '{activation.name}', only {', '.join(NAMES)}; "
            'backend="reference" takes any activation'
        )
    return NUMBERS[activation.name]
