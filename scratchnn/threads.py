"""How many threads the cpu kernels use."""

from scratchnn.core.threads import kernel_threads, set_threads

__all__ = ["kernel_threads", "set_threads"]
