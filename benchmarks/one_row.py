"""One review at a time, as a service gets them: `python -m benchmarks.one_row` (half a minute).

The published LSTM by `model.predict`, and the same model, exported, in ONNX Runtime on one thread, where that is
installed. Both answer the same rows in turn, in bursts, so that a busy moment hits both; printed are the medians of
the bursts, with the fastest and the slowest.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import machine
from scratchnn.experiments.preparation import build_model
from scratchnn.experiments.settings import Settings
from scratchnn.models import Model

BURSTS, CALLS = 60, 100
IDS = {"scratchnn": np.int32, "ONNX Runtime": np.int64}  # as each wants them


def main() -> None:
    model = build_model(Settings(arch="lstm"))
    contenders = {"scratchnn": answer_of(model)}
    try:
        contenders["ONNX Runtime"] = answer_of_onnx(model)
    except ModuleNotFoundError as error:
        print(f"without ONNX Runtime: {error.name} is not installed")
    ids = np.random.default_rng(0).integers(1, 1000, (CALLS, 1, 100))
    rows = {name: ids.astype(IDS[name]) for name in contenders}
    for name, answer in contenders.items():
        np.testing.assert_allclose(answer(rows[name][0]), model.predict(ids[:, 0])[:1], atol=1e-5)
    print(f"one review, {machine.described(machine.facts())}")
    for name, seconds in measured(contenders, rows, BURSTS).items():
        low, middle, high = (1e6 * each for each in (min(seconds), statistics.median(seconds), max(seconds)))
        print(f"{name:13} {middle:6.1f} us ({low:.1f} to {high:.1f})")


def answer_of(model: Model) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: model.predict(x, verbose=0)


def answer_of_onnx(model: Model) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    from scratchnn.exchange import save_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # one row gives a second thread nothing to do
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save_onnx(model, path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def measured(
    contenders: dict[str, Callable[[np.ndarray], np.ndarray]], rows: dict[str, np.ndarray], bursts: int
) -> dict[str, list[float]]:
    """Seconds of one call, of each contender in each burst over the rows."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(bursts):
        for name, answer in contenders.items():
            began = time.perf_counter()
            for row in rows[name]:
                answer(row)
            seconds[name].append((time.perf_counter() - began) / len(rows[name]))
    return seconds


if __name__ == "__main__":
    main()
