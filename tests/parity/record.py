"""Record Keras' results anew: `python tests/parity/record.py [PART ...]`, from any folder; `BACKENDS` names the parts.

Needs Keras 3.15.1 with TensorFlow, and with JAX for the training runs. Each part is a process of
its own, because Keras chooses its backend once, when it is imported.
"""

import os
import subprocess
import sys
from pathlib import Path

PARTS = ("layers", "array_layers", "long", "starts", "streams", "windows", "grammar")
BACKENDS = dict.fromkeys(PARTS, "tensorflow") | {"training": "jax"}
ROOT = Path(__file__).parents[2]


def main(parts: list[str]) -> None:
    for part in parts or BACKENDS:
        code = f"from tests.parity import record; record.record({part!r})"
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, check=True, env=os.environ | {"KERAS_BACKEND": BACKENDS[part]}
        )


def record(part: str) -> None:
    import importlib.metadata

    from tests.parity import (
        array_cases,
        cases,
        grammar,
        long_cases,
        recording,
        run_keras,
        start_cases,
        stream_cases,
        training_cases,
        window_cases,
    )

    table, run, dtype = {
        "layers": (cases.LAYERS, run_keras.run_keras, "float32"),
        "array_layers": (array_cases.ARRAY_LAYERS, run_keras.run_keras, "float32"),
        "long": (long_cases.LONG, run_keras.run_long, "float64"),
        "starts": (start_cases.STARTS, run_keras.start, "float32"),
        "grammar": (grammar.CONFIGURATIONS, run_keras.grammar, "float64"),
        "streams": (stream_cases.STREAMS, run_keras.stream, "float32"),
        "windows": (window_cases.WINDOWS, lambda case: run_keras.windows(case.arguments()), "float32"),
        "training": (training_cases.TRAINING, run_keras.train, "float32"),
    }[part]
    packages = ("keras", BACKENDS[part].replace("tensorflow", "tensorflow-cpu"), "numpy")
    made_by = {"backend": BACKENDS[part]} | {package: importlib.metadata.version(package) for package in packages}
    recording.save(part, {name: run(case) for name, case in table.items()}, table, made_by, dtype)
    path = recording.FOLDER / f"{part}.npz"
    print(f"{path.relative_to(ROOT)}: {len(table)} cases, {path.stat().st_size:,} bytes, {made_by}")


if __name__ == "__main__":
    main(sys.argv[1:])
