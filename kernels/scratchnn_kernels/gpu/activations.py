"""The numbers by which the CUDA sources know an activation; the functions stand in activations.cuh."""

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


def number_of(activation: ElementwiseActivation) -> int:
    """The number under which the kernels know an activation.

    Raises:
        ValueError: if these kernels do not have it.
    """
    if activation.name not in NAMES:
        raise ValueError(
            f"the gpu kernels have no activation '{activation.name}', only {', '.join(NAMES)}; "
            'backend="reference" takes any activation'
        )
    return NAMES.index(activation.name)
