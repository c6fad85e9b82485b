"""The one place where a backend is chosen, and where one differs from another outside of the kernels.

A backend is the folder of kernels of that name (`kernels/scratchnn_kernels/reference`, `cpu`, `gpu`), the memory that
its arrays are in, the host's or the GPU's, and what must be compiled before it runs. Array code outside the kernels is
written once: NumPy's functions take CuPy's arrays too, and `xp` makes new ones.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels import BACKENDS
from scratchnn_kernels.contract import REFERENCE_ONLY, Array, Kernels

from scratchnn.core.arrays import converted
from scratchnn.core.names import look_up
from scratchnn.core.threads import check_environment, kernel_threads, threads_are_fixed
from scratchnn.core.warning import warn


@dataclass(frozen=True)
class Backend:
    """Kernels whose arrays are in the host's memory."""

    name: str
    kernels: Kernels
    xp: Any = np  # the module that makes arrays

    def __reduce__(self) -> tuple:
        """A copy is the backend of that name, where it is made: modules and a device cannot be copied."""
        return load, (self.name,)

    @property
    def is_asynchronous(self) -> bool:
        """Whether kernels run on while the host does something else, so that reading a number waits for them."""
        return False

    def hardware(self) -> dict[str, Any]:
        """What computes, for the record of a run: the number of threads, or the name of the GPU."""
        return {"threads": kernel_threads()}

    def builds_for(self, work: Callable[[], object]) -> Sequence[Any]:
        """The kernels that `work` launches, each of which can be compiled before; see scratchnn_kernels/cpu/precompile.

        `work` is called without its kernels, or not at all where there is nothing to compile ahead.
        """
        return ()

    def watch_compilation(
        self, begins: Callable[[str], None], waited: Callable[[float], None]
    ) -> AbstractContextManager[None]:
        """Meanwhile `begins` is told the name of each kernel that is compiled, and `waited` the seconds that the
        calling thread waited for compiled code."""
        return nullcontext()

    def recorded(self, work: Callable[[], Any]) -> tuple[Any, Callable[[], None]] | None:
        """What `work` returns, and a function that launches its kernels again, in the same arrays; see
        scratchnn_kernels/cpu/recording. None, and `work` is not called, where this backend records nothing."""
        return None

    def use_threads(self, threads: int) -> None:
        """Let the kernels use at most this many of their threads from now on."""

    def threads_to_choose(self) -> int:
        """How many threads the kernels may use, if fewer may be faster; 1 where there is nothing to choose."""
        return 1

    def release_memory(self) -> None:
        """Free the arrays that the kernels keep for reuse."""

    def pair(self, kernel: str, owner: str) -> Any:
        """The kernel pair of this name, which `owner` needs and not every backend has.

        Raises:
            ValueError: if this backend does not have it.
        """
        if kernel not in REFERENCE_ONLY or self.name == "reference":
            return getattr(self.kernels, kernel)
        raise ValueError(
            f"{owner} runs on the reference backend only: {self.name!r} has no kernels for it. "
            "Give backend='reference' to the model, or to the build of a layer used alone"
        )

    def array(self, x: Any, dtype: DTypeLike, what: str = "x") -> Array:
        """x as kernels expect it: in their memory, contiguous, writeable (Numba compiles read-only ones apart).

        Raises:
            ValueError: if x holds no real numbers, or some that `dtype` cannot hold; `what` names it.
        """
        if type(x) is np.ndarray and x.dtype == dtype and x.flags.carray:
            return x
        return np.require(converted(what, x, dtype), dtype, ["C", "W"])

    def is_device_array(self, x: Any) -> bool:
        """Whether x is in the device's memory already; it was checked before it was copied there."""
        return False

    def to_host(self, x: Any) -> Any:
        """x in the host's memory."""
        return x

    def numbers(self, values: Sequence[Any]) -> list[float]:
        """Numbers that kernels returned, as Python's."""
        return [float(value) for value in values]

    def rough_squared_norm(self, x: Array) -> Any:
        """The sum of squares, the fastest way: its last bits depend on the machine, so no result may depend on it."""
        return x @ x

    def require_memory(self, bytes_needed: int, what: str) -> None:
        """Raise MemoryError if there is certainly not enough for it."""


class CompiledBackend(Backend):
    """Kernels that Numba compiles, with threads and a pool of arrays of their own."""

    def builds_for(self, work: Callable[[], object]) -> Sequence[Any]:
        from scratchnn_kernels.cpu import precompile

        return precompile.builds_for(work)

    def watch_compilation(
        self, begins: Callable[[str], None], waited: Callable[[float], None]
    ) -> AbstractContextManager[None]:
        from scratchnn_kernels.cpu import precompile

        return precompile.watched(begins, waited)

    def recorded(self, work: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        from scratchnn_kernels.cpu import recording

        return recording.recorded(work)

    def use_threads(self, threads: int) -> None:
        from scratchnn_kernels.cpu import launching

        launching.use_threads(threads)

    def threads_to_choose(self) -> int:
        from scratchnn_kernels.cpu import launching

        return 1 if threads_are_fixed() else launching.threads_in_use()

    def release_memory(self) -> None:
        from scratchnn_kernels.cpu import pool

        pool.release()


class DeviceBackend(Backend):
    """Kernels whose arrays are in the GPU's memory. They run asynchronously: reading a number synchronises."""

    @property
    def is_asynchronous(self) -> bool:
        return True

    def hardware(self) -> dict[str, Any]:
        from scratchnn_kernels.gpu import device

        return {"device": device.current().name}

    def array(self, x: Any, dtype: DTypeLike, what: str = "x") -> Array:
        from scratchnn_kernels.gpu import device

        return device.array(x if self.is_device_array(x) else converted(what, x, dtype), dtype)

    def is_device_array(self, x: Any) -> bool:
        return isinstance(x, self.xp.ndarray)

    def to_host(self, x: Any) -> Any:
        return self.xp.asnumpy(x) if self.is_device_array(x) else x

    def numbers(self, values: Sequence[Any]) -> list[float]:
        """In one transfer for all of them. A loss or a metric of the user's own may return a number on the host."""
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
        ImportError: if it cannot be used here; there is no fallback.
    """
    # Written-out imports: the type checker compares each module with the `Kernels` protocol.
    name = look_up("backend", name, {known: known for known in BACKENDS})
    if name == "reference":
        from scratchnn_kernels import reference

        return Backend(name, reference)
    if name == "cpu":
        check_environment()
        try:
            from scratchnn_kernels import cpu
        except ModuleNotFoundError as error:
            raise ImportError(
                f'backend="cpu" needs the package {error.name}, which is not installed: pip install {error.name}; '
                'backend="reference" needs NumPy alone',
                name=error.name,
            ) from None
        return CompiledBackend(name, cpu)
    from scratchnn_kernels import gpu
    from scratchnn_kernels.gpu import availability, device

    problem = availability.problem()
    if problem is not None:
        raise ImportError(f'backend="gpu" {problem}. Without an NVIDIA GPU use backend="cpu"')
    return DeviceBackend(name, gpu, device.xp())


def of_a_file(name: str) -> str:
    """The backend to read a model for that was saved on this one: `cpu` in the place of a GPU that is not there.

    Raises:
        ValueError, ImportError: as `load`, for what is no GPU.
    """
    try:
        return load(name).name
    except ImportError as error:
        if name != "gpu":
            raise
        warn(f"the model was saved on the backend {name!r}, which cannot be used here ({error}); it is read for 'cpu'")
        return "cpu"
