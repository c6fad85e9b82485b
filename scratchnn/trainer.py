"""The training loop: batches in, one optimizer step each, one record per epoch.

`Trainer` is the part of a model that learns. It asks the model for a forward and a backward pass and knows nothing of
layers.
"""

import math
import time
import warnings
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scratchnn_kernels.contract import Array

from scratchnn import batches, losses, metrics, optimizers
from scratchnn.backend import Backend
from scratchnn.callbacks import Callback
from scratchnn.epoch import Epoch, Snapshot, mean, train_step
from scratchnn.interrupts import Interrupts
from scratchnn.progress import EXTRA, History, Progress
from scratchnn.report.console import Console
from scratchnn.threads import one_blas_thread


class Trainer:
    """compile, fit, evaluate, predict, as in Keras. `Model` fills in the methods that raise here."""

    seed: int
    dtype: np.dtype
    backend: Backend
    optimizer: optimizers.Optimizer | None = None
    loss: losses.Loss | None = None
    stop_training: bool = False
    before_step: Snapshot

    # ---- what a model defines

    flat_params: Float[Array, " P"]  # all parameters, one vector
    segments: list[slice]  # where each parameter lies in it

    def forward(
        self, x: Array, *, training: bool = False, epoch: int = 0, step: int = 0, keep_caches: bool = True
    ) -> tuple[Any, list[Any]]:
        raise NotImplementedError

    def backward(self, dy: Any, caches: list[Any]) -> tuple[Any, Float[Array, " P"]]:
        raise NotImplementedError

    def check_input(self, x: Any) -> Array:
        raise NotImplementedError

    # ---- Keras' face

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Sequence[Any] | None = None) -> None:
        """Choose what to minimise and how: names or objects."""
        if loss is None:
            raise ValueError("compile needs a loss, for instance loss='binary_crossentropy'")
        self.optimizer = optimizers.get(optimizer)
        self.loss = losses.get(loss).on(self.backend.kernels)
        self.metric_names = [metrics] if isinstance(metrics, str) else list(metrics or [])
        self.running_metrics()  # a wrong name is told now

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        *,
        progress: Progress | None = None,
        console: Console | None = None,
    ) -> History:
        """Train. The order of the batches follows from the model's seed and the epoch, and from nothing else.

        Args:
            initial_epoch: the number of the first epoch, counted from 0: it names the order of the batches and the
                dropout draws, which are those of epoch 0 again in a second call without it.
            validation_split: the share at the END of x and y that is held out, before any shuffling.
            progress: where to go on from; it is kept up to date, also when an error or Ctrl-C ends training.
            console: where rows are printed; by default the standard output, unless `verbose` is 0.

        Raises:
            ValueError: for data that do not fit, before anything is changed.
            NonFiniteError: when the loss is no longer a number, or a gradient or a weight would be too large (see
                `diagnosis.LARGEST`), naming layer and step; the model is the one before that step.
            KeyboardInterrupt: after Ctrl-C, once the step under way is finished.
        """
        self._compiled()
        batch_size = 32 if batch_size is None else batch_size  # Keras' default
        batches.check_sizes(batch_size, epochs)
        x, y = self._examples(x, y)
        self.ready_optimizer()
        classes = len(np.unique(y))
        # As in Keras, validation_data goes before validation_split.
        (x, y), validation = batches.split(x, y, 0.0 if validation_data is not None else validation_split)
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
                what = f"{type(validation_data).__name__} of shape {np.shape(validation_data)}"
                raise ValueError(f"validation_data must be a pair (x, y), got {what}")
            validation = self._examples(*validation_data)
        if validation is not None:
            x_held, y_held = validation
            if len(np.unique(y_held)) == 1 and classes > 1:
                warnings.warn(
                    f"every label of the {len(y_held):,} validation examples is {y_held.flat[0]:g}: "
                    "the last examples are held out as they are, so shuffle x and y together first",
                    stacklevel=2,
                )
            validation = x_held, self.backend.array(y_held, y_held.dtype)
        y = self.backend.array(y, y.dtype)
        progress = Progress(epoch=initial_epoch) if progress is None else progress
        if progress.step and progress.batch_size != batch_size:
            raise ValueError(
                f"the epoch under way was begun with batch_size {progress.batch_size}; going on with {batch_size} "
                "would repeat or skip examples"
            )
        progress.batch_size = batch_size
        console = Console(quiet=verbose == 0) if console is None else console
        history = History(progress.records)
        callbacks = list(callbacks or [])
        for callback in callbacks:
            callback.set_model(self)  # type: ignore[arg-type]
            callback.on_train_begin({})
        watching = [callback for callback in callbacks if _hears_of_batches(callback)]
        self.stop_training = False

        console.table_head()
        with Interrupts() as interrupts, one_blas_thread():
            while progress.epoch < epochs and not self.stop_training:
                epoch = progress.epoch
                for callback in callbacks:
                    callback.on_epoch_begin(epoch, {})
                running = Epoch(self, x, y, batch_size, shuffle, progress, bool(watching))
                self._train_epoch(running, epochs, progress, watching, console, interrupts)
                started = time.perf_counter()
                record = self._record(progress)
                if validation is not None:
                    record |= {f"val_{k}": v for k, v in self._evaluate(*validation, batch_size).items()}
                record["seconds"] += time.perf_counter() - started
                best = min((r.get("val_loss", math.inf) for r in progress.records), default=math.inf)
                progress.records.append(record)
                progress.epoch, progress.step, progress.seen, progress.totals, progress.seconds = (
                    epoch + 1,
                    0,
                    0,
                    {},
                    0.0,
                )
                console.epoch_row(epoch + 1, record, best=record.get("val_loss", math.inf) < best)
                for callback in callbacks:
                    callback.on_epoch_end(epoch, {k: v for k, v in record.items() if k not in EXTRA})
                interrupts.act()
        for callback in callbacks:
            callback.on_train_end({})
        return history

    def evaluate(
        self, x: Any, y: Any, batch_size: int = 32, verbose: Any = "auto", return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """The loss, and the metrics where there are some: a list, or a dict with `return_dict`."""
        self._compiled()
        batches.check_sizes(batch_size, 1)
        x, y = self._examples(x, y)
        with one_blas_thread():
            results = self._evaluate(x, self.backend.array(y, y.dtype), batch_size)
        if verbose:
            Console().line("  ".join(f"{key} {value:.4f}" for key, value in results.items()))
        if return_dict:
            return results
        values = list(results.values())
        return values[0] if len(values) == 1 else values

    def predict(self, x: Any, batch_size: int = 32, verbose: Any = "auto") -> Any:
        """The model's output for every row of x; a list where the model has several outputs.

        On the reference backend a row's last bits depend on the batch it comes in, by the order in which BLAS adds.
        """
        batches.check_sizes(batch_size, 1)
        x = self.check_input(x)
        with one_blas_thread():
            parts = [self.forward(x[rows], keep_caches=False)[0] for rows in batches.slices(len(x), batch_size)]
        if isinstance(parts[0], tuple):  # y and the states of a last layer with return_state
            return [self.backend.to_host(np.concatenate(output)) for output in zip(*parts, strict=True)]
        return self.backend.to_host(np.concatenate(parts))

    def train_on_batch(self, x: Any, y: Any) -> float:
        """One optimizer step; the loss before it. Dropout is drawn anew at each."""
        x, y = self._examples(x, y)
        self.ready_optimizer()
        with one_blas_thread():
            return float(train_step(self, x, self.backend.array(y, y.dtype), 0, self._compiled()[0].iterations).loss)

    # ---- one epoch

    def _train_epoch(
        self,
        epoch: Epoch,
        epochs: int,
        progress: Progress,
        callbacks: list[Callback],
        console: Console,
        interrupts: Interrupts,
    ) -> None:
        try:
            with console.progress(epoch.steps, progress.epoch + 1, epochs) as bar:
                bar.advance(progress.step)
                for step in range(progress.step, epoch.steps):
                    epoch.take(step)
                    if epoch.wants_a_look(step) or self.stop_training or interrupts.received is not None:
                        losses = epoch.look()
                        loss, accuracy = progress.totals["loss"] / progress.seen, mean(progress.totals, "accuracy")
                        bar.advance(len(losses), loss=loss, accuracy=accuracy)
                        for callback in callbacks:
                            callback.on_batch_end(step, {"loss": losses[-1]})
                        # Training stops here alone, where every step that was taken has been counted.
                        interrupts.act()
                        if self.stop_training:
                            break
        finally:
            epoch.abandon()

    def _record(self, progress: Progress) -> dict[str, float]:
        totals, seen = progress.totals, progress.seen
        record = {"loss": totals["loss"] / seen}
        record |= {metric.name: mean(totals, metric.name) for metric in self.running_metrics()}
        record["gradient_norm"] = totals["gradient_norm"] / progress.step
        record["reviews_per_second"] = seen / max(progress.seconds, 1e-9)
        record["seconds"] = progress.seconds
        return record

    def _evaluate(self, x: Array, y: Array, batch_size: int) -> dict[str, float]:
        _, loss_function = self._compiled()
        total, running = 0.0, self.running_metrics()
        for rows in batches.slices(len(x), batch_size):
            y_batch, _ = self.forward(x[rows], keep_caches=False)
            total += loss_function.forward(y_batch, y[rows])[0] * len(y_batch)
            for metric in running:
                metric.update(y_batch, y[rows])
        return {"loss": float(total / len(x))} | {metric.name: metric.result() for metric in running}

    # ---- checks

    def _compiled(self) -> tuple[optimizers.Optimizer, losses.Loss]:
        if self.optimizer is None or self.loss is None:
            raise RuntimeError("call compile(optimizer=..., loss=...) before training or evaluating")
        return self.optimizer, self.loss

    def ready_optimizer(self) -> None:
        """Give the optimizer its slots, unless it has them, for the parameters of this model."""
        optimizer, _ = self._compiled()
        if optimizer.owner is None or optimizer.owner() is None or optimizer.size != self.flat_params.size:
            optimizer.init(self.flat_params.size, self.dtype, self.backend)
            optimizer.owner = weakref.ref(self)
            self.before_step = Snapshot()
        elif optimizer.owner() is not self:
            raise ValueError(
                "this optimizer belongs to another model, whose momentum it holds; give each model its own"
            )

    def running_metrics(self) -> list[metrics.Metric]:
        """The metrics of this model, with nothing counted yet."""
        return [metrics.get(name, self._compiled()[1]) for name in self.metric_names]

    def _examples(self, x: Any, y: Any) -> tuple[Array, Array]:
        """x and y as arrays that fit the model and the loss, each checked once, here: x where the kernels want it."""
        _, loss = self._compiled()
        x, y = self.check_input(x), self.backend.to_host(y)
        batches.check_lengths(x, y)
        if self.has_several_outputs:
            raise ValueError(
                "a loss needs one output, but the last layer gives its states too: choose with Model(x, y)"
            )
        return x, loss.validate(self.y_shape_of(x), y, self.dtype)

    def y_shape_of(self, x: Array) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def has_several_outputs(self) -> bool:
        raise NotImplementedError


def _hears_of_batches(callback: Any) -> bool:
    """Whether its `on_batch_end` is one of its own: from its class, or hung onto the object."""
    return getattr(callback.on_batch_end, "__func__", None) is not Callback.on_batch_end
