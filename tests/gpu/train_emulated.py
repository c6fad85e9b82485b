"""Train a published model on an emulated GPU and on the cpu backend, epoch by epoch side by side.

    python -m tests.gpu.train_emulated --arch lstm --epochs 3

It needs g++ and patience: with 20,000 reviews some 2 to 5 minutes an epoch. Losses and accuracies of the two should
agree to about three digits; after thousands of steps in float32 they cannot be equal.
"""

import argparse
import tempfile
import time
from pathlib import Path

from scratchnn_kernels.gpu import availability, device

from scratchnn.experiments.preparation import PREDICT_BATCH, build_model, load_reviews
from scratchnn.experiments.presets import PRESETS, named
from tests.gpu.emulator import Emulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.train_emulated", description="See the docstring.")
    parser.add_argument("--arch", choices=list(PRESETS), default="lstm")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--reviews", type=int, default=25_000, help="to train with, a fifth of them held out")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    preset = named(options.arch)
    data = load_reviews(preset.settings(), None)
    x, y = data.x_train[: options.reviews], data.y_train[: options.reviews]
    print(f"{options.arch}, seed {options.seed}, {len(x):,} reviews of {data.source}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        device.use(Emulator(Path(folder)))
        availability.problem = lambda: None
        for backend in ("cpu", "gpu"):
            settings = preset.settings(backend=backend, seed=options.seed, epochs=options.epochs)
            model, started = build_model(settings), time.perf_counter()
            history = model.fit(
                x, y, settings.batch_size, settings.epochs, validation_split=settings.validation_split, verbose=0
            ).history
            for epoch in range(settings.epochs):
                numbers = "  ".join(f"{key} {values[epoch]:.4f}" for key, values in history.items())
                print(f"{backend} epoch {epoch + 1}: {numbers}", flush=True)
            test = model.evaluate(data.x_test, data.y_test, PREDICT_BATCH, verbose=0, return_dict=True)
            assert isinstance(test, dict)
            seconds = time.perf_counter() - started
            print(
                f"{backend} test: loss {test['loss']:.4f}  accuracy {test['accuracy']:.4f}  ({seconds:.0f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
