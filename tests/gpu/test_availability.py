"""What users without the right CuPy, driver or card are told. A stand-in for CuPy plays the machines."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from scratchnn_kernels import gpu
from scratchnn_kernels.gpu import availability, device

from scratchnn import train
from scratchnn.core import backend


class CUDARuntimeError(RuntimeError):
    pass


def cupy_where(
    driver: int = 13000,
    devices: int | None = 1,
    capability: str = "90",
    libraries: bool = True,
    fails: Exception | None = None,
    one: float = 1.0,
    is_hip: bool = False,
) -> ModuleType:
    """CuPy for CUDA 13 on a machine with this driver (0: none), number of devices (None: asking fails) and card.

    `fails`: what computing raises. `one`: what the card takes for 1.
    """

    def ones(shape: tuple[int, ...], dtype: str) -> np.ndarray:
        if fails is not None:
            raise fails
        return np.full(shape, one, dtype)

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
        is_hip=is_hip,
        driverGetVersion=lambda: driver,
        runtimeGetVersion=lambda: 13000,
        getDeviceCount=count,
        getDeviceProperties=lambda number: {"name": b"NVIDIA H200"},
        CUDARuntimeError=CUDARuntimeError,
    )
    vars(cupy)["ones"] = ones
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
        ({"is_hip": True}, "needs CuPy for CUDA, and the one installed is for ROCm: pip install"),
        ({"driver": 0}, "needs an NVIDIA driver, and there is none here"),
        ({"driver": 12040}, r"a driver for CUDA 13\.0, .* knows up to 12\.4: update it, or pip install"),
        ({"devices": 0}, "needs an NVIDIA device"),
        ({"devices": None}, "needs an NVIDIA device, and CUDA finds none .*cudaErrorNoDevice"),
        ({"libraries": False}, r"needs CUDA's libraries .*libnvrtc.*: pip install .scratchnn\[cuda12\]"),
        (
            {"fails": RuntimeError("Failed to find CUDA headers. Please install CUDA toolkit headers")},
            r"a device that CuPy computes on, .*RuntimeError: Failed to find CUDA headers.*: pip install .scratchnn",
        ),
        ({"fails": MemoryError()}, r"here it fails \(MemoryError: no message\)"),
        ({"one": 0.0}, "needs a device that computes correctly, and here 12 comes out as 4"),
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


def test_a_cache_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        """CuPy makes the folder of its cache when it is imported."""

        def find_spec(self, name: str, *_: object) -> None:
            if name == "cupy":
                raise PermissionError(13, "Permission denied", "/.cupy")

    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
    assert "cannot be imported ([Errno 13] Permission denied: '/.cupy')" in str(availability.problem())


def test_without_cupy_its_installation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert 'pip install "scratchnn[cuda12]"' in str(availability.problem())


def test_where_nothing_is_missing_the_gpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", cupy_where())
    monkeypatch.setattr(device, "_device", None)
    loaded = backend.load("gpu")
    assert (loaded.name, loaded.xp) == ("gpu", sys.modules["cupy"])
    assert loaded.kernels is gpu


def test_the_command_tells_it_before_it_looks_for_the_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(availability, "problem", lambda: "needs a card")
    assert train.main(["--backend", "gpu", "--data", "/nope"]) == 2
    assert 'error: backend="gpu" needs a card. Without an NVIDIA GPU' in capsys.readouterr().err
