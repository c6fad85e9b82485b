"""What users without the right CuPy, driver or card are told. A stand-in for CuPy plays the machines."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest
from scratchnn_kernels import gpu
from scratchnn_kernels.gpu import availability, device

from scratchnn import backend


class CUDARuntimeError(RuntimeError):
    pass


def cupy_where(
    driver: int = 13000, devices: int | None = 1, capability: str = "90", libraries: bool = True
) -> ModuleType:
    """CuPy for CUDA 13 on a machine with this driver (0: none), number of devices (None: asking fails) and card."""

    def nvrtc() -> int:
        if not libraries:
            raise RuntimeError('Failure finding "libnvrtc.so.13"')
        return 13

    def count() -> int:
        if devices is None:
            raise CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return devices

    cupy = ModuleType("cupy")
    cupy.__spec__ = ModuleSpec("cupy", None)
    runtime = SimpleNamespace(
        driverGetVersion=lambda: driver,
        runtimeGetVersion=lambda: 13000,
        getDeviceCount=count,
        getDeviceProperties=lambda number: {"name": b"NVIDIA H200"},
        CUDARuntimeError=CUDARuntimeError,
    )
    vars(cupy)["cuda"] = SimpleNamespace(
        runtime=runtime,
        Device=lambda: SimpleNamespace(id=0, compute_capability=capability),
        nvrtc=SimpleNamespace(getVersion=nvrtc),
        cublas=SimpleNamespace(getVersion=lambda: 13),
    )
    return cupy


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"driver": 0}, "needs an NVIDIA driver, and there is none here"),
        ({"driver": 12040}, r"a driver for CUDA 13\.0, .* knows up to 12\.4: update it, or pip install"),
        ({"devices": 0}, "needs an NVIDIA device"),
        ({"devices": None}, "needs an NVIDIA device, and CUDA finds none .*cudaErrorNoDevice"),
        ({"libraries": False}, r"needs CUDA's libraries .*libnvrtc.*: pip install .cupy-cuda12x\[ctk\]"),
        ({"capability": "70"}, r"compute capability 7\.5 or more .* the device has 7\.0"),
    ],
    ids=str,
)
def test_what_is_missing_is_said(machine: dict, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", cupy_where(**machine))
    with pytest.raises(ImportError, match=f'backend="gpu" {words}' if words.startswith("needs") else words):
        backend.load("gpu")


@pytest.mark.parametrize("machine", [{}, {"driver": 13010}, {"driver": 14000}, {"capability": "75"}], ids=str)
def test_nothing_is_missing(machine: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", cupy_where(**machine))
    assert availability.problem() is None


def test_without_cupy_its_installation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert 'pip install "cupy-cuda12x[ctk]"' in str(availability.problem())


def test_where_nothing_is_missing_the_gpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", cupy_where())
    monkeypatch.setattr(device, "_device", None)
    loaded = backend.load("gpu")
    assert (loaded.name, loaded.xp) == ("gpu", sys.modules["cupy"])
    assert loaded.kernels is gpu
