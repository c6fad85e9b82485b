"""What a training run starts from: the reviews and the model that its settings describe."""

import hashlib
import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int32

from scratchnn import optimizers
from scratchnn.core.randomness import generator
from scratchnn.data import Imdb, imdb
from scratchnn.data.text import PAD
from scratchnn.experiments.presets import Preset, named
from scratchnn.experiments.pretraining import starts_with
from scratchnn.experiments.settings import Settings
from scratchnn.models.model import Model
from scratchnn.models.sequential import Sequential
from scratchnn.optimizers.schedules import CosineDecay, PolynomialDecay
from scratchnn.training.ahead import Snapshot, outcome_of
from scratchnn.training.epoch import train_epoch

PREDICT_BATCH = 256  # a matter of speed only


def load_reviews(settings: Settings, source: str | None) -> Imdb:
    """The reviews as rows of ids, those to train on first cut to as many as are set.

    Raises:
        DataError: as `imdb.load`.
        ValueError: if there are fewer reviews to train on than are set.
    """
    data = imdb.load(
        source,
        num_words=settings.vocabulary,
        maxlen=settings.length,
        skip_top=settings.skip_top,
        resplit=settings.resplit,
        test_reviews=settings.test_reviews,
        synthetic=True if settings.synthetic else None,
    )
    n = settings.train_reviews
    if n is not None:
        if n > len(data.x_train):
            raise ValueError(
                f"train_reviews must be at most {len(data.x_train):,}, the reviews there are to train on, got {n:,}; "
                "resplit and a smaller number of test_reviews leave more"
            )
        data = replace(data, x_train=data.x_train[:n], y_train=data.y_train[:n])
    if settings.shuffle_words:
        x_train, x_test = (
            shuffle_words(x, settings.seed, split) for split, x in enumerate((data.x_train, data.x_test))
        )
        data = replace(data, x_train=x_train, x_test=x_test)
    return data


def shuffle_words(x: Int32[Array, "N T"], seed: int, split: int) -> Int32[Array, "N T"]:
    """Return rows whose ids have changed places within their row, by a draw of each row; padding stays where it is.

    What a model still learns from such rows it learns from the words, not from their order. `split`: 0 of the training
    rows, 1 of the test rows, which are drawn apart.
    """
    row, place = np.nonzero(x != PAD)
    draws = generator(seed, "data", step=split, layer=1).random(len(row))
    shuffled = x.copy()
    shuffled[row, place] = x[row, place][np.lexsort((draws, row))]  # within each row, in the order of the draws
    return shuffled


def build_model(settings: Settings, preset: Preset | None = None) -> Sequential:
    """The model with its initial weights, ready to train. `preset`: the one of `settings.arch`, if it is your own."""
    preset = preset or named(settings.arch)
    model = Sequential(
        preset.layers_for(settings),
        backend=settings.backend,
        seed=settings.seed,
        name=settings.arch,
    )
    model.build((None, settings.length))
    if settings.pretrain_epochs:
        starts_with(model)  # it can be pretrained, or that is an error now
    compiled = preset.compiled or {}
    optimizer: dict[str, Any] = {"name": settings.optimizer}
    if compiled and compiled["optimizer"]["name"] == settings.optimizer:
        optimizer = dict(compiled["optimizer"])
    optimizer |= {} if settings.learning_rate is None else {"learning_rate": settings.learning_rate}
    optimizer |= {} if settings.global_clipnorm is None else {"global_clipnorm": settings.global_clipnorm}
    several = model.output_shape[-1] > 1  # classes, each with its own output
    loss = "sparse_categorical_crossentropy" if several else "binary_crossentropy"
    model.compile(optimizers.get(optimizer), loss=compiled.get("loss", loss), metrics=["accuracy"])
    model.require_memory((settings.batch_size, settings.length), training=True)
    model.ready_optimizer()
    return model


def let_the_rate_fall(model: Model, settings: Settings, rows: int) -> None:
    """Let the learning rate fall to 0 in a training on so many rows, if that is set."""
    if settings.learning_rate_decay is not None:
        assert model.optimizer is not None
        decay = {"linear": partial(PolynomialDecay, end_learning_rate=0.0), "cosine": CosineDecay}
        steps = settings.epochs * math.ceil(rows / settings.batch_size)
        model.optimizer.learning_rate = decay[settings.learning_rate_decay](model.optimizer.learning_rate, steps)


def warm_up(model: Model, x: Any) -> None:
    """A training step that is taken back: compiling and loading kernels then does not count as training."""
    shape = model.y_shape_of(x)
    several = shape[-1] > 1  # classes, of which a target is the number
    target = model.backend.array(np.zeros(shape[:-1] if several else shape), np.int64 if several else model.dtype)

    def record(loss: Any, grads: Any, *_: Any) -> None:
        outcome_of(model, loss, grads)

    before = Snapshot()
    before.take(model)
    train_epoch(model, [(0, x, target, None)], 0, record)
    before.put_back(model)


def use_every_kernel(model: Model, settings: Settings) -> None:
    """Run everything once that training and testing will run, so that its kernels are recorded (see compiling.py)."""
    ids = np.zeros((max(PREDICT_BATCH, settings.batch_size), settings.length), np.int32)
    model.forward(model.check_input(ids[:PREDICT_BATCH]), keep_caches=False)
    warm_up(model, model.check_input(ids[: settings.batch_size]))


def checksum(model: Model) -> str:
    """Eight characters to compare by eye: a seed gives the same ones on one machine, at any thread count."""
    return hashlib.sha256(model.backend.to_host(model.flat_params).tobytes()).hexdigest()[:8]
