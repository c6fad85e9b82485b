"""One of our recurrent layers alone, timed as oneDNN's is (see layers.py); one line of JSON."""

from typing import Any

import numba

import scratchnn as nn
from benchmarks import layers
from benchmarks.layers import Arrays, Case
from scratchnn.core.threads import kernel_threads


class Layer:
    def __init__(self, case: Case, arrays: Arrays, backend: str = "cpu") -> None:
        self.x, self.dy = arrays["x"], arrays["dy"]
        self.layer: Any = getattr(nn.layers, case.kind)(case.H, return_sequences=case.sequences)
        self.layer.build((case.B, case.T, case.D), backend=backend, dtype=self.x.dtype)
        bx, bh = arrays["b"] if case.kind == "GRU" else (None, None)
        for name, array in (arrays | {"bx": bx, "bh": bh}).items():
            if name in self.layer.params:
                self.layer.params[name][...] = array

    def forward(self) -> Any:
        return self.layer.forward(self.x, keep_cache=False)

    def train(self) -> None:
        self.y, cache = self.layer.forward(self.x, training=True)
        self.dx, self.grads = self.layer.backward(self.dy, cache)

    def results(self) -> Arrays:
        grads = {f"d{name}": array for name, array in self.grads.items()}
        return {"y": self.y, "dx": self.dx, **grads}


if __name__ == "__main__":
    layers.main(Layer, f"scratchnn {nn.__version__}", numba.set_num_threads, kernel_threads())
