"""scratchnn itself, timed as its peers are (see harness.py); one line of JSON."""

from typing import Any

import numpy as np

import scratchnn as nn
from benchmarks import runner
from benchmarks.workloads import Weights, Workload
from scratchnn.core.threads import kernel_threads
from scratchnn.experiments.preparation import PREDICT_BATCH


def build(workload: Workload) -> nn.Sequential:
    """The model, built, with weights of its own."""
    model = nn.Sequential([getattr(nn.layers, kind)(**settings) for kind, settings in workload.layers], seed=0)
    model.build((None, workload.length))
    return model


class Ours:
    seconds_after = 0.0

    def __init__(self, workload: Workload, weights: Weights, variant: str) -> None:
        self.batch = workload.batch
        self.model = build(workload)
        self.model.set_weights([array for arrays in weights for array in arrays])
        self.model.compile("adam", loss="binary_crossentropy")

    def describe(self) -> dict[str, Any]:
        return {"framework": f"scratchnn {nn.__version__}", "settings": {"threads": kernel_threads()}}

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        return self.model.train_on_batch(x, y)

    def prepare(self, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> None:
        rows = runner.WARM_UP_STEPS * self.batch
        self.train(x[:rows], y[:rows])
        self.evaluate(x_test[:PREDICT_BATCH], y_test[:PREDICT_BATCH])

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        return self.model.fit(x, y, batch_size=self.batch, epochs=1, verbose=0).history["loss"][-1]

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> float:
        loss = self.model.evaluate(x, y, batch_size=PREDICT_BATCH, verbose=0)
        assert isinstance(loss, float)
        return loss


if __name__ == "__main__":
    runner.main(Ours)
