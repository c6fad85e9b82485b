"""What a training run starts from: the reviews and the model that its settings describe."""

import hashlib
from typing import Any

import numpy as np

from scratchnn import optimizers
from scratchnn.data import Imdb, imdb
from scratchnn.experiments.presets import named
from scratchnn.experiments.settings import Settings
from scratchnn.models.model import Model
from scratchnn.models.sequential import Sequential
from scratchnn.training.ahead import Snapshot, outcome_of
from scratchnn.training.epoch import train_epoch

PREDICT_BATCH = 256  # a matter of speed only


def load_reviews(settings: Settings, source: str | None) -> Imdb:
    return imdb.load(
        source,
        num_words=settings.vocabulary,
        maxlen=settings.length,
        skip_top=settings.skip_top,
        resplit=settings.resplit,
        synthetic=True if settings.synthetic else None,
    )


def build_model(settings: Settings) -> Sequential:
    """The model with its initial weights, ready to train."""
    model = Sequential(
        named(settings.arch).layers(settings.vocabulary),
        backend=settings.backend,
        seed=settings.seed,
        name=settings.arch,
    )
    model.build((None, settings.length))
    optimizer: dict[str, Any] = {"name": settings.optimizer}
    optimizer |= {} if settings.learning_rate is None else {"learning_rate": settings.learning_rate}
    optimizer |= {} if settings.global_clipnorm is None else {"global_clipnorm": settings.global_clipnorm}
    model.compile(optimizers.get(optimizer), loss="binary_crossentropy", metrics=["accuracy"])
    model.ready_optimizer()
    return model


def warm_up(model: Model, x: Any) -> None:
    """A training step that is taken back: compiling and loading kernels then does not count as training."""
    target = model.backend.array(np.zeros(model.y_shape_of(x)), model.dtype)

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
