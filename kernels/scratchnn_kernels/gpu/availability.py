"""Whether kernels can be launched here, and if not, why: in words for the user."""

import importlib.util

INSTALL = 'pip install "scratchnn[cuda12]" (or cuda13, after the CUDA version that nvidia-smi prints)'
OLDEST = 75  # compute capability times ten: what NVRTC 13 still compiles for, and what our tests compile


def problem() -> str | None:
    """What is missing, or None."""
    if importlib.util.find_spec("cupy") is None:
        return f"needs CuPy, which is not installed: {INSTALL}"
    try:
        import cupy  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError) as error:  # OSError: it makes the folder of its cache, ~/.cupy or CUPY_CACHE_DIR
        return f"needs CuPy, which is installed but cannot be imported ({error}); {INSTALL}"
    runtime = cupy.cuda.runtime
    if runtime.is_hip:
        return f"needs CuPy for CUDA, and the one installed is for ROCm: {INSTALL}"
    driver, built_for = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    if driver == 0:
        return "needs an NVIDIA driver, and there is none here"
    # Minor versions of one CUDA work with each other; an older driver does not know a newer major version.
    if driver // 1000 < built_for // 1000:
        return (
            f"needs a driver for CUDA {_version(built_for)}, for which this CuPy was built; the driver here knows up "
            f"to {_version(driver)}: update it, or {INSTALL}"
        )
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        return f"needs an NVIDIA device, and CUDA finds none ({error})"
    if count == 0:
        return "needs an NVIDIA device, and CUDA finds none"
    capability = int(cupy.cuda.Device().compute_capability)
    if capability < OLDEST:
        return (
            f"needs compute capability {OLDEST / 10} or more (Turing and later, from T4 and RTX 20 on), the device "
            f"has {capability / 10}"
        )
    try:
        cupy.cuda.nvrtc.getVersion()
        # Naming the module loads the library.
        _ = cupy.cuda.cublas.getVersion  # pyright: ignore[reportAttributeAccessIssue]
    except (ImportError, RuntimeError) as error:  # they do not come with CuPy itself
        return f"needs CUDA's libraries NVRTC and cuBLAS ({error}): {INSTALL}"
    # What else may be missing shows when something is computed: CUDA's headers, which every compilation needs, a
    # folder for compiled kernels, code for a card that is newer than this CuPy.
    try:
        ones = cupy.ones((2, 2), "float32")
        computed = float((ones @ ones + 1).sum())
    except Exception as error:
        first_line = next(iter(str(error).strip().splitlines()), "no message")
        return (
            f"needs a device that CuPy computes on, and here it fails ({type(error).__name__}: {first_line}): {INSTALL}"
        )
    return None if computed == 12 else f"needs a device that computes correctly, and here 12 comes out as {computed:g}"


def _version(number: int) -> str:
    """13000 -> 13.0, 12040 -> 12.4"""
    return f"{number // 1000}.{number % 1000 // 10}"
