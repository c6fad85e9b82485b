"""The numbers of the activations in CUDA C; the functions are in activations.cuh."""

from scratchnn_kernels.activations import NAMES, NUMBERS, number_of

__all__ = ["NAMES", "NUMBERS", "enumeration", "number_of"]


def enumeration() -> str:
    """The table of numbers as the sources include it: `enum Activation { LINEAR, RELU, ... };`"""
    return f"enum Activation {{ {', '.join(NAMES).upper()} }};"
