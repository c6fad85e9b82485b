"""One call of `fit`: its epochs, with console, callbacks and Ctrl-C around them."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnn.callbacks import Callback
from scratchnn.core.threads import one_blas_thread
from scratchnn.report.console import Console
from scratchnn.training.ahead import Ahead
from scratchnn.training.batches import Batches, order_of
from scratchnn.training.epoch import Batch, train_epoch
from scratchnn.training.interrupts import Interrupts
from scratchnn.training.progress import EXTRA, Progress


@dataclass
class Session:
    """The arguments of `fit`, checked; examples and their targets are in the kernels' memory."""

    model: Any
    examples: Batch
    validation: Batch | None
    batch_size: int
    epochs: int
    shuffle: bool
    progress: Progress
    console: Console
    callbacks: list[Callback]

    def run(self) -> None:
        """Train until all epochs are done, or training is stopped."""
        model, progress = self.model, self.progress
        for callback in self.callbacks:
            callback.set_model(model)
            callback.on_train_begin({})
        model.stop_training = False
        self.console.table_head([metric.name for metric in model.running_metrics()])
        with Interrupts() as interrupts, one_blas_thread():
            while progress.epoch < self.epochs and not model.stop_training:
                for callback in self.callbacks:
                    callback.on_epoch_begin(progress.epoch, {})
                self._train(interrupts)
                self._finish_epoch()
                interrupts.act()
        for callback in self.callbacks:
            callback.on_train_end({})

    def _train(self, interrupts: Interrupts) -> None:
        """Train the epoch under way. It can end early only where every step that was taken has been counted."""
        model, progress = self.model, self.progress
        listeners = [callback for callback in self.callbacks if _overrides_on_batch_end(callback)]
        number = model.clock.begin_epoch(progress)
        order = order_of(len(self.examples[0]), model.seed, number, model.backend, shuffle=self.shuffle)
        batches = Batches(self.examples, self.batch_size, order)
        warned_of = np.geterr()
        metrics = model.running_metrics()
        shown = metrics[0] if metrics else None
        ahead = Ahead(model, batches, progress, metrics, every_step=bool(listeners))

        def count(*results: Any) -> None:
            ahead.add(*results)
            if ahead.is_due or model.stop_training or interrupts.received is not None:
                losses = ahead.synchronise()
                metric = math.nan if shown is None else shown.number()
                bar.advance(len(losses), loss=progress.mean_loss, metric=metric)
                if listeners:
                    with np.errstate(**warned_of):  # the loop is silent about overflows, a callback is not
                        for callback in listeners:
                            callback.on_batch_end(progress.step - 1, {"loss": losses[-1]})
                interrupts.act()

        with ahead, self.console.bar(len(batches), progress.epoch + 1, self.epochs) as bar:
            bar.advance(progress.step)
            train_epoch(model, ahead.steps(), model.clock.epoch, count)

    def _finish_epoch(self) -> None:
        """Validate, and report the results of the epoch."""
        progress, started = self.progress, time.perf_counter()
        record = {"loss": progress.mean_loss}
        for metric in self.model.running_metrics():
            metric.load_counts(progress.counts[metric.name])
            record[metric.name] = metric.number()
        record["gradient_norm"] = progress.mean_gradient_norm
        record["reviews_per_second"] = progress.seen / max(progress.seconds, 1e-9)
        if self.validation is not None:
            record |= {
                f"val_{key}": value for key, value in self.model.measure(self.validation, self.batch_size).items()
            }
        record["seconds"] = progress.seconds + time.perf_counter() - started
        best = min((r.get("val_loss", math.inf) for r in progress.records), default=math.inf)
        progress.finish_epoch(record)
        self.model.clock.finish_epoch()
        self.console.epoch_row(progress.epoch, record, best=record.get("val_loss", math.inf) < best)
        for callback in self.callbacks:
            callback.on_epoch_end(progress.epoch - 1, {k: v for k, v in record.items() if k not in EXTRA})


def _overrides_on_batch_end(callback: Any) -> bool:
    """Whether it has an `on_batch_end` of its own, from its class or set on the object."""
    return getattr(callback.on_batch_end, "__func__", None) is not Callback.on_batch_end
