"""Keras (TensorFlow) on the same arrays; one line of JSON.

`--workload` times training (see ../harness.py), `--arch` and `--seed` train a published model (see ../accuracy.py).
"""

import os
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks import runner
from benchmarks.workloads import Layer, Weights, Workload, embedding, preset

EVALUATION_BATCH = 500
STEPS_PER_EXECUTION = 25  # 20,000 reviews make 625 batches of 32


def build(specs: tuple[Layer, ...]) -> keras.Sequential:
    return keras.Sequential([getattr(keras.layers, kind)(**settings) for kind, settings in specs])


# ---- speed


class Keras:
    """Keras with its defaults: what `jit_compile="auto"` chooses, one step per call.

    `--variant xla` is compiled by XLA, several steps per call. Keras does not choose that itself, but it is faster.

    A call of fit or evaluate may end with a wait of 0.6, 1.3, 2.6, 5.1 or 10.2 s: tf.data shuts its threads down, one
    of which sleeps twice as long each time. That is not counted.
    """

    seconds_after = 0.0

    def __init__(self, workload: Workload, weights: Weights, variant: str) -> None:
        self.batch = workload.batch
        self.xla = variant == "xla"
        self.model = build(workload.layers)
        self.model.build((None, workload.length))
        self.model.set_weights([array for arrays in weights for array in arrays])
        self.model.compile(
            optimizer="adam",
            loss="binary_crossentropy",
            jit_compile=True if self.xla else "auto",
            steps_per_execution=STEPS_PER_EXECUTION if self.xla else 1,
        )
        self.dense_step = tf.function(self._dense_step)

    def describe(self) -> dict[str, Any]:
        threading = tf.config.threading
        settings = {
            "jit_compile": bool(self.model.jit_compile),
            "steps_per_execution": self.model.steps_per_execution,
            "inter_op_threads": threading.get_inter_op_parallelism_threads() or os.cpu_count(),
            "intra_op_threads": threading.get_intra_op_parallelism_threads() or os.cpu_count(),
        }
        backend = f"{keras.backend.backend()} {tf.__version__}"
        return {"framework": f"Keras {keras.__version__} on {backend}", "settings": settings}

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        return float(self.dense_step(x, y[:, None]))

    def _dense_step(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """One step of `fit`, except that the gradients of an id that occurs several times are summed.

        On TensorFlow, Keras' optimizers see them one by one, and Adam then takes other steps than on any other backend.
        """
        with tf.GradientTape() as tape:
            loss = self.model.compute_loss(x, y, self.model(x, training=True))
        variables = self.model.trainable_variables
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, [v.value for v in variables])]
        self.model.optimizer.apply(gradients, variables)
        return loss

    def prepare(self, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> None:
        rows = STEPS_PER_EXECUTION * self.batch if self.xla else runner.WARM_UP_STEPS * self.batch
        self.train(x[:rows], y[:rows])
        self.evaluate(x_test[:EVALUATION_BATCH], y_test[:EVALUATION_BATCH])

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        clock = Ended()
        loss = self.model.fit(x, y, batch_size=self.batch, epochs=1, callbacks=[clock], verbose=0).history["loss"][-1]
        self.seconds_after = clock.seconds_ago()
        return loss

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> float:
        clock = Ended()
        loss = self.model.evaluate(x, y, batch_size=EVALUATION_BATCH, callbacks=[clock], verbose=0)
        self.seconds_after = clock.seconds_ago()
        return loss


class Ended(keras.callbacks.Callback):
    """Records when the work of fit or evaluate was done."""

    def on_epoch_end(self, epoch, logs=None):
        self.ended = time.perf_counter()

    def on_test_end(self, logs=None):
        self.ended = time.perf_counter()

    def seconds_ago(self) -> float:
        return time.perf_counter() - self.ended


# ---- accuracy


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch of the lowest validation loss, the first one of several."""

    def on_train_begin(self, logs=None):
        self.lowest, self.epoch, self.weights = float("inf"), None, None

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.lowest:
            self.lowest, self.epoch, self.weights = logs["val_loss"], epoch + 1, self.model.get_weights()


class SummedEmbedding(keras.layers.Embedding):
    """An Embedding whose gradient is an array, in which those of an id that occurs several times are summed.

    Keras' own gives, on TensorFlow alone, a list of them, and Adam squares each for itself; see `Keras._dense_step`.
    """

    def call(self, inputs):
        return keras.ops.take(1.0 * self.embeddings, keras.ops.cast(inputs, "int32"), axis=0)


def accuracy(arch: str, seed: int, variant: str = "") -> dict[str, Any]:
    """A published model trained once, and tested after its last epoch and after its best one.

    `variant`: "summed" takes an Embedding as all other backends have it.
    """
    from scratchnn.data import imdb
    from scratchnn.experiments.settings import Settings

    settings = Settings(arch=arch)
    data = imdb.load(None, num_words=settings.vocabulary, maxlen=settings.length, synthetic=False)
    keras.utils.set_random_seed(seed)  # of the initial weights and of dropout
    # With this seed set, TensorFlow would shuffle alike in every epoch: the LSTM would end 0.7 points lower.
    tf.random.set_seed(None)
    first, sizes = embedding(settings.vocabulary, 16)
    layers = [SummedEmbedding(**sizes)] if variant == "summed" else build([(first, sizes)]).layers
    model = keras.Sequential([*layers, *build(preset(arch)).layers])
    model.compile(optimizer=settings.optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    best = BestWeights()
    history = model.fit(
        data.x_train,
        data.y_train.astype("float32"),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        validation_split=settings.validation_split,
        callbacks=[best],
        verbose=0,
    ).history

    def tested(epoch: int) -> dict[str, Any]:
        loss, right = model.evaluate(data.x_test, data.y_test.astype("float32"), verbose=0)
        return {"epoch": epoch, "loss": round(loss, 5), "accuracy": round(right, 5)}

    last = tested(settings.epochs)
    if best.weights is None:
        raise RuntimeError(f"{arch} with seed {seed} had no finite validation loss, so it has no best epoch")
    model.set_weights(best.weights)
    return {
        "framework": f"Keras {keras.__version__} on {keras.backend.backend()}",
        "arch": arch,
        "seed": seed,
        "variant": variant,
        "parameters": model.count_params(),
        "data": data.digest[:8],
        "history": {key: [round(float(x), 5) for x in values] for key, values in history.items()},
        "tested": {"last": last, "best": tested(best.epoch)},
    }


if __name__ == "__main__":
    runner.main(Keras, accuracy)
