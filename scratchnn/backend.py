"""The one place where a backend is chosen.

A backend is the folder of kernels of that name (`kernels/scratchnn_kernels/reference`, `cpu`, `gpu`) and the memory
that its arrays lie in: the host's, or the GPU's. Array code outside the kernels is written once, with NumPy's functions
where they are given an array, which CuPy's arrays answer themselves, and with `xp` where an array is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array, Kernels

from scratchnn.lookup import look_up
from scratchnn.threads import check_environment

BACKENDS = ("reference", "cpu", "gpu")


@dataclass(frozen=True)
class Backend:
    """Kernels whose arrays lie in the host's memory."""

    name: str
    kernels: Kernels
    xp: Any = np  # the module that makes arrays

    @property
    def runs_ahead(self) -> bool:
        """Whether Python goes on while kernels run, so that reading a number makes it wait."""
        return False

    @property
    def device_name(self) -> str | None:
        """The name of the GPU; None for the host."""
        return None

    def array(self, x: Any, dtype: DTypeLike) -> Array:
        """x as kernels want it: in their memory, contiguous, and writeable (Numba compiles read-only arrays apart)."""
        if isinstance(x, np.ndarray) and x.dtype == dtype and x.flags.carray:
            return x
        return np.require(x, dtype, ["C", "W"])

    def holds(self, x: Any) -> bool:
        """Whether x was brought into a memory of the kernels' own before, and was checked then."""
        return False

    def to_host(self, x: Any) -> Any:
        """x, in the host's memory."""
        return x

    def numbers(self, values: Sequence[Any]) -> list[float]:
        """Numbers of the kernels as Python's."""
        return [float(value) for value in values]

    def rough_squared_norm(self, x: Array) -> Any:
        """The sum of squares the fastest way there is: its last bits are the machine's, so no result may follow."""
        return x @ x

    def require_memory(self, bytes_needed: int, what: str) -> None:
        """Raise MemoryError if there is certainly too little for it."""


class DeviceBackend(Backend):
    """Kernels whose arrays lie in the GPU's memory. They run while Python goes on: whoever reads a number waits."""

    @property
    def runs_ahead(self) -> bool:
        return True

    @property
    def device_name(self) -> str:
        from scratchnn_kernels.gpu import device

        return device.current().name

    def array(self, x: Any, dtype: DTypeLike) -> Array:
        from scratchnn_kernels.gpu import device

        return device.array(x, dtype)

    def holds(self, x: Any) -> bool:
        return isinstance(x, self.xp.ndarray)

    def to_host(self, x: Any) -> Any:
        return self.xp.asnumpy(x) if self.holds(x) else x

    def numbers(self, values: Sequence[Any]) -> list[float]:
        """One transfer for all of them. A loss or a metric of the user's own may give a number of the host."""
        return self.to_host(self.xp.stack([self.xp.asarray(value) for value in values])).tolist() if values else []

    def rough_squared_norm(self, x: Any) -> Any:
        return self.kernels.optimizer.squared_norm(x)  # one launch, where a product of CuPy's takes two

    def require_memory(self, bytes_needed: int, what: str) -> None:
        from scratchnn_kernels.gpu import device

        device.require_memory(bytes_needed, what)


def load(name: str) -> Backend:
    """Return a backend: `reference` (NumPy, to be read), `cpu` (Numba, to be fast), `gpu` (CUDA).

    Raises:
        ValueError: if there is no backend of that name.
        ImportError: if it cannot be used here. Another one is never taken instead.
    """
    # Written-out imports: the type checker holds each module against the `Kernels` protocol.
    name = look_up("backend", name, {known: known for known in BACKENDS})
    if name == "reference":
        from scratchnn_kernels import reference

        return Backend(name, reference)
    if name == "cpu":
        check_environment()
        from scratchnn_kernels import cpu

        return Backend(name, cpu)
    from scratchnn_kernels import gpu
    from scratchnn_kernels.gpu import availability, device

    problem = availability.problem()
    if problem is not None:
        raise ImportError(f'backend="gpu" {problem}. Without an NVIDIA GPU use backend="cpu"')
    return DeviceBackend(name, gpu, device.xp())
