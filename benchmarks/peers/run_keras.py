"""Train one published model with Keras (TensorFlow) on the same arrays; print one line of JSON. See ../accuracy.py."""

import argparse
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers

from scratchnn.data import imdb
from scratchnn.settings import Settings


def build(arch: str, V: int) -> keras.Model:
    output = layers.Dense(1, activation="sigmoid")
    stacks = {
        "ff": lambda: [layers.Flatten(), output],
        "rnn": lambda: [layers.SimpleRNN(32, return_sequences=True), layers.SimpleRNN(32), output],
        "lstm": lambda: [layers.LSTM(32), layers.Dense(32, activation="relu"), layers.Dropout(0.2), output],
        "cnn": lambda: [*_convolutions(), output],
        "cnn-linear": lambda: [*_convolutions(), layers.Dense(1)],
    }
    return keras.Sequential([layers.Embedding(V, 16), *stacks[arch]()])


def _convolutions() -> list:
    return [
        layers.Conv1D(32, 7, activation="relu"),
        layers.MaxPooling1D(5),
        layers.Conv1D(32, 7, activation="relu"),
        layers.GlobalMaxPooling1D(),
    ]


class EpochSeconds(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    settings = Settings(arch=args.arch)
    data = imdb.load(None, num_words=settings.vocabulary, maxlen=settings.length, synthetic=False)
    keras.utils.set_random_seed(args.seed)
    model = build(args.arch, settings.vocabulary)
    model.compile(optimizer=settings.optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    timer = EpochSeconds()
    history = model.fit(
        data.x_train,
        data.y_train.astype("float32"),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        validation_split=settings.validation_split,
        callbacks=[timer],
        verbose=0,
    )
    loss, accuracy = model.evaluate(data.x_test, data.y_test.astype("float32"), verbose=0)
    seconds = sorted(timer.seconds)
    result = {
        "framework": f"Keras {keras.__version__} on {keras.backend.backend()}",
        "arch": args.arch,
        "seed": args.seed,
        "parameters": model.count_params(),
        "test_loss": loss,
        "test_accuracy": accuracy,
        "val_accuracy": history.history["val_accuracy"],
        "seconds_per_epoch": seconds[len(seconds) // 2],
        "data": data.digest[:8],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
