"""oneDNN's own recurrent primitives, compiled where its headers are; one line of JSON. See ../layers.py."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import layers
from benchmarks.layers import Arrays, Case

SOURCE = Path(__file__).with_name("onednn_layer.cpp")
KINDS = {"SimpleRNN": 0, "GRU": 1, "LSTM": 2}


def library(folder: Path) -> ctypes.CDLL:
    """The program beside this file, compiled.

    Raises:
        ModuleNotFoundError: where a compiler, the headers or oneDNN itself is missing.
        subprocess.CalledProcessError: where they do not fit together.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise ModuleNotFoundError("oneDNN's layers need a C++ compiler: g++ was not found")
    headers = installed("onednn-devel-cpu-gomp", "oneapi/dnnl/dnnl.hpp").parents[2]
    dnnl = installed("onednn-cpu-gomp", "libdnnl.so.3")
    made = folder / "onednn_layer.so"
    options = ["-O2", "-std=c++17", "-fopenmp", "-shared", "-fPIC", f"-I{headers}", f"-Wl,-rpath,{dnnl.parent}"]
    subprocess.run([compiler, *options, str(SOURCE), str(dnnl), "-o", str(made)], check=True)
    loaded = ctypes.CDLL(str(made))
    loaded.version.restype = ctypes.c_char_p
    loaded.make_layer.restype = ctypes.c_void_p
    loaded.make_layer.argtypes = [ctypes.c_int, *[ctypes.c_int64] * 4, ctypes.c_int]
    for function, arrays in (("free_layer", 0), ("set_weights", 3), ("forward", 3), ("backward", 9)):
        getattr(loaded, function).argtypes = [ctypes.c_void_p] * (1 + arrays)
    return loaded


def installed(package: str, ending: str) -> Path:
    """The file of an installed package whose path ends so."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise ModuleNotFoundError(f"oneDNN's layers need {package}: pip install -e '.[bench]'") from None
    return next(Path(str(file.locate())).resolve() for file in files if str(file).endswith(ending))


class Layer:
    """Time first, as oneDNN likes it. A pass without gradients has a primitive of its own, as oneDNN advises."""

    def __init__(self, case: Case, arrays: Arrays) -> None:
        T, B, D, H = case.T, case.B, case.D, case.H
        self.case = case
        self.x = layers.time_first(arrays["x"])
        self.y, self.dy = np.empty((T, B, H), np.float32), np.zeros((T, B, H), np.float32)
        self.h_last, self.dh_last = np.empty((B, H), np.float32), np.zeros((B, H), np.float32)
        if case.sequences:
            self.dy[:] = arrays["dy"].swapaxes(0, 1)
        else:
            self.dh_last[:] = arrays["dy"]
        self.weights = [arrays["Wx"], arrays["Wh"], biases(case, arrays["b"])]
        self.dx = np.empty_like(self.x)
        self.gradients = [np.empty_like(array) for array in self.weights]
        self.training, self.inference = (dnnl.make_layer(KINDS[case.kind], T, B, D, H, training) for training in (1, 0))
        for layer in (self.training, self.inference):
            if not layer or dnnl.set_weights(layer, *pointers(*self.weights)):
                raise RuntimeError("oneDNN could not make the layer; what it said is above")

        made, given = pointers(self.x, self.y, self.h_last), pointers(self.dy, self.dh_last)
        self.outputs = made
        self.backward_arguments = [*made, *given, *pointers(self.dx, *self.gradients)]

    def forward(self) -> None:
        if dnnl.forward(self.inference, *self.outputs):
            raise RuntimeError("oneDNN's forward pass failed; what it said is above")

    def train(self) -> None:
        if dnnl.forward(self.training, *self.outputs) or dnnl.backward(self.training, *self.backward_arguments):
            raise RuntimeError("a pass of oneDNN failed; what it said is above")

    def results(self) -> Arrays:
        y = self.y.swapaxes(0, 1) if self.case.sequences else self.h_last
        dWx, dWh, db = self.gradients
        return {"y": y, "dx": self.dx.swapaxes(0, 1), "dWx": dWx, "dWh": dWh, **bias_gradients(self.case, db)}


def biases(case: Case, b: np.ndarray) -> np.ndarray:
    """A GRU's two biases as oneDNN has them: where both are only added, their sum."""
    if case.kind != "GRU":
        return b
    (bx_z, bx_r, bx_g), (bh_z, bh_r, bh_g) = b.reshape(2, 3, case.H)
    return np.stack([bx_z + bh_z, bx_r + bh_r, bx_g, bh_g])


def bias_gradients(case: Case, db: np.ndarray) -> Arrays:
    if case.kind != "GRU":
        return {"db": db}
    db_z, db_r, dbx_g, dbh_g = db
    return {"dbx": np.concatenate([db_z, db_r, dbx_g]), "dbh": np.concatenate([db_z, db_r, dbh_g])}


def pointers(*arrays: np.ndarray) -> list[Any]:
    return [array.ctypes.data for array in arrays]


if __name__ == "__main__":
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    with tempfile.TemporaryDirectory() as folder:
        dnnl = library(Path(folder))
    name = f"oneDNN {dnnl.version().decode()}"
    layers.main(Layer, name, dnnl.set_threads, os.cpu_count() or 1)
